"""Quartiles: scores on the words of one quartile are plain correlations."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from scipy.stats import rankdata

from rtalign.core.progress import Progress
from rtalign.decoding import folds
from rtalign.training.prepare import ActivationRequest, prepare_recordings
from rtalign.training.trainer import fit_lag, fit_wide_basis, make_fit_inputs
from rtalign_offline.sweep.quartiles import Quartiles
from tests.helpers.small_world import small_recipe, world

QUIET = Progress(quiet=True)


def test_quartiles_are_plain_correlations_on_their_words(tmp_path: Path) -> None:
    recording, model = world(400, seed=2)
    recipe = small_recipe()
    stories = prepare_recordings(
        [recording], ActivationRequest(model, recipe.language, range(6)), recipe, tmp_path, QUIET
    )
    told = np.random.default_rng(1).exponential(3, len(stories[0].used))
    fold = folds.assign_folds([stories[0].onsets], recipe.fit, float(np.ptp(recipe.lags.seconds)))
    job = make_fit_inputs(stories, recipe, fit_wide_basis(stories, recipe, fold), fold)
    quartiles, seen = Quartiles.of(job, told), fit_lag(job, 12)
    assert quartiles is not None
    found = quartiles.score(seen.predicted)["quartile_r"]
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
