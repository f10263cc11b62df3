"""Unique R and the static twin word by word are those of all words at once."""

from __future__ import annotations

import gc
from types import FunctionType, ModuleType

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression

from rtalign.core.recipe import FitRecipe
from rtalign.scoring.cross_validated import Draws
from rtalign.scoring.scoreboard import Scoreboard
from rtalign.scoring.unique_board import BLOCKS, UniqueBoard
from rtalign.training.controls.nuisances import Nuisances
from rtalign.training.controls.partial_scores import PartialScores

N, LAYERS, COMPONENTS, LAGS, COLUMNS = 230, 2, 3, 4, 9


def words(seed: int = 0, related: float = 0.5) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Nuisances (word, column) that repeat each other in part, predictions (word, lag, target), targets."""
    rng = np.random.default_rng(seed)
    z = rng.standard_normal((N, COLUMNS))
    z[:, 1] = z[:, 0] + 0.05 * z[:, 1]
    z[:, 2] = 3.0
    targets = z @ rng.standard_normal((COLUMNS, LAYERS * COMPONENTS)) + rng.standard_normal((N, LAYERS * COMPONENTS))
    noise = rng.standard_normal((N, LAGS, LAYERS * COMPONENTS))
    predicted = related * targets[:, None] + noise + 5
    return z, predicted.astype(np.float32), targets + 20


def filled(z: np.ndarray, predicted: np.ndarray, targets: np.ndarray, cuts: int = 7) -> UniqueBoard:
    """A board of all words; it is read on the way, so that batches differ."""
    board = UniqueBoard(COLUMNS, 3 * COLUMNS, np.arange(LAGS) / 10, range(LAYERS), LAYERS, COMPONENTS)
    for i in range(len(z)):
        board.add(i, z[i], predicted[i], targets[i])
        if i % cuts == cuts - 1:
            board.freeze()
    return board


def residual(values: np.ndarray, z: np.ndarray) -> np.ndarray:
    return np.asarray(values - LinearRegression().fit(z, values).predict(z))


@pytest.mark.parametrize("cuts", [1, 7, 1000])
def test_unique_r_is_the_partial_correlation_of_scikit_learns_residuals(cuts: int) -> None:
    z, predicted, targets = words()
    found = filled(z, predicted, targets, cuts).freeze().residuals.r()
    left = residual(targets, z)
    r = [
        [np.corrcoef(p, y)[0, 1] for p, y in zip(residual(predicted[:, lag], z).T, left.T, strict=True)]
        for lag in range(LAGS)
    ]
    assert np.abs(found - np.array(r).T.reshape(LAYERS, COMPONENTS, LAGS).mean(1)).max() < 1e-6


def test_when_a_board_is_read_changes_nothing() -> None:
    """Nor where nuisances that nearly repeat each other, or are rare, are determined late."""
    rng = np.random.default_rng(3)
    _, predicted, targets = words(3)
    z = rng.standard_normal((N, 30))
    z[:, 1] = z[:, 0] + 0.001 * z[:, 1]
    z[:, 2] = z[:, 2] > 1.7
    found = []
    for cuts in (1, 3, 17, 1000):
        board = UniqueBoard(30, 90, np.arange(LAGS) / 10, range(LAYERS), LAYERS, COMPONENTS)
        for i in range(120):
            board.add(i, z[i], predicted[i], targets[i])
            if i % cuts == cuts - 1:
                board.freeze()
        found.append(board.freeze().residuals.r())
    assert np.ptp(found, axis=0).max() < 5e-6  # rounding of the coefficients in single precision


def test_the_twin_is_that_of_an_evaluation() -> None:
    z, predicted, targets = words(1)
    board = UniqueBoard(COLUMNS, 30, np.arange(LAGS) / 10, range(LAYERS), LAYERS, COMPONENTS)
    plain = Scoreboard(np.arange(LAGS) / 10, range(LAYERS), LAYERS, COMPONENTS)
    for i in range(N):
        board.add(i, z[i], predicted[i], targets[i])
        plain.add(i, predicted[i], targets[i])
    curves = plain.curves()
    assert curves is not None
    twin = board.freeze().twin_curves(curves)
    assert twin is not None
    draws = Draws.plan(np.zeros(N, int), LAYERS, FitRecipe(null_draws=40))
    scores = PartialScores.of(Nuisances(z, {"form": slice(0, COLUMNS)}), targets, draws)
    for lag in range(LAGS):
        _, offline = scores.score(predicted[:, lag])
        assert np.abs(twin.r[:, lag] - offline.r["all"]).max() < 1e-6
        reach = np.std(twin.left_out.curves[:, :, lag], 0) / np.std(offline.left_out, 0)
        assert (np.abs(np.log(reach)) < np.log(2)).all()


def test_unrelated_words_stay_within_the_null() -> None:
    """Nuisances are in both; of 25 recordings R spreads as its null does."""
    spread, null = [], []
    for seed in range(25):
        rng = np.random.default_rng(100 + seed)
        z, _, targets = words(seed)
        predicted = (z @ rng.standard_normal((COLUMNS, LAYERS * COMPONENTS)))[:, None]
        predicted = predicted + rng.standard_normal((N, LAGS, LAYERS * COMPONENTS))
        curves = filled(z, predicted.astype(np.float32), targets, 1000).freeze().curves()
        assert curves is not None
        spread.append(curves.r)
        null.append(curves.null.std())
    assert abs(np.mean(spread)) < 3 * np.std(spread) / np.sqrt(25 * LAGS)
    assert np.std(spread) / np.mean(null) == pytest.approx(1, abs=0.2)


def test_too_few_words_say_so() -> None:
    z, predicted, targets = words()
    state = filled(z[:20], predicted[:20], targets[:20]).freeze()
    assert state.curves() is None
    assert state.reason == "20 words so far; as many nuisances as there are need 27"


def test_targets_that_nuisances_explain_whole_have_no_unique_r() -> None:
    z, predicted, targets = words()
    targets[:, :COMPONENTS] = z[:, :COMPONENTS]
    found = filled(z, predicted, targets).freeze().residuals.r()
    assert (found[0] == 0).all()
    assert (found[1] > 0.1).all()


def bytes_of_arrays(root: object) -> int:
    """Of all arrays that can be reached from an object."""
    found: dict[int, object] = {}
    waiting = [root]
    while waiting:
        one = waiting.pop()
        if id(one) not in found and not isinstance(one, type | ModuleType | FunctionType):
            found[id(one)] = one
            waiting += gc.get_referents(one)
    return sum(one.nbytes for one in found.values() if isinstance(one, np.ndarray))


def test_memory_does_not_grow_with_words() -> None:
    """Once as many blocks are kept as are kept at most."""
    z, predicted, targets = words()
    board, held = UniqueBoard(COLUMNS, 3 * COLUMNS, np.arange(LAGS) / 10, range(LAYERS), LAYERS, COMPONENTS), []
    for index in range(3000):
        board.add(index, z[index % N], predicted[index % N], targets[index % N])
        if index % 1000 == 999:
            held.append(bytes_of_arrays(board))
    assert held[0] == held[1] == held[2] > predicted[0].nbytes * 3 * BLOCKS
