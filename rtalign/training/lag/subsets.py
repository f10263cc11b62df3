"""Some of the words of one lag, scored by the decoders of all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rtalign.core.agreement import Agreement
from rtalign.core.recipe import FitRecipe
from rtalign.decoding import ridge
from rtalign.decoding.block_moments import BlockMoments, BlockSums
from rtalign.decoding.block_pairs import FoldPairs, SignalBlocks, subset_pairs
from rtalign.decoding.block_scores import FoldBlocks, block_scores
from rtalign.decoding.moments import rotate
from rtalign.scoring.cross_validated import Draws, Prepared
from rtalign.training.lag.fit import LagFit, null_of
from rtalign.training.lag.targets import LagTargets, shift_draws
from rtalign.training.lag.words import LagWords, signal_moments


@dataclass(frozen=True, slots=True, eq=False)
class WordSubset:
    """Some of the words, to be scored by the decoders of all.

    Attributes
    ----------
    rows : sequence of ndarray of int, shape (word,)
        Which words of each fold, in order.
    blocks : sequence of sequence of slice
        The blocks of all words, in these.
    targets : sequence of ndarray, shape (word, target)
        Of each fold, turned as its decoders' targets are.
    components : sequence of BlockSums
        Of these targets.
    shifts : tuple of Draws and Prepared, or None
        For the null of shuffled folds alone.
    """

    rows: Sequence[np.ndarray]
    blocks: Sequence[Sequence[slice]]
    targets: Sequence[np.ndarray]
    components: Sequence[BlockSums]
    shifts: tuple[Draws, Prepared] | None

    @classmethod
    def of(cls, targets: LagTargets, rows: Sequence[np.ndarray], recipe: FitRecipe) -> WordSubset:
        """Find the blocks of some words of each fold."""
        blocks = [
            [slice(*np.searchsorted(own, (part.start, part.stop)).tolist()) for part in of_fold]
            for own, of_fold in zip(rows, targets.blocks, strict=True)
        ]
        turns = targets.rotations.outer
        turned = [
            rotate(y[own], turn.astype(np.float32)) for y, own, turn in zip(targets.values, rows, turns, strict=True)
        ]
        sums = [BlockSums.of(*fold) for fold in zip(turned, blocks, strict=True)]
        return cls(rows, blocks, turned, sums, shift_draws(turned, targets.n_layers, recipe))

    @property
    def block_words(self) -> list[int]:
        """Number of words of each block, fold by fold."""
        return [rows.stop - rows.start for of_fold in self.blocks for rows in of_fold]


@dataclass(frozen=True, slots=True, eq=False)
class SubsetScores:
    """R of some of the words at one lag, by the decoders of all; as in `LagFit`."""

    r: np.ndarray
    null: np.ndarray
    left_out: np.ndarray
    excess: np.ndarray


def score_subsets(words: LagWords, fitted: LagFit, subsets: Sequence[WordSubset]) -> list[SubsetScores]:
    """Score some of the held-out words, several times.

    Parameters
    ----------
    words : LagWords
        All words.
    fitted : LagFit
        Of all words, by `fit_words`.
    subsets : sequence of WordSubset
        The words that are scored.

    Returns
    -------
    list of SubsetScores
    """
    targets, recipe, fit = words.targets, words.recipe, fitted.fit
    signals = [[x[rows] for x, rows in zip(words.signals, subset.rows, strict=True)] for subset in subsets]
    tested = [_signal_blocks(own, targets, subset, recipe) for own, subset in zip(signals, subsets, strict=True)]
    pairs = subset_pairs(tested, fitted.sums.parts, fit.alpha, fitted.bases, targets.rotations)
    return [_score_subset(*of_subset, fitted, recipe) for of_subset in zip(subsets, signals, pairs, strict=True)]


def _score_subset(
    subset: WordSubset, signals: Sequence[np.ndarray], pairs: Sequence[FoldPairs], fitted: LagFit, recipe: FitRecipe
) -> SubsetScores:
    fit, n_layers = fitted.fit, fitted.words.targets.n_layers
    predicted = [x @ w + b for x, w, b in zip(signals, fit.weights, fit.bias, strict=True)]
    sums = [BlockSums.of(*fold) for fold in zip(predicted, subset.blocks, strict=True)]
    folds = zip(pairs, sums, subset.components, strict=True)
    blocks = block_scores([FoldBlocks(*fold) for fold in folds], n_layers)
    agreements = (Agreement.of(*pair) for pair in zip(predicted, subset.targets, strict=True))
    r = np.mean([ridge.correlation(agreement).reshape(n_layers, -1).mean(1) for agreement in agreements], axis=0)
    null = null_of(blocks, predicted, subset.shifts, recipe)
    return SubsetScores(r, null, r + blocks.left_out - blocks.whole, blocks.excess)


def _signal_blocks(
    signals: Sequence[np.ndarray], targets: LagTargets, subset: WordSubset, recipe: FitRecipe
) -> list[SignalBlocks]:
    values = [y[rows] for y, rows in zip(targets.values, subset.rows, strict=True)]
    return [
        SignalBlocks(
            signal_moments(x, recipe), [BlockMoments.from_data(x[rows], y[rows], recipe.precision) for rows in blocks]
        )
        for x, y, blocks in zip(signals, values, subset.blocks, strict=True)
    ]
