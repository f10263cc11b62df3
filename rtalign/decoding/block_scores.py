"""Cross-validated R taken apart into blocks of words: what it would be without one of them, or were nothing related."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from rtalign.decoding.block_moments import BlockMoments, BlockSums
from rtalign.decoding.moments import Moments, rotate
from rtalign.decoding.penalties import EigenBasis
from rtalign.decoding.ridge import FoldRotations


@dataclass(frozen=True, slots=True, eq=False)
class BlockScores:
    """R of one lag, by blocks of neighbouring words.

    Attributes
    ----------
    pairs : ndarray, shape (layer, block, block)
        What each pair of blocks adds to R beyond what each of the two does with all others, symmetric; 0 where both are
        in one fold.  With the signs of blocks drawn at random, sums over all pairs are draws of R on a recording in
        which nothing is related, decoders refitted; see `rtalign.scoring.sign_flips`.
    whole : ndarray, shape (layer,)
        R of all blocks.
    left_out : ndarray, shape (block, layer)
        R without one block, neither trained on nor tested on.
    retrained : ndarray, shape (block, layer)
        R of all words by decoders that were not trained on one block.
    excess : ndarray, shape (layer,)
        By how much leaving out blocks makes the variance of R too large.
    halves : ndarray, shape (2, layer)
        R of every other block alone.
    blocks : ndarray, shape (block, layer)
        R within the held-out words of one block, decoders trained on all blocks of the other folds.
    """

    pairs: np.ndarray
    whole: np.ndarray
    left_out: np.ndarray
    retrained: np.ndarray
    excess: np.ndarray
    halves: np.ndarray
    blocks: np.ndarray


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
class FoldBlocks:
    """What is held out in one fold, block by block, at one lag.

    Attributes
    ----------
    pairs : FoldPairs
        What its blocks do with those that its decoder was trained on.
    predicted, targets : BlockSums
        Of the held-out predictions, and of the targets turned as the fold's decoders' targets are.
    """

    pairs: FoldPairs
    predicted: BlockSums
    targets: BlockSums


def block_scores(folds: Sequence[FoldBlocks], n_layers: int) -> BlockScores:
    """Score every layer without each block of words, and split its R into contributions of pairs of blocks.

    A fold's decoder is a sum over its training words, so the products of its predictions with the held-out targets
    are a sum over pairs (held-out block, training block).  Without a block, its pairs are left out and both norms are
    renewed.  Penalties and the signal's principal directions stay: against refits from the data, R without a block
    differs by a few per cent of what the block changes (tests/decoding/test_block_scores.py).

    Parameters
    ----------
    folds : sequence of FoldBlocks
        As many blocks in each.
    n_layers : int
        Of the targets, which are layer x component.

    Returns
    -------
    BlockScores
    """
    fold_of = np.repeat(np.arange(len(folds)), [len(fold.targets.n) for fold in folds])
    n_blocks = len(fold_of)
    tested_on, trained_on = _subsets(n_blocks)
    pairs = np.zeros((n_layers, n_blocks, n_blocks), np.float32)
    r, blocks = np.zeros((len(tested_on), n_layers)), np.zeros((n_blocks, n_layers))
    for k, fold in enumerate(folds):
        rows, columns = np.flatnonzero(fold_of == k), np.flatnonzero(fold_of != k)
        found = fold.pairs.r(tested_on[:, rows], trained_on[:, columns], fold.predicted, fold.targets)
        r += found.reshape(len(tested_on), n_layers, -1).mean(2) / len(folds)
        alone = fold.pairs.r(np.eye(len(rows)), np.ones((len(rows), len(columns))), fold.predicted, fold.targets)
        blocks[rows] = alone.reshape(len(rows), n_layers, -1).mean(2)
        by_layer = fold.pairs.against_chance(fold.targets).reshape(n_layers, -1, len(rows), len(columns))
        pairs[:, rows[:, None], columns] = by_layer.mean(1) / len(folds)
    beyond = _beyond(pairs, fold_of)
    # Leaving out a block leaves out all its pairs, so a jackknife counts each pair twice (Efron and Stein 1981): where
    # nothing is related there is nothing but pairs, and the variance comes out twice as large as it is.
    excess = 2 * (beyond.astype(np.float64) ** 2).sum((1, 2))
    whole, left_out, retrained, halves = np.split(r, np.cumsum([1, n_blocks, n_blocks]))
    return BlockScores(beyond, whole[0], left_out, retrained, excess, halves, blocks)


def _beyond(pairs: np.ndarray, fold_of: np.ndarray) -> np.ndarray:
    """(layer, block, block), symmetric: pairs without what each of the two blocks does with all others.

    Row: the held-out block; column: the training block.  Where something is related, every pair holds a part of it, and
    how strongly a block answers shows in all its pairs.  Draws of signs would keep the shape of that answer, and widen
    with it; what is left here is noise.  It has fewer degrees of freedom than pairs, for which it is made up.
    """
    apart = fold_of[:, None] != fold_of
    both = (pairs.astype(np.float64) + pairs.transpose(0, 2, 1)) / 2
    counts = apart.sum(1)
    alone = np.linalg.solve(np.diag(counts) + apart, both.sum(2).T).T
    n_pairs, n_blocks = apart.sum() / 2, len(fold_of)
    beyond = np.where(apart, both - alone[:, :, None] - alone[:, None, :], 0)
    return np.asarray(beyond * np.sqrt(n_pairs / (n_pairs - n_blocks)), np.float32)


def _subsets(n_blocks: int) -> tuple[np.ndarray, np.ndarray]:
    """(subset, block) of 0 and 1, tested and trained on.

    All blocks; all but one in turn; the same, but tested on all; every other one in two ways.
    """
    every_other = np.arange(n_blocks) % 2
    whole, but_one, halves = np.ones((1, n_blocks)), 1 - np.eye(n_blocks), np.stack([every_other, 1 - every_other])
    trained = np.vstack([whole, but_one, but_one, halves])
    return np.vstack([whole, but_one, np.ones_like(but_one), halves]), trained


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
    def of(cls, fold: SignalBlocks, t: np.ndarray, basis: EigenBasis, turn: np.ndarray) -> FoldPairs:
        """Of held-out words and the blocks that the decoder is trained on, in `_weights` t."""
        h, moved = _scores(fold.parts, basis, turn), basis.axes.T @ fold.moments.xx
        squares = (moved * basis.axes.T).sum(1)
        columns = t.transpose(0, 2, 1)
        norms = ((t * squares.astype(t.dtype)) @ columns).astype(np.float64)
        together = moved @ (basis.axes @ t.sum(1, dtype=np.float64).T)
        return cls.of_sums((h @ columns).astype(np.float64), norms, (t @ together.T[:, :, None])[..., 0])

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
    return subset_pairs([folds], [fold.parts for fold in folds], alpha, bases, rotations)[0]


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
    found: list[list[FoldPairs]] = [[] for _ in subsets]
    for k, turn in enumerate(rotations.outer):
        others = tuple(f for f in range(len(parts)) if f != k)
        basis = bases[others]
        t = _weights([part for f in others for part in parts[f]], alpha[k], basis, turn)
        for pairs, subset in zip(found, subsets, strict=True):
            pairs.append(FoldPairs.of(subset[k], t, basis, turn))
    return found


def _weights(blocks: Sequence[BlockMoments], alpha: np.ndarray, basis: EigenBasis, turn: np.ndarray) -> np.ndarray:
    """(target, block, direction): what each training block adds to the weights of a decoder with penalties alpha."""
    weights = _scores(blocks, basis, turn)
    weights /= (basis.values + alpha[:, None]).astype(weights.dtype)[:, None]
    return weights


def _scores(blocks: Sequence[BlockMoments], basis: EigenBasis, turn: np.ndarray) -> np.ndarray:
    """(target, block, direction): products of scores and components, about the means of all these blocks."""
    n, dtype = np.array([block.n for block in blocks], float), blocks[0].xy.dtype
    mean_x, mean_y = (np.stack([getattr(b, name) for b in blocks]) for name in ("mean_x", "mean_y"))
    apart_x, apart_y = (mean - n @ mean / n.sum() for mean in (mean_x, mean_y))
    axes, turn = basis.axes.astype(dtype), turn.astype(dtype)
    turned_y, weighted_x = rotate(apart_y.astype(dtype), turn), (n[:, None] * apart_x).astype(dtype)
    found = np.empty((turned_y.shape[1], len(blocks), axes.shape[1]), dtype)
    for b, block in enumerate(blocks):
        xy = rotate(block.xy, turn)
        xy += np.outer(weighted_x[b], turned_y[b])
        np.matmul(xy.T, axes, out=found[:, b])
    return found
