"""A peak is refused where there is none, and its interval holds the truth."""

from __future__ import annotations

import numpy as np
import pytest

from rtalign.scoring.curves import Curves
from rtalign.scoring.latency import latency
from rtalign.scoring.left_out import LeftOut
from rtalign.scoring.peaks import find_peaks, is_flat, is_multimodal, judge
from tests.helpers.noise_maps import DEPTH, LAGS, SPREAD, left_out, noise


def bump(centre: float | np.ndarray, width: float = 0.1) -> np.ndarray:
    return np.exp(-0.5 * ((LAGS - np.asarray(centre)[..., None]) / width) ** 2)


def as_curves(r: np.ndarray, without: LeftOut) -> Curves:
    layers = np.arange(len(r))
    null = noise(np.random.default_rng(0), 30)[:, : len(r)]
    return Curves(LAGS, layers, layers / max(len(r) - 1, 1), r, null, without)


def one(r: np.ndarray, size: float, seed: int = 7) -> Curves:
    """A single curve whose blocks change it by so much."""
    rng = np.random.default_rng(seed)
    return as_curves(r[None], LeftOut.of(r + size * rng.standard_normal((20, 1, len(r))), [1] * 20))


def test_refusals_come_in_order() -> None:
    twin = np.maximum(bump(0.2, 0.05), bump(0.8, 0.05))
    rising = np.maximum(1.05 * bump(1.5), bump(0.2, 0.05))
    for r, expected in ((bump(0.3), "ok"), (twin, "multimodal"), (rising, "edge"), (bump(-0.46, 0.2), "edge")):
        assert judge(one(r, 1e-5), 0, threshold=0.5) == expected
        assert judge(one(r, 1e-5), 0, threshold=1.1) == "below null"


@pytest.mark.parametrize(("low", "expected"), [(0.92, False), (0.88, True)])
def test_a_shallow_dip_does_not_part_two_peaks_however_little_noise(low: float, expected: bool) -> None:
    r = np.interp(LAGS, [-0.5, 0.2, 0.4, 0.6, 1.5], [0, 1, low, 1, 0])
    assert is_multimodal(one(r, 1e-7), 0) is expected


def test_a_raised_curve_without_an_answer_is_flat_and_a_weak_answer_is_not() -> None:
    """Noise about a level, 270 curves; answers that just pass what a layer's maximum must."""
    rng = np.random.default_rng(12)
    flat, weak = [], []
    for _ in range(30):
        for clean, flags in ((0.05, flat), (SPREAD * 5 * bump(0.3, 0.12), weak)):
            r = clean + noise(rng)
            curves = as_curves(r, left_out(rng, r))
            flags += [is_flat(curves, row) for row in range(len(DEPTH))]
    assert np.mean(flat) > 0.9
    assert np.mean(weak) < 0.1


def test_a_refused_peak_shows_neither_latency_nor_interval() -> None:
    rng = np.random.default_rng(8)
    r = np.stack([bump(0.3), 0.1 * bump(0.3)])
    curves = as_curves(r, LeftOut.of(r + 1e-4 * rng.standard_normal((20, *r.shape)), [1] * 20))
    clear, weak = find_peaks(curves, np.array([0.5, 0.5]))
    assert clear.status == "ok"
    assert clear.peak_s == pytest.approx(0.3)
    assert clear.ci_s[0] <= 0.3 <= clear.ci_s[1]
    assert (weak.status, weak.peak_s, weak.ci_s) == ("below null", None, None)
    assert weak.argmax_s == pytest.approx(0.3)
    forced = find_peaks(curves, np.array([0.5, 0.5]), refuse=False)[1]
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
            curves = as_curves(r, left_out(rng, r))
            flags += [is_multimodal(curves, i) for i in range(len(DEPTH))]
        shares.append(float(np.mean(flags)))
    return shares


@pytest.mark.parametrize("signal_to_noise", [8, 20])
def test_intervals_hold_the_true_latency(signal_to_noise: int) -> None:
    rng = np.random.default_rng(10)
    clean = SPREAD * signal_to_noise * bump(np.linspace(0.2, 0.48, len(DEPTH)), 0.12)
    truth, held, widths = latency("centroid", LAGS, clean), [], []
    for _ in range(30):
        r = clean + noise(rng)
        peaks = find_peaks(as_curves(r, left_out(rng, r)), np.zeros(len(DEPTH)))
        for peak, true in zip(peaks, truth, strict=True):
            if peak.ci_s is not None:
                held.append(peak.ci_s[0] - 1e-9 <= true <= peak.ci_s[1] + 1e-9)
                widths.append(peak.ci_s[1] - peak.ci_s[0])
    assert np.mean(held) > 0.92
    assert np.median(widths) < 0.8 / signal_to_noise


def test_a_rule_whose_error_is_not_known_has_no_interval() -> None:
    r = np.stack([bump(0.3)])
    curves = one(r[0], 1e-4)
    (found,) = find_peaks(curves, np.array([0.5]), rule="published")
    assert found.peak_s == pytest.approx(0.3)
    assert found.ci_s is None
    assert found.r_ci[0] < found.peak_r < found.r_ci[1]
