"""The fit of one lag: decoders, their cross-validated scores, what chance reaches, and how sure the scores are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rtalign.core.recipe import FitRecipe
from rtalign.decoding import ridge
from rtalign.decoding.block_scores import BlockScores, FoldBlocks, block_scores
from rtalign.decoding.moments import Moments
from rtalign.decoding.penalties import EigenBasis, HeldOut
from rtalign.scoring.cross_validated import Draws, Prepared, score
from rtalign.scoring.sign_flips import draw_signs, null_of_pairs
from rtalign.training.lag.words import Bases, Sums, WordsOfLag

SEARCH_STEP = 4
"""Every so many lags are searched for penalties that all lags share; an answer lasts longer than that."""


@dataclass(frozen=True, slots=True, eq=False)
class LagFit:
    """The fit of one lag.

    Attributes
    ----------
    words : WordsOfLag
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

    words: WordsOfLag
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


def fit_words(words: WordsOfLag, penalties: np.ndarray | None = None) -> LagFit:
    """Fit the decoders of one lag and score them on held-out words.

    Parameters
    ----------
    words : WordsOfLag
        The words.
    penalties : ndarray, shape (fold + 1, target), optional
        Chosen before, for all lags; else they are chosen for this lag.

    Returns
    -------
    LagFit
    """
    targets, recipe, sums = words.targets, words.recipe, words.sums()
    total = words.with_earlier(sums.moments)
    bases = words.bases or ridge.eigen_bases(total, recipe.precision, 2 if penalties is None else 1)
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


def _decoders(
    words: WordsOfLag, total: Sequence[Moments], bases: Bases, penalties: np.ndarray | None
) -> ridge.RidgeFit:
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


def search_penalties(words: WordsOfLag, total: Sequence[Moments] | None = None) -> list[HeldOut]:
    """Test every penalty at one lag, as `ridge.try_penalties`; total holds moments, one a fold, if they are known."""
    recipe, rotations = words.recipe, words.targets.rotations
    total = words.with_earlier(words.sums().moments) if total is None else total
    bases = words.bases or ridge.eigen_bases(total, recipe.precision)
    if words.gpu:
        from rtalign.decoding.gpu import ridge as gpu_ridge

        return gpu_ridge.try_penalties(total, recipe.alphas, rotations, bases, words.gpu)
    return ridge.try_penalties(total, recipe.alphas, rotations, recipe.precision, bases=bases)


def searched_lags(n_lags: int) -> range:
    """The lags at which penalties that all lags share are searched."""
    return range(0, n_lags, SEARCH_STEP)


def null_method(recipe: FitRecipe) -> dict[str, Any]:
    """Which null a bank has, for its summary.

    Shuffled folds share signal with each other, which no block of theirs is free of; they keep the shifts.
    """
    return {"method": "shifts" if recipe.fold_kind == "legacy" else "signs", "draws": recipe.null_draws}
