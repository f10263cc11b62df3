"""Noise ceiling: how well a sensor's response to a sound predicts its response to the same sound played again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rtalign.core.recipe import Recipe
from rtalign.core.records import Recording
from rtalign.core.spatial_filter import SpatialFilter
from rtalign.signal.chain import Chain


@dataclass(frozen=True, slots=True, eq=False)
class NoiseCeiling:
    """The correlation between responses to one sound played several times.

    Attributes
    ----------
    sensors : tuple of str
        Their names.
    r : ndarray, shape (sensor,)
        Correlation between two repeats, averaged over all pairs.
    error : ndarray, shape (sensor,)
        Its standard error, jackknifed over repeats; NaN where there are only two.
    n_repeats : int
        How many were used.
    seconds : float
        Of each repeat.
    n_broken : int
        Repeats left out because of a break in their signal.
    """

    sensors: tuple[str, ...]
    r: np.ndarray
    error: np.ndarray
    n_repeats: int
    seconds: float
    n_broken: int = 0

    @property
    def best(self) -> np.ndarray:
        """The largest correlation that any model can reach with one repeat, the square root of r; shape (sensor,)."""
        return np.asarray(np.sqrt(np.clip(self.r, 0.0, 1.0)))


def estimate_noise_ceiling(
    repeats: Sequence[Recording], recipe: Recipe | None = None, spatial: SpatialFilter | None = None
) -> NoiseCeiling:
    """Estimate the noise ceiling of each sensor.

    Parameters
    ----------
    repeats : sequence of Recording
        Two or more of the same sound, each beginning with the sound, with the same sensors.
    recipe : Recipe, optional
        Whose filters are used; by default those of the preset live.
    spatial : SpatialFilter, optional
        Applied to every repeat.

    Returns
    -------
    NoiseCeiling
    """
    if len(repeats) < 2:
        raise ValueError(f"a noise ceiling needs a sound played twice or more; there are {len(repeats)} repeats")
    names = tuple(sensor.name for sensor in repeats[0].sensors)
    for other in repeats:
        if other.sfreq != repeats[0].sfreq or tuple(sensor.name for sensor in other.sensors) != names:
            raise ValueError(f"{other.name} has other sensors or another rate than {repeats[0].name}; pick common ones")
    signals = [filter_signal(recording, recipe or Recipe.preset("live")) for recording in repeats]
    if spatial is not None:
        matrix = spatial.matrix(names)
        signals = [(data @ matrix, rate) for data, rate in signals]
    longest = max(len(data) for data, _ in signals)
    whole = [data for data, _ in signals if len(data) >= longest - 1]  # a break costs a warm-up at least
    n = min(map(len, whole))
    if n < 2 or len(whole) < 2:
        fault = "is shorter than the filters need to settle" if n < 2 else "is the only repeat without a break"
        raise ValueError(f"{repeats[0].name} {fault}; a noise ceiling needs two whole ones")
    z = np.stack([_standardise(data[:n]) for data in whole])
    r, error = _correlate_repeats(z)
    return NoiseCeiling(names, r, error, len(z), n / signals[0][1], len(signals) - len(whole))


def filter_signal(recording: Recording, recipe: Recipe) -> tuple[np.ndarray, float]:
    """Return the signal (sample, sensor) once the filters have settled, and its rate: the same part of each repeat."""
    chain = Chain(recipe.chain, recording.sensors, recording.sfreq)
    parts = [part.data for chunk in recording.chunks(5.0) for part in chain.push(chunk)]
    parts += [part.data for part in chain.finish()]
    return np.concatenate(parts or [np.empty((0, len(recording.sensors)))]).astype(float), chain.rate


def _standardise(data: np.ndarray) -> np.ndarray:
    """Each sensor with mean 0 and mean square 1."""
    centred = data - data.mean(axis=0)
    return np.asarray(centred / np.maximum(np.sqrt((centred**2).mean(axis=0)), 1e-30))


def _correlate_repeats(z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(sensor,) mean correlation over all pairs of repeats, and its jackknifed standard error.

    z : (repeat, sample, sensor).  The square of the sum of all repeats holds every pair twice and each repeat once.
    """
    k, total = len(z), z.sum(axis=0)
    r = ((total**2).mean(axis=0) - k) / (k * (k - 1))
    if k < 3:
        return r, np.full(len(r), np.nan)
    with_one = np.array([(one * (total - one)).mean(axis=0) for one in z])
    without = (k * (k - 1) * r - 2 * with_one) / ((k - 1) * (k - 2))
    return r, np.sqrt((k - 1) / k * ((without - without.mean(axis=0)) ** 2).sum(axis=0))
