"""The signal of a helmet without any word: a resting brain, eyes, a heart, the building, and sensor noise."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from rtalign.core.records import Sensor
from rtalign.simulation.forward import HEAD, dipoles, far_field, lead_field
from rtalign.simulation.noise import FilteredNoise, MainsHum, Pulses, Rhythms, coloured_filter

WHITE = {"axial": 3.5e-15, "mag": 3.0e-15, "planar": 3.0e-13}
"""Noise of the sensors, T or T/m per root hertz."""

N_CORTEX = 150
"""Random dipoles of the resting brain; with more, the sensors measure nothing different."""

CORTEX_AM = 1.9e-9
"""Strength of each at 1 Hz, A m per root hertz."""

FRAME = 4096
"""Samples made at once."""


class NoiseProcess(Protocol):
    """Time courses of some sources."""

    def take(self, n: int) -> np.ndarray:
        """The next n samples, (source, sample)."""
        ...


class Background:
    """The background of a helmet, in order and in pieces of any size.

    Parameters
    ----------
    sensors : tuple of Sensor
        The helmet.
    sfreq : float
        Samples per second.
    head_seed : int
        Selects the head and the room.
    noise_seed : int
        Selects the stretch of time.
    mains_hz : float
        Frequency of the mains.
    """

    def __init__(
        self, sensors: tuple[Sensor, ...], sfreq: float, head_seed: int, noise_seed: int, mains_hz: float = 50.0
    ) -> None:
        place = np.random.default_rng(np.random.SeedSequence([head_seed, 0xB6]))
        streams = np.random.default_rng(np.random.SeedSequence([head_seed, noise_seed, 0xB7])).spawn(8)
        parts = [
            _cortex(sensors, sfreq, place, streams[0]),
            _alpha(sensors, sfreq, place, streams[1]),
            _beta(sensors, sfreq, place, streams[2]),
            _eyes(sensors, sfreq, streams[3]),
            _heart(sensors, sfreq, place, streams[4]),
            _drift(sensors, sfreq, place, streams[5]),
            _mains(sensors, sfreq, place, mains_hz),
        ]
        self._processes = [process for process, _ in parts]
        self._patterns = np.concatenate([pattern for _, pattern in parts]).astype(np.float32)
        spread = place.lognormal(0.0, 0.12, len(sensors))
        white = np.array([WHITE[sensor.kind] for sensor in sensors]) * spread * np.sqrt(sfreq / 2)
        self._white = white.astype(np.float32)
        self._rng = streams[7]
        self._rest = np.empty((0, len(sensors)), np.float32)

    def take(self, n: int) -> np.ndarray:
        """Return the next samples.

        They are made in frames of one size, so that any cut gives the same numbers.

        Parameters
        ----------
        n : int
            Number of samples.

        Returns
        -------
        ndarray of float32, shape (sample, sensor)
            T, or T/m for planar gradiometers.
        """
        pieces, have = [self._rest], len(self._rest)
        while have < n:
            pieces.append(self._frame())
            have += FRAME
        whole = np.concatenate(pieces) if len(pieces) > 1 else pieces[0]
        self._rest = whole[n:].copy()
        return whole[:n]

    def _frame(self) -> np.ndarray:
        courses = np.concatenate([process.take(FRAME) for process in self._processes])
        frame = courses.T @ self._patterns
        frame += self._rng.standard_normal(frame.shape, np.float32) * self._white
        return frame


ProcessAndPattern = tuple[NoiseProcess, np.ndarray]
"""Sources, and what each sensor measures of each of them: (source, sensor)."""


def _cortex(
    sensors: tuple[Sensor, ...], sfreq: float, place: np.random.Generator, rng: np.random.Generator
) -> ProcessAndPattern:
    positions, moments = dipoles(N_CORTEX, (), 0.0, place)
    strength = CORTEX_AM * place.lognormal(0.0, 0.4, N_CORTEX)
    # Power falls slowly up to 15 Hz and steeply above, as in recordings at rest.
    sections = np.concatenate([coloured_filter(0.8, 0.1, 15.0, sfreq), coloured_filter(1.8, 15.0, 100.0, sfreq)])
    return FilteredNoise(sections, strength, 1.0, sfreq, rng), lead_field(sensors, positions, moments)


def _alpha(
    sensors: tuple[Sensor, ...], sfreq: float, place: np.random.Generator, rng: np.random.Generator
) -> ProcessAndPattern:
    positions, moments = dipoles(10, ("occipital", "parietal"), 0.25, place)
    centres = place.normal(10.0, 0.6, 10)
    process = Rhythms(centres, 1.3, np.full(10, 0.9e-8), sfreq, rng)
    return process, lead_field(sensors, positions, moments)


def _beta(
    sensors: tuple[Sensor, ...], sfreq: float, place: np.random.Generator, rng: np.random.Generator
) -> ProcessAndPattern:
    positions, moments = dipoles(8, ("central left", "central right"), 0.15, place)
    process = Rhythms(place.uniform(16.0, 24.0, 8), 4.0, np.full(8, 2.0e-9), sfreq, rng)
    return process, lead_field(sensors, positions, moments)


def _blink(seconds: np.ndarray) -> np.ndarray:
    """The lid closes in 100 ms and opens in 200."""
    return np.where(seconds < 0.1, np.sin(np.pi * seconds / 0.2), np.cos(np.pi * (seconds - 0.1) / 0.4)) ** 2


def _eyes(sensors: tuple[Sensor, ...], sfreq: float, rng: np.random.Generator) -> ProcessAndPattern:
    """Blinks: as the lids pass, the dipoles of the two eyeballs seem to turn upwards."""
    positions = HEAD + np.array([[-0.03, 0.076, -0.012], [0.03, 0.076, -0.012]])
    moments = np.array([[0.0, 0.15, 1.0], [0.0, 0.15, 1.0]]) * 1.2e-7
    pattern = lead_field(sensors, positions, moments).sum(axis=0, keepdims=True)
    return Pulses(_blink, 0.3, 4.5, 2.0, sfreq, rng), pattern


def _beat(seconds: np.ndarray) -> np.ndarray:
    """Q, R, S and the long T wave of a heartbeat."""
    waves = ((-0.12, 0.06, 0.012), (1.0, 0.09, 0.014), (-0.25, 0.125, 0.016), (0.3, 0.34, 0.05))
    return np.sum([size * np.exp(-0.5 * ((seconds - at) / width) ** 2) for size, at, width in waves], axis=0)


def _heart(
    sensors: tuple[Sensor, ...], sfreq: float, place: np.random.Generator, rng: np.random.Generator
) -> ProcessAndPattern:
    """The heart, half a metre below the helmet, as a uniform field with its gradients."""
    uniform, gradient = _far_patterns(1, 1.2e-13, 0.8e-12, place)
    return Pulses(_beat, 0.6, 0.95, 250.0, sfreq, rng), far_field(sensors, uniform, gradient)


def _drift(
    sensors: tuple[Sensor, ...], sfreq: float, place: np.random.Generator, rng: np.random.Generator
) -> ProcessAndPattern:
    """Lifts, cars and slow movements of the head: distant fields that drift over tens of seconds."""
    uniform, gradient = _far_patterns(6, 1.2e-13, 1.0e-12, place)
    sections = coloured_filter(2.0, 0.02, 30.0, sfreq)
    return FilteredNoise(sections, np.full(6, 1.0), 0.1, sfreq, rng), far_field(sensors, uniform, gradient)


def _mains(sensors: tuple[Sensor, ...], sfreq: float, place: np.random.Generator, hertz: float) -> ProcessAndPattern:
    sizes = np.array([1.0, 0.15, 0.35, 0.12])
    uniform, gradient = _far_patterns(8, 0.8e-13, 6.0e-13, place)  # drawn for all, used for those below Nyquist
    process = MainsHum(hertz, np.array([1.0, 2.0, 3.0, 5.0]), sizes, sfreq)
    return process, far_field(sensors, uniform, gradient)[: process.n_sources]


def _far_patterns(
    n: int, uniform_t: float, gradient_t_m: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """n random uniform fields (n, 3) and gradients (n, 3, 3), symmetric and traceless."""
    slope = rng.standard_normal((n, 3, 3))
    slope = (slope + slope.transpose(0, 2, 1)) / 2
    slope -= np.trace(slope, axis1=1, axis2=2)[:, None, None] / 3 * np.eye(3)
    return uniform_t * rng.standard_normal((n, 3)), gradient_t_m * slope
