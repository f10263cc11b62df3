"""Faults of sensors: those that make a recording unfit to train on, and values that cost the words around them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Protocol, runtime_checkable

import numpy as np

from rtalign.core.records import Chunk, Recording
from rtalign.signal.plausibility import SampleJudge, find_wrong_units

FLAT = 1e-3
"""A sensor whose signal varies less than this part of its kind's median is flat."""
BROKEN = 0.5
"""A sensor that is not finite in more than this part of the windows is broken; elsewhere the words around are lost."""
N_PLACES = 3
"""Of each sensor's bad values, so many places are named."""
N_NAMED = 12
"""Sensors with bad values that are named."""


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
    """Look for flat and broken sensors, and for units that cannot be right.

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
    broken = np.mean([~np.isfinite(data).all(axis=0) for data in samples], axis=0) > BROKEN
    sds = np.array([_sd(data) for data in samples])
    sds = sds[(sds > 0).any(axis=1)]
    if not len(sds) and not broken.all():
        return [f"all {len(names)} sensors are flat; the file holds no signal, leave it out"]
    kinds = np.array([sensor.kind for sensor in recording.sensors])
    flat = _flat(sds.mean(axis=0), kinds, broken) if len(sds) else broken
    faults = {"not finite (NaN or infinite)": broken, "flat": flat & ~broken}
    found = [_fault(fault, names[mask].tolist()) for fault, mask in faults.items() if mask.any()]
    return found + find_wrong_units(np.concatenate(samples), recording.sensors)


def find_bad_values(recording: Recording, seconds: float = 10.0) -> list[str]:
    """Read a whole recording and look for values that cannot be signal, which cost the words around them.

    Parameters
    ----------
    recording : Recording
        Read from its first to its last sample.
    seconds : float
        How much is read at once.

    Returns
    -------
    list of str
        One line a sensor: its name, where in the recording, how many places.
    """
    judge, places = SampleJudge(recording.sensors, recording.sfreq), dict[str, list[float]]()
    end: float | None = None
    for chunk in recording.chunks(seconds):
        if end is not None and abs(chunk.start - end) > 1.5 / recording.sfreq:
            judge.restart()
        end, row = chunk.end, 0
        for rows, bad in judge.push(np.ascontiguousarray(chunk.data, dtype=float)):
            for column in [] if bad is None else np.flatnonzero(bad.any(axis=0)):
                places.setdefault(recording.sensors[column].name, []).append(chunk.start + row / chunk.sfreq)
            row += len(rows)
    lines = list(_bad_value_lines(places))
    return lines[:N_NAMED] + ([f"{len(lines) - N_NAMED} more sensors hold bad values"] if lines[N_NAMED:] else [])


def _bad_value_lines(places: dict[str, list[float]]) -> Iterator[str]:
    for name, times in places.items():
        some = ", ".join(f"{time:.3f} s" for time in times[:N_PLACES])
        more = f" and {len(times) - N_PLACES:,} more places" if len(times) > N_PLACES else ""
        yield f"{name} holds values that cannot be signal at {some}{more}; words around them are left out"


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
