"""The fit of one lag: decoders, their cross-validated scores, what chance reaches, and how sure the scores are."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from rtalign.core.recipe import FitRecipe
from rtalign.decoding import ridge
from rtalign.decoding.block_moments import BlockSums
from rtalign.decoding.block_pairs import SignalBlocks, decode_blocks
from rtalign.decoding.block_scores import BlockScores, FoldBlocks, block_scores
from rtalign.decoding.moments import Moments
from rtalign.decoding.penalties import EigenBasis, HeldOut
from rtalign.scoring.cross_validated import Draws, Prepared, score
from rtalign.scoring.sign_flips import draw_signs, null_of_pairs
from rtalign.training.lag.targets import LagTargets
from rtalign.training.lag.words import Bases, LagWords, Sums

if TYPE_CHECKING:  # importing it would import torch
    from rtalign.decoding.gpu.products import GpuTargets

SEARCH_STEP = 4
"""Every so many lags are searched for penalties that all lags share; an answer lasts longer than that."""


@dataclass(frozen=True, slots=True, eq=False)
class LagFit:
    """The fit of one lag.

    Attributes
    ----------
    words : LagWords
        The words.
    moments : sequence of Moments
        One a fold.
    fit : RidgeFit
        Decoders and their scores.
    r : ndarray, shape (layer,)
        Mean over folds and targets.
    null : ndarray, shape (draw, layer)
        R of unrelated words.
    left_out : ndarray, shape (block, layer)
        R without one block of words, decoders refitted.
    retrained : ndarray, shape (block, layer)
        R of all words by decoders that were not trained on one block.
    excess : ndarray, shape (layer,)
        By how much leaving out blocks makes the variance of R too large.
    halves : ndarray, shape (2, layer)
        R of half of the words.
    r_fold : ndarray, shape (fold, layer)
        R of the held-out words of each fold.
    r_block : ndarray, shape (block, layer)
        R of the held-out words of each block of neighbours.
    sums : Sums
        Of the words, by fold and by block.
    bases : mapping
        `eigen_bases` of the signal, for the fit of other targets to the same words.
    """

    words: LagWords
    moments: Sequence[Moments]
    fit: ridge.RidgeFit
    r: np.ndarray
    null: np.ndarray
    left_out: np.ndarray
    retrained: np.ndarray
    excess: np.ndarray
    halves: np.ndarray
    r_fold: np.ndarray
    r_block: np.ndarray
    sums: Sums
    bases: Mapping[tuple[int, ...], EigenBasis]

    @property
    def predicted(self) -> list[np.ndarray]:
        """(word of the fold, target), one a fold: predictions of held-out words."""
        return self.words.predicted(self.fit)


def fit_words(words: LagWords, penalties: np.ndarray | None = None) -> LagFit:
    """Fit the decoders of one lag and score them on held-out words.

    Parameters
    ----------
    words : LagWords
        The words.
    penalties : ndarray, shape (fold + 1, target), optional
        Chosen before, for all lags; else they are chosen for this lag.

    Returns
    -------
    LagFit
    """
    targets, recipe, sums = words.targets, words.recipe, words.sums()
    total = words.with_earlier(sums.moments)
    bases = words.bases or ridge.eigen_bases(total, recipe.precision, (2, 1, 0) if penalties is None else (1, 0))
    fit = _decoders(words, total, bases, penalties)
    r_fold = fit.r.reshape(len(fit.r), targets.n_layers, -1).mean(axis=2)
    r = r_fold.mean(axis=0)
    folds = zip(sums.pairs(fit.alpha, bases, targets.rotations), sums.predicted(fit), targets.components, strict=True)
    blocks = block_scores([FoldBlocks(*fold) for fold in folds], targets.n_layers)
    null = null_of(blocks, words.predicted(fit) if targets.shifts else (), targets.shifts, recipe)
    # The change by a block; R itself comes from the sums of all words, earlier ones as well.
    left_out, retrained, halves = (
        r + values - blocks.whole for values in (blocks.left_out, blocks.retrained, blocks.halves)
    )
    return LagFit(
        words, total, fit, r, null, left_out, retrained, blocks.excess, halves, r_fold, blocks.blocks, sums, bases
    )


@dataclass(frozen=True, slots=True, eq=False)
class ControlFit:
    """What a control finds at one lag: each field as that of `LagFit`."""

    r: np.ndarray
    null: np.ndarray
    left_out: np.ndarray
    excess: np.ndarray
    halves: np.ndarray


def fit_control(
    folds: Sequence[SignalBlocks],
    bases: Bases,
    targets: LagTargets,
    penalties: np.ndarray,
    recipe: FitRecipe,
    predict: Callable[[Sequence[np.ndarray]], list[np.ndarray]],
) -> ControlFit:
    """Decoders of each fold from sums of blocks alone, scored as `fit_words` scores them.

    Why not `fit_words`: its decoders are kept in the bank, with one of all words, and so their sums are float64.

    Parameters
    ----------
    folds : sequence of SignalBlocks
        The words, fold by fold.
    bases : mapping
        `eigen_bases` of the training sets that lack one fold.
    targets : LagTargets
        Of the same words.
    penalties : ndarray, shape (decoder, target)
        Of each fold's decoder; those of a final one are left out.
    recipe : FitRecipe
        Draws of the null.
    predict : callable
        Predictions (word of the fold, target) of held-out words from weights (sensor, target), one a fold; an offset
        does not matter.
    """
    pairs, weights = decode_blocks(folds, penalties[: len(folds)], bases, targets.rotations)
    predicted = [BlockSums.of_predictions(fold.parts, w) for fold, w in zip(folds, weights, strict=True)]
    scored = zip(pairs, predicted, targets.components, strict=True)
    blocks = block_scores([FoldBlocks(*fold) for fold in scored], targets.n_layers)
    null = null_of(blocks, predict(weights) if targets.shifts else (), targets.shifts, recipe)
    return ControlFit(blocks.whole, null, blocks.left_out, blocks.excess, blocks.halves)


def _decoders(words: LagWords, total: Sequence[Moments], bases: Bases, penalties: np.ndarray | None) -> ridge.RidgeFit:
    """Decoders of the words with the moments of each fold; penalties are chosen where none are given."""
    recipe, turns = words.recipe, words.targets.rotations
    if not words.gpu:
        return ridge.fit_ridge(total, recipe.alphas, turns, recipe.precision, bases=bases, penalties=penalties)
    from rtalign.decoding.gpu import ridge as gpu_ridge

    return gpu_ridge.fit_ridge(total, recipe.alphas, turns, recipe.precision, bases, penalties, words.gpu)


def null_of(
    blocks: BlockScores,
    predicted: Sequence[np.ndarray],
    shifts: tuple[Draws, Prepared] | None,
    recipe: FitRecipe,
) -> np.ndarray:
    """(draw, layer): R of unrelated words."""
    if shifts:
        return score(shifts[0], predicted, shifts[1]).null
    return null_of_pairs(blocks.pairs, draw_signs(recipe.null_draws, blocks.pairs.shape[1], recipe.seed))


def search_penalties(words: LagWords, total: Sequence[Moments] | None = None) -> list[HeldOut]:
    """Test every penalty at one lag, as `ridge.try_penalties`; total holds moments, one a fold, if they are known."""
    total = words.with_earlier(words.sums().moments) if total is None else total
    return try_penalties(total, words.targets.rotations, words.recipe, words.bases, words.gpu)


def try_penalties(
    total: Sequence[Moments],
    rotations: ridge.FoldRotations,
    recipe: FitRecipe,
    bases: Bases | None,
    gpu: GpuTargets | None = None,
    *,
    final: bool = True,
) -> list[HeldOut]:
    """Test every penalty as `ridge.try_penalties`, on a GPU if there is one; bases are found if not known."""
    bases = bases or ridge.eigen_bases(total, recipe.precision, (2, 1) if final else (2,))
    if gpu:
        from rtalign.decoding.gpu import ridge as gpu_ridge

        return gpu_ridge.try_penalties(total, recipe.alphas, rotations, bases, gpu, final=final)
    return ridge.try_penalties(total, recipe.alphas, rotations, recipe.precision, bases=bases, final=final)


def searched_lags(n_lags: int) -> range:
    """The lags at which penalties that all lags share are searched."""
    return range(0, n_lags, SEARCH_STEP)


def null_method(recipe: FitRecipe) -> dict[str, Any]:
    """Which null a bank has, for its summary.

    Shuffled folds share signal with each other, which no block of theirs is free of; they keep the shifts.
    """
    return {"method": "shifts" if recipe.fold_kind == "legacy" else "signs", "draws": recipe.null_draws}
