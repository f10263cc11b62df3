"""Sensors that give nothing usable for seconds are left out, named, and come back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtalign.core.records import Chunk, Sensor
from rtalign.signal.sensor_watch import SensorWatch

SFREQ = 100.0
SENSORS = tuple(Sensor(f"M{i}", "mag", (0, 0, 0.1), (0, 0, 1)) for i in range(10))


def noise(seconds: float) -> np.ndarray:
    return 1e-13 * np.random.default_rng(0).standard_normal((int(seconds * SFREQ), len(SENSORS)))


def watched(x: np.ndarray, sizes: list[int]) -> tuple[np.ndarray, SensorWatch, list[str]]:
    watch, out, at, turn = SensorWatch(SENSORS, SFREQ), [], 0, 0
    while at < len(x):
        n = sizes[turn % len(sizes)]
        out.append(watch.push(Chunk(x[at : at + n], at / SFREQ, SFREQ)).data)
        at, turn = at + n, turn + 1
    return np.concatenate(out), watch, watch.take_lines()


@pytest.mark.parametrize("value", [np.nan, -np.inf, 1e30])
def test_a_sensor_without_usable_values_is_left_out_and_comes_back(value: float) -> None:
    x = noise(60)
    x[1000:3000, 3] = value
    out, watch, lines = watched(x, [7])
    changed = np.flatnonzero(((out != x) & ~(np.isnan(out) & np.isnan(x))).any(axis=1))
    assert (changed[0], changed[-1]) == (1200, 3999)
    np.testing.assert_array_equal(out[1200:4000, 3], 0)
    np.testing.assert_array_equal(np.delete(out, 3, axis=1), np.delete(x, 3, axis=1))
    assert [line.split()[0] for line in lines] == ["M3", "M3:"]
    assert watch.left_out(5.0, 11.9).sum() == watch.left_out(41.0, 42.0).sum() == 0
    assert np.flatnonzero(watch.left_out(11.0, 13.0)).tolist() == [3]


def test_single_bad_values_leave_no_sensor_out() -> None:
    x = noise(60)
    x[::300, 3] = np.nan
    out, watch, lines = watched(x, [50])
    np.testing.assert_array_equal(out, x)
    assert not watch.out.any()
    assert lines == []


def test_where_most_sensors_are_gone_none_is_left_out() -> None:
    x = noise(20)
    x[500:, 2:] = np.nan
    out, _, (line,) = watched(x, [100])
    np.testing.assert_array_equal(out, x)
    assert "too many" in line


@settings(max_examples=15)
@given(sizes=st.lists(st.integers(1, 300), min_size=1, max_size=6))
def test_cutting_differently_changes_nothing(sizes: list[int]) -> None:
    x = noise(30)
    x[700:1500, 3], x[400:, 5] = np.nan, 0
    whole, cut = watched(x, [len(x)]), watched(x, sizes)
    np.testing.assert_array_equal(cut[0], whole[0])
    assert cut[2] == whole[2]
