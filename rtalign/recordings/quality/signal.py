"""Faults of sensors that make a recording unfit to train on, found in a sample of its signal."""

from __future__ import annotations

from itertools import islice
from typing import Protocol, runtime_checkable

import numpy as np

from rtalign.core.records import Chunk, Recording

FLAT = 1e-3
"""A sensor that moves less than this part of its kind's median is dead."""


@runtime_checkable
class Peekable(Protocol):
    """A recording that can be read anywhere."""

    def peek(self, start: float, seconds: float) -> Chunk:
        """A stretch of the signal."""
        ...


def check_signal(recording: Recording, windows: int = 8, seconds: float = 2.0) -> list[str]:
    """What is wrong with the sensors, one line a fault: the fact, their names, the cure.

    A few stretches spread over the recording are read, or its beginning where it can only be read in order.
    """
    samples = _samples(recording, windows, seconds)
    names = np.array([sensor.name for sensor in recording.sensors])
    if not samples:
        return [f"the recording holds no signal ({recording.n_samples} samples); leave it out"]
    broken = np.any([~np.isfinite(data).all(axis=0) for data in samples], axis=0)
    moves = np.array([_movement(data) for data in samples])
    moves = moves[(moves > 0).any(axis=1)]
    if not len(moves) and not broken.all():
        return [f"all {len(names)} sensors are flat; the file holds no signal, leave it out"]
    kinds = np.array([sensor.kind for sensor in recording.sensors])
    dead = _dead(moves.mean(axis=0), kinds, broken) if len(moves) else broken
    faults = {"not finite (NaN or infinite)": broken, "flat": dead & ~broken}
    return [_line(fault, names[mask].tolist()) for fault, mask in faults.items() if mask.any()]


def _samples(recording: Recording, windows: int, seconds: float) -> list[np.ndarray]:
    if isinstance(recording, Peekable):
        last = max(recording.n_samples / recording.sfreq - seconds, 0.0)
        starts = recording.start + np.unique(np.linspace(0.0, last, windows))
        found = [recording.peek(float(start), seconds).data for start in starts]
    else:
        found = [chunk.data for chunk in islice(recording.chunks(seconds), windows)]
    return [data for data in found if len(data)]


def _movement(data: np.ndarray) -> np.ndarray:
    """(sensor,) standard deviation of what is finite; 0 where nothing is."""
    finite = np.isfinite(data)
    n = np.maximum(finite.sum(axis=0), 1)
    values = np.where(finite, data, 0.0)
    centred = np.where(finite, values - values.sum(axis=0) / n, 0.0)
    return np.asarray(np.sqrt((centred**2).sum(axis=0) / n))


def _dead(moves: np.ndarray, kinds: np.ndarray, broken: np.ndarray) -> np.ndarray:
    """(sensor,) whether it hardly moves, compared with the whole sensors of its own kind."""
    dead = np.zeros(len(moves), bool)
    for kind in np.unique(kinds):
        own = (kinds == kind) & ~broken
        dead[own] = moves[own] <= FLAT * np.median(moves[own][moves[own] > 0]) if (moves[own] > 0).any() else True
    return dead


def _line(fault: str, names: list[str]) -> str:
    verb = "is" if len(names) == 1 else "are"
    many = f"{len(names)} sensors ({', '.join(names[:5])}, ...)" if len(names) > 12 else ", ".join(names)
    return f"{many} {verb} {fault}; leave out with --bads {','.join(names)}"
