"""The fast scores equal loops that anybody can read."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from rtalign.core.recipe import FitRecipe
from rtalign.scoring.cross_validated import Draws, score
from rtalign.scoring.left_out import LeftOut

FIT = FitRecipe(null_draws=20, block_words=10)
N_LAYERS, COMPONENTS = 3, 4


def world(seed: int = 0, lengths: tuple[int, ...] = (97, 120, 61), dtype: type = np.float64):
    """Words of three folds, some purged between them; predictions that follow their targets a little."""
    rng = np.random.default_rng(seed)
    fold = np.concatenate([np.r_[np.full(n, k), [-1] * 3] for k, n in enumerate(lengths)])
    targets = rng.normal(5, 2, (len(fold), N_LAYERS * COMPONENTS))
    predicted = 0.3 * targets + rng.normal(-1, 1, targets.shape)
    return fold, predicted.astype(dtype), targets.astype(dtype)


def per_layer(r: np.ndarray) -> np.ndarray:
    return r.reshape(N_LAYERS, COMPONENTS).mean(1)


def correlations(p: np.ndarray, y: np.ndarray) -> np.ndarray:
    """(layer,), one np.corrcoef a dimension."""
    return per_layer(np.array([np.corrcoef(p[:, d], y[:, d])[0, 1] for d in range(p.shape[1])]))


def test_r_is_the_mean_of_one_pearson_r_per_fold_and_dimension() -> None:
    fold, predicted, targets = world()
    draws = Draws.plan(fold, N_LAYERS, FIT)
    found = score(draws, draws.split(predicted), draws.split(targets))
    expected = np.array([correlations(predicted[fold == k], targets[fold == k]) for k in range(3)])
    np.testing.assert_allclose(found.r_fold, expected, atol=1e-12)
    np.testing.assert_allclose(found.r, expected.mean(0), atol=1e-12)


@pytest.mark.parametrize("lengths", [(97, 120, 61), (128, 81, 75), (509, 22, 5)])
def test_a_null_draw_is_a_correlation_with_targets_rolled_round_the_fold(lengths: tuple[int, ...]) -> None:
    fold, predicted, targets = world(lengths=lengths)
    draws = Draws.plan(fold, N_LAYERS, FIT)
    found = score(draws, draws.split(predicted), draws.split(targets))
    for draw in range(FIT.null_draws):
        parts = []
        for k, drawn in enumerate(draws.folds):
            circle = np.flatnonzero(fold == k)[: drawn.n_circle]
            parts.append(correlations(predicted[circle], np.roll(targets[circle], -drawn.shifts[draw], axis=0)))
        np.testing.assert_allclose(found.null[draw], np.mean(parts, 0), atol=1e-12)


def test_r_without_a_block_is_a_correlation_over_the_other_words() -> None:
    fold, predicted, targets = world()
    draws = Draws.plan(fold, N_LAYERS, FIT)
    found = score(draws, draws.split(predicted), draws.split(targets))
    whole = [correlations(predicted[fold == k], targets[fold == k]) for k in range(3)]
    expected = []
    for k, drawn in enumerate(draws.folds):
        words = np.flatnonzero(fold == k)
        for rows in drawn.blocks:
            rest = np.delete(words, rows)
            parts = [*whole[:k], correlations(predicted[rest], targets[rest]), *whole[k + 1 :]]
            expected.append(np.mean(parts, axis=0))
    np.testing.assert_allclose(found.left_out, expected, atol=1e-12)
    assert sum(draws.block_words) == 97 + 120 + 61


def test_single_precision_loses_nothing_that_matters() -> None:
    fold, predicted, targets = world(lengths=(2000, 1500, 1700))
    draws = Draws.plan(fold, N_LAYERS, FIT)
    double = score(draws, draws.split(predicted), draws.split(targets))
    single = score(draws, *(draws.split(v.astype(np.float32)) for v in (predicted, targets)))
    for name in ("r", "r_fold", "null", "left_out"):
        np.testing.assert_allclose(getattr(single, name), getattr(double, name), atol=2e-6)


def test_scale_and_offset_of_predictions_do_not_matter() -> None:
    fold, predicted, targets = world()
    draws = Draws.plan(fold, N_LAYERS, FIT)
    plain = score(draws, draws.split(predicted), draws.split(targets))
    moved = score(draws, draws.split(1e-8 * predicted + 3e-6), draws.split(1e6 * targets - 1e7))
    for name in ("r", "null", "left_out"):
        np.testing.assert_allclose(getattr(moved, name), getattr(plain, name), atol=1e-9)


@pytest.mark.parametrize("value", [0.0, 0.1, 1e6])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_constant_predictions_score_zero_and_nothing_warns(value: float, dtype: type) -> None:
    fold, predicted, targets = world(dtype=dtype)
    predicted[:, :COMPONENTS] = value * (1 + np.finfo(dtype).eps * (np.arange(len(fold)) % 2)[:, None])
    targets[:, -1] = value
    draws = Draws.plan(fold, N_LAYERS, FIT)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = score(draws, draws.split(predicted), draws.split(targets))
    assert found.r[0] == 0
    assert not found.null[:, 0].any()
    assert not found.left_out[:, 0].any()
    assert np.isfinite(np.r_[found.r, found.null.ravel(), found.left_out.ravel()]).all()


def test_predictions_that_are_not_finite_are_named() -> None:
    fold, predicted, targets = world()
    predicted[fold == 1, 7] = np.nan
    draws = Draws.plan(fold, N_LAYERS, FIT)
    with pytest.raises(ValueError, match="column 7 hold NaN"):
        score(draws, draws.split(predicted), draws.split(targets))


def test_prepared_targets_serve_every_lag() -> None:
    fold, predicted, targets = world()
    draws = Draws.plan(fold, N_LAYERS, FIT)
    prepared = draws.prepare(draws.split(targets))
    first, again = (score(draws, draws.split(predicted), prepared) for _ in range(2))
    direct = score(draws, draws.split(predicted), draws.split(targets))
    for found in (again, direct):
        np.testing.assert_array_equal(first.null, found.null)
        np.testing.assert_array_equal(first.left_out, found.left_out)


def test_inputs_stay_as_they_were() -> None:
    fold, *given = world()
    draws = Draws.plan(fold, N_LAYERS, FIT)
    arrays = [draws.split(values) for values in given]
    score(draws, *arrays)
    for passed, values in zip(arrays, given, strict=True):
        for part, before in zip(passed, draws.split(values), strict=True):
            np.testing.assert_array_equal(part, before)


def test_the_memory_layout_of_predictions_does_not_matter() -> None:
    fold, predicted, targets = world()
    draws = Draws.plan(fold, N_LAYERS, FIT)
    rows = score(draws, draws.split(predicted), draws.split(targets))
    columns = score(draws, [np.asfortranarray(p) for p in draws.split(predicted)], draws.split(targets))
    np.testing.assert_allclose(columns.null, rows.null, atol=1e-13)


def test_shifts_keep_away_from_the_true_pairing() -> None:
    fit = FitRecipe(null_draws=5000)
    draws = Draws.plan(np.repeat([0, 1, 2], [1000, 200, 30]), N_LAYERS, fit)
    for drawn, near in zip(draws.folds, (50, 20, 10), strict=True):
        assert drawn.shifts.min() == near
        assert drawn.shifts.max() == drawn.n_circle - near


def test_blocks_cover_every_word_once_and_end_where_recordings_do() -> None:
    run = np.repeat([0, 1], [600, 634])
    (drawn,) = Draws.plan(np.zeros(1234, int), N_LAYERS, FitRecipe(block_words=60), run).folds
    assert np.array_equal(np.concatenate([np.arange(1234)[rows] for rows in drawn.blocks]), np.arange(1234))
    assert 600 in [rows.start for rows in drawn.blocks]
    assert len(drawn.blocks) == 20
    assert len(Draws.plan(np.zeros(90, int), N_LAYERS, FitRecipe()).block_words) == 5


def test_the_same_seed_draws_the_same_and_another_seed_does_not() -> None:
    fold = world()[0]
    first, again, other = (Draws.plan(fold, N_LAYERS, FitRecipe(seed=s)).folds[1] for s in (3, 3, 4))
    np.testing.assert_array_equal(first.shifts, again.shifts)
    assert (first.shifts != other.shifts).any()


def test_scattered_folds_are_scored_in_the_order_of_their_words() -> None:
    _, predicted, targets = world()
    fold = np.random.default_rng(1).integers(0, 3, len(predicted))
    draws = Draws.plan(fold, N_LAYERS, FIT)
    for k, drawn in enumerate(draws.folds):
        np.testing.assert_array_equal(drawn.words, np.flatnonzero(fold == k))
    assert np.isfinite(score(draws, draws.split(predicted), draws.split(targets)).null).all()


def test_null_draws_of_slow_noise_spread_as_fresh_pairings_do() -> None:
    """Autocorrelated words against autocorrelated predictions: the shifts must know that r then varies more."""
    rng = np.random.default_rng(2)
    kernel = np.exp(-np.arange(40) / 8)

    def slow(n_columns: int) -> np.ndarray:
        white = rng.standard_normal((1039, n_columns))
        return np.stack([np.convolve(column, kernel, "valid") for column in white.T], 1)

    draws = Draws.plan(np.zeros(1000, int), 1, FitRecipe(null_draws=200))
    targets = slow(1)
    fresh = np.array([np.corrcoef(slow(1)[:, 0], targets[:, 0])[0, 1] for _ in range(200)])
    shifted = np.mean([score(draws, [slow(1)], [targets]).null.std() for _ in range(10)])
    assert fresh.std() > 2 / np.sqrt(1000)
    assert shifted == pytest.approx(fresh.std(), rel=0.25)


def test_blocks_left_out_tell_the_spread_over_repeated_experiments() -> None:
    rng = np.random.default_rng(3)
    draws = Draws.plan(np.zeros(1500, int), 1, FitRecipe())
    found, errors = [], []
    for _ in range(100):
        targets = rng.standard_normal((1500, 5))
        one = score(draws, [0.2 * targets + rng.standard_normal((1500, 5))], [targets])
        found.append(one.r[0])
        errors.append(LeftOut.of(one.left_out[..., None], draws.block_words).error(one.r[0], one.left_out[:, 0]))
    assert np.sqrt(np.mean(np.square(errors))) == pytest.approx(np.std(found), rel=0.2)


def test_shapes_that_do_not_fit_are_named() -> None:
    fold, predicted, targets = world()
    draws = Draws.plan(fold, N_LAYERS, FIT)
    with pytest.raises(ValueError, match="2 arrays; the plan has 3 folds"):
        score(draws, draws.split(predicted)[:2], draws.split(targets))
    with pytest.raises(ValueError, match=r"fold 0 have the shape \(97, 11\).*multiple of 3 layers"):
        score(draws, draws.split(predicted[:, :11]), draws.split(targets))
    with pytest.raises(ValueError, match="fold 1 holds 0 words"):
        Draws.plan(np.array([0] * 9 + [2] * 9), N_LAYERS, FIT)
    with pytest.raises(ValueError, match="none of the words"):
        Draws.plan(np.full(9, -1), N_LAYERS, FIT)
