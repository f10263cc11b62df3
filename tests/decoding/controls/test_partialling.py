"""Partialling from sums gives what regression on the words themselves gives, fold by fold."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import lfilter
from sklearn.linear_model import LinearRegression, Ridge

from rtalign.core.recipe import FitRecipe
from rtalign.core.word_blocks import assign_blocks
from rtalign.decoding.moments import rotate
from rtalign.decoding.projection import leading_rotation
from rtalign.training.controls.nuisances import Nuisances
from rtalign.training.controls.runs import OtherTargets
from rtalign.training.controls.unique import UniqueControl, UniqueFit
from rtalign.training.lag.fit import fit_words
from rtalign.training.lag.targets import LagTargets
from rtalign.training.lag.words import LagWords

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


def fitted(
    z: list[np.ndarray],
    x: list[np.ndarray],
    y: list[np.ndarray],
    penalties: np.ndarray | None,
    recipe: FitRecipe = RECIPE,
) -> UniqueFit:
    blocks = [assign_blocks(np.zeros(len(part))) for part in z]
    words = LagWords(x, LagTargets.of(y, N_LAYERS, KEPT, blocks, recipe), recipe)
    fold = np.repeat(np.arange(N_FOLDS), [len(part) for part in z])
    nuisances = Nuisances(np.concatenate(z), {"some": slice(0, 2)})
    return UniqueControl.of(words.targets, nuisances, fold, recipe).fit(words, fit_words(words), penalties)


def residuals(parts: list[np.ndarray], z: list[np.ndarray]) -> list[np.ndarray]:
    """Of every fold, with coefficients from its own words."""
    models = [LinearRegression().fit(of_z, part) for of_z, part in zip(z, parts, strict=True)]
    return [part - model.predict(of_z) for model, part, of_z in zip(models, parts, z, strict=True)]


def test_sums_give_what_residuals_of_the_words_give() -> None:
    z, x, y = data(240)
    found, expected = fitted(z, x, y, np.full((N_FOLDS + 1, N_LAYERS * KEPT), ALPHA)), np.zeros(N_LAYERS)
    left_x, left_y = residuals(x, z), residuals(y, z)
    for k in range(N_FOLDS):
        train_x, train_y = (np.concatenate(left[:k] + left[k + 1 :]) for left in (left_x, left_y))
        by_layer = train_y.reshape(len(train_y), N_LAYERS, WIDE)
        turn = leading_rotation(np.einsum("wla,wlb->lab", by_layer, by_layer), KEPT)
        ridge = Ridge(ALPHA).fit(train_x / train_x.std(0), rotate(train_y, turn))
        predicted, true = ridge.predict(left_x[k] / train_x.std(0)), rotate(left_y[k], turn)
        r = [np.corrcoef(p, t)[0, 1] for p, t in zip(predicted.T, true.T, strict=True)]
        expected += np.reshape(r, (N_LAYERS, -1)).mean(1) / N_FOLDS
    assert np.abs(found.r - expected).max() < 1e-6


@pytest.mark.parametrize("fold_kind", ["contiguous", "legacy"])
def test_null_and_blocks_are_those_of_residual_words(fold_kind: str) -> None:
    """The plain fit of residuals that scikit-learn computes, against sums: null and R without each block."""
    recipe = RECIPE.model_copy(update={"fold_kind": fold_kind})
    z, x, y = data(240)
    penalties = np.full((N_FOLDS + 1, N_LAYERS * KEPT), ALPHA)
    blocks = [assign_blocks(np.zeros(len(part))) for part in z]
    found = fitted(z, x, y, penalties, recipe)
    targets = LagTargets.of(residuals(y, z), N_LAYERS, KEPT, blocks, recipe)
    direct = fit_words(LagWords(residuals(x, z), targets, recipe), penalties)
    wider = np.sqrt(240 / (240 - N_FOLDS * NUISANCES))
    assert np.abs(found.null - wider * direct.null).max() < 1e-6
    assert np.abs(found.left_out - found.r - wider * (direct.left_out - direct.r)).max() < 1e-6
    assert np.abs(found.halves - direct.halves).max() < 1e-6


def test_what_nuisances_explain_is_gone_and_what_they_do_not_is_kept() -> None:
    found = fitted(*data(900), None)
    spread = found.null.std(0)
    assert found.r[0] > 3 * spread[0]
    assert abs(found.r[1]) < 4 * spread[1]


def test_words_that_go_with_their_neighbours_leave_nothing_where_nothing_is_related() -> None:
    """Coefficients of the other folds share their errors with the decoder, and R rises; a fold's own do not."""
    own, others = [], []
    for seed in range(12):
        rng = np.random.default_rng([seed, 5])
        z, x, y = (
            np.array_split(lfilter([1], [1, -0.8], rng.standard_normal((420, n)), axis=0), N_FOLDS)
            for n in (60, SENSORS, N_LAYERS * WIDE)
        )
        penalties = np.full((N_FOLDS + 1, N_LAYERS * KEPT), ALPHA)
        own.append(fitted(z, x, y, penalties).r.mean())
        others.append(_of_training_words(z, x, y))
    error = np.std(own, ddof=1) / np.sqrt(len(own))
    assert abs(np.mean(own)) < 3 * error
    assert np.mean(others) > 5 * error


def _of_training_words(z: list[np.ndarray], x: list[np.ndarray], y: list[np.ndarray]) -> float:
    """R where training and held-out words have the coefficients of the training words."""
    r = []
    for k in range(N_FOLDS):
        train_z, train_x, train_y = (np.concatenate(part[:k] + part[k + 1 :]) for part in (z, x, y))
        of_x, of_y = LinearRegression().fit(train_z, train_x), LinearRegression().fit(train_z, train_y)
        ridge = Ridge(ALPHA).fit(train_x - of_x.predict(train_z), train_y - of_y.predict(train_z))
        predicted, true = ridge.predict(x[k] - of_x.predict(z[k])), y[k] - of_y.predict(z[k])
        r.append(np.mean([np.corrcoef(p, t)[0, 1] for p, t in zip(predicted.T, true.T, strict=True)]))
    return float(np.mean(r))


@pytest.mark.parametrize(
    ("precision", "fold_kind", "close"),
    [("float64", "contiguous", 1e-9), ("float64", "legacy", 1e-9), ("float32", "contiguous", 1e-6)],
)
def test_decoders_from_sums_of_blocks_are_those_of_the_plain_fit(precision: str, fold_kind: str, close: float) -> None:
    """The same targets as a control, decoded from sums of blocks alone: penalties from almost none to very large."""
    _, x, y = data(600)
    x = [part * np.logspace(0, -2, SENSORS) + 40 for part in x]
    recipe = FitRecipe(folds=N_FOLDS, precision=precision, null_draws=50, fold_kind=fold_kind)
    penalties = np.logspace(-4, 6, 6)
    words = LagWords(x, LagTargets.of(y, N_LAYERS, KEPT, [assign_blocks(np.zeros(len(p))) for p in x], recipe), recipe)
    for given in (np.broadcast_to(penalties, (N_FOLDS + 1, N_LAYERS * KEPT)), None):
        plain = fit_words(words, given)
        found = OtherTargets(words.targets).fit(words, plain, given)
        for name in ("r", "null", "left_out", "excess", "halves"):
            np.testing.assert_allclose(getattr(found, name), getattr(plain, name), atol=close)
    assert plain.r.min() > 0.1


@pytest.mark.parametrize("repeated", [True, False])
def test_a_nuisance_that_repeats_others_changes_nothing(repeated: bool) -> None:
    z, x, y = data(240)
    more = [np.hstack([part, part[:, :2] @ [[1.0], [2.0]] if repeated else part[:, :1] ** 2]) for part in z]
    alpha = np.full((N_FOLDS + 1, N_LAYERS * KEPT), ALPHA)
    change = np.abs(fitted(more, x, y, alpha).r - fitted(z, x, y, alpha).r).max()
    assert (change < 1e-8) == repeated
