"""R taken apart into blocks adds up to R, follows refits, and with random signs spreads as R of nothing does."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import lfilter

from rtalign.core.recipe import FitRecipe
from rtalign.core.word_blocks import BLOCKS_PER_FOLD, assign_blocks
from rtalign.decoding.block_moments import BlockMoments, BlockSums
from rtalign.decoding.block_pairs import SignalBlocks, fold_pairs
from rtalign.decoding.block_scores import BlockScores, FoldBlocks, block_scores
from rtalign.decoding.moments import Moments
from rtalign.decoding.ridge import FoldRotations, RidgeFit, eigen_bases, fit_ridge
from rtalign.scoring.cross_validated import Draws, score
from rtalign.scoring.sign_flips import draw_signs, null_of_pairs

N_FOLDS, N_LAYERS, COMPONENTS, N_SENSORS = 5, 2, 6, 12
ALPHAS = np.logspace(0, 5, 6)


def words(rng: np.random.Generator, n: int, signal: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Signal and targets of n words, both with a memory of the words before."""
    y = lfilter([1], [1, -0.5], rng.standard_normal((n, N_LAYERS * COMPONENTS)), axis=0)
    x = lfilter([1], [1, -0.6], rng.standard_normal((n, N_SENSORS)), axis=0)
    mixing = np.random.default_rng(5).standard_normal((y.shape[1], N_SENSORS))
    return x + signal * y @ mixing, y


def fitted(x: np.ndarray, y: np.ndarray) -> tuple[RidgeFit, BlockScores]:
    folds = np.array_split(np.arange(len(x)), N_FOLDS)
    signals, targets = [x[f] for f in folds], [y[f] for f in folds]
    moments = [Moments.from_data(a, b, "float64", N_LAYERS) for a, b in zip(signals, targets, strict=True)]
    whole = np.broadcast_to(np.eye(COMPONENTS), (N_LAYERS, COMPONENTS, COMPONENTS))
    rotations, bases = FoldRotations([whole] * N_FOLDS, whole), eigen_bases(moments, "float64")
    fit = fit_ridge(moments, ALPHAS, rotations, "float64", bases=bases)
    predicted = [a @ w + b for a, w, b in zip(signals, fit.weights, fit.bias, strict=True)]
    blocks = [assign_blocks(np.zeros(len(f))) for f in folds]
    sums, guesses = ([BlockSums.of(*f) for f in zip(v, blocks, strict=True)] for v in (targets, predicted))
    each = [
        [BlockMoments.from_data(a[rows], b[rows], "float64") for rows in of]
        for a, b, of in zip(signals, targets, blocks, strict=True)
    ]
    pairs = fold_pairs([SignalBlocks(*fold) for fold in zip(moments, each, strict=True)], fit.alpha, bases, rotations)
    return fit, block_scores([FoldBlocks(*fold) for fold in zip(pairs, guesses, sums, strict=True)], N_LAYERS)


def by_layer(r: np.ndarray) -> np.ndarray:
    """(fold, target) -> (layer,)."""
    return r.reshape(len(r), N_LAYERS, -1).mean((0, 2))


def refitted(x: np.ndarray, y: np.ndarray, alpha: np.ndarray, left_out: int, tested: bool = False) -> np.ndarray:
    """(layer,): R without the words of one block, decoders fitted anew with the same penalties.

    tested : whether the block is taken out of the training words alone.
    """
    folds = np.array_split(np.arange(len(x)), N_FOLDS)
    rows = [f[r] for f in folds for r in assign_blocks(np.zeros(len(f)))]
    gone = set(rows[left_out].tolist())
    r = np.zeros((N_FOLDS, y.shape[1]))
    for k in range(N_FOLDS):
        test = np.array([i for i in folds[k] if tested or i not in gone])
        train = np.array([i for f in range(N_FOLDS) if f != k for i in folds[f] if i not in gone])
        mean, spread = x[train].mean(0), x[train].std(0)
        z, target = (x[train] - mean) / spread, y[train] - y[train].mean(0)
        for j in range(y.shape[1]):
            w = np.linalg.solve(z.T @ z + alpha[k, j] * np.eye(x.shape[1]), z.T @ target[:, j])
            r[k, j] = np.corrcoef((x[test] - mean) / spread @ w, y[test, j])[0, 1]
    return by_layer(r)


def test_all_blocks_together_give_r_itself() -> None:
    x, y = words(np.random.default_rng(0), 400, signal=0.05)
    fit, scores = fitted(x + 30, y + 7)
    np.testing.assert_allclose(scores.whole, by_layer(fit.r), atol=1e-9)
    for k in range(N_FOLDS):
        rows = slice(k * BLOCKS_PER_FOLD, (k + 1) * BLOCKS_PER_FOLD)
        assert not scores.pairs[:, rows, rows].any()


def test_what_a_block_does_with_all_others_is_not_in_the_pairs() -> None:
    x, y = words(np.random.default_rng(0), 400, signal=0.2)
    _, scores = fitted(x, y)
    np.testing.assert_allclose(scores.pairs, scores.pairs.transpose(0, 2, 1))
    assert np.abs(scores.pairs.sum(2)).max() < 1e-6 * np.abs(scores.pairs).max() * len(scores.pairs[0])


def test_an_answer_does_not_widen_the_null() -> None:
    """The spread of sign flips at R of .6 beside that at R of nothing, over 12 recordings."""
    spreads = []
    for signal in (0.0, 0.5):
        drawn = []
        for seed in range(12):
            _, scores = fitted(*words(np.random.default_rng([11, seed]), 500, signal=signal))
            drawn.append(null_of_pairs(scores.pairs, draw_signs(200, scores.pairs.shape[1], seed)).std())
        spreads.append(np.mean(drawn))
    assert scores.whole.mean() > 0.4
    assert spreads[1] < 1.15 * spreads[0]


@pytest.mark.parametrize("tested", [False, True])
def test_r_without_a_block_follows_a_refit_without_its_words(tested: bool) -> None:
    x, y = words(np.random.default_rng(1), 600, signal=0.1)
    fit, scores = fitted(x, y)
    exact = np.array([refitted(x, y, fit.alpha, b, tested) for b in range(N_FOLDS * BLOCKS_PER_FOLD)])
    found = scores.retrained if tested else scores.left_out
    errors, changes = (values - scores.whole for values in (found, exact))
    least, off = (0.9, 0.2) if tested else (0.97, 0.1)  # directions stay, and decoders alone depend on them more
    for layer in range(N_LAYERS):
        assert np.corrcoef(errors[:, layer], changes[:, layer])[0, 1] > least
        assert errors[:, layer].std() / changes[:, layer].std() == pytest.approx(1, abs=off)


def test_halves_are_scored_on_half_of_the_words() -> None:
    """R of half of the words is lower, for their decoders are noisier."""
    x, y = words(np.random.default_rng(2), 600, signal=0.1)
    _, scores = fitted(x, y)
    assert scores.halves.shape == (2, N_LAYERS)
    assert np.all(scores.halves.mean(0) < scores.whole)
    assert np.all(scores.halves.mean(0) > 0.3 * scores.whole)


def test_the_null_is_as_wide_as_r_of_nothing_and_shifts_are_not() -> None:
    """40 recordings: the spread of their R is known to 1 in 9 for each layer, and so to 1 in 12 for both."""
    fit_recipe, r, flips, shifts = FitRecipe(null_draws=200, boot_draws=20), [], [], []
    for seed in range(40):
        x, y = words(np.random.default_rng([7, seed]), 500)
        fit, scores = fitted(x, y)
        r.append(by_layer(fit.r))
        flips.append(null_of_pairs(scores.pairs, draw_signs(200, scores.pairs.shape[1], seed)))
        folds = np.array_split(np.arange(len(x)), N_FOLDS)
        draws = Draws.plan(np.repeat(np.arange(N_FOLDS), [len(f) for f in folds]), N_LAYERS, fit_recipe)
        predicted = [x[f] @ w + b for f, w, b in zip(folds, fit.weights, fit.bias, strict=True)]
        shifts.append(score(draws, predicted, [y[f] for f in folds]).null)
    spread = np.std(r, axis=0).mean()
    assert 0.8 < spread / np.std(flips, axis=(0, 1)).mean() < 1.25
    assert spread / np.std(shifts, axis=(0, 1)).mean() > 1.2
    assert abs(np.mean(flips)) < 0.1 * spread


def test_draws_of_signs_are_shared_and_reproducible() -> None:
    one, again, other = (draw_signs(30, 20, seed) for seed in (3, 3, 4))
    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)
    assert set(np.unique(one)) == {-1.0, 1.0}


def test_r_of_a_block_is_the_correlation_of_its_held_out_words() -> None:
    x, y = words(np.random.default_rng(3), 500, signal=0.1)
    fit, scores = fitted(x + 30, y + 7)
    folds = np.array_split(np.arange(len(x)), N_FOLDS)
    places = ((k, f[rows]) for k, f in enumerate(folds) for rows in assign_blocks(np.zeros(len(f))))
    for found, (k, own) in zip(scores.blocks, places, strict=True):
        predicted, true = (x[own] + 30) @ fit.weights[k] + fit.bias[k], y[own]
        each = [np.corrcoef(predicted[:, j], true[:, j])[0, 1] for j in range(y.shape[1])]
        np.testing.assert_allclose(found, np.reshape(each, (N_LAYERS, -1)).mean(1), atol=1e-9)
