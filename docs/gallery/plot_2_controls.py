"""
A ladder with its controls
==========================

A ladder may come from things that go along with a word: when it came, how long it is, how well it was expected, which
words stand beside it.  This takes them out of signal and activations, and looks at what is left.
"""

import subprocess
from pathlib import Path

import matplotlib.pyplot as plt
import mne
import numpy as np

import rtalign as rt

if not Path("listener").exists():
    plan = "--words 900 --run-words 590 --snr 3 --sfreq 150"
    subprocess.run(f"rtalign simulate listener {plan} --quiet".split(), check=True)

# %%
# Nuisances
# ---------
# ``controls=["nuisances"]`` fits everything a second time with the nuisances regressed out, within the folds: held-out
# words have no part in the coefficients.  Unique R is the correlation of what is left of both sides, so it may be
# higher than R as well as lower; whether a layer keeps its peak, and when, is the question.

found = rt.align("listener", run="01", controls=["nuisances"], model="smollm2", layers=5, lags=(-0.1, 0.7, 0.08))
unique = found.controls["nuisances"]
for plain, left in zip(found.peaks, unique.layers, strict=True):
    print(f"layer {plain.layer:2d}: R = {plain.peak_r:.3f}, unique R = {left.peak_r:.3f} ({left.status})")

# %%
# Solid lines are R as it is, dashed ones what the nuisances leave.  The report of the bank has both ladders side by
# side, and names what was *not* controlled.

fig, ax = plt.subplots(layout="constrained")
for layer, whole, part in zip(found.layers, found.r, unique.r, strict=True):
    (line,) = ax.plot(found.lags, whole, label=f"layer {layer}")
    ax.plot(found.lags, part, "--", color=line.get_color())
_ = ax.set(xlabel="time after word onset (s)", ylabel="R")
_ = ax.legend()

# %%
# Words shuffled
# --------------
# The plainest control needs no option: the same words in another order, at the same times.  Nothing should be left.

raw = mne.io.read_raw_fif("listener/sub-01/meg/sub-01_task-story_run-01_meg.fif", verbose="error")
words = rt.read_words("listener/sub-01/meg/sub-01_task-story_run-01_events.tsv")
order = np.random.default_rng(0).permutation(len(words))
shuffled = rt.WordTable.of({"onset": words["onset"], "word": words["word"][order]})
nothing = rt.align(raw, shuffled, model="smollm2", layers=5, lags=(-0.1, 0.7, 0.08))
figure = nothing.plot_map()
print(nothing.temporal_score or nothing.reason)
