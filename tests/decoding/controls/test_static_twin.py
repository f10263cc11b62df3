"""R of the static twin is the part of R that regression of held-out predictions on the nuisances carries."""

from __future__ import annotations

import numpy as np
from sklearn.linear_model import LinearRegression

from rtalign.core.word_blocks import assign_blocks
from rtalign.decoding.moments import rotate
from rtalign.training.controls.nuisances import Nuisances
from rtalign.training.controls.unique import UniqueControl
from rtalign.training.lag.fit import fit_words
from rtalign.training.lag.targets import LagTargets
from rtalign.training.lag.words import LagWords
from tests.decoding.controls.test_partialling import ALPHA, KEPT, N_FOLDS, N_LAYERS, RECIPE, data

GROUPS = {"first": slice(0, 2), "others": slice(2, 5)}


def of_layers(products: np.ndarray) -> np.ndarray:
    return products.reshape(N_LAYERS, -1).mean(1) / N_FOLDS


def test_the_twin_is_what_regression_says_in_words() -> None:
    z, x, y = data(240)
    blocks = [assign_blocks(np.zeros(len(part))) for part in z]
    words = LagWords(x, LagTargets.of(y, N_LAYERS, KEPT, blocks, RECIPE), RECIPE)
    penalties = np.full((N_FOLDS + 1, N_LAYERS * KEPT), ALPHA)
    fold = np.repeat(np.arange(N_FOLDS), [len(part) for part in z])
    plain = fit_words(words, penalties)
    control = UniqueControl.of(words.targets, Nuisances(np.concatenate(z), GROUPS), fold, RECIPE)
    found = control.fit(words, plain, penalties).twin
    expected = {name: np.zeros(N_LAYERS) for name in (*GROUPS, "all")}
    rest, without = np.zeros(N_LAYERS), []
    for k in range(N_FOLDS):
        p, true = plain.predicted[k], rotate(y[k], words.targets.rotations.outer[k])
        norm = p.std(0) * true.std(0) * len(p)
        dy = true - true.mean(0)
        for name in expected:
            own = z[k][:, GROUPS[name]] if name in GROUPS else z[k]
            part = LinearRegression().fit(own, p).predict(own)
            inside, outside = ((values * dy).sum(0) / norm for values in (part, p - part))
            random = own.shape[1] / (len(p) - 1 - own.shape[1])
            expected[name] += of_layers(inside - random * outside)
        rest += of_layers((1 + random) * outside)
        for rows in blocks[k]:
            kept = np.ones(len(p), bool)
            kept[rows] = False
            a, b = part[kept] - part[kept].mean(0), true[kept] - true[kept].mean(0)
            change = (a * b).sum(0) / kept.mean() - ((part - part.mean(0)) * dy).sum(0)
            without.append(of_layers((1 + random) * change / norm))
    for name, r in expected.items():
        assert np.abs(found.r[name] - r).max() < 1e-6
    assert np.abs(found.r["all"] + rest - plain.r).max() < 1e-6
    assert np.abs(found.left_out - found.r["all"] - np.array(without)).max() < 1e-6


def test_where_nothing_is_related_the_twin_shows_nothing() -> None:
    """Targets that nuisances explain, and a signal that knows of neither."""
    r = []
    for seed in range(10):
        rng = np.random.default_rng(seed)
        z, x, _ = data(240, seed=seed, common=0)
        y = [
            part @ rng.standard_normal((part.shape[1], N_LAYERS * 6)) + rng.standard_normal((len(part), 1))
            for part in z
        ]
        blocks = [assign_blocks(np.zeros(len(part))) for part in z]
        words = LagWords(x, LagTargets.of(y, N_LAYERS, KEPT, blocks, RECIPE), RECIPE)
        fold = np.repeat(np.arange(N_FOLDS), [len(part) for part in z])
        plain = fit_words(words)
        control = UniqueControl.of(words.targets, Nuisances(np.concatenate(z), GROUPS), fold, RECIPE)
        r.append(control.fit(words, plain).twin.r["all"].mean())
    assert abs(np.mean(r)) < 3 * np.std(r, ddof=1) / np.sqrt(len(r))


def test_random_columns_carry_no_r() -> None:
    """Signal and targets share much; the nuisances are related to neither."""
    r = []
    for seed in range(10):
        _, x, y = data(240, seed=seed)
        z = np.array_split(np.random.default_rng(seed).standard_normal((240, 20)), N_FOLDS)
        blocks = [assign_blocks(np.zeros(len(part))) for part in z]
        words = LagWords(x, LagTargets.of(y, N_LAYERS, KEPT, blocks, RECIPE), RECIPE)
        fold = np.repeat(np.arange(N_FOLDS), [len(part) for part in z])
        plain = fit_words(words)
        control = UniqueControl.of(words.targets, Nuisances(np.concatenate(z), {"some": slice(0, 20)}), fold, RECIPE)
        r.append((control.fit(words, plain).twin.r["all"] / plain.r).mean())
    assert abs(np.mean(r)) < 3 * np.std(r, ddof=1) / np.sqrt(len(r)) < 0.1
