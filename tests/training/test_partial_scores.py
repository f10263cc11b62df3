"""Unique R of fixed decoders is the partial correlation that scikit-learn's residuals give."""

from __future__ import annotations

import numpy as np
from sklearn.linear_model import LinearRegression

from rtalign.core.recipe import FitRecipe
from rtalign.scoring.cross_validated import Draws
from rtalign.training.controls.nuisances import Nuisances
from rtalign.training.controls.partial_scores import PartialScores

N, LAYERS, TARGETS = 200, 2, 6


def test_partial_correlations_are_those_of_residuals() -> None:
    rng = np.random.default_rng(4)
    z = rng.standard_normal((N, 8))
    targets = z @ rng.standard_normal((8, TARGETS)) + rng.standard_normal((N, TARGETS)) + 2
    predicted = 0.5 * targets + rng.standard_normal((N, TARGETS)) - 1
    draws = Draws.plan(np.zeros(N, int), LAYERS, FitRecipe(null_draws=100))
    nuisances = Nuisances(z, {"timing": slice(0, 3), "form": slice(3, 8)})
    found, twin = PartialScores.of(nuisances, targets, draws).score(predicted)
    left = [values - LinearRegression().fit(z, values).predict(z) for values in (predicted, targets)]
    r = np.array([np.corrcoef(p, y)[0, 1] for p, y in zip(left[0].T, left[1].T, strict=True)])
    assert np.abs(found.r - r.reshape(LAYERS, -1).mean(1)).max() < 1e-6
    for name, own in {**nuisances.groups, "all": slice(None)}.items():
        part = LinearRegression().fit(z[:, own], predicted).predict(z[:, own])
        dy = (targets - targets.mean(0)) / (predicted.std(0) * targets.std(0))
        inside, outside = ((values * dy).mean(0) for values in (part, predicted - part))
        py = inside - z[:, own].shape[1] / (N - 1 - z[:, own].shape[1]) * outside
        assert np.abs(twin.r[name] - py.reshape(LAYERS, -1).mean(1)).max() < 1e-6
        left = [
            values - LinearRegression().fit(z[:, own], values).predict(z[:, own]) for values in (predicted, targets)
        ]
        r = np.array([np.corrcoef(p, y)[0, 1] for p, y in zip(left[0].T, left[1].T, strict=True)])
        assert np.abs(twin.without[name] - r.reshape(LAYERS, -1).mean(1)).max() < 1e-6


def test_predictions_of_nuisances_alone_have_no_unique_r() -> None:
    rng = np.random.default_rng(5)
    z = rng.standard_normal((N, 8))
    targets = z @ rng.standard_normal((8, TARGETS)) + rng.standard_normal((N, TARGETS))
    predicted = z @ rng.standard_normal((8, TARGETS)) + rng.standard_normal((N, TARGETS))
    draws = Draws.plan(np.zeros(N, int), LAYERS, FitRecipe(null_draws=300))
    found, _ = PartialScores.of(Nuisances(z, {"timing": slice(0, 8)}), targets, draws).score(predicted)
    assert (np.abs(found.r) < 4 * found.null.std(0)).all()


def test_targets_that_nuisances_explain_whole_have_no_unique_r() -> None:
    """What is left of them is rounding, which predictions of the same words may share."""
    rng = np.random.default_rng(6)
    z = rng.standard_normal((N, 8)).astype(np.float32)
    targets = z @ rng.standard_normal((8, TARGETS)).astype(np.float32)
    draws = Draws.plan(np.zeros(N, int), LAYERS, FitRecipe(null_draws=100))
    found, _ = PartialScores.of(Nuisances(z, {"form": slice(0, 8)}), targets, draws).score(targets + z[:, :TARGETS])
    assert (found.r == 0).all()
