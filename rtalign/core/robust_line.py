"""The straight line through times of arrival of which some are late."""

from __future__ import annotations

import numpy as np

LATE_S = 0.05
"""A time is late when it is off the line by more than this, and by more than `LATE_DEVIATIONS` times the jitter."""
LATE_DEVIATIONS = 10.0


def trimmed_line(x: np.ndarray, y: np.ndarray, slope: float | None = None) -> tuple[float, float]:
    """Fit the least squares line through those points that are not late.

    Parameters
    ----------
    x : ndarray, shape (point,)
        Numbers of samples, or times that count them.
    y : ndarray, shape (point,)
        Times, s.
    slope : float, optional
        The slope, where it is known.

    Returns
    -------
    level : float
        Of the line at x = 0, s.
    slope : float
        Its slope.
    """
    used, zero = np.ones(len(x), bool), y[0]
    fitted = 0.0 if slope is None else slope
    for _ in range(50):
        if slope is None:
            fitted = float(np.polyfit(x[used], y[used] - zero, 1)[0])
        off = y - zero - fitted * x
        deviations = np.abs(off - np.median(off[used]))
        before, used = used, deviations <= max(LATE_S, LATE_DEVIATIONS * float(np.median(deviations)))
        if (used == before).all():
            break
    return float(zero + off[used].mean()), fitted
