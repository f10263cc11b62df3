"""Two banks side by side: their difference, and what of them cannot be compared."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from rtalign_monitor.engines.two_banks import (
    SecondBank,
    map_snapshot,
    mismatches,
    peak_differences,
    shared_correlations,
)
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
    by = peak_differences(a.peaks, b.peaks)
    peaks = [{rung.layer: rung.peak_s for rung in seen.peaks} for seen in (a, b)]
    assert by
    for layer, value in by.items():
        assert value.ms == pytest.approx(1000 * (peaks[0][layer] - peaks[1][layer]))  # type: ignore[operator]
    assert 3 not in by


def test_the_interval_of_a_difference_covers_it_as_often_as_it_says() -> None:
    """Drawn from independent errors of other sizes on each side of the peak."""
    rng, (a, b) = np.random.default_rng(5), two_snapshots()
    first, second = a.peaks[5], b.peaks[5]
    held, n = 0, 2000
    for _ in range(n):
        x, y = 0.30 + 0.02 * rng.normal(), 0.25 + 0.03 * rng.normal()
        p = dataclasses.replace(first, peak_s=x, ci_s=(x - 0.0392, x + 0.0392))
        q = dataclasses.replace(second, peak_s=y, ci_s=(y - 0.0588, y + 0.0588))
        (difference,) = peak_differences([p], [q]).values()
        assert difference.ci_ms is not None
        held += difference.ci_ms[0] <= 50 <= difference.ci_ms[1]
    assert 0.935 < held / n < 0.965


def test_two_banks_are_correlated_over_the_layers_that_both_have() -> None:
    """Outlying layers of one bank alone do not enter."""
    a, b = two_snapshots(9, 9)
    outlier = dataclasses.replace(a.peaks[8], peak_s=-0.1)
    without = dataclasses.replace(b.peaks[8], peak_s=None, status="edge")
    n, r_a, r_b = shared_correlations((*a.peaks[:8], outlier), (*b.peaks[:8], without))
    used = [i for i in range(8) if i != 3]
    expected = [np.corrcoef(used, [peaks[i].peak_s for i in used])[0, 1] for peaks in (a.peaks, b.peaks)]
    assert n == len(used)
    assert [r_a, r_b] == pytest.approx(expected)
