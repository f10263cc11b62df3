"""Quartiles: scores on the words of one quartile are plain correlations, their null is as wide as they spread."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.signal import lfilter
from scipy.stats import rankdata

from rtalign.core.progress import Progress
from rtalign.core.recipe import FitRecipe
from rtalign.core.word_blocks import assign_blocks
from rtalign.decoding import folds
from rtalign.training.components import fit_wide_basis, stories_of
from rtalign.training.lag.fit import LagFit, fit_words
from rtalign.training.lag.subsets import WordSubset, score_subsets
from rtalign.training.lag.targets import LagTargets
from rtalign.training.lag.words import LagWords
from rtalign.training.prepare import ActivationRequest, prepare_recordings
from rtalign.training.trainer import FitInputs, lag_words, make_fit_inputs
from rtalign_offline.sweep.quartiles import Quartiles
from tests.helpers.small_world import small_recipe, world

QUIET = Progress(quiet=True)


def job_and_surprisal(store: Path) -> tuple[FitInputs, np.ndarray]:
    """The fit of a short story, and drawn surprisal (word,) of its words."""
    recording, model = world(400, seed=2)
    recipe = small_recipe()
    stories = prepare_recordings([recording], ActivationRequest(model, recipe.language, range(6)), recipe, store, QUIET)
    told = np.random.default_rng(1).exponential(3, len(stories[0].used))
    fold = folds.assign_folds([stories[0].onsets], recipe.fit, float(np.ptp(recipe.lags.seconds)))
    job = make_fit_inputs(stories, recipe, fit_wide_basis(stories_of(stories), recipe), fold)
    return job, told


def test_quartiles_are_plain_correlations_on_their_words(tmp_path: Path) -> None:
    job, told = job_and_surprisal(tmp_path)
    recipe, fold = job.recipe, job.fold
    quartiles, words = Quartiles.of(job, told), lag_words(job, 12)
    assert quartiles is not None
    seen = fit_words(words)
    found = quartiles.score(words, seen)["quartile_r"]
    rank = np.full(len(told), -1)
    rank[fold >= 0] = rankdata(told[fold >= 0]) - 1
    for q in range(4):
        by_fold = []
        for k in range(recipe.fit.folds):
            words = np.flatnonzero(fold == k)
            own = rank[words] * 4 // (fold >= 0).sum() == q
            wide = job.targets.values[k].reshape(len(words), 6, -1)
            target = np.einsum("wlm,lmc->wlc", wide, job.targets.rotations.outer[k]).reshape(len(words), -1)[own]
            predicted = seen.predicted[k][own]
            by_fold.append([np.corrcoef(p, t)[0, 1] for p, t in zip(predicted.T, target.T, strict=True)])
        want = np.mean(by_fold, axis=0).reshape(6, -1).mean(axis=1)
        assert np.allclose(found[q], want, atol=2e-5)


N_FOLDS, N_LAYERS, COMPONENTS = 5, 2, 6


def fitted_noise(seed: int) -> tuple[LagWords, LagFit, LagTargets]:
    """Words whose signal and targets have nothing to do with each other."""
    rng, n = np.random.default_rng([3, seed]), 100
    targets, signals = (
        [lfilter([1], [1, -0.6], rng.standard_normal((n, width)), axis=0) for _ in range(N_FOLDS)]
        for width in (N_LAYERS * COMPONENTS, 12)
    )
    recipe = FitRecipe(alphas=(1.0, 100.0), null_draws=200, precision="float64")
    blocks = [assign_blocks(np.zeros(n))] * N_FOLDS
    values = LagTargets.of(targets, N_LAYERS, COMPONENTS, blocks, recipe)
    words = LagWords(signals, values, recipe)
    return words, fit_words(words), values


def test_the_null_of_a_quartile_is_as_wide_as_its_r_over_recordings() -> None:
    """60 recordings: the spread of their R is known to 1 in 15 for two layers."""
    r, null = [], []
    for seed in range(60):
        words, fitted, targets = fitted_noise(seed)
        rng = np.random.default_rng(seed)
        rows = [
            np.sort(np.concatenate([b + rng.permutation(25)[:6] for b in range(0, 100, 25)])) for _ in range(N_FOLDS)
        ]
        found = score_subsets(words, fitted, [WordSubset.of(targets, rows, words.recipe)])[0]
        r.append(found.r)
        null.append(found.null)
    assert np.std(r, axis=0).mean() / np.std(null, axis=(0, 1)).mean() == pytest.approx(1, abs=0.2)


def test_all_words_as_a_subset_are_all_words() -> None:
    words, fitted, targets = fitted_noise(0)
    found = score_subsets(words, fitted, [WordSubset.of(targets, [np.arange(100)] * N_FOLDS, words.recipe)])[0]
    for name in ("r", "null", "left_out", "excess"):
        np.testing.assert_allclose(getattr(found, name), getattr(fitted, name), atol=1e-7)


def test_refitted_quartiles_are_fits_of_their_words_alone(tmp_path: Path) -> None:
    job, told = job_and_surprisal(tmp_path)
    quartiles, words = Quartiles.of(job, told, refit=True), lag_words(job, 12)
    assert quartiles is not None
    found = quartiles.score(words, fit_words(words))
    alone = fit_words(lag_words(quartiles.refits[3], 12), quartiles.refits[3].penalties)
    np.testing.assert_allclose(found["quartile_r"][3], alone.r, atol=1e-5)
    assert found["quartile_halves"].shape == (4, 2, 6)


def test_a_fold_without_words_of_a_quartile_leaves_no_quartiles(tmp_path: Path) -> None:
    """Nor a warning, as of a mean of nothing."""
    job, told = job_and_surprisal(tmp_path)
    told[job.fold == 0] = 100 + np.arange((job.fold == 0).sum())
    assert Quartiles.of(job, told) is None
