"""What stands beside R is the same number from arrays, from moments, and from a live session's sums."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import explained_variance_score, r2_score

from rtalign.core.agreement import Agreement
from rtalign.decoding.moments import Moments
from rtalign.decoding.ridge import fit_ridge
from rtalign.scoring.scoreboard import Scoreboard
from rtalign.scoring.statistics import STATISTICS, by_layer, explained_variance

N_LAYERS, COMPONENTS, N_LAGS = 2, 3, 4


def words(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Predictions (word, lag, target) with a wrong scale and offset, and targets (word, target)."""
    rng = np.random.default_rng(seed)
    targets = rng.standard_normal((n, N_LAYERS * COMPONENTS)) + 5
    noise = rng.standard_normal((n, N_LAGS, N_LAYERS * COMPONENTS))
    return 0.5 * targets[:, None] + noise * np.arange(1, N_LAGS + 1)[:, None] - 2, targets


def test_explained_variance_is_scikit_learns() -> None:
    predicted, targets = words(200)
    found = explained_variance(Agreement.of(predicted[:, 1], targets))
    np.testing.assert_allclose(found, explained_variance_score(targets, predicted[:, 1], multioutput="raw_values"))


def test_the_offset_of_predictions_is_known_too() -> None:
    predicted, targets = words(200)
    a = Agreement.of(predicted[:, 1], targets)
    found = 1 - (a.pp - 2 * a.py + a.yy + a.n * a.bias**2) / a.yy
    np.testing.assert_allclose(found, r2_score(targets, predicted[:, 1], multioutput="raw_values"))


def test_a_target_that_does_not_vary_is_explained_by_nothing() -> None:
    predicted, targets = words(50)
    targets[:, 0] = 7.0
    assert explained_variance(Agreement.of(predicted[:, 0], targets))[0] == 0


@pytest.mark.parametrize("n", [100, 137])
def test_the_live_board_says_what_arrays_say(n: int) -> None:
    predicted, targets = words(n)
    board = Scoreboard(np.arange(N_LAGS) / 10, [1, 4], 6, COMPONENTS)
    for index in range(n):
        board.add(index, predicted[index], targets[index])
    live = board.freeze()
    found = by_layer([live.total.agreement(live.shift)], N_LAYERS)
    for lag in range(N_LAGS):
        offline = by_layer([Agreement.of(predicted[:, lag], targets)], N_LAYERS)
        for statistic in STATISTICS:
            np.testing.assert_allclose(found[statistic.name][:, lag], offline[statistic.name], atol=1e-9)


def test_moments_say_what_predicted_words_say() -> None:
    """The trainer never predicts a held-out word to know how well it would: its sums suffice."""
    rng = np.random.default_rng(1)
    x, fold = rng.standard_normal((240, 5)) + 3, np.arange(240) // 60
    y = x[:, :3] @ rng.standard_normal((3, 4)) + rng.standard_normal((240, 4)) - 8
    found = fit_ridge(
        [Moments.from_data(x[fold == k], y[fold == k], "float64") for k in range(4)], [0.1, 10.0], dtype="float64"
    )
    for k, agreement in enumerate(found.agreements):
        predicted = x[fold == k] @ found.weights[k] + found.bias[k]
        np.testing.assert_allclose(
            explained_variance(agreement),
            explained_variance_score(y[fold == k], predicted, multioutput="raw_values"),
            atol=1e-9,
        )


def test_every_statistic_has_words_for_a_person() -> None:
    assert len({statistic.name for statistic in STATISTICS}) == len(STATISTICS)
    assert all(statistic.title and statistic.meaning.endswith(".") for statistic in STATISTICS)
