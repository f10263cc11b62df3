"""The fit of one lag: decoders, their cross-validated scores, what chance reaches, and how sure the scores are."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial, reduce
from operator import add
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, TypeVar

import numpy as np

from rtalign.core.agreement import Agreement
from rtalign.core.machine import cpu_count
from rtalign.core.parallel import run_ordered
from rtalign.core.recipe import FitRecipe
from rtalign.decoding import ridge
from rtalign.decoding.block_moments import BlockMoments, BlockSums, sum_blocks
from rtalign.decoding.block_scores import (
    BlockScores,
    FoldBlocks,
    FoldPairs,
    SignalBlocks,
    block_scores,
    fold_pairs,
    subset_pairs,
)
from rtalign.decoding.moments import Moments, rotate
from rtalign.decoding.penalties import EigenBasis, HeldOut
from rtalign.decoding.projection import leading_rotation
from rtalign.scoring.cross_validated import Draws, Prepared, score
from rtalign.scoring.sign_flips import draw_signs, null_of_pairs

if TYPE_CHECKING:  # importing it would import torch
    from rtalign.decoding.gpu_products import GpuTargets

T = TypeVar("T")
Bases: TypeAlias = Mapping[tuple[int, ...], EigenBasis]

SEARCH_STEP = 4
"""Every so many lags are searched for penalties that all lags share; an answer lasts longer than that."""


@dataclass(frozen=True, slots=True, eq=False)
class LagTargets:
    """The targets of all words, fold by fold, with all that does not depend on the lag.

    Attributes
    ----------
    values : sequence of ndarray, shape (word of the fold, layer x wide)
        One a fold.
    moments : sequence of Moments
        Of the targets alone, one a fold.
    rotations : FoldRotations
        Of the wide basis, per fold and final.
    blocks : sequence of sequence of slice
        Stretches of neighbouring words of each fold.
    means : sequence of ndarray, shape (block, layer x wide)
        Of the values of each block, one a fold.
    components : sequence of BlockSums
        Of the targets of each fold's decoders, by block.
    shifts : tuple of Draws and Prepared, or None
        For the null of shuffled folds alone.
    """

    values: Sequence[np.ndarray]
    moments: Sequence[Moments]
    rotations: ridge.FoldRotations
    blocks: Sequence[Sequence[slice]]
    means: Sequence[np.ndarray]
    components: Sequence[BlockSums]
    shifts: tuple[Draws, Prepared] | None

    @classmethod
    def of(
        cls,
        values: Sequence[np.ndarray],
        n_layers: int,
        n_components: int,
        blocks: Sequence[Sequence[slice]],
        recipe: FitRecipe,
        earlier: Sequence[Moments] = (),
        find_rotations: Callable[[Sequence[Moments], int], ridge.FoldRotations] | None = None,
    ) -> LagTargets:
        """Compute the rest from the values; `earlier` holds the sums of words fitted before, one a fold.

        `find_rotations` finds each fold's components where these are not principal ones of the values themselves.
        """
        own = _each(partial(_target_moments, n_layers), values)
        total = [m + before for m, before in zip(own, earlier, strict=True)] if earlier else own
        rotations = (find_rotations or _rotations)(total, n_components)
        turned = _each(lambda y, turn: rotate(y, turn.astype(np.float32)), values, rotations.outer)
        sums = _each(BlockSums.of, turned, blocks)
        means = _each(_block_means, values, blocks)
        return cls(values, own, rotations, blocks, means, sums, _shifts(turned, n_layers, recipe))

    def on(self, device: str, recipe: FitRecipe) -> GpuTargets | None:
        """The values in a GPU's memory; None for "cpu"."""
        if device == "cpu":
            return None
        from rtalign.decoding.gpu_products import GpuTargets

        return GpuTargets(self.values, self.blocks, device, recipe.precision)

    @property
    def n_layers(self) -> int:
        """How many layers are decoded."""
        return len(self.rotations.final)

    @property
    def block_words(self) -> list[int]:
        """Number of words of each block, fold by fold."""
        return [rows.stop - rows.start for of_fold in self.blocks for rows in of_fold]


def _each(work: Callable[..., T], *folds: Sequence[Any]) -> list[T]:
    """What work makes of each fold, the folds side by side."""
    return list(run_ordered([partial(work, *of_fold) for of_fold in zip(*folds, strict=True)], cpu_count()))


def _target_moments(n_layers: int, values: np.ndarray) -> Moments:
    return Moments.from_data(np.empty((len(values), 0), np.float32), values, "float64", groups=n_layers)


def _block_means(values: np.ndarray, blocks: Sequence[slice]) -> np.ndarray:
    return np.stack([values[rows].mean(0, dtype=np.float64) for rows in blocks])


def _shifts(turned: Sequence[np.ndarray], n_layers: int, recipe: FitRecipe) -> tuple[Draws, Prepared] | None:
    """For the null of shuffled folds; None where there is a better one."""
    if recipe.fold_kind != "legacy":
        return None
    draws = Draws.plan(np.repeat(np.arange(len(turned)), [len(y) for y in turned]), n_layers, recipe)
    return draws, draws.prepare(turned)


def _rotations(moments: Sequence[Moments], components: int) -> ridge.FoldRotations:
    """Each fold's principal components, from the other folds' words alone; the final ones from all words."""
    others = [reduce(add, (m for i, m in enumerate(moments) if i != k)) for k in range(len(moments))]
    final = np.zeros((*moments[0].yy.shape[:2], components))
    final[:, np.arange(components), np.arange(components)] = 1  # the wide basis is in order of variance already
    return ridge.FoldRotations([leading_rotation(m.yy, components) for m in others], final)


@dataclass(frozen=True, slots=True, eq=False)
class LagWords:
    """The words of one lag, and what is known of their sums.

    Attributes
    ----------
    signals : sequence of ndarray, shape (word of the fold, sensor)
        One a fold.
    targets : LagTargets
        Of the same words.
    recipe : FitRecipe
        Penalties, draws and precision.
    sensors : sequence of Moments
        Of the signals alone, one a fold; empty where they are made from those of the blocks.
    bases : mapping or None
        `eigen_bases` of all words, where they are known.
    earlier : sequence of Moments
        Sums of words fitted before, one a fold; empty where there are none.
    gpu : GpuTargets or None
        The targets in a GPU's memory, where the sums over words are made there.
    """

    signals: Sequence[np.ndarray]
    targets: LagTargets
    recipe: FitRecipe
    sensors: Sequence[Moments] = ()
    bases: Mapping[tuple[int, ...], EigenBasis] | None = None
    earlier: Sequence[Moments] = ()
    gpu: GpuTargets | None = None

    def sums(self) -> Sums:
        """All that the fit needs of the words."""
        return _SumsOnGpu(self, self.gpu) if self.gpu else _Sums(self)

    def predicted(self, fit: ridge.RidgeFit) -> list[np.ndarray]:
        """(word of the fold, target), one a fold: predictions by decoders that were not trained on them."""
        return [x @ w + b for x, w, b in zip(self.signals, fit.weights, fit.bias, strict=True)]

    def with_earlier(self, own: Sequence[Moments]) -> list[Moments]:
        """Moments of these words and of those fitted before, together."""
        return [m + before for m, before in zip(own, self.earlier, strict=True)] if self.earlier else list(own)


class Sums(Protocol):
    """Moments of the words of one lag, by fold and by block, and sums of their predictions."""

    @property
    def moments(self) -> list[Moments]: ...

    @property
    def parts(self) -> Sequence[Sequence[BlockMoments]]: ...

    def predicted(self, fit: ridge.RidgeFit) -> list[BlockSums]: ...

    def pairs(self, alpha: np.ndarray, bases: Bases, rotations: ridge.FoldRotations) -> list[FoldPairs]: ...


class WordsOfLag(Protocol):
    """What the fit of one lag needs: `LagWords`, or the same words with nuisances taken out."""

    @property
    def targets(self) -> LagTargets: ...

    @property
    def recipe(self) -> FitRecipe: ...

    @property
    def bases(self) -> Bases | None: ...

    @property
    def gpu(self) -> GpuTargets | None: ...

    def sums(self) -> Sums: ...

    def predicted(self, fit: ridge.RidgeFit) -> list[np.ndarray]: ...

    def with_earlier(self, own: Sequence[Moments]) -> list[Moments]: ...


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
    null = _null(blocks, words.predicted(fit) if targets.shifts else (), targets.shifts, recipe)
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
    from rtalign.decoding import gpu_ridge

    return gpu_ridge.fit_ridge(total, recipe.alphas, turns, recipe.precision, bases, penalties, words.gpu)


class _Sums:
    """Moments of the words by fold and by block, and sums of their predictions.

    Attributes
    ----------
    moments : list of Moments
        One a fold.
    parts : list of list of BlockMoments
        One a block.
    """

    def __init__(self, words: LagWords) -> None:
        targets, precision = words.targets, words.recipe.precision
        folds = zip(words.signals, targets.values, targets.blocks, targets.means, strict=True)
        self.parts = [
            [BlockMoments.at_lag(x[rows], y[rows], mean, precision) for rows, mean in zip(blocks, means, strict=True)]
            for x, y, blocks, means in folds
        ]
        sensors: Sequence[Moments | None] = words.sensors if words.sensors else [None] * len(self.parts)
        self.moments = [sum_blocks(*fold) for fold in zip(self.parts, targets.moments, sensors, strict=True)]

    def predicted(self, fit: ridge.RidgeFit) -> list[BlockSums]:
        """Of the held-out predictions of each fold."""
        return [BlockSums.of_predictions(*fold) for fold in zip(self.parts, fit.weights, strict=True)]

    def pairs(self, alpha: np.ndarray, bases: Bases, rotations: ridge.FoldRotations) -> list[FoldPairs]:
        """Of each fold's blocks, as `fold_pairs`."""
        folds = [SignalBlocks(*fold) for fold in zip(self.moments, self.parts, strict=True)]
        return fold_pairs(folds, alpha, bases, rotations)


class _SumsOnGpu:
    """The same, made on a GPU, and the pairs of blocks beside them."""

    def __init__(self, words: LagWords, gpu: GpuTargets) -> None:
        from rtalign.decoding.gpu_products import GpuProducts

        self._products = GpuProducts(gpu, words.signals)
        self.pairs = self._products.pairs
        folds = zip(words.targets.moments, self._products.sensors, self._products.cross, strict=True)
        self.moments = [replace(of_y, mean_x=of_x.mean_x, xx=of_x.xx, xy=xy) for of_y, of_x, xy in folds]

    @property
    def parts(self) -> list[list[BlockMoments]]:
        """Of each fold's blocks."""
        return self._products.parts

    def predicted(self, fit: ridge.RidgeFit) -> list[BlockSums]:
        """Of the held-out predictions of each fold."""
        return self._products.predicted(fit.weights)


def _null(
    blocks: BlockScores,
    predicted: Sequence[np.ndarray],
    shifts: tuple[Draws, Prepared] | None,
    recipe: FitRecipe,
) -> np.ndarray:
    """(draw, layer): R of unrelated words."""
    if shifts:
        return score(shifts[0], predicted, shifts[1]).null
    return null_of_pairs(blocks.pairs, draw_signs(recipe.null_draws, blocks.pairs.shape[1], recipe.seed))


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
        return cls(rows, blocks, turned, sums, _shifts(turned, targets.n_layers, recipe))

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
    null = _null(blocks, predicted, subset.shifts, recipe)
    return SubsetScores(r, null, r + blocks.left_out - blocks.whole, blocks.excess)


def _signal_blocks(
    signals: Sequence[np.ndarray], targets: LagTargets, subset: WordSubset, recipe: FitRecipe
) -> list[SignalBlocks]:
    values = [y[rows] for y, rows in zip(targets.values, subset.rows, strict=True)]
    return [
        SignalBlocks(
            _moments_of(x, recipe), [BlockMoments.from_data(x[rows], y[rows], recipe.precision) for rows in blocks]
        )
        for x, y, blocks in zip(signals, values, subset.blocks, strict=True)
    ]


def _moments_of(signal: np.ndarray, recipe: FitRecipe) -> Moments:
    return Moments.from_data(signal, np.empty((len(signal), 0), np.float32), recipe.precision)


def search_penalties(words: WordsOfLag, total: Sequence[Moments] | None = None) -> list[HeldOut]:
    """Test every penalty at one lag, as `ridge.try_penalties`; total holds moments, one a fold, if they are known."""
    recipe, rotations = words.recipe, words.targets.rotations
    total = words.with_earlier(words.sums().moments) if total is None else total
    bases = words.bases or ridge.eigen_bases(total, recipe.precision)
    if words.gpu:
        from rtalign.decoding import gpu_ridge

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
