"""Ridge from moments is ridge from the data, as scikit-learn and a plain nested loop would have it."""

from __future__ import annotations

from functools import cache
from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.linear_model import Ridge

from rtalign.decoding import ridge
from rtalign.decoding.moments import Moments
from rtalign.decoding.penalties import EigenBasis, Shrinkage, try_held_out

ALPHAS = np.logspace(-4, 8, 13)
N_FOLDS = 5
WORDS = 260
fold_of = np.arange(WORDS) * N_FOLDS // WORDS


def brain(kind: str, rng: np.random.Generator) -> np.ndarray:
    X = rng.standard_normal((WORDS, 14)) @ rng.standard_normal((14, 14)) + 0.3 * rng.standard_normal((WORDS, 14))
    if kind == "offsets":
        return 1e-13 * X * np.logspace(0, -3, 14) + 1e-8 * rng.standard_normal(14)
    if kind == "mixed scales":
        return X * np.where(np.arange(14) % 2, 1e-13, 1.0)
    if kind == "rank-deficient":
        return np.column_stack([X, X[:, 0], X[:, 1] + 2 * X[:, 2], -3 * X[:, 3]])
    if kind == "constant sensors":
        return np.column_stack([np.full(WORDS, 0.1), X, np.zeros(WORDS), np.where(fold_of == 2, X[:, 0], 5.0)])
    return X


KINDS = ["plain", "offsets", "mixed scales", "rank-deficient", "constant sensors"]


def world(kind: str = "plain", seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """X, and Y with targets from unpredictable to nearly exact."""
    rng = np.random.default_rng(seed)
    X = brain(kind, rng)
    spread = X.std(0)
    Z = np.divide(X - X.mean(0), spread, out=np.zeros_like(X), where=spread > 0)
    signal = Z @ rng.standard_normal((X.shape[1], 8)) / 3
    return X, signal * np.logspace(-2, 0.5, 8) + rng.standard_normal((WORDS, 8)) + 100


def scaled(train: np.ndarray, *others: np.ndarray) -> list[np.ndarray]:
    """z-scored by the training words; a sensor that does not change in them is left out."""
    mean, spread = train.mean(0), train.std(0)
    spread[np.ptp(train, axis=0) == 0] = np.inf
    return [(X - mean) / spread for X in (train, *others)]


def predict(train_x, train_y, test_x, alpha) -> np.ndarray:
    a, b = scaled(train_x, test_x)
    return Ridge(alpha=alpha, solver="cholesky").fit(a, train_y).predict(b)


def best_alpha(X, Y, folds) -> np.ndarray:
    """(target,): each fold predicted from the others, errors pooled; the larger alpha wins a tie."""
    largest_first = ALPHAS[::-1]
    errors = np.zeros((len(ALPHAS), Y.shape[1]))
    for fold in np.unique(folds):
        train, test = folds != fold, folds == fold
        for i, alpha in enumerate(largest_first):
            errors[i] += ((predict(X[train], Y[train], X[test], alpha) - Y[test]) ** 2).sum(0)
    return largest_first[errors.argmin(0)]


def nested_loop(X, targets_of) -> SimpleNamespace:
    """The whole protocol from the data; targets_of(words) are the targets of a pipeline trained on those words."""
    r, alpha, predictions = [], [], []
    for k in range(N_FOLDS):
        train, test = fold_of != k, fold_of == k
        Y = targets_of(train)
        alpha.append(best_alpha(X[train], Y[train], fold_of[train]))
        predictions.append(predict(X[train], Y[train], X, alpha[-1]))
        pairs = zip(predictions[-1][test].T, Y[test].T, strict=True)
        r.append([np.corrcoef(p, y)[0, 1] for p, y in pairs])
    Y = targets_of(np.ones(len(X), bool))
    final_alpha = best_alpha(X, Y, fold_of)
    final = predict(X, Y, X, final_alpha)
    return SimpleNamespace(
        r=np.array(r),
        alpha=np.array(alpha),
        predictions=np.array(predictions),
        final_alpha=final_alpha,
        final_predictions=final,
    )


@cache
def truth_of(kind: str) -> SimpleNamespace:
    X, Y = world(kind)
    return nested_loop(X, lambda train: Y)


def summed(X, Y, dtype="float64", groups=None) -> list[Moments]:
    return [Moments.from_data(X[fold_of == k], Y[fold_of == k], dtype, groups) for k in range(N_FOLDS)]


def difference(found: ridge.RidgeFit, truth: SimpleNamespace, X, offset: bool = True) -> float:
    """Of predictions for all words, by fold decoders and the final one."""
    by_fold = np.einsum("ws,kst->kwt", X, found.weights) + found.bias[:, None] - truth.predictions
    final = X @ found.final_weights + found.final_bias - truth.final_predictions
    every = np.concatenate([by_fold, final[None]])
    return np.abs(every if offset else every - every.mean(1, keepdims=True)).max()


@pytest.mark.parametrize("kind", KINDS)
def test_float64_is_the_nested_loop(kind):
    X, Y = world(kind)
    truth = truth_of(kind)
    found = ridge.fit_ridge(summed(X, Y), ALPHAS, dtype="float64")
    assert np.array_equal(found.alpha, truth.alpha)
    assert np.array_equal(found.final_alpha, truth.final_alpha)
    assert np.abs(found.r - truth.r).max() < 1e-6
    assert difference(found, truth, X) < 1e-6


@pytest.mark.parametrize("kind", KINDS)
def test_float32_scores_are_the_nested_loop_to_a_thousandth(kind):
    X, Y = world(kind)
    truth = truth_of(kind)
    found = ridge.fit_ridge(summed(X, Y, "float32"), ALPHAS)
    assert np.abs(found.r - truth.r).max() < 1e-3
    assert np.mean(found.alpha == truth.alpha) > 0.9
    # A bias in float32 cannot hold an offset of 1e8 standard deviations; the weights do not mind it.
    assert difference(found, truth, X, offset=kind != "offsets") < 0.02
    assert {a.dtype for a in (found.weights, found.bias, found.r, found.final_weights)} == {np.dtype(np.float32)}


def principal(layer: np.ndarray, train: np.ndarray) -> np.ndarray:
    return PCA(3, svd_solver="full").fit(layer[train]).components_.T


def arbitrary(layer: np.ndarray, train: np.ndarray) -> np.ndarray:
    """Axes that have nothing in common from one pipeline to the next, so that mixing them up must show."""
    return np.random.default_rng(np.flatnonzero(train)[::40]).standard_normal((layer.shape[1], 3))


@pytest.mark.parametrize("axes", [principal, arbitrary])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_each_pipeline_has_targets_of_its_training_words(axes, dtype):
    X, signal = world()
    rng = np.random.default_rng(5)
    layers = [signal @ rng.standard_normal((8, 6)) * np.logspace(0, -1, 6) for _ in range(2)]

    def components(train):
        return np.stack([axes(layer, train) for layer in layers])

    def targets_of(train):
        return np.hstack([layer @ r for layer, r in zip(layers, components(train), strict=True)])

    truth = nested_loop(X, targets_of)
    rotations = ridge.FoldRotations([components(fold_of != k) for k in range(N_FOLDS)], components(fold_of > -1))
    found = ridge.fit_ridge(summed(X, np.hstack(layers), dtype, groups=2), ALPHAS, rotations, dtype)
    assert np.abs(found.r - truth.r).max() < (1e-6 if dtype == "float64" else 1e-3)
    if dtype == "float64":
        assert np.array_equal(found.alpha, truth.alpha)
        assert np.array_equal(found.final_alpha, truth.final_alpha)
        assert difference(found, truth, X) < 1e-6


def test_the_order_of_folds_changes_nothing():
    X, Y = world()
    folds = summed(X, Y)
    order = [3, 0, 4, 1, 2]
    found, again = (
        ridge.fit_ridge(folds, ALPHAS, dtype="float64"),
        ridge.fit_ridge([folds[k] for k in order], ALPHAS[::-1], dtype="float64"),
    )
    np.testing.assert_allclose(again.r, found.r[order], atol=1e-10)
    assert np.array_equal(again.alpha, found.alpha[order])
    np.testing.assert_allclose(again.final_weights, found.final_weights, atol=1e-9)


def test_units_of_the_brain_change_no_score():
    X, Y = world()
    found, tesla = (
        ridge.fit_ridge(summed(X, Y, "float32"), ALPHAS),
        ridge.fit_ridge(summed(X * 1e-13, Y * 1e9, "float32"), ALPHAS),
    )
    np.testing.assert_allclose(tesla.r, found.r, atol=1e-4)
    np.testing.assert_allclose(tesla.weights, found.weights * 1e22, rtol=0.01, atol=1e19)


def test_a_held_out_fold_does_not_affect_its_decoder():
    X, Y = world()
    found = ridge.fit_ridge(summed(X, Y), ALPHAS, dtype="float64")
    X[fold_of == 1], Y[fold_of == 1] = 7 * X[fold_of == 1] ** 2, -(Y[fold_of == 1] ** 3)
    spoilt = ridge.fit_ridge(summed(X, Y), ALPHAS, dtype="float64")
    np.testing.assert_allclose(spoilt.weights[1], found.weights[1], rtol=1e-9)
    assert np.array_equal(spoilt.alpha[1], found.alpha[1])
    assert np.abs(spoilt.weights[0] - found.weights[0]).max() > 1e-3


def test_constant_targets_and_dead_sensors_score_nothing():
    X, Y = world()
    Y[:, 0], Y[fold_of == 2, 1] = 0.1, 0.7
    found = ridge.fit_ridge(summed(X, Y), ALPHAS)
    assert not found.r[:, 0].any()
    assert found.r[2, 1] == 0
    assert (found.alpha[:, 0] == ALPHAS[-1]).all()
    dead = ridge.fit_ridge(summed(np.full_like(X, 0.1), Y), ALPHAS)
    assert not dead.r.any()
    assert not dead.weights.any()
    np.testing.assert_allclose(dead.final_bias, Y.mean(0))


def plain_loss(A, b, z, values, grid) -> np.ndarray:
    u = z / (values + grid[:, None])[:, :, None]
    return np.einsum("adt,de,aet->at", u, A, u) - 2 * np.einsum("adt,dt->at", u, b)


@pytest.mark.parametrize(
    "values",
    [
        np.logspace(-1, 5, 40),
        np.ones(40),
        np.repeat(np.logspace(0, 3, 10), 4),
        np.sort(np.r_[1 + 1e-6 * np.arange(20), 1 + 1e-9 * np.arange(20)]),
    ],
    ids=["spread out", "all equal", "fours", "close"],
)
def test_one_multiplication_tests_every_penalty(values):
    rng = np.random.default_rng(0)
    scores = rng.standard_normal((200, 40)) * np.sqrt(values)
    A, b = scores.T @ scores, scores.T @ rng.standard_normal((200, 5))
    z = np.sqrt(values)[:, None] * rng.standard_normal((40, 5))
    grid = ALPHAS[::-1]
    truth = plain_loss(A, b, z, values, grid)
    found = try_held_out(A, b, z, Shrinkage.from_values(values, grid, "float64"))
    assert np.abs((found.loss - truth) / np.abs(truth).max(1, keepdims=True)).max() < 1e-9


def test_a_penalty_far_above_the_signal_is_judged_as_exactly_as_any_other():
    """Correlation has a limit there; in float32 its square moved by a third, and could win by chance."""
    X, Y = world()
    for tested in ridge.try_penalties(summed(X, Y, "float32"), [1e7, 1e8, 1e9]):
        np.testing.assert_allclose(tested.agreement[0], tested.agreement[2], rtol=1e-3)


@pytest.mark.parametrize("n_words", [50, 400], ids=["fewer words than sensors", "more"])
def test_float32_judges_penalties_as_float64_does(n_words):
    """With weak sensors, one of them twice, and penalties far below and above all eigenvalues."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((5 * n_words, 80)) * np.logspace(1, -2, 80)
    X[:, 3] = X[:, 2]
    Y = X[:, :5] / X[:, :5].std(0) @ rng.standard_normal((5, 20)) + 3 * rng.standard_normal((5 * n_words, 20))
    single, double = (
        [Moments.from_data(x, y, dtype) for x, y in zip(np.split(X, 5), np.split(Y, 5), strict=True)]
        for dtype in ("float32", "float64")
    )
    tested = zip(
        ridge.try_penalties(single, ALPHAS, None, "float32"),
        ridge.try_penalties(double, ALPHAS, None, "float64"),
        strict=True,
    )
    for found, exact in tested:
        np.testing.assert_allclose(found.squares, exact.squares, rtol=2e-5)
        np.testing.assert_allclose(found.agreement, exact.agreement, atol=1e-5 * np.abs(exact.agreement).max())


def test_directions_that_hold_only_rounding_are_dropped():
    X, Y = world("rank-deficient")
    for dtype in ("float32", "float64"):
        assert len(EigenBasis.from_moments(Moments.from_data(X, Y, dtype), dtype).values) == 14


def test_bases_of_the_same_words_can_be_reused():
    rng = np.random.default_rng(5)
    parts = [(rng.standard_normal((80, 6)), rng.standard_normal((80, 4))) for _ in range(4)]
    folds = [Moments.from_data(X, Y, "float64") for X, Y in parts]
    other = [Moments.from_data(X, rng.standard_normal((80, 9)), "float64") for X, _ in parts]
    alphas = np.logspace(-2, 4, 7)
    found = ridge.fit_ridge(folds, alphas, None, "float64", bases=ridge.eigen_bases(other, "float64"))
    fresh = ridge.fit_ridge(folds, alphas, None, "float64")
    assert len(ridge.training_sets(4)) == 6 + 4 + 1
    for name in ("r", "alpha", "weights", "bias", "final_weights"):
        assert np.array_equal(getattr(found, name), getattr(fresh, name))


def test_penalties_of_each_fold_need_no_final_decoder():
    rng = np.random.default_rng(6)
    folds = [Moments.from_data(rng.standard_normal((60, 5)), rng.standard_normal((60, 3)), "float64") for _ in range(4)]
    both = [ridge.try_penalties(folds, ALPHAS, None, "float64", final=final) for final in (False, True)]
    assert [len(tested) for tested in both] == [4, 5]
    for without, within in zip(*both, strict=False):
        assert np.array_equal(without.agreement, within.agreement)


def test_a_shared_penalty_is_that_of_the_highest_correlation_over_lags():
    """By plain loops: decoders of every penalty fitted on two folds and tested on the third, at two lags."""
    rng = np.random.default_rng(8)
    grid = np.array([1.0, 30.0, 1000.0])
    Y = rng.standard_normal((3, 60, 2))
    lags = [Y @ rng.standard_normal((2, 5)) * size + rng.standard_normal((3, 60, 5)) for size in (0.5, 0.05)]
    tried = [
        ridge.try_penalties(
            [Moments.from_data(x, y, "float64") for x, y in zip(X, Y, strict=True)], grid, None, "float64"
        )
        for X in lags
    ]
    found = ridge.shared_penalties(tried, grid)
    for target in range(2):
        total = np.zeros(3)
        for X in lags:
            sums = np.zeros((2, 3))
            for k in range(3):
                train = [f for f in range(3) if f != k]
                x, y = np.concatenate(X[train]), np.concatenate(Y[train])[:, target]
                mean, spread = x.mean(0), x.std(0)
                z = (x - mean) / spread
                for i, alpha in enumerate(grid):
                    w = np.linalg.solve(z.T @ z + alpha * np.eye(5), z.T @ (y - y.mean()))
                    p = (X[k] - mean) / spread @ w
                    sums[:, i] += p @ (Y[k][:, target] - y.mean()), p @ p
            total += sums[0] * np.abs(sums[0]) / sums[1]
        assert found[-1, target] == grid[total.argmax()]
    assert found.shape == (4, 2)


def test_errors_name_the_fact_and_the_fix():
    folds = summed(*world())
    with pytest.raises(ValueError, match="2 folds leave nothing"):
        ridge.fit_ridge(folds[:2], ALPHAS)
    with pytest.raises(ValueError, match="fold 1 holds 1 words"):
        ridge.fit_ridge([folds[0], Moments.from_data(np.ones((1, 14)), np.ones((1, 8))), folds[1]], ALPHAS)
    with pytest.raises(ValueError, match="from the same columns"):
        ridge.fit_ridge([*folds, Moments.from_data(np.ones((2, 3)), np.ones((2, 8)))], ALPHAS)
    with pytest.raises(ValueError, match="4 outer rotations for 5 folds"):
        ridge.fit_ridge(folds, ALPHAS, ridge.FoldRotations([np.ones((8, 1, 1))] * 4, np.ones((8, 1, 1))))
    with pytest.raises(ValueError, match="from the same wide basis"):
        ridge.fit_ridge(folds, ALPHAS, ridge.FoldRotations([np.ones((2, 4, 1))] * 5, np.ones((2, 4, 1))))
    for alphas in ([], [-1.0], [np.nan]):
        with pytest.raises(ValueError, match="at least one penalty"):
            ridge.fit_ridge(folds, alphas)
