"""
Decode a story
==============

Simulate a listener whose brain follows a language model layer after layer, train decoders of every layer and lag, and
ask whether deep layers peak later than shallow ones.
"""

# %%
# A listener
# ----------
# ``rtalign simulate`` writes an ordinary BIDS folder: signal of a CTF helmet, a table of word onsets, and the latencies
# that were planted.  With recordings of your own, leave this step out.

import subprocess
from pathlib import Path

import mne

import rtalign as rt

if not Path("listener").exists():
    plan = "--words 900 --run-words 590 --snr 3 --sfreq 150"
    subprocess.run(f"rtalign simulate listener {plan} --quiet".split(), check=True)

run = "listener/sub-01/meg/sub-01_task-story_run-01"
raw = mne.io.read_raw_fif(f"{run}_meg.fif", verbose="error")
words = rt.read_words(f"{run}_events.tsv")
print(words)

# %%
# Decoders
# --------
# :func:`rtalign.align` reads the words with the packaged model (SmolLM2-135M), filters the signal, and fits ridge
# decoders for seven layers and all lags.  R is the correlation of predicted and true activations of words that were
# held out.

found = rt.align(raw, words, model="smollm2", layers=7, lags=(-0.1, 0.7, 0.05))
found

# %%
# The ladder
# ----------
# A layer without a peak that can be told from chance has no latency, and stands as a ring at the left edge.

figure = found.plot_joint()

# %%
# The title of the ladder is the temporal score: the correlation of depth and latency over the layers with a peak, and
# how much later the last of them peaks.  It is also a record:

print(found.temporal_score or found.reason)

# %%
# Keep it
# -------
# What is saved is a bank: :func:`rtalign.read_bank` opens it, the monitor decodes live with it, and its ``report.html``
# says how every number was made.

found.save("bank", overwrite=True)
for peak in found.peaks:
    print(f"layer {peak.layer:2d}: {peak.status}, R = {peak.peak_r:.3f}")
