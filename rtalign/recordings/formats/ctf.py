"""Samples of a CTF .ds folder, taken out of its files without reading the rest.

Why: MNE reads a whole trial to give any part of it, and a session is often one trial of an hour.
"""

from __future__ import annotations

from typing import Any

import numpy as np

HEADER_BYTES = 8
CLOCK = "SCLK01"


def read(raw: Any, picks: np.ndarray, first: int, stop: int) -> np.ndarray:
    """(sample, channel) in SI units."""
    picks = np.asarray(picks)
    data = np.empty((len(picks), max(stop - first, 0)))
    n_done = 0
    for trials, offset in _files(raw):
        n_trials, _, n_trial = trials.shape
        a, b = max(first - offset, 0), min(stop - offset, n_trials * n_trial)
        while a < b:
            trial, within = divmod(a, n_trial)
            n = min(b - a, n_trial - within)
            data[:, n_done : n_done + n] = trials[trial, picks, within : within + n]
            a, n_done = a + n, n_done + n
    data *= _gains(raw, picks)[:, None]
    return data.T


def clock(raw: Any) -> tuple[int, list[tuple[int, int]]]:
    """How many samples were recorded, and where the machine's clock jumped: (first, stop) of two samples each.

    A session that was stopped early ends in zeros, its clock too.  A jump lies between trials with a pause.
    Two samples are given up there, so that whoever reads in order sees that time did not run on.
    """
    if CLOCK not in raw.ch_names:
        return int(raw.n_times), []
    pick = raw.ch_names.index(CLOCK)
    ticks = np.concatenate([trials[:, pick].reshape(-1) for trials, _ in _files(raw)]).astype(np.int64)
    running = np.flatnonzero(ticks)
    if not len(running):
        return int(raw.n_times), []
    n_samples = int(running[-1]) + 1
    steps = np.diff(ticks[:n_samples])
    usual = np.median(steps) if len(steps) else 0
    jumps = np.flatnonzero(np.abs(steps - usual) > max(0.5 * usual, 1)) + 1
    return n_samples, [(int(jump) - 1, int(jump) + 1) for jump in jumps[np.diff(jumps, prepend=-9) > 2]]


def _files(raw: Any) -> list[tuple[np.ndarray, int]]:
    """Each data file as (trial, channel, sample), beside the number of samples before it."""
    n_trial = round(raw.buffer_size_sec * raw.info["sfreq"])
    found, offset = [], 0
    for name in raw.filenames:
        values = np.memmap(name, dtype=">i4", mode="r", offset=HEADER_BYTES)
        found.append((values.reshape(-1, len(raw.ch_names), n_trial), offset))
        offset += found[-1][0].shape[0] * n_trial
    return found


def _gains(raw: Any, picks: np.ndarray) -> np.ndarray:
    """(channel,) from counts to SI units."""
    chosen = [raw.info["chs"][pick] for pick in picks]
    return np.array([channel["cal"] * channel["range"] for channel in chosen])
