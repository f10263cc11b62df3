"""The value of a sampled signal at any time: one kernel, used by everything that reads."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_array
from scipy.special import i0

HALF = 4
"""Samples needed on either side.  Eight taps hold 0.1 % up to a quarter of the rate (25 Hz at 100 Hz)."""
BETA = 6.0
"""Shape of the Kaiser window; smaller favours the higher frequencies, larger the lower."""
REACH = np.arange(1 - HALF, HALF + 1)
SLACK = 1e-6
"""In rows: how far rounding may carry a time that stands on a row."""


def support(positions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The rows that a value between rows is made of.

    positions : (time,) in rows, fractions allowed.
    Returns rows (time, tap) int64 and weights (time, tap) float32 that add up to one.
    """
    below = np.floor(positions + SLACK)
    away = (positions - below)[:, None] - REACH
    window = i0(BETA * np.sqrt(np.maximum(1 - (away / HALF) ** 2, 0)))
    weights = np.sinc(away) * window
    weights /= weights.sum(axis=1, keepdims=True)
    return below.astype(np.int64)[:, None] + REACH, weights.astype(np.float32)


def combine(values: np.ndarray, rows: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Sums of weighted rows, always in the order of the taps, wherever the rows lie.

    values : (row, sensor) float32.  rows, weights : (time, tap).  Returns (time, sensor) float32.
    """
    n_times, n_taps = rows.shape
    bounds = np.arange(0, n_times * n_taps + 1, n_taps)
    matrix = csr_array((weights.ravel(), rows.ravel(), bounds), shape=(n_times, len(values)))
    return matrix @ values
