"""Noise ceiling: how well a sensor's answer to a sound predicts its answer to the same sound heard again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rtalign.chain import Chain
from rtalign.data import Recording
from rtalign.recipe import Recipe


@dataclass(frozen=True, slots=True, eq=False)
class Ceiling:
    """sensors : names.  r : (sensor,) correlation between two hearings, averaged over all pairs.

    best : (sensor,) the largest correlation that any model can reach with one hearing, the square root of r.
    """

    sensors: tuple[str, ...]
    r: np.ndarray
    n_repeats: int
    seconds: float

    @property
    def best(self) -> np.ndarray:
        return np.asarray(np.sqrt(np.clip(self.r, 0.0, 1.0)))


def ceiling(repeats: Sequence[Recording], recipe: Recipe | None = None) -> Ceiling:
    """From recordings of one sound heard several times, each beginning with the sound, through training's filters."""
    if len(repeats) < 2:
        raise ValueError(f"a noise ceiling needs a sound heard twice or more; there are {len(repeats)} hearings")
    names = tuple(sensor.name for sensor in repeats[0].sensors)
    for other in repeats:
        if other.sfreq != repeats[0].sfreq or tuple(sensor.name for sensor in other.sensors) != names:
            raise ValueError(f"{other.name} has other sensors or another rate than {repeats[0].name}; pick common ones")
    heard = [filtered(recording, recipe or Recipe.preset("live")) for recording in repeats]
    n = min(len(data) for data, _ in heard)
    if n < 2:
        raise ValueError(f"{repeats[0].name} is shorter than the filters need to settle; {n} samples are left")
    z = []
    for data, _ in heard:
        centred = data[:n] - data[:n].mean(axis=0)
        z.append(centred / np.maximum(np.sqrt((centred**2).mean(axis=0)), 1e-30))
    total = np.sum(z, axis=0)
    own = np.sum([(one**2).mean(axis=0) for one in z], axis=0)
    pairs = len(z) * (len(z) - 1)
    return Ceiling(names, ((total**2).mean(axis=0) - own) / pairs, len(z), n / heard[0][1])


def filtered(recording: Recording, recipe: Recipe) -> tuple[np.ndarray, float]:
    """(sample, sensor) after the filters have settled, and their rate: the same samples of the sound every time."""
    chain = Chain(recipe.chain, recording.sensors, recording.sfreq)
    parts = [part.data for chunk in recording.chunks(5.0) for part in chain.push(chunk)]
    parts += [part.data for part in chain.finish()]
    return np.concatenate(parts or [np.empty((0, len(recording.sensors)))]).astype(float), chain.rate
