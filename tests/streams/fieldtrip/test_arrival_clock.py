"""Samples without stamps are dated by when they came: smoothly, near the truth, whatever the transfer does."""

from __future__ import annotations

import numpy as np
import pytest

from rtalign.streams.fieldtrip.arrival_clock import ArrivalClock
from rtalign.streams.live.sample_clock import SampleClock

SFREQ, BLOCK = 1200.0, 80


def came(n_blocks: int, ppm: float = 0.0, seed: int = 0) -> np.ndarray:
    """When blocks arrive: half a millisecond after their last sample, some much later (p99 22 ms)."""
    rng = np.random.default_rng(seed)
    true = np.arange(1, n_blocks + 1) * BLOCK / (SFREQ * (1 + ppm * 1e-6))
    late = 5e-4 * rng.exponential(1.0, n_blocks) + np.where(
        rng.random(n_blocks) < 0.03, rng.uniform(0, 0.04, n_blocks), 0
    )
    return 500.0 + np.maximum.accumulate(true + late)


def dates(arrivals: np.ndarray) -> tuple[np.ndarray, ArrivalClock]:
    """(sample,) dates of the samples as they were handed out."""
    clock, out, waiting = ArrivalClock(SFREQ), [], 0
    for block, time in enumerate(arrivals.tolist(), start=1):
        clock.add(block * BLOCK, time)
        if clock.ready:
            out += [clock.date(k * BLOCK, BLOCK) for k in range(waiting, block)]
            waiting = block
    return np.concatenate(out), clock


@pytest.mark.parametrize("ppm", [-100, 0, 100])
def test_dates_are_near_the_truth(ppm: float) -> None:
    found, clock = dates(came(4000, ppm))
    true = 500.0 + np.arange(len(found)) / (SFREQ * (1 + ppm * 1e-6))
    errors = np.abs(found - true)
    assert np.median(errors) < 1e-3
    assert np.quantile(errors, 0.99) < 5e-3
    assert 1e-4 < clock.uncertainty_s < 0.01


def test_dates_go_on_without_a_jump() -> None:
    """A sample clock behind them sees neither gaps nor samples that come twice."""
    found, _ = dates(came(3000, 50))
    assert np.abs(np.diff(found) - 1 / SFREQ).max() < 1e-6
    clock = SampleClock(SFREQ)
    for block in np.split(found, 3000):
        clock.push(block)
    assert (clock.n_gaps, clock.n_repeated) == (0, 0)


@pytest.mark.parametrize("stall_s", [0.3, 1.5, 4.0])
def test_a_stall_moves_nothing(stall_s: float) -> None:
    arrivals = came(3000)
    for begin in (530.0, 590.0):
        held = (arrivals >= begin) & (arrivals < begin + stall_s)
        arrivals[held] = begin + stall_s + 1e-4 * np.arange(held.sum())
    found, _ = dates(np.maximum.accumulate(arrivals))
    assert np.abs(found - 500.0 - np.arange(len(found)) / SFREQ)[12_000:].max() < 3e-3


def test_a_pause_of_the_sender_is_followed() -> None:
    """The sender stops for 20 s without counting: after a few seconds its samples are dated rightly again."""
    arrivals = came(3000)
    arrivals[1000:] += 20.0
    found, _ = dates(arrivals)
    true = 500.0 + np.arange(len(found)) / SFREQ
    true[1000 * BLOCK :] += 20.0
    settled = (1000 + 4 * 15) * BLOCK
    assert np.abs(found - true)[settled:].max() < 5e-3
    assert np.abs(found - true)[12_000 : 1000 * BLOCK].max() < 3e-3


def test_cutting_differently_changes_nothing() -> None:
    clocks = ArrivalClock(SFREQ), ArrivalClock(SFREQ)
    for block, time in enumerate(came(400).tolist(), start=1):
        for clock in clocks:
            clock.add(block * BLOCK, time)
    whole = clocks[0].date(0, 1600)
    parts = np.concatenate([clocks[1].date(k, 400) for k in range(0, 1600, 400)])
    np.testing.assert_allclose(parts, whole, atol=1e-4)
