"""Faults of single sensors are found beside the others of their kind; good sensors are left in peace."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from rtalign.core.records import Chunk, Sensor
from rtalign.signal.sensor_check import N_GOOD, SensorCheck

SFREQ, N = 600.0, 40
SENSORS = [Sensor(f"MLC{i}", "axial", (0.0, 0.0, 0.1), (0.0, 0.0, 1.0)) for i in range(N)]


def noise(seconds: int, seed: int = 0) -> np.ndarray:
    """(sample, sensor): white noise of 6 fT/rHz, give or take, on 60 fT of alpha, with 20 fT of line noise."""
    rng = np.random.default_rng(seed)
    t = np.arange(round(seconds * SFREQ))[:, None] / SFREQ
    level = 6e-15 * np.sqrt(SFREQ / 2) * np.exp(0.2 * rng.standard_normal(N))
    alpha = 60e-15 * np.cos(2 * np.pi * 10 * t + rng.uniform(0, 6, N))
    line = 20e-15 * np.exp(0.3 * rng.standard_normal(N)) * np.cos(2 * np.pi * 50 * t)
    return level * rng.standard_normal((len(t), N)) + alpha + line


def faults(x: np.ndarray, size: int = 500) -> dict[str, str]:
    check = SensorCheck(SENSORS, SFREQ)
    for first in range(0, len(x), size):
        check.push(Chunk(x[first : first + size], first / SFREQ, SFREQ))
    return {state.name: state.fault for state in check.states if state.fault}


def flat(x: np.ndarray) -> None:
    x[:, 3] = 4e-12


def noisy(x: np.ndarray) -> None:
    x[:, 3] += 40e-15 * np.sqrt(SFREQ / 2) * np.random.default_rng(9).standard_normal(len(x))


def quiet(x: np.ndarray) -> None:
    x[:, 3] *= 0.05


def jumping(x: np.ndarray) -> None:
    x[:, 3] += 2e-10 * (np.arange(len(x)) // round(1.3 * SFREQ) % 2)


def line(x: np.ndarray) -> None:
    x[:, 3] += 1e-12 * np.cos(2 * np.pi * 50 * np.arange(len(x)) / SFREQ)


def impossible(x: np.ndarray) -> None:
    x[::500, 3] = 1e300


def not_finite(x: np.ndarray) -> None:
    x[:, 3] = np.nan


@pytest.mark.parametrize(
    ("spoil", "fault"),
    [
        (flat, "flat"),
        (noisy, "noisy"),
        (quiet, "quiet"),
        (jumping, "jumping"),
        (line, "line noise"),
        (not_finite, "flat"),
        (impossible, "jumping"),
    ],
)
def test_each_fault_is_found_on_its_sensor_alone(spoil: Callable[[np.ndarray], None], fault: str) -> None:
    x = noise(12)
    assert faults(x) == {}
    spoil(x)
    assert faults(x) == {"MLC3": fault}


def test_cutting_differently_changes_nothing() -> None:
    x = noise(12)
    noisy(x)
    assert faults(x, 1) == faults(x, 7001) == faults(x)


def test_a_fault_must_last_and_its_end_must_last() -> None:
    x = noise(12 + N_GOOD)
    short = x.copy()
    noisy(short[: round(2 * SFREQ)])
    assert faults(short) == {}, "two seconds of a participant who moves are no fault"
    long = x.copy()
    noisy(long[: round(8 * SFREQ)])
    assert faults(long[: round((7 + N_GOOD) * SFREQ)]) == {"MLC3": "noisy"}
    assert faults(long) == {}


def test_kinds_are_compared_with_their_own() -> None:
    """Magnetometers and planar gradiometers have numbers of their own."""
    mixed = [Sensor(f"MEG {i}", "planar" if i % 2 else "mag", (0.0, 0.0, 0.1), (0.0, 0.0, 1.0)) for i in range(N)]
    x = noise(8)
    x[:, 1::2] *= 30
    check = SensorCheck(mixed, SFREQ)
    check.push(Chunk(x, 0.0, SFREQ))
    assert not [state for state in check.states if state.fault]
    usual = {state.kind: state.usual for state in check.states}
    assert usual["mag"] == pytest.approx(6, rel=0.2)  # fT/rHz
    assert usual["planar"] == pytest.approx(6 * 30 * 1e13 / 1e15, rel=0.2)


def test_a_number_that_is_told_is_the_noise_that_was_planted() -> None:
    x = noise(12)
    noisy(x)
    check = SensorCheck(SENSORS, SFREQ)
    check.push(Chunk(x, 0.0, SFREQ))
    assert check.states[3].density == pytest.approx(40, rel=0.15)
    assert check.states[3].text.startswith("MLC3 is noisy: 4")
