"""The words of one lag, and sums over them: by fold and by block, on the processor or on a GPU."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol, TypeAlias

import numpy as np

from rtalign.core.recipe import FitRecipe
from rtalign.decoding import ridge
from rtalign.decoding.block_moments import BlockMoments, BlockSums, sum_blocks
from rtalign.decoding.block_pairs import FoldPairs, SignalBlocks, fold_pairs
from rtalign.decoding.moments import Moments
from rtalign.decoding.penalties import EigenBasis
from rtalign.training.lag.targets import LagTargets

if TYPE_CHECKING:  # importing it would import torch
    from rtalign.decoding.gpu.products import GpuTargets

Bases: TypeAlias = Mapping[tuple[int, ...], EigenBasis]


class Sums(Protocol):
    """Moments of the words of one lag, by fold and by block, and sums of their predictions."""

    @property
    def moments(self) -> list[Moments]: ...

    @property
    def parts(self) -> Sequence[Sequence[BlockMoments]]: ...

    def predicted(self, fit: ridge.RidgeFit) -> list[BlockSums]: ...

    def pairs(self, alpha: np.ndarray, bases: Bases, rotations: ridge.FoldRotations) -> list[FoldPairs]: ...


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
        from rtalign.decoding.gpu.products import GpuProducts

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


def signal_moments(signal: np.ndarray, recipe: FitRecipe) -> Moments:
    return Moments.from_data(signal, np.empty((len(signal), 0), np.float32), recipe.precision)
