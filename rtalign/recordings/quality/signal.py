"""Faults of sensors that make a recording unfit to train on, found in a sample of its signal."""

from __future__ import annotations

from itertools import islice
from typing import Protocol, runtime_checkable

import numpy as np

from rtalign.core.records import Chunk, Recording

FLAT = 1e-3
"""A sensor whose signal varies less than this part of its kind's median is flat."""


@runtime_checkable
class ReadableAnywhere(Protocol):
    """A recording that can be read from any time at once, as those in files.

    Why it is asked for at run time: a simulated recording makes its samples in order, and reading it in windows would
    make all of them again for each.
    """

    def read(self, start: float, seconds: float) -> Chunk:
        """Read a stretch of the signal."""
        ...


def check_signal(recording: Recording, windows: int = 8, seconds: float = 2.0) -> list[str]:
    """Look for flat and broken sensors.

    Parameters
    ----------
    recording : Recording
        A few windows spread over it are read, or its beginning where it can only be read in order.
    windows : int
        How many.
    seconds : float
        How long each is.

    Returns
    -------
    list of str
        One line a fault: what it is, the sensors' names, the fix.
    """
    samples = _read_windows(recording, windows, seconds)
    names = np.array([sensor.name for sensor in recording.sensors])
    if not samples:
        return [f"the recording holds no signal ({recording.n_samples} samples); leave it out"]
    broken = np.any([~np.isfinite(data).all(axis=0) for data in samples], axis=0)
    sds = np.array([_sd(data) for data in samples])
    sds = sds[(sds > 0).any(axis=1)]
    if not len(sds) and not broken.all():
        return [f"all {len(names)} sensors are flat; the file holds no signal, leave it out"]
    kinds = np.array([sensor.kind for sensor in recording.sensors])
    flat = _flat(sds.mean(axis=0), kinds, broken) if len(sds) else broken
    faults = {"not finite (NaN or infinite)": broken, "flat": flat & ~broken}
    return [_fault(fault, names[mask].tolist()) for fault, mask in faults.items() if mask.any()]


def _read_windows(recording: Recording, windows: int, seconds: float) -> list[np.ndarray]:
    """(sample, sensor) of each window that holds any samples."""
    if isinstance(recording, ReadableAnywhere):
        last = max(recording.n_samples / recording.sfreq - seconds, 0.0)
        starts = recording.start + np.unique(np.linspace(0.0, last, windows))
        samples = [recording.read(float(start), seconds).data for start in starts]
    else:
        samples = [chunk.data for chunk in islice(recording.chunks(seconds), windows)]
    return [data for data in samples if len(data)]


def _sd(data: np.ndarray) -> np.ndarray:
    """(sensor,) standard deviation of what is finite; 0 where nothing is."""
    finite = np.isfinite(data)
    n = np.maximum(finite.sum(axis=0), 1)
    values = np.where(finite, data, 0.0)
    centred = np.where(finite, values - values.sum(axis=0) / n, 0.0)
    return np.asarray(np.sqrt((centred**2).sum(axis=0) / n))


def _flat(sds: np.ndarray, kinds: np.ndarray, broken: np.ndarray) -> np.ndarray:
    """(sensor,) whether it hardly varies, compared with the unbroken sensors of its own kind."""
    flat = np.zeros(len(sds), bool)
    for kind in np.unique(kinds):
        own = (kinds == kind) & ~broken
        flat[own] = sds[own] <= FLAT * np.median(sds[own][sds[own] > 0]) if (sds[own] > 0).any() else True
    return flat


def _fault(fault: str, names: list[str]) -> str:
    """A fault, the sensors that have it, and the fix."""
    verb = "is" if len(names) == 1 else "are"
    many = f"{len(names)} sensors ({', '.join(names[:5])}, ...)" if len(names) > 12 else ", ".join(names)
    return f"{many} {verb} {fault}; leave out with --bads {','.join(names)}"
