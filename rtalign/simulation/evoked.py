"""What words evoke: a response common to all words, and the information of each layer at the layer's latency."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rtalign.core.records import Sensor, Word
from rtalign.simulation.forward import dipoles, lead_field

REACH_SD = 5.0
"""A bump is zero farther from its centre than this many standard deviations."""

LANGUAGE_REGIONS = ("temporal left", "frontal left", "temporal left", "temporal right", "frontal left", "frontal right")
"""Regions of the layers' dipoles: the left ones twice as often."""

COMMON_RESPONSE = ((0.055, 0.014, 0.5), (0.105, 0.022, -1.0), (0.20, 0.040, 0.8), (0.40, 0.090, -0.45))
"""Centre (s), standard deviation (s) and size of the deflections that every word evokes."""

COMMON_AM = 5.0e-9
"""Strength of the largest of them after a long silence, A m in each temporal lobe."""


class Bumps:
    """Gaussian bumps at given times, each scaled by a row of values, summed at any sample times.

    centres : (bump,), s, in order; values : (bump, source).
    """

    def __init__(self, centres: np.ndarray, values: np.ndarray, sd_s: float) -> None:
        self._centres, self._values, self._sd_s = centres, values, sd_s

    def at(self, times: np.ndarray) -> np.ndarray:
        """(time, source)."""
        reach = REACH_SD * self._sd_s
        first, last = np.searchsorted(self._centres, [times[0] - reach, times[-1] + reach])
        distance = (times[:, None] - self._centres[first:last]) / self._sd_s
        height = np.exp(-0.5 * distance**2) * (np.abs(distance) <= REACH_SD)
        return height @ self._values[first:last]


class EvokedSignal:
    """The evoked signal of one run at any times, from Bumps and the pattern (source, sensor) of each source."""

    def __init__(self, parts: Sequence[tuple[Bumps, np.ndarray]]) -> None:
        self._bumps = [bumps for bumps, _ in parts]
        self._patterns = np.concatenate([pattern for _, pattern in parts]).astype(np.float32)

    def at(self, times: np.ndarray) -> np.ndarray:
        """(time, sensor), T or T/m."""
        courses = np.concatenate([bumps.at(times).astype(np.float32) for bumps in self._bumps], axis=1)
        return courses @ self._patterns


def layer_patterns(sensors: tuple[Sensor, ...], n_layers: int, n_dims: int, seed: int) -> np.ndarray:
    """(layer, dim, sensor): each dimension of each layer has its own dipole in temporal or frontal cortex, 1 A m."""
    rng = np.random.default_rng(np.random.SeedSequence([seed, 0xE0]))
    positions, moments = dipoles(n_layers * n_dims, LANGUAGE_REGIONS, 0.3, rng)
    return lead_field(sensors, positions, moments).reshape(n_layers, n_dims, len(sensors))


def scale_to_snr(patterns: np.ndarray, noise: np.ndarray, snr: float, words_a_second: float, sd_s: float) -> np.ndarray:
    """Scale patterns (layer, dim, sensor) such that every layer is equally strong and all together reach snr.

    noise : (sensor,) rms of the background in the band that is decoded.
    snr is the root mean square, over sensors, of evoked rms / background rms.  A dimension with values of variance 1
    that are independent from word to word adds words_a_second * sqrt(pi) * sd_s * pattern^2 to a sensor's variance.
    """
    power = np.mean(np.sum((patterns / noise) ** 2, axis=1), axis=1) * words_a_second * np.sqrt(np.pi) * sd_s
    return patterns * (snr / np.sqrt(len(patterns) * power))[:, None, None]


def layer_parts(
    words: Sequence[Word], information: np.ndarray, latencies_s: np.ndarray, patterns: np.ndarray, sd_s: float
) -> list[tuple[Bumps, np.ndarray]]:
    """Each layer's information (word, layer, dim) as bumps at its latency after each word."""
    onsets = np.array([word.onset for word in words])
    return [
        (Bumps(onsets + latency, information[:, layer], sd_s), patterns[layer])
        for layer, latency in enumerate(latencies_s)
    ]


def common_parts(sensors: tuple[Sensor, ...], words: Sequence[Word], seed: int) -> list[tuple[Bumps, np.ndarray]]:
    """The response that all words evoke in both temporal lobes, stronger after silence."""
    rng = np.random.default_rng(np.random.SeedSequence([seed, 0xE1]))
    onsets = np.array([word.onset for word in words])
    since = np.diff(onsets, prepend=onsets[:1] - 2.0)
    fresh = (1 - np.exp(-since / 0.6))[:, None]
    parts = []
    for centre, sd_s, size in COMMON_RESPONSE:
        positions, _ = dipoles(2, ("temporal left", "temporal right"), 0.12, rng)
        moments = np.array([[0.0, -0.35, -1.0], [0.0, -0.35, -1.0]])  # down across the Sylvian fissure, as the N100m
        pattern = COMMON_AM * size * lead_field(sensors, positions, moments).sum(axis=0, keepdims=True)
        parts.append((Bumps(onsets + centre, fresh, sd_s), pattern))
    return parts
