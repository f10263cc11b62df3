"""Axes have round ticks."""

from __future__ import annotations

import numpy as np
import pytest

from rtalign_monitor.panels.axes import ticks


@pytest.mark.parametrize(("low", "high"), [(-0.2, 0.8), (0.0, 0.071), (-3.0, 900.0)])
def test_ticks_are_within_and_evenly_spaced(low: float, high: float) -> None:
    values = ticks(low, high, 6)
    assert 2 <= len(values) <= 8
    assert low - 1e-9 <= values[0] <= values[-1] <= high + 1e-9
    assert np.ptp(np.diff(values)) < 1e-9
