"""The envelope holds the extremes of every column, however the signal is cut, and leaves gaps empty."""

from __future__ import annotations

import numpy as np
import pytest

from rtalign.core.records import Chunk, Sensor
from rtalign.signal.envelope import SPAN_S, Envelope

SENSORS = [Sensor(f"M{i}", "axial", (0.0, 0.0, 0.1), (0.0, 0.0, 1.0)) for i in range(3)]
SFREQ = 600.0


def signal(n: int) -> np.ndarray:
    return 1e-13 * np.random.default_rng(0).standard_normal((n, 3)) + 5e-9


def envelope(x: np.ndarray, size: int) -> Envelope:
    made = Envelope(SENSORS, SFREQ)
    for first in range(0, len(x), size):
        made.push(Chunk(x[first : first + size], 7.0 + first / SFREQ, SFREQ))
    return made


@pytest.mark.parametrize("size", [1, 7, 100, 9000])
def test_cutting_differently_changes_nothing(size: int) -> None:
    x = signal(7205)
    start, low, high = envelope(x, size).newest()
    assert start == pytest.approx(7.0 + (7200 - SPAN_S * SFREQ) / SFREQ)
    shown = x[7200 - int(SPAN_S * SFREQ) : 7200].reshape(360, 10, 3) * 1e15
    middle = np.median(((shown.min(1) + shown.max(1)) / 2)[::6], axis=0)
    assert np.allclose(low, shown.min(1) - middle, atol=0.01)
    assert np.allclose(high, shown.max(1) - middle, atol=0.01)


def test_missing_samples_leave_their_columns_empty_and_the_clock_right() -> None:
    x, made = signal(1800), Envelope(SENSORS, SFREQ)
    made.push(Chunk(x[:605], 0.0, SFREQ))
    made.push(Chunk(x[1205:], 1205 / SFREQ, SFREQ))
    start, low, _ = made.newest()
    times = start + np.arange(len(low)) * made.column_s
    empty = times[np.isnan(low).all(axis=1)]
    assert empty[0] == pytest.approx(1.0, abs=0.04)
    assert empty[-1] == pytest.approx(2.0, abs=0.04)
    assert len(empty) == pytest.approx(60, abs=2)


def test_a_sensor_without_numbers_spoils_no_other() -> None:
    x = signal(1200)
    x[:, 1] = np.nan
    _, low, _ = envelope(x, 50).newest()
    assert np.isfinite(low[:, [0, 2]]).all()
    assert np.isnan(low[:, 1]).all()
