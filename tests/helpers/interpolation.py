"""The kernel that the buffers read with, applied to an array."""

from __future__ import annotations

import numpy as np

from rtalign.signal.interpolation import interpolate, interpolation_weights


def values_at(values: np.ndarray, first: float, rate: float, times: np.ndarray) -> np.ndarray:
    """(time, sensor) at times in seconds, from values (sample, sensor) at first, first + 1 / rate, ..."""
    rows, weights = interpolation_weights((np.asarray(times, dtype=float) - first) * rate)
    return interpolate(np.ascontiguousarray(values), rows, weights)
