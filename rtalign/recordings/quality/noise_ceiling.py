"""Noise ceiling: how well a sensor's answer to a sound predicts its answer to the same sound heard again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rtalign.core.recipe import Recipe
from rtalign.core.records import Recording
from rtalign.signal.chain import Chain


@dataclass(frozen=True, slots=True, eq=False)
class Ceiling:
    """sensors : names.  r : (sensor,) correlation between two hearings, averaged over all pairs.

    error : (sensor,) its standard error, jackknifed over hearings; not a number where there are only two.
    best : (sensor,) the largest correlation that any model can reach with one hearing, the square root of r.
    """

    sensors: tuple[str, ...]
    r: np.ndarray
    error: np.ndarray
    n_repeats: int
    seconds: float
    n_broken: int = 0
    """Hearings left out because the signal broke off in them."""

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
    longest = max(len(data) for data, _ in heard)
    whole = [data for data, _ in heard if len(data) >= longest - 1]  # a break costs a warm-up at least
    n = min(map(len, whole))
    if n < 2 or len(whole) < 2:
        fault = "is shorter than the filters need to settle" if n < 2 else "is the only hearing without a break"
        raise ValueError(f"{repeats[0].name} {fault}; a noise ceiling needs two whole ones")
    z = np.stack([_standard(data[:n]) for data in whole])
    r, error = _between(z)
    return Ceiling(names, r, error, len(z), n / heard[0][1], len(heard) - len(whole))


def filtered(recording: Recording, recipe: Recipe) -> tuple[np.ndarray, float]:
    """(sample, sensor) after the filters have settled, and their rate: the same samples of the sound every time."""
    chain = Chain(recipe.chain, recording.sensors, recording.sfreq)
    parts = [part.data for chunk in recording.chunks(5.0) for part in chain.push(chunk)]
    parts += [part.data for part in chain.finish()]
    return np.concatenate(parts or [np.empty((0, len(recording.sensors)))]).astype(float), chain.rate


def _standard(data: np.ndarray) -> np.ndarray:
    """Each sensor with mean 0 and mean square 1."""
    centred = data - data.mean(axis=0)
    return np.asarray(centred / np.maximum(np.sqrt((centred**2).mean(axis=0)), 1e-30))


def _between(z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(sensor,) mean correlation over all pairs of hearings, and its jackknifed standard error.

    z : (hearing, sample, sensor).  The square of the hearings' sum holds every pair twice and each hearing once.
    """
    k, total = len(z), z.sum(axis=0)
    r = ((total**2).mean(axis=0) - k) / (k * (k - 1))
    if k < 3:
        return r, np.full(len(r), np.nan)
    with_one = np.array([(one * (total - one)).mean(axis=0) for one in z])
    without = (k * (k - 1) * r - 2 * with_one) / ((k - 1) * (k - 2))
    return r, np.sqrt((k - 1) / k * ((without - without.mean(axis=0)) ** 2).sum(axis=0))
