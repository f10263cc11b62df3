"""Temporal scores are found where they were planted, and noise does not make them."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import kstest, linregress
from scipy.stats import t as student

from rtalign.scoring.curves import Curves, LagScore
from rtalign.scoring.findings import assess, temporal_score
from rtalign.scoring.latency import RULES, latency
from rtalign.scoring.left_out import LeftOut
from tests.helpers.noise_maps import DEPTH, LAGS, SPREAD, left_out, noise

LAYERS = np.arange(3, 28, 3)
LADDER = np.linspace(0.18, 0.46, len(DEPTH))


def bumps(centres: np.ndarray) -> np.ndarray:
    return np.exp(-0.5 * ((LAGS - centres[:, None]) / 0.1) ** 2)


def world(rng: np.random.Generator, clean: np.ndarray | float = 0.0, draws: int = 100, share: float = 0.9) -> Curves:
    """A map with what judges it: clean plus noise, noise alone, and the map without blocks."""
    r = clean + noise(rng, share=share)
    return Curves(LAGS, LAYERS, DEPTH, r, noise(rng, draws, share=share), left_out(rng, r, share=share))


def test_a_planted_ladder_is_found() -> None:
    found = assess(world(np.random.default_rng(0), 0.3 * bumps(LADDER)))
    assert [peak.status for peak in found.peaks] == ["ok"] * len(DEPTH)
    np.testing.assert_allclose([peak.peak_s for peak in found.peaks], LADDER, atol=0.02)
    assert found.temporal.r > 0.98
    assert found.temporal.spearman > 0.95
    assert found.temporal.slope_ms == pytest.approx(280, abs=30)
    assert found.temporal.p_permutation < 0.1
    assert found.temporal.n_layers == len(DEPTH)
    assert set(found.estimators) == set(RULES)
    assert all(estimate.r > 0.95 for estimate in found.estimators.values())
    assert found.estimators["centroid"].slope_ms == found.temporal.slope_ms
    assert found.estimators["maximum"].ci_s == (None,) * len(DEPTH)


def test_r_p_and_slope_are_those_of_a_line_through_the_peaks() -> None:
    found = assess(world(np.random.default_rng(1), 0.1 * bumps(LADDER)))
    used = [i for i, peak in enumerate(found.peaks) if peak.peak_s is not None]
    line = linregress(DEPTH[used], [found.peaks[i].peak_s for i in used])
    assert found.temporal.r == pytest.approx(line.rvalue)
    assert found.temporal.p == pytest.approx(line.pvalue)
    assert found.temporal.slope_ms == pytest.approx(1e3 * line.slope * (DEPTH[-1] - DEPTH[0]))


def test_the_permutation_p_counts_null_draws_as_a_loop_does() -> None:
    curves = world(np.random.default_rng(2), 0.05 * bumps(np.full(len(DEPTH), 0.3)), share=0.5)
    used = np.arange(len(DEPTH)) != 4
    found = temporal_score(curves, used)
    at_lags = abs(np.corrcoef(DEPTH[used], RULES["centroid"](LAGS, curves.r[used]))[0, 1])
    count = sum(
        abs(np.corrcoef(DEPTH[used], [RULES["centroid"](LAGS, draw[i]) for i in np.flatnonzero(used)])[0, 1]) >= at_lags
        for draw in curves.null
    )
    assert found.p_permutation == (1 + count) / (1 + len(curves.null))


def test_the_interval_of_r_is_a_jackknife_on_fisher_s_scale() -> None:
    curves = world(np.random.default_rng(2), 0.05 * bumps(LADDER))
    used = np.ones(len(DEPTH), bool)
    found = temporal_score(curves, used)
    z = [np.arctanh(np.corrcoef(DEPTH, latency("centroid", LAGS, one))[0, 1]) for one in curves.left_out.curves]
    error = np.sqrt(19 / 20 * np.sum((np.array(z) - np.arctanh(found.r)) ** 2))
    low, high = np.tanh(np.arctanh(found.r) + student.ppf([0.025, 0.975], 19) * error)
    assert found.ci == pytest.approx((low, high))


def test_noise_shows_no_temporal_score_and_its_permutation_p_is_uniform() -> None:
    rng = np.random.default_rng(13)
    peaks, shown, permutation, parametric = [], 0, [], []
    for _ in range(200):
        curves = world(rng)
        found, forced = assess(curves), assess(curves, refuse=False).temporal
        peaks += [peak.status == "ok" for peak in found.peaks]
        shown += found.temporal is not None
        permutation.append(forced.p_permutation)
        parametric.append(forced.p)
    assert np.mean(peaks) <= 0.01
    assert shown <= 1
    assert kstest(permutation, "uniform").pvalue > 0.01
    assert np.mean(np.array(permutation) <= 0.05) <= 0.09
    # Layers are not independent samples: the plain test sees something in nothing far too often.
    assert np.mean(np.array(parametric) <= 0.05) > 0.15


@pytest.mark.parametrize("level", [8, 20])
def test_slope_intervals_hold_the_true_slope(level: int) -> None:
    rng = np.random.default_rng(4)
    clean = SPREAD * level * bumps(LADDER)
    true = 1e3 * linregress(DEPTH, latency("centroid", LAGS, clean)).slope * (DEPTH[-1] - DEPTH[0])
    intervals = [assess(world(rng, clean)).temporal.slope_ci_ms for _ in range(50)]
    assert np.mean([low <= true <= high for low, high in intervals]) >= 0.88


def test_a_temporal_score_needs_more_than_half_of_the_layers() -> None:
    clean = 0.3 * bumps(LADDER)
    clean[4:] = 0
    found = assess(world(np.random.default_rng(5), clean))
    assert found.temporal is None
    assert found.reason == "4 of 9 layers have a peak; a temporal score needs 5"
    assert found.estimators == {}
    assert all(peak.peak_s is None for peak in found.peaks[4:])


def test_peaks_of_neighbours_say_nothing_of_the_layers_beyond() -> None:
    """Of a ladder that bends, the lower layers alone would tell half of the rise."""
    bent = 0.2 + 0.2 * np.linspace(0, 1, len(DEPTH)) ** 2
    clean = 0.3 * bumps(bent)
    whole = assess(world(np.random.default_rng(9), clean)).temporal
    clean[5:] = 0
    part = assess(world(np.random.default_rng(9), clean))
    assert [peak.peak_s is not None for peak in part.peaks] == [True] * 5 + [False] * 4
    assert temporal_score(part.curves, np.arange(9) < 5).slope_ms < 0.6 * whole.slope_ms
    assert part.temporal is None
    assert part.reason == "the layers with a peak span 50% of the depth; a temporal score needs 75%"


def test_two_layers_are_too_few() -> None:
    whole = world(np.random.default_rng(6), 0.3 * bumps(LADDER))
    without = LeftOut.of(whole.left_out.curves[:, :2], [1] * 20)
    two = Curves(LAGS, LAYERS[:2], DEPTH[:2], whole.r[:2], whole.null[:, :2], without)
    assert assess(two).reason == "2 of 2 layers have a peak; a temporal score needs 3"


def test_peaks_at_one_lag_have_no_temporal_score() -> None:
    rng = np.random.default_rng(7)
    r = np.tile(bumps(np.array([0.3])), (len(DEPTH), 1))
    found = assess(Curves(LAGS, LAYERS, DEPTH, r, noise(rng, 50), LeftOut.of(np.repeat(r[None], 20, 0), [1] * 20)))
    assert found.temporal is None
    assert "same lag" in found.reason
    assert [peak.peak_s for peak in found.peaks] == pytest.approx([0.3] * len(DEPTH))


def test_the_alignment_score_is_the_best_layer_at_its_best_lag() -> None:
    clean = 0.3 * bumps(LADDER)
    clean[5] *= 1.5
    curves = world(np.random.default_rng(8), clean)
    found = assess(curves).alignment
    assert found.best == curves.r.max()
    assert found.best_layer == LAYERS[5]
    assert found.mean_of_max == pytest.approx(np.mean([row.max() for row in curves.r]))


def test_lag_scores_stack_into_curves_in_order() -> None:
    rng = np.random.default_rng(9)
    scores = [LagScore(*(rng.standard_normal(s) for s in ((2,), (5, 2), (7, 2), (6, 2), (6, 2)))) for _ in range(4)]
    curves = Curves.of(np.arange(4) / 10, [5, 10], 11, scores, [30] * 6)
    np.testing.assert_array_equal(curves.depth, [0.5, 1.0])
    assert (curves.r.shape, curves.null.shape, curves.left_out.curves.shape) == ((2, 4), (7, 2, 4), (6, 2, 4))
    np.testing.assert_array_equal(curves.null[:, :, 3], scores[3].null)
    assert curves.r_fold is not None
    np.testing.assert_array_equal(curves.r_fold[:, :, 1], scores[1].r_fold)
    assert curves.r_block is not None
    np.testing.assert_array_equal(curves.r_block[:, :, 2], scores[2].r_block)


@pytest.mark.parametrize("draws", [60, 250])
def test_the_floor_of_p_is_that_of_its_draws(draws: int) -> None:
    score = assess(world(np.random.default_rng(0), 0.3 * bumps(LADDER), draws)).temporal
    assert score is not None
    assert score.p_floor == 1 / (1 + draws)
    assert score.p_permutation >= score.p_floor
