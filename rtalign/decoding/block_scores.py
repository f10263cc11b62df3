"""Cross-validated R taken apart into blocks of words: what it would be without one of them, or were nothing related."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rtalign.decoding.block_moments import BlockSums
from rtalign.decoding.block_pairs import FoldPairs


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
