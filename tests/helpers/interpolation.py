"""The kernel that ring and tape read with, on an array at hand."""

from __future__ import annotations

import numpy as np

from rtalign.signal.interpolation import combine, support


def interpolate(values: np.ndarray, first: float, rate: float, times: np.ndarray) -> np.ndarray:
    """(time, sensor) at times in seconds, from values : (sample, sensor) at first, first + 1 / rate, ..."""
    rows, weights = support((np.asarray(times, dtype=float) - first) * rate)
    return combine(np.ascontiguousarray(values), rows, weights)
