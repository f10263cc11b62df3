"""Partialling from sums gives what regression on the words themselves gives, fold by fold."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression, Ridge

from rtalign.core.recipe import FitRecipe
from rtalign.core.word_blocks import assign_blocks
from rtalign.decoding.moments import Moments, rotate
from rtalign.decoding.partialling import carry, nuisance_axes, partialled_bases, partialled_rotations
from rtalign.decoding.projection import leading_rotation
from rtalign.training.lag_fit import LagFit, LagTargets, LagWords, fit_words

N_FOLDS, N_LAYERS, WIDE, KEPT, NUISANCES, SENSORS = 3, 2, 6, 3, 5, 8
RECIPE = FitRecipe(folds=N_FOLDS, precision="float64", null_draws=200)
ALPHA = 30.0

Data = tuple[list[np.ndarray], list[np.ndarray], list[np.ndarray]]


def data(n_words: int, n_nuisances: int = NUISANCES, seed: int = 0, common: float = 1.0) -> Data:
    """Nuisances, signals and targets of each fold; nuisances are in both, and the signal is in the first targets."""
    rng = np.random.default_rng(seed)
    z = rng.standard_normal((n_words, n_nuisances)) + 3
    x = rng.standard_normal((n_words, SENSORS)) + common * z @ rng.standard_normal((n_nuisances, SENSORS))
    y = rng.standard_normal((n_words, N_LAYERS * WIDE))
    y += common * z @ rng.standard_normal((n_nuisances, N_LAYERS * WIDE))
    if common:
        y[:, :2] += rng.standard_normal((n_words, 1)) + 0.3 * x[:, :2]
    return np.array_split(z, N_FOLDS), np.array_split(x, N_FOLDS), np.array_split(y, N_FOLDS)


def fitted(z: list[np.ndarray], x: list[np.ndarray], y: list[np.ndarray], penalties: np.ndarray | None) -> LagFit:
    n = z[0].shape[1]
    blocks = [assign_blocks(np.zeros(len(part))) for part in z]
    values = [carry(of_y, of_z, N_LAYERS) for of_y, of_z in zip(y, z, strict=True)]
    turns = partial(partialled_rotations, n=n)
    targets = LagTargets.of(values, N_LAYERS, KEPT, blocks, RECIPE, find_rotations=turns)
    signals = [carry(of_x, of_z) for of_x, of_z in zip(x, z, strict=True)]
    none = [np.empty((len(part), 0)) for part in z]
    sensors = [Moments.from_data(s, e, "float64") for s, e in zip(signals, none, strict=True)]
    alone = [Moments.from_data(of_z, e, "float64") for of_z, e in zip(z, none, strict=True)]
    bases = partialled_bases(sensors, nuisance_axes(alone), "float64")
    return fit_words(LagWords(signals, targets, RECIPE, sensors, bases), penalties)


def residuals(parts: list[np.ndarray], z: list[np.ndarray], k: int) -> list[np.ndarray]:
    """Of every fold, with coefficients from the words outside fold k."""
    train = [f for f in range(N_FOLDS) if f != k]
    model = LinearRegression().fit(np.concatenate([z[f] for f in train]), np.concatenate([parts[f] for f in train]))
    return [part - model.predict(of_z) for part, of_z in zip(parts, z, strict=True)]


def test_sums_give_what_residuals_of_the_words_give() -> None:
    z, x, y = data(240)
    found = fitted(z, x, y, np.full((N_FOLDS + 1, N_LAYERS * KEPT), ALPHA))
    for k in range(N_FOLDS):
        left_x, left_y = residuals(x, z, k), residuals(y, z, k)
        train_x, train_y = (np.concatenate(left[:k] + left[k + 1 :]) for left in (left_x, left_y))
        by_layer = train_y.reshape(len(train_y), N_LAYERS, WIDE)
        turn = leading_rotation(np.einsum("wla,wlb->lab", by_layer, by_layer), KEPT)
        ridge = Ridge(ALPHA).fit(train_x / train_x.std(0), rotate(train_y, turn))
        predicted, true = ridge.predict(left_x[k] / train_x.std(0)), rotate(left_y[k], turn)
        r = [np.corrcoef(p, t)[0, 1] for p, t in zip(predicted.T, true.T, strict=True)]
        assert np.abs(found.fit.r[k] - r).max() < 1e-6
        moved = found.predicted[k] - found.predicted[k].mean(0) - (predicted - predicted.mean(0))
        assert np.abs(moved).max() < 1e-6


def test_what_nuisances_explain_is_gone_and_what_they_do_not_is_kept() -> None:
    found = fitted(*data(900), None)
    spread = found.null.std(0)
    assert found.r[0] > 3 * spread[0]
    assert abs(found.r[1]) < 4 * spread[1]


def test_many_nuisances_leave_nothing_where_nothing_is_related() -> None:
    """Residuals with coefficients from all other folds, computed once, let the held-out noise into the decoder."""
    exact, once = [], []
    for seed in range(4):
        z, x, y = data(240, n_nuisances=40, seed=seed, common=0)
        exact.append(fitted(z, x, y, np.full((N_FOLDS + 1, N_LAYERS * KEPT), ALPHA)).r.mean())
        left_x, left_y = ([residuals(part, z, k)[k] for k in range(N_FOLDS)] for part in (x, y))
        empty = [np.empty((len(part), 0)) for part in z]
        once.append(fitted(empty, left_x, left_y, np.full((N_FOLDS + 1, N_LAYERS * KEPT), ALPHA)).r.mean())
    error = np.std(exact, ddof=1) / np.sqrt(len(exact))
    assert abs(np.mean(exact)) < 3 * error
    assert np.mean(once) > 5 * error


@pytest.mark.parametrize("repeated", [True, False])
def test_a_nuisance_that_repeats_others_changes_nothing(repeated: bool) -> None:
    z, x, y = data(240)
    more = [np.hstack([part, part[:, :2] @ [[1.0], [2.0]] if repeated else part[:, :1] ** 2]) for part in z]
    alpha = np.full((N_FOLDS + 1, N_LAYERS * KEPT), ALPHA)
    change = np.abs(fitted(more, x, y, alpha).r - fitted(z, x, y, alpha).r).max()
    assert (change < 1e-8) == repeated
