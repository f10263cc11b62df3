"""
A sweep
=======

Several models, contexts or people from one plan.  A sweep goes on where it stopped, computes nothing twice, and ends in
one report.
"""

import subprocess
from pathlib import Path

if not Path("listener").exists():
    plan = "--words 900 --run-words 590 --snr 3 --sfreq 150"
    subprocess.run(f"rtalign simulate listener {plan} --quiet".split(), check=True)

# %%
# The plan
# --------
# ``rtalign new-plan`` writes one to edit.  Here the packaged model meets its own static word vectors, which know no
# context.

models = "smollm2,smollm2:static"
subprocess.run(f"rtalign new-plan listener --models {models} --out plan.toml --quiet".split(), check=True)
plan = Path("plan.toml").read_text(encoding="utf-8")
print(plan)

# %%
# A recipe in the plan makes it coarser and quicker; every setting of ``recipe.toml`` may stand there.

coarse = """
[recipe.language]
layers = "5"
components = 10
[recipe.lags]
start_s = -0.1
stop_s = 0.7
step_s = 0.1
[recipe.fit]
null_draws = 100
"""
Path("plan.toml").write_text(plan + coarse, encoding="utf-8")

# %%
# Run it
# ------
# On this machine; ``--cluster slurm`` or the address of a Dask scheduler sends the same plan elsewhere.

subprocess.run("rtalign sweep plan.toml --out study --quiet".split(), check=True)

# %%
# Tables
# ------
# ``study/report.html`` compares everything; the tables beside it are there for figures of your own.

print(*sorted(path.name for path in Path("study").iterdir()))
