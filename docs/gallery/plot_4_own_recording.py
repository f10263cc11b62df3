"""
Your own recording
==================

Any recording that MNE-Python opens, cleaned as you like, with a table of word onsets.  This walks through the checks
that come before hours of training.
"""

import subprocess
from pathlib import Path

import mne
import numpy as np

import rtalign as rt

if not Path("listener").exists():
    plan = "--words 900 --run-words 590 --snr 3 --sfreq 150"
    subprocess.run(f"rtalign simulate listener {plan} --quiet".split(), check=True)
run = "listener/sub-01/meg/sub-01_task-story_run-01"

# %%
# Clean it first
# --------------
# An ``mne.io.Raw`` goes in as it is: bad channels are left out, projections are not applied behind your back.

raw = mne.io.read_raw_fif(f"{run}_meg.fif", preload=True, verbose="error")
raw.notch_filter(50, verbose="error")
raw.info["bads"] = [raw.ch_names[0]]

# %%
# Words from anywhere
# -------------------
# A path (TSV, CSV, TextGrid, CTM), a DataFrame, a dict of columns, or pairs of word and onset in seconds after the
# first sample.  What cannot be right is refused in one line, before any work:

words = rt.read_words(f"{run}_events.tsv")
print(words)
try:
    rt.align(raw, [("once", 1.0), ("upon", 1.4)])
except ValueError as error:
    print(error)

# %%
# Look at the response first
# --------------------------
# :func:`rtalign.epoch` gives the filtered signal at exactly the lags that decoders see.  If words evoke nothing on
# average, onsets are probably off: ``rtalign datasets audit`` compares them with the recorded sound.

epochs = rt.epoch(raw, words, lags=(-0.1, 0.7, 0.02))
figure = epochs.average().plot(picks="mag", spatial_colors=True, show=False)

# %%
# What the model makes of the words
# ---------------------------------

activations = rt.encode(words, model="smollm2", layers=7)
print(activations)
surprising = np.argsort(np.nan_to_num(activations.surprisal))[::-1][:5]
print("most surprising:", *(activations.words[i] for i in surprising))

# %%
# One lag with scikit-learn
# -------------------------
# :class:`rtalign.LagRidge` is the decoder of one lag as a scikit-learn estimator; :class:`rtalign.WordFolds` holds
# neighbouring words out together, so that held-out words share no signal with training words.

X = epochs.get_data(copy=False)[:, :, np.argmin(np.abs(epochs.times - 0.2))]
layer = len(activations.layers) // 2
Y = activations.data[epochs.events[:, 2], layer]
Y = Y @ np.linalg.svd(Y - Y.mean(0), full_matrices=False)[2][:50].T  # principal components, as in training
decoder = rt.LagRidge(cv=rt.WordFolds(5, gap=3)).fit(X, Y)
print(f"R at 200 ms, layer {activations.layers[layer]}: {decoder.r_.mean():.3f}")
