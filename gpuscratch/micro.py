import time, os, numpy as np, torch
from concurrent.futures import ThreadPoolExecutor
from threadpoolctl import threadpool_limits
def t(f, n=3, sync=True):
    b=[]
    for _ in range(n+1):
        s=time.perf_counter(); f()
        if sync: torch.cuda.synchronize()
        b.append(time.perf_counter()-s)
    return min(b[1:])
print("cores", os.cpu_count(), "np", np.__version__)
rng=np.random.default_rng(0)
X=rng.standard_normal((4000,275)); C=(X.T@X)
C=np.stack([C+np.eye(275)*k for k in range(64)])
def one(c): return np.linalg.eigh(c)
with threadpool_limits(1): print("cpu eigh 1 thread ms", 1e3*t(lambda:one(C[0]),5,False))
with threadpool_limits(1), ThreadPoolExecutor(16) as pool:
    print("cpu eigh 16 threads, 256 matrices ms each", 1e3*t(lambda:list(pool.map(one,[C[k%64] for k in range(256)])),2,False)/256)
g=torch.as_tensor(C,device="cuda")
for name in ("float64","float32"):
    gg=g.to(getattr(torch,name))
    try: print("gpu eigh batch 64", name, "ms each", 1e3*t(lambda:torch.linalg.eigh(gg),2)/64)
    except Exception as e: print(name, e)
x=torch.randn(42,2048,275,device="cuda"); y=torch.randn(42,2048,900,device="cuda")
print("fp32 bmm xy ms", 1e3*t(lambda: x.transpose(1,2)@y), "TF", 2*42*2048*275*900/t(lambda: x.transpose(1,2)@y)/1e12)
x64=x.double().reshape(-1,275); y64=y.double().reshape(-1,900)
print("fp64 xy ms", 1e3*t(lambda: x64.T@y64))
h=torch.empty(85000,275); hp=h.pin_memory()
print("h2d pageable GB/s", 93.5e-3/t(lambda:h.cuda()), "pinned", 93.5e-3/t(lambda:hp.to("cuda",non_blocking=True)))
n=np.empty((85000,275),np.float32)
src=rng.standard_normal((300000,275)).astype(np.float32); idx=np.sort(rng.integers(0,299000,85000))
print("np.take 85000x275 ms", 1e3*t(lambda: np.take(src,idx,0,out=n),3,False))
torch.cuda.empty_cache()
