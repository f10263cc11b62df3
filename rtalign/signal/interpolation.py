"""The value of a sampled signal at any time: one kernel, used by everything that reads a buffer."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_array
from scipy.special import i0

HALF = 4
"""Samples needed on either side.  Eight taps are exact to 0.1 % up to a quarter of the rate (25 Hz at 100 Hz)."""
BETA = 6.0
"""Shape of the Kaiser window: a smaller one favours the higher frequencies, a larger one the lower."""
OFFSETS = np.arange(1 - HALF, HALF + 1)
"""Rows of the taps, counted from the row at or below the time."""
TOLERANCE = 1e-6
"""In rows: how far rounding may move a time that falls exactly on a row."""


def interpolation_weights(positions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows that a value between rows is made of, and their weights.

    Parameters
    ----------
    positions : ndarray, shape (time,)
        Times in rows; fractions allowed.

    Returns
    -------
    rows : ndarray of int64, shape (time, tap)
        The rows around each position.
    weights : ndarray of float32, shape (time, tap)
        Their weights: a sinc with a Kaiser window, which add up to one.
    """
    below = np.floor(positions + TOLERANCE)
    away = (positions - below)[:, None] - OFFSETS
    window = i0(BETA * np.sqrt(np.maximum(1 - (away / HALF) ** 2, 0)))
    weights = np.sinc(away) * window
    weights /= weights.sum(axis=1, keepdims=True)
    return below.astype(np.int64)[:, None] + OFFSETS, weights.astype(np.float32)


def interpolate(values: np.ndarray, rows: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Weighted sums of rows, always added in the order of the taps, so that rounding does not depend on the buffer.

    Parameters
    ----------
    values : ndarray of float32, shape (row, sensor)
        The sampled signal.
    rows, weights : ndarray, shape (time, tap)
        As `interpolation_weights` returns them.

    Returns
    -------
    ndarray of float32, shape (time, sensor)
        The signal at those times.
    """
    n_times, n_taps = rows.shape
    bounds = np.arange(0, n_times * n_taps + 1, n_taps)
    matrix = csr_array((weights.ravel(), rows.ravel(), bounds), shape=(n_times, len(values)))
    return matrix @ values
