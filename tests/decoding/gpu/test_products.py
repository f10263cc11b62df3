"""The sums of words by torch, which a GPU makes, are those by numpy; here torch computes on the processor."""

from __future__ import annotations

import numpy as np
import pytest

from rtalign.core.recipe import FitRecipe
from rtalign.core.word_blocks import assign_blocks
from rtalign.decoding.gpu.products import GpuProducts, GpuTargets
from rtalign.decoding.moments import Moments
from rtalign.training.controls.nuisances import Nuisances
from rtalign.training.controls.unique import UniqueControl
from rtalign.training.lag.fit import fit_words, search_penalties
from rtalign.training.lag.targets import LagTargets
from rtalign.training.lag.words import LagWords

N_FOLDS, N_SENSORS, N_LAYERS, WIDE, KEPT = 3, 7, 2, 6, 3


def data(words: int) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Of each fold, far from zero: signal (word, sensor), and targets that it answers to."""
    rng = np.random.default_rng(3)
    y = [rng.standard_normal((words + k, N_LAYERS * WIDE), np.float32) for k in range(N_FOLDS)]
    mixing = rng.standard_normal((N_LAYERS * WIDE, N_SENSORS), np.float32)
    return [500 + of @ mixing + 9 * rng.standard_normal((len(of), N_SENSORS), np.float32) for of in y], y


def targets_of(y: list[np.ndarray], recipe: FitRecipe) -> LagTargets:
    return LagTargets.of(y, N_LAYERS, KEPT, [assign_blocks(np.zeros(len(of))) for of in y], recipe)


def test_sums_over_long_blocks_are_those_of_the_words() -> None:
    x, y = data(9_000)  # blocks of more than 2,048 words are multiplied in parts
    targets = targets_of(y, FitRecipe(folds=N_FOLDS))
    products = GpuProducts(GpuTargets(y, targets.blocks, "cpu", "float32"), x)
    here = LagWords(x, targets, FitRecipe(folds=N_FOLDS)).sums()
    for k, blocks in enumerate(targets.blocks):
        want = Moments.from_data(x[k].astype(float), np.empty((len(x[k]), 0)), "float64")
        np.testing.assert_allclose(products.sensors[k].mean_x, want.mean_x, rtol=1e-9)
        np.testing.assert_allclose(products.sensors[k].xx, want.xx, atol=1e-6 * want.xx.max())
        np.testing.assert_allclose(here.moments[k].xx, want.xx, atol=1e-6 * want.xx.max())
        for rows, *parts in zip(blocks, products.parts[k], here.parts[k], strict=True):
            block = Moments.from_data(x[k][rows].astype(float), y[k][rows].astype(float), "float64")
            for part in parts:
                assert part.n == block.n
                np.testing.assert_allclose(part.mean_y, block.mean_y, atol=1e-6)
                np.testing.assert_allclose(part.xy, block.xy, atol=1e-5 * np.abs(block.xy).max())


@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_a_fit_from_sums_of_a_gpu_is_the_fit_of_the_processor(precision: str) -> None:
    x, y = data(400)
    for of in x[1:]:
        of[:, 0] = 3  # training sets without the first fold have a direction less
    recipe = FitRecipe(folds=N_FOLDS, precision=precision, null_draws=50)
    targets = targets_of(y, recipe)
    here = LagWords(x, targets, recipe)
    there = LagWords(x, targets, recipe, gpu=GpuTargets(y, targets.blocks, "cpu", precision))
    for a, b in zip(search_penalties(here), search_penalties(there), strict=True):
        np.testing.assert_allclose(a.agreement, b.agreement, rtol=1e-3 if precision == "float32" else 1e-7)
        np.testing.assert_allclose(a.loss, b.loss, rtol=1e-3 if precision == "float32" else 1e-7)
    a, b = fit_words(here), fit_words(there)
    close = 1e-5 if precision == "float32" else 1e-9
    for name in ("r", "null", "left_out", "retrained", "excess", "halves"):
        np.testing.assert_allclose(getattr(a, name), getattr(b, name), atol=close)
    assert a.r.min() > 0.2


def test_controls_take_their_sums_from_a_gpu() -> None:
    x, y = data(300)
    recipe = FitRecipe(folds=N_FOLDS, precision="float64", null_draws=20)
    targets = targets_of(y, recipe)
    fold = np.repeat(np.arange(N_FOLDS), [len(of) for of in y])
    nuisances = Nuisances(np.random.default_rng(1).standard_normal((len(fold), 3)), {"some": slice(0, 2)})
    control = UniqueControl.of(targets, nuisances, fold, recipe)
    found = []
    for gpu in (None, GpuTargets(y, targets.blocks, "cpu", "float64")):
        words = LagWords(x, targets, recipe, gpu=gpu)
        found.append(control.fit(words, fit_words(words)))
    for name in ("r", "null", "left_out", "excess", "halves"):
        np.testing.assert_allclose(getattr(found[0], name), getattr(found[1], name), atol=1e-9)
    assert found[0].r.min() > 0.1
