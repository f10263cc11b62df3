"""A peak is where the paper puts it, and is refused where there is none."""

from __future__ import annotations

import numpy as np
import pytest

from rtalign.scoring.curves import Curves
from rtalign.scoring.peaks import (
    centroid,
    find_peaks,
    interval,
    is_multimodal,
    judge,
    null_band,
    null_threshold,
    region,
    t_max,
)
from tests.helpers.noise_maps import DEPTH, LAGS, SPREAD, noise


def bump(centre: float | np.ndarray, width: float = 0.1) -> np.ndarray:
    return np.exp(-0.5 * ((LAGS - np.asarray(centre)[..., None]) / width) ** 2)


def as_curves(r: np.ndarray, boot: np.ndarray) -> Curves:
    layers = np.arange(len(r))
    return Curves(LAGS, layers, layers / max(len(r) - 1, 1), r, boot, boot)


def by_hand(lags: np.ndarray, r: np.ndarray, level: float) -> float:
    """Walk away from the maximum, one lag at a time."""
    first = last = int(np.argmax(r))
    while first > 0 and r[first - 1] >= level * r.max():
        first -= 1
    while last < len(r) - 1 and r[last + 1] >= level * r.max():
        last += 1
    return float(np.mean(lags[first : last + 1]))


@pytest.mark.parametrize("level", [0.95, 0.9, 0.98])
def test_t_max_is_the_mean_of_the_lags_a_walk_from_the_maximum_finds(level: float) -> None:
    rng = np.random.default_rng(0)
    curves = np.abs(noise(rng, 40, smooth=5)) + 0.05 * bump(0.3)
    uneven = np.sort(rng.uniform(-1, 1, len(LAGS)))
    found = t_max(uneven, curves, level)
    expected = [[by_hand(uneven, r, level) for r in layers] for layers in curves]
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_a_second_hump_as_high_does_not_pull_t_max() -> None:
    r = bump(0.1, 0.05) + 0.97 * bump(0.9, 0.05)
    assert t_max(LAGS, r) == pytest.approx(0.1)


def test_a_map_that_is_negative_everywhere_still_has_a_region_around_its_maximum() -> None:
    r = bump(0.3) - 2
    first, last = region(r)
    assert LAGS[first] < 0.3 < LAGS[last]
    assert t_max(LAGS, r) == pytest.approx(0.3)


def test_the_centroid_of_a_bump_is_its_centre_and_leans_with_it() -> None:
    assert centroid(LAGS, bump(0.31)) == pytest.approx(0.31, abs=2e-3)
    leaning = np.where(LAGS < 0.3, bump(0.3, 0.05), bump(0.3, 0.2))
    assert centroid(LAGS, leaning) > t_max(LAGS, leaning) > 0.3
    above = np.flatnonzero(leaning > 0.5)
    weights = leaning[above] - 0.5
    assert centroid(LAGS, leaning) == pytest.approx(np.average(LAGS[above], weights=weights))
    assert centroid(LAGS, np.minimum(0, -np.abs(LAGS - 0.3))) == pytest.approx(0.3)


@pytest.mark.parametrize(("smooth", "share"), [(1.0, 0.9), (3.0, 0.9), (8.0, 0.5)])
def test_noise_exceeds_the_threshold_at_most_as_often_as_stated(smooth: float, share: float) -> None:
    rng = np.random.default_rng(4)
    alarms = []
    for _ in range(30):
        draws = noise(rng, 300, smooth=smooth, share=share)
        alarms.append(draws[200:].max(-1) > null_threshold(draws[:200]))
    assert np.mean(alarms) < 0.01


def test_the_threshold_is_not_far_above_what_it_must_be() -> None:
    """Compared with the 99 % point of very many draws."""
    rng = np.random.default_rng(5)
    exact = np.quantile(noise(rng, 4000).max(-1), 0.99)
    found = np.mean([null_threshold(noise(rng, 200)).mean() for _ in range(10)])
    assert exact < found < 1.15 * exact


def test_the_band_holds_95_percent_of_fresh_noise() -> None:
    rng = np.random.default_rng(6)
    low, high = null_band(noise(rng, 200))
    fresh = noise(rng, 400)
    assert np.mean((fresh >= low) & (fresh <= high)) == pytest.approx(0.95, abs=0.01)


def test_refusals_come_in_order() -> None:
    rng = np.random.default_rng(7)
    boot = 1e-4 * rng.standard_normal((50, len(LAGS)))
    twin = np.maximum(bump(0.2, 0.05), bump(0.8, 0.05))
    rising = np.maximum(1.05 * bump(1.5), bump(0.2, 0.05))
    for r, expected in ((bump(0.3), "ok"), (twin, "multimodal"), (rising, "edge"), (bump(-0.46, 0.2), "edge")):
        assert judge(r, r + boot, threshold=0.5) == expected
        assert judge(r, r + boot, threshold=1.1) == "below null"


@pytest.mark.parametrize(("low", "expected"), [(0.92, False), (0.88, True)])
def test_a_shallow_dip_does_not_part_two_peaks_however_little_noise(low: float, expected: bool) -> None:
    r = np.interp(LAGS, [-0.5, 0.2, 0.4, 0.6, 1.5], [0, 1, low, 1, 0])
    boot = r + 1e-6 * np.random.default_rng(11).standard_normal((50, len(r)))
    assert is_multimodal(r, boot) is expected


def test_a_refused_peak_shows_neither_latency_nor_interval() -> None:
    rng = np.random.default_rng(8)
    r = np.stack([bump(0.3), 0.1 * bump(0.3)])
    boot = r + 1e-3 * rng.standard_normal((50, *r.shape))
    clear, weak = find_peaks(as_curves(r, boot), np.array([0.5, 0.5]))
    assert clear.status == "ok"
    assert clear.peak_s == pytest.approx(0.3)
    assert clear.ci_s[0] <= 0.3 <= clear.ci_s[1]
    assert (weak.status, weak.peak_s, weak.ci_s) == ("below null", None, None)
    assert weak.argmax_s == pytest.approx(0.3)
    forced = find_peaks(as_curves(r, boot), np.array([0.5, 0.5]), refuse=False)[1]
    assert forced.peak_s == pytest.approx(0.3)


@pytest.mark.parametrize("shape", ["narrow", "broad", "flat top"])
def test_one_noisy_peak_is_rarely_taken_for_two(shape: str) -> None:
    flat = 1 / (1 + np.exp(-(LAGS - 0.1) / 0.03)) / (1 + np.exp((LAGS - 0.8) / 0.03))
    clean = {"narrow": bump(0.4, 0.06), "broad": bump(0.4, 0.3), "flat top": flat}[shape]
    flagged = share_flagged(clean, (5, 10, 20, 50))
    assert max(flagged) <= 0.02


def test_two_equal_peaks_are_told_from_one_where_the_noise_permits() -> None:
    flagged = share_flagged(np.maximum(bump(0.2, 0.08), bump(0.8, 0.08)), (5, 10, 20, 50))
    assert flagged == sorted(flagged)
    assert flagged[1] > 0.7
    assert flagged[3] > 0.95


def test_a_clearly_smaller_second_peak_is_no_rival() -> None:
    assert max(share_flagged(np.maximum(bump(0.2, 0.08), 0.7 * bump(0.8, 0.08)), (30, 50))) < 0.01


def share_flagged(clean: np.ndarray, signal_to_noise: tuple[int, ...]) -> list[float]:
    """Of noisy curves of this shape, those with two peaks found."""
    rng = np.random.default_rng(9)
    shares = []
    for level in signal_to_noise:
        flags = []
        for _ in range(20):
            r = SPREAD * level * clean + noise(rng)
            boot = r + noise(rng, 100)
            flags += [is_multimodal(r[i], boot[:, i]) for i in range(len(DEPTH))]
        shares.append(float(np.mean(flags)))
    return shares


@pytest.mark.parametrize("signal_to_noise", [8, 20])
def test_intervals_hold_the_true_latency(signal_to_noise: int) -> None:
    rng = np.random.default_rng(10)
    clean = SPREAD * signal_to_noise * bump(np.linspace(0.2, 0.48, len(DEPTH)), 0.12)
    truth, held, widths = t_max(LAGS, clean), [], []
    for _ in range(30):
        r = clean + noise(rng)
        peaks = find_peaks(as_curves(r, r + noise(rng, 100)), np.zeros(len(DEPTH)))
        for peak, true in zip(peaks, truth, strict=True):
            if peak.ci_s is not None:
                held.append(peak.ci_s[0] - 1e-9 <= true <= peak.ci_s[1] + 1e-9)
                widths.append(peak.ci_s[1] - peak.ci_s[0])
    assert np.mean(held) > 0.92
    assert np.median(widths) < 0.8 / signal_to_noise


def test_an_interval_holds_its_estimate_and_is_otherwise_the_middle_of_the_draws() -> None:
    draws = np.arange(1001.0)
    assert interval(draws, 500) == (25, 975)
    assert interval(draws, 990) == (25, 990)
