"""Samples of a CTF .ds folder, read from its files without the rest.

Why: MNE reads a whole trial to give any part of it, and a session is often one trial of an hour.
"""

from __future__ import annotations

from typing import Any

import numpy as np

HEADER_BYTES = 8
CLOCK = "SCLK01"


def read_samples(raw: Any, picks: np.ndarray, first: int, stop: int) -> np.ndarray:
    """Read samples of some channels.

    Parameters
    ----------
    raw : mne.io.BaseRaw
        The folder as MNE opens it.
    picks : ndarray of int, shape (channel,)
        Which channels.
    first, stop : int
        The samples from first up to stop.

    Returns
    -------
    ndarray, shape (sample, channel)
        In SI units.
    """
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


def recorded_samples(raw: Any) -> tuple[int, list[tuple[int, int]]]:
    """Find out from the channel of the machine's clock what was recorded.

    A session that was stopped early ends in zeros, its clock too.  Between trials with a pause the clock jumps.

    Parameters
    ----------
    raw : mne.io.BaseRaw
        The folder as MNE opens it.

    Returns
    -------
    n_samples : int
        How many samples were recorded.
    jumps : list of (int, int)
        First and stop of the two samples at each jump of the clock; they are left out, so that a reader sees a gap.
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
    """Each data file as (trial, channel, sample), and the number of samples before it."""
    n_trial = round(raw.buffer_size_sec * raw.info["sfreq"])
    files, offset = [], 0
    for name in raw.filenames:
        values = np.memmap(name, dtype=">i4", mode="r", offset=HEADER_BYTES)
        files.append((values.reshape(-1, len(raw.ch_names), n_trial), offset))
        offset += files[-1][0].shape[0] * n_trial
    return files


def _gains(raw: Any, picks: np.ndarray) -> np.ndarray:
    """(channel,) from counts to SI units."""
    channels = [raw.info["chs"][pick] for pick in picks]
    return np.array([channel["cal"] * channel["range"] for channel in channels])
