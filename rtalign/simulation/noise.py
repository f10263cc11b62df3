"""Noise processes that continue where they stopped: coloured noise, rhythms, pulses, mains hum.

Each has one method, take(n): the next n samples of every source, (source, sample).  Each owns its random generator and
draws in a fixed order, so that cutting time differently changes nothing but rounding.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.signal import freqz_sos, sosfilt


class FilteredNoise:
    """White noise through one filter, the same for every source, with a given density at a given frequency.

    density : (source,) units per root hertz at at_hz.
    """

    def __init__(
        self, sos: np.ndarray, density: np.ndarray, at_hz: float, sfreq: float, rng: np.random.Generator
    ) -> None:
        self._sos = sos
        self._rng = rng
        gain = np.abs(freqz_sos(sos, at_hz, fs=sfreq)[1])
        self._scale = (density / gain * np.sqrt(sfreq / 2)).astype(np.float32)[:, None]
        self._state = np.zeros((len(sos), len(density), 2))
        settle = int(sfreq * 20)
        while settle > 0:  # the filters start long before time 0, so that the first second is like any other
            self.take(min(settle, 4096))
            settle -= 4096

    def take(self, n: int) -> np.ndarray:
        # All sources of one sample together, sample after sample: any cut draws the same numbers.
        white = self._rng.standard_normal((n, len(self._scale)), np.float32).T
        if not n:
            return white
        # Poles this close to 1 need float64.
        out, self._state = sosfilt(self._sos, white.astype(np.float64), axis=1, zi=self._state)
        return out.astype(np.float32) * self._scale


def coloured_filter(exponent: float, low_hz: float, high_hz: float, sfreq: float) -> np.ndarray:
    """Second-order sections whose power falls as 1/f^exponent between two frequencies, flat below.

    Poles and zeros alternate, evenly spaced on the logarithm of frequency (an Oustaloup ladder).
    """
    n = 2 * int(np.ceil(np.log(high_hz / low_hz) / np.log(5) / 2))
    ratio = (high_hz / low_hz) ** (1 / n)
    poles = low_hz * ratio ** (np.arange(n) + 0.5 - exponent / 4)
    zeros = poles * ratio ** (exponent / 2)
    p, z = (np.exp(-2 * np.pi * f / sfreq) for f in (poles, zeros))
    sections = []
    for i in range(0, n, 2):
        num = np.polymul([1, -z[i]], [1, -z[i + 1]])
        den = np.polymul([1, -p[i]], [1, -p[i + 1]])
        sections.append(np.concatenate([num, den]))
    return np.array(sections)


def resonance_filter(centre_hz: float, width_hz: float, sfreq: float) -> np.ndarray:
    """One second-order section that resonates at a frequency, for about 1 / (pi width) seconds."""
    radius = np.exp(-np.pi * width_hz / sfreq)
    angle = 2 * np.pi * centre_hz / sfreq
    return np.array([[1.0, 0.0, -1.0, 1.0, -2 * radius * np.cos(angle), radius**2]])


class Rhythms:
    """Rhythms of varying strength: each source resonates at its own frequency under its own slow envelope.

    centres_hz : (source,); density : (source,) units per root hertz at the peak of the spectrum.
    """

    def __init__(
        self, centres_hz: np.ndarray, width_hz: float, density: np.ndarray, sfreq: float, rng: np.random.Generator
    ) -> None:
        streams = rng.spawn(len(centres_hz) + 1)
        self._resonators = [
            FilteredNoise(resonance_filter(f, width_hz, sfreq), np.array([d]), f, sfreq, r)
            for f, d, r in zip(centres_hz, density, streams[1:], strict=True)
        ]
        slow = np.exp(-2 * np.pi * 0.15 / sfreq)
        low = np.array([[1.0, 0.0, 0.0, 1.0, -slow, 0.0]])
        unit = 1.0 / np.sqrt(np.pi / 2 * 0.15)  # density at 0 Hz of a first-order process of variance 1
        self._envelope = FilteredNoise(low, np.full(len(centres_hz), unit), 0.0, sfreq, streams[0])

    def take(self, n: int) -> np.ndarray:
        envelope = np.exp(0.7 * self._envelope.take(n) - 0.49)
        return np.concatenate([resonator.take(n) for resonator in self._resonators]) * envelope


class Pulses:
    """One shape, repeated at irregular times and with varying size.

    shape : seconds since the pulse to value, zero outside 0 to length_s.
    """

    def __init__(
        self,
        shape: Callable[[np.ndarray], np.ndarray],
        length_s: float,
        every_s: float,
        regularity: float,
        sfreq: float,
        rng: np.random.Generator,
    ) -> None:
        self._shape, self._length_s, self._sfreq, self._rng = shape, length_s, sfreq, rng
        self._every_s, self._regularity = every_s, regularity
        self._position = 0
        self._next_s = float(rng.uniform(0, every_s))
        self._active: list[tuple[float, float]] = []

    def take(self, n: int) -> np.ndarray:
        times = (self._position + np.arange(n)) / self._sfreq
        self._position += n
        end = self._position / self._sfreq
        while self._next_s < end:
            self._active.append((self._next_s, float(self._rng.lognormal(0.0, 0.2))))
            self._next_s += self._every_s * float(self._rng.gamma(self._regularity, 1 / self._regularity))
        out = np.zeros((1, n), np.float32)
        for start, size in self._active:
            first, last = np.searchsorted(times, [start, start + self._length_s])
            out[0, first:last] += size * self._shape(times[first:last] - start)
        self._active = [(start, size) for start, size in self._active if start + self._length_s >= end]
        return out


class MainsHum:
    """A fundamental and its harmonics, each in two quadratures so that its phase differs over the helmet."""

    def __init__(self, hertz: float, harmonics: np.ndarray, sizes: np.ndarray, sfreq: float) -> None:
        keep = hertz * harmonics < 0.48 * sfreq
        self._hertz = hertz * harmonics[keep]
        self._sizes = np.repeat(sizes[keep], 2)[:, None]
        self._sfreq = sfreq
        self._position = 0
        self.n_sources = len(self._sizes)

    def take(self, n: int) -> np.ndarray:
        times = (self._position + np.arange(n)) / self._sfreq
        self._position += n
        phase = 2 * np.pi * self._hertz[:, None] * times
        both = np.stack([np.cos(phase), np.sin(phase)], axis=1).reshape(self.n_sources, n)
        return (self._sizes * both).astype(np.float32)
