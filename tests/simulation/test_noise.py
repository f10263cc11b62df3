"""Noise processes: the same numbers however time is cut, and the spectrum that was asked for."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import welch

from rtalign.simulation.noise import FilteredNoise, MainsHum, Pulses, Rhythms, coloured_filter


def processes(seed: int) -> list[Any]:
    rng = np.random.default_rng(seed)
    return [
        FilteredNoise(coloured_filter(1.0, 0.5, 40.0, 100.0), np.ones(3), 1.0, 100.0, rng),
        Rhythms(np.array([9.0, 11.0]), 1.5, np.ones(2), 100.0, rng),
        Pulses(lambda t: np.ones_like(t), 0.3, 0.8, 3.0, 100.0, rng),
        MainsHum(20.0, np.array([1.0, 3.0]), np.ones(2), 100.0),
    ]


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(0, 150), min_size=1, max_size=8), st.integers(0, 99))
def test_cutting_noise_differently_changes_nothing(sizes: list[int], seed: int) -> None:
    for cut, whole in zip(processes(seed), processes(seed), strict=True):
        pieces = np.concatenate([cut.take(size) for size in sizes], axis=1)
        np.testing.assert_allclose(pieces, whole.take(sum(sizes)), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("sfreq", [200.0, 1000.0])
def test_coloured_noise_has_its_density_and_slope_at_any_rate(sfreq: float) -> None:
    noise = FilteredNoise(
        coloured_filter(1.2, 0.3, 80.0, sfreq), np.full(40, 3.0), 2.0, sfreq, np.random.default_rng(0)
    )
    hertz, power = welch(noise.take(int(60 * sfreq)), sfreq, nperseg=int(4 * sfreq))
    density = np.sqrt(power.mean(axis=0))
    at = {f: float(density[np.argmin(np.abs(hertz - f))]) for f in (2.0, 20.0)}
    assert at[2.0] == pytest.approx(3.0, rel=0.06)
    assert at[20.0] == pytest.approx(3.0 * 10**-0.6, rel=0.12)
