"""The offset between two clocks, from noisy measurements."""

from __future__ import annotations

import numpy as np
import pytest

from rtalign.streams.live.clock_offset import ClockOffset


def test_a_steady_drift_is_followed_between_measurements() -> None:
    """Independent route: the drift itself."""
    rng = np.random.default_rng(3)
    offset = ClockOffset()
    for time in np.arange(0.0, 300.0, 5.0):
        offset.push(time, 10 + 50e-6 * time + rng.normal(0, 1e-4), 1e-4)
    assert offset.at(304.0) == pytest.approx(10 + 50e-6 * 304, abs=1.5e-4)


def test_a_jump_is_accepted_at_the_second_measurement() -> None:
    offset = ClockOffset()
    assert [offset.push(float(t), 0.0, 1e-4) for t in range(5)] == [False] * 5
    assert not offset.push(5.0, 3.0, 1e-4)
    assert offset.at(5.0) == 0.0
    assert offset.push(6.0, 3.0, 1e-4)
    assert offset.at(6.0) == 3.0
