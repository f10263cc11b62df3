"""R taken apart into pairs of blocks adds up to R, and with random signs spreads as R of nothing does."""

from __future__ import annotations

import numpy as np
from scipy.signal import lfilter

from rtalign.core.recipe import FitRecipe
from rtalign.decoding.block_pairs import BLOCKS_PER_FOLD, block_pairs
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


def fitted(x: np.ndarray, y: np.ndarray) -> tuple[RidgeFit, np.ndarray]:
    """The fit, and its pairs (layer, block, block)."""
    folds = np.array_split(np.arange(len(x)), N_FOLDS)
    signals, targets = [x[f] for f in folds], [y[f] for f in folds]
    moments = [Moments.from_data(a, b, "float64", N_LAYERS) for a, b in zip(signals, targets, strict=True)]
    whole = np.broadcast_to(np.eye(COMPONENTS), (N_LAYERS, COMPONENTS, COMPONENTS))
    rotations, bases = FoldRotations([whole] * N_FOLDS, whole), eigen_bases(moments, "float64")
    fit = fit_ridge(moments, ALPHAS, rotations, "float64", bases=bases)
    return fit, block_pairs(signals, targets, moments, fit.alpha, bases, rotations)


def test_pairs_add_up_to_the_products_of_the_decoders() -> None:
    """Another route: held-out products from moments, divided by the norm that the pairs' own sum implies."""
    x, y = words(np.random.default_rng(0), 400, signal=0.05)
    fit, pairs = fitted(x, y)
    n = BLOCKS_PER_FOLD
    for k, agreement in enumerate(fit.agreements):
        rows = slice(k * n, (k + 1) * n)
        found = N_FOLDS * pairs[:, rows].sum((1, 2))
        assert not pairs[:, rows, rows].any()
        r = (agreement.py / np.sqrt(agreement.pp * agreement.yy)).reshape(N_LAYERS, -1).mean(1)
        assert np.all(np.sign(found) == np.sign(r))
        # Real blocks agree more than chance, so their norm is larger and R smaller, by a factor near 1.
        np.testing.assert_allclose(found, r, rtol=0.5, atol=0.02)


def test_the_null_is_as_wide_as_r_of_nothing_and_shifts_are_not() -> None:
    """40 recordings: the spread of their R is known to 1 in 9 for each layer, and so to 1 in 12 for both."""
    fit_recipe, r, flips, shifts = FitRecipe(null_draws=200, boot_draws=20), [], [], []
    for seed in range(40):
        x, y = words(np.random.default_rng([7, seed]), 500)
        fit, pairs = fitted(x, y)
        r.append(fit.r.reshape(N_FOLDS, N_LAYERS, -1).mean((0, 2)))
        flips.append(null_of_pairs(pairs, draw_signs(200, pairs.shape[1], seed)))
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
