"""What pairs of blocks of words add to cross-validated R: one trains the decoder, the other tests it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from rtalign.decoding.block_moments import BlockMoments, BlockSums
from rtalign.decoding.moments import Moments, rotate
from rtalign.decoding.penalties import EigenBasis
from rtalign.decoding.ridge import FoldRotations


@dataclass(frozen=True, slots=True, eq=False)
class SignalBlocks:
    """The words of one fold at one lag, in sums.

    Attributes
    ----------
    moments : Moments
        Of all words.
    parts : sequence of BlockMoments
        Of each block.
    """

    moments: Moments
    parts: Sequence[BlockMoments]


@dataclass(frozen=True, slots=True, eq=False)
class FoldPairs:
    """What pairs of blocks add to the scores of one fold, by target.

    products : (target, held-out block, training block), sums of predictions times targets.
    norms : (target, training block, training block), sums of products of the predictions that two blocks make.
    chance : (target,), squares of the predictions were the blocks unrelated to each other.
    """

    products: np.ndarray
    norms: np.ndarray
    chance: np.ndarray

    @classmethod
    def of_sums(cls, products: np.ndarray, norms: np.ndarray, exact: np.ndarray) -> FoldPairs:
        """From products of predictions, those with all training blocks together (target, training block) being exact.

        All products of directions would cost as much as the fit: between two blocks, directions are taken for
        uncorrelated on held-out words; of each block with all blocks together, the sum is made exact.
        """
        chance = np.trace(norms, axis1=1, axis2=2)
        missing, n = exact - norms.sum(2), norms.shape[1]
        shift = (missing - missing.sum(1, keepdims=True) / (2 * n)) / n
        return cls(products, norms + shift[:, :, None] + shift[:, None, :], chance)

    def r(self, held: np.ndarray, trained: np.ndarray, predicted: BlockSums, targets: BlockSums) -> np.ndarray:
        """(subset, target): R over subsets of blocks, held (subset, block) and trained (subset, block).

        What the predictions' norm is without a training block, is told by the same decoder's norm with it, multiplied
        by the ratio of norms over the whole fold.
        """
        ratio = np.einsum("sk,tkj,sj->st", trained, self.norms, trained, optimize=True)
        ratio /= np.maximum(self.norms.sum((1, 2)), np.finfo(float).tiny)
        products = np.einsum("sh,thk,sk->st", held, self.products, trained, optimize=True)
        # The means of predictions and targets over the blocks that are left are not those of the whole fold.
        products -= (held @ predicted.total) * (held @ targets.total) / np.maximum(held @ predicted.n, 1)[:, None]
        norm = np.sqrt(predicted.spread(held) * np.maximum(ratio, 0) * targets.spread(held))
        return np.divide(products, norm, out=np.zeros_like(norm), where=norm > 0)

    def against_chance(self, targets: BlockSums) -> np.ndarray:
        """(target, held-out block, training block): products over the norm where training blocks agree by chance."""
        norm = np.sqrt(self.chance * targets.spread(np.ones((1, len(targets.n))))[0])
        return self.products / np.where(norm > 0, norm, np.inf)[:, None, None]


def fold_pairs(
    folds: Sequence[SignalBlocks],
    alpha: np.ndarray,
    bases: Mapping[tuple[int, ...], EigenBasis],
    rotations: FoldRotations,
) -> list[FoldPairs]:
    """What the blocks of each fold do with those that its decoder was trained on.

    Parameters
    ----------
    folds : sequence of SignalBlocks
        All words, fold by fold.
    alpha : ndarray, shape (fold, target)
        Penalties of each fold's decoder; target = layer x component.
    bases : mapping
        `eigen_bases` of the folds.
    rotations : FoldRotations
        Each fold's components of the wide targets.

    Returns
    -------
    list of FoldPairs
    """
    return decode_blocks(folds, alpha, bases, rotations)[0]


def decode_blocks(
    folds: Sequence[SignalBlocks],
    alpha: np.ndarray,
    bases: Mapping[tuple[int, ...], EigenBasis],
    rotations: FoldRotations,
) -> tuple[list[FoldPairs], list[np.ndarray]]:
    """As `fold_pairs`, with the weights (sensor, target) of each fold's decoder: the sum of what its blocks add."""
    pairs, decoders = _pairs([folds], [fold.parts for fold in folds], alpha, bases, rotations)
    return pairs[0], [decoder.axes @ decoder.whole.T for decoder in decoders]


def subset_pairs(
    subsets: Sequence[Sequence[SignalBlocks]],
    parts: Sequence[Sequence[BlockMoments]],
    alpha: np.ndarray,
    bases: Mapping[tuple[int, ...], EigenBasis],
    rotations: FoldRotations,
) -> list[list[FoldPairs]]:
    """What the blocks of some held-out words do with those that decoders are trained on.

    Parameters
    ----------
    subsets : sequence of sequence of SignalBlocks
        Some of the words, fold by fold, in the same blocks; several times.
    parts : sequence of sequence of BlockMoments
        Of all words, which decoders are trained on, fold by fold.
    alpha, bases, rotations
        As for `fold_pairs`.

    Returns
    -------
    list of list of FoldPairs
        Of each subset, fold by fold.
    """
    return _pairs(subsets, parts, alpha, bases, rotations)[0]


def _pairs(
    subsets: Sequence[Sequence[SignalBlocks]],
    parts: Sequence[Sequence[BlockMoments]],
    alpha: np.ndarray,
    bases: Mapping[tuple[int, ...], EigenBasis],
    rotations: FoldRotations,
) -> tuple[list[list[FoldPairs]], list[_FoldDecoder]]:
    """Pairs of each subset, fold by fold, and what they were made with."""
    own, n_folds = _Stacked.of([part for fold in parts for part in fold]), len(parts)
    ends = np.cumsum([0, *(len(fold) for fold in parts)]).tolist()
    decoders = [
        _FoldDecoder(own, slice(*ends[k : k + 2]), alpha[k], bases[tuple(f for f in range(n_folds) if f != k)], turn)
        for k, turn in enumerate(rotations.outer)
    ]
    held = [
        [
            _HeldOut(fold, decoder, None if fold.parts is of_all else turn)
            for fold, decoder, of_all, turn in zip(subset, decoders, parts, rotations.outer, strict=True)
        ]
        for subset in subsets
    ]
    for layer in range(len(rotations.final)):
        turned = own.turned(layer, rotations.outer)
        for k, decoder in enumerate(decoders):
            decoder.train(turned[k], layer)
            for subset in held:
                subset[k].add(layer)
    return [[fold.pairs() for fold in subset] for subset in held], decoders


@dataclass(frozen=True, slots=True, eq=False)
class _Stacked:
    """Moments of blocks, one behind the other.

    n : (block,).    mean_x : (block, sensor).    mean_y : (block, target).    xy : (block, sensor, target).
    """

    n: np.ndarray
    mean_x: np.ndarray
    mean_y: np.ndarray
    xy: np.ndarray

    @classmethod
    def of(cls, parts: Sequence[BlockMoments]) -> _Stacked:
        mean_x, mean_y, xy = (np.stack([getattr(part, name) for part in parts]) for name in ("mean_x", "mean_y", "xy"))
        return cls(np.array([float(part.n) for part in parts]), mean_x, mean_y, xy)

    def apart(self, chosen: np.ndarray, turn: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(block, sensor) and (component of all layers, block): distance of all means from those of the chosen blocks;
        of the signal's, times words."""
        n, dtype = self.n * chosen, self.xy.dtype
        x, y = (mean - n @ mean / n.sum() for mean in (self.mean_x, self.mean_y))
        return (self.n[:, None] * x).astype(dtype), rotate(y.astype(dtype), turn.astype(dtype)).T

    def turned(self, layer: int, turns: Sequence[np.ndarray]) -> np.ndarray:
        """(fold, component, block, sensor): products of the signal with the components of one layer of each fold."""
        turn = np.hstack([of_fold[layer] for of_fold in turns]).astype(self.xy.dtype)
        blocks, sensors, _ = self.xy.shape
        of_layer = self.xy.reshape(blocks * sensors, -1)[:, layer * len(turn) : (layer + 1) * len(turn)]
        return (turn.T @ of_layer.T).reshape(len(turns), -1, blocks, sensors)


class _FoldDecoder:
    """The decoder of one fold, as a sum over the blocks that it is trained on, one layer after another.

    Why by layer: all that is multiplied then stays in the processor's cache, in the same memory each time.
    """

    def __init__(self, own: _Stacked, held: slice, alpha: np.ndarray, basis: EigenBasis, turn: np.ndarray) -> None:
        (n_blocks, n_sensors, _), dtype, components = own.xy.shape, own.xy.dtype, turn.shape[2]
        self.axes, self.held, self.components = basis.axes.astype(dtype), held, components
        train = np.ones(n_blocks)
        train[held] = 0
        self._x, self._y = own.apart(train, turn)
        x, y = own.apart(1 - train, turn)
        self._x[held], self._y[:, held] = x[held], y[:, held]
        self.shrink = (1 / (basis.values + alpha[:, None])).astype(dtype)
        self._moved = np.empty((components, n_blocks, n_sensors), dtype)
        self.scores = np.empty((components, n_blocks, len(basis.values)), dtype)
        self.whole = np.empty((len(alpha), len(basis.values)), dtype)

    def train(self, turned: np.ndarray, layer: int) -> None:
        """Find `scores` of all blocks, and the layer's part of `whole`, the decoder's weights on directions."""
        own, whole = self.of_layer(layer), self.whole[self.of_layer(layer)]
        np.multiply(self._y[own, :, None], self._x, out=self._moved)
        self._moved += turned
        flat = self._moved.reshape(-1, len(self.axes))  # one product; blocks in three dimensions would be many
        np.matmul(flat, self.axes, out=self.scores.reshape(len(flat), -1))
        np.sum(self.scores[:, : self.held.start], axis=1, out=whole)
        whole += self.scores[:, self.held.stop :].sum(1)
        whole *= self.shrink[own]

    def of_layer(self, layer: int) -> slice:
        """The components of one layer among all."""
        return slice(layer * self.components, (layer + 1) * self.components)


class _HeldOut:
    """The held-out blocks of one fold beside those that its decoder is trained on."""

    def __init__(self, fold: SignalBlocks, decoder: _FoldDecoder, turn: np.ndarray | None) -> None:
        """turn : the fold's components, where the blocks are not those of the decoder's own words."""
        self._decoder, self._turn, self._n = decoder, turn, len(fold.parts)
        dtype = decoder.axes.dtype
        self._gram = decoder.axes.T @ fold.moments.xx.astype(dtype) @ decoder.axes
        self._squares = self._gram.diagonal().copy()
        components, n, n_directions = decoder.scores.shape
        self._rows = np.empty((components, self._n + n + 1, n_directions), dtype)
        self._sums = np.empty((len(decoder.shrink), self._n + n + 1, n), dtype)
        if turn is not None:
            self._blocks = _Stacked.of(fold.parts)
            self._x, self._y = self._blocks.apart(np.ones(len(fold.parts)), turn)

    def add(self, layer: int) -> None:
        """Multiply what there is of one layer, when the decoder is trained.

        A block's weights are its scores times the decoder's shrinkage, which is multiplied into the other side.
        """
        decoder, n = self._decoder, self._n
        own = decoder.of_layer(layer)
        shrink, scores = decoder.shrink[own], decoder.scores
        np.multiply(self._scores(layer), shrink[:, None], out=self._rows[:, :n])
        np.multiply(scores, (shrink**2 * self._squares)[:, None], out=self._rows[:, n:-1])
        np.multiply(decoder.whole[own] @ self._gram, shrink, out=self._rows[:, -1])
        np.matmul(self._rows, scores.transpose(0, 2, 1), out=self._sums[own])

    def _scores(self, layer: int) -> np.ndarray:
        """(component, block, direction)."""
        decoder = self._decoder
        if self._turn is None:
            return decoder.scores[:, decoder.held]
        turned = self._blocks.turned(layer, [self._turn])[0]
        turned += self._y[decoder.of_layer(layer), :, None] * self._x
        return (turned.reshape(-1, turned.shape[2]) @ decoder.axes).reshape(*turned.shape[:2], -1)

    def pairs(self) -> FoldPairs:
        """Of all layers."""
        train = np.delete(np.arange(self._sums.shape[2]), self._decoder.held)
        sums = self._sums[:, :, train].astype(np.float64)
        return FoldPairs.of_sums(sums[:, : self._n], sums[:, self._n + train], sums[:, -1])
