"""Recordings drawn at random, targets in the place of a language model: quick enough to be drawn by the hundred."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy.signal import lfilter

SFREQ = 50.0
NARROW_S = 0.06
"""Standard deviation of a response over time."""


@dataclass(frozen=True, slots=True)
class DrawnKind:
    """What a drawn recording is like.

    Attributes
    ----------
    n_words, n_sensors, n_layers, components : int
        Its size.
    latencies_s : tuple of float
        When the brain answers to what each layer adds to those below; empty for a brain that answers to nothing.
    strength : float
        Size of the answers beside the noise.
    share : float
        How much of the layer below each layer keeps.
    memory : float
        Correlation of a target with that of the word before.
    drift : float
        Size of slow noise of the sensors beside the quick one.
    common : tuple of float
        When the brain answers to every word in the same way.
    n_runs : int
        Recordings that the words come in.
    """

    n_words: int = 1500
    n_sensors: int = 30
    n_layers: int = 5
    components: int = 10
    latencies_s: tuple[float, ...] = ()
    strength: float = 0.0
    share: float = 0.8
    memory: float = 0.3
    drift: float = 0.0
    common: tuple[float, ...] = ()
    n_runs: int = 1
    lags_s: np.ndarray = field(default_factory=lambda: np.round(np.arange(-0.2, 0.8001, 0.02), 3))


@dataclass(frozen=True, slots=True, eq=False)
class DrawnRecording:
    """signal : (sample, sensor); onsets : (word,) samples; run : (word,); targets : (word, layer x component)."""

    kind: DrawnKind
    signal: np.ndarray
    onsets: np.ndarray
    run: np.ndarray
    targets: np.ndarray

    def at(self, lag_s: float) -> np.ndarray:
        """(word, sensor) at one lag."""
        return self.signal[self.onsets + round(lag_s * SFREQ)]


def draw(kind: DrawnKind, seed: Sequence[int], brain: int = 0) -> DrawnRecording:
    """Draw a recording; `brain` fixes how answers appear on the sensors, the same for one person's recordings."""
    rng = np.random.default_rng(seed)
    gaps = rng.gamma(4.0, 0.3 / 4.0, kind.n_words).clip(0.08, 1.5)
    run = np.arange(kind.n_words) * kind.n_runs // kind.n_words
    onsets = np.round((np.cumsum(gaps) + 5 + 5 * run) * SFREQ).astype(int)
    n_samples = int(onsets[-1] + 5 * SFREQ)
    added = rng.standard_normal((kind.n_words, kind.n_layers, kind.components)).astype(np.float32)
    if kind.memory:
        added = lfilter([np.sqrt(1 - kind.memory**2)], [1, -kind.memory], added, axis=0).astype(np.float32)
    targets = np.empty_like(added)
    targets[:, 0] = added[:, 0]
    for layer in range(1, kind.n_layers):
        targets[:, layer] = kind.share * targets[:, layer - 1] + np.sqrt(1 - kind.share**2) * added[:, layer]
    signal = _noise(kind, n_samples, rng)
    person = np.random.default_rng([brain, 0xB12A])
    for layer, latency in enumerate(kind.latencies_s):
        pattern = person.standard_normal((kind.components, kind.n_sensors)) / np.sqrt(kind.components)
        answer(signal, onsets, latency, kind.strength * added[:, layer] @ pattern.astype(np.float32))
    for latency in kind.common:
        one = np.tile(person.standard_normal((1, kind.n_sensors)), (kind.n_words, 1))
        answer(signal, onsets, latency, one.astype(np.float32))
    return DrawnRecording(kind, signal, onsets, run, targets.reshape(kind.n_words, -1))


def _noise(kind: DrawnKind, n_samples: int, rng: np.random.Generator) -> np.ndarray:
    """Noise of some hundred milliseconds' memory that neighbours share, with slow drifts where asked for."""
    sources = rng.standard_normal((n_samples, kind.n_sensors)).astype(np.float32)
    quick = lfilter([np.sqrt(1 - 0.8**2)], [1, -0.8], sources, axis=0)
    if kind.drift:
        slow = 1 - 1 / (2 * SFREQ)
        other = rng.standard_normal((n_samples, kind.n_sensors)).astype(np.float32)
        quick = quick + kind.drift * lfilter([np.sqrt(1 - slow**2)], [1, -slow], other, axis=0)
    mixing = np.random.default_rng(0x5E45).standard_normal((kind.n_sensors, kind.n_sensors))
    scaled = mixing * np.logspace(0, -1, kind.n_sensors)[:, None]
    mixed = quick @ scaled + 0.2 * rng.standard_normal(quick.shape)
    return (mixed / mixed.std()).astype(np.float32)


def answer(signal: np.ndarray, onsets: np.ndarray, latency_s: float, sizes: np.ndarray) -> None:
    """Add sizes (word, sensor) to the signal, as a bump around the latency after each onset."""
    reach = round(3 * NARROW_S * SFREQ)
    centre = latency_s * SFREQ
    for step in range(round(centre) - reach, round(centre) + reach + 1):
        height = np.exp(-0.5 * ((step - centre) / (NARROW_S * SFREQ)) ** 2)
        np.add.at(signal, onsets + step, np.float32(height) * sizes)
