"""
Live in ten lines
=================

The same scores while the story is being told.  Here a recording is played as fast as the machine can; without
``recording`` and ``speed`` the same lines score live LSL streams.
"""

import subprocess
from pathlib import Path

import matplotlib.pyplot as plt

import rtalign as rt

if not Path("listener").exists():
    plan = "--words 900 --run-words 590 --snr 3 --sfreq 150"
    subprocess.run(f"rtalign simulate listener {plan} --quiet".split(), check=True)
if not Path("bank").exists():
    rt.align("listener", run="01", out="bank", model="smollm2", layers=7, lags=(-0.1, 0.7, 0.05))

# %%
# :func:`rtalign.connect` starts an engine in a process of its own and hands out its snapshots.  A snapshot is
# immutable: scores, peaks, state of the streams, words received and skipped, and why.

history = []
with rt.connect(bank="bank", recording="listener", run="02", speed=None, out="scores") as live:
    for snapshot in live:
        if snapshot.r is not None:
            history.append((snapshot.n_words, snapshot.r.max()))
print(f"{snapshot.phase}: {snapshot.n_scored} words scored, {sum(snapshot.skipped.values())} skipped")

# %%
# A word is scored before any decoder learns from it, and the curve is shown from word 100 on.

fig, ax = plt.subplots(layout="constrained")
ax.plot(*zip(*history, strict=True), ".-")
_ = ax.set(xlabel="words scored", ylabel="highest R of the map")

# %%
# At the end the folder holds what a training leaves: numbers, figures, and the report.

print(*sorted(path.name for path in Path("scores").iterdir()))
