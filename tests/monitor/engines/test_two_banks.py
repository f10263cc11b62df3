"""Two banks side by side: their difference, and what of them cannot be compared."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from rtalign_monitor.engines.two_banks import SecondBank, map_snapshot, mismatches, peak_differences_ms
from tests.helpers.snapshots import two_snapshots


def test_the_difference_is_a_minus_b_on_shared_layers() -> None:
    a, b = two_snapshots(9, 6)
    found = map_snapshot(a, SecondBank(b, ("one", "two")), "A − B")
    assert found.r is not None
    assert a.r is not None
    assert b.r is not None
    assert found.layers == a.layers
    assert np.array_equal(found.r[:6], a.r[:6] - b.r)
    assert np.isnan(found.r[6:]).all()
    assert found.null_hi is None
    assert map_snapshot(a, None, "A − B") is a
    assert map_snapshot(a, SecondBank(b, ("one", "two")), "A") is a


def test_mismatches_are_named() -> None:
    a, b = two_snapshots(9, 6)
    assert mismatches(a, a) == []
    assert mismatches(a, b) == ["6 layers are in both; 3 are in only one and are not compared"]
    assert b.lags_s is not None
    other = dataclasses.replace(b, layers=(40, 41), lags_s=b.lags_s[::2], model="gpt2")
    said = " ".join(mismatches(a, other))
    assert "models differ (smollm2 and gpt2)" in said
    assert "no layer in common" in said
    assert "(−200 to +800 ms by 10 and −200 to +800 ms by 20)" in said
    assert map_snapshot(a, SecondBank(other, ("one", "two")), "A − B").r is None


def test_peak_differences_are_a_minus_b() -> None:
    a, b = two_snapshots()
    by = peak_differences_ms(a.peaks, b.peaks)
    peaks = [{rung.layer: rung.peak_s for rung in seen.peaks} for seen in (a, b)]
    assert by
    for layer, value in by.items():
        assert value == pytest.approx(1000 * (peaks[0][layer] - peaks[1][layer]))  # type: ignore[operator]
    assert 3 not in by
