"""Sums over blocks of neighbouring words: what the fit of one lag needs of its words, on the processor or on a GPU."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from rtalign.decoding.moments import BLOCK, ChunkSums, Moments, Precision, between, centred


@dataclass(frozen=True, slots=True, eq=False)
class BlockMoments:
    """Moments of the words of one block.

    Attributes
    ----------
    n : int
        How many words.
    mean_x : ndarray, shape (sensor,)
        Mean of the signal.
    mean_y : ndarray, shape (target,)
        Mean of the targets.
    xy : ndarray, shape (sensor, target)
        Inner products of the centred signal with the centred targets.
    xx : ndarray, shape (sensor, sensor), or None
        Inner products of the centred signal, where sums of predictions are wanted.
    """

    n: int
    mean_x: np.ndarray
    mean_y: np.ndarray
    xy: np.ndarray
    xx: np.ndarray | None = None

    @classmethod
    def from_data(cls, x: np.ndarray, y: np.ndarray, dtype: Precision = "float32") -> BlockMoments:
        """Of one block's words: x (word, sensor), y (word, target); products in `dtype`, summed in float64."""
        total = ChunkSums(x.shape[1], y.shape[1], 0, squares=False)
        for first in range(0, len(x), BLOCK):
            rows = slice(first, first + BLOCK)
            total.push(*centred(x[rows], x[0], dtype), *centred(y[rows], y[0], dtype))
        mean_x, mean_y = total.finish()
        return cls(len(x), mean_x, mean_y, total.xy.astype(dtype))

    @classmethod
    def at_lag(
        cls,
        x: np.ndarray,
        y: np.ndarray,
        mean_y: np.ndarray,
        dtype: Precision = "float32",
        squares: bool = True,
    ) -> BlockMoments:
        """As `from_data`, with xx where squares are wanted, where the same y meet one lag after another.

        Why y stay as they are: products with a centred signal do not change with an offset of y.  Projections are
        about their mean over all words, so that a block's own offset is no larger than their spread, and costs no
        digit; to centre many columns at every lag costs a fifth of the products.
        """
        about, mean_x = centred(x, x[0], dtype)
        xy = _products(about, y.astype(dtype, copy=False)).astype(dtype, copy=False)
        return cls(len(x), mean_x, mean_y, xy, _products(about, about) if squares else None)


def _products(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Inner products of columns; over many rows, their sums are float64."""
    first = x[:BLOCK].T @ y[:BLOCK]
    if len(x) <= BLOCK:
        return np.asarray(first)
    total = first.astype(np.float64)
    for at in range(BLOCK, len(x), BLOCK):
        total += x[at : at + BLOCK].T @ y[at : at + BLOCK]
    return total


def sum_blocks(parts: Sequence[BlockMoments], of_y: Moments, of_x: Moments | None = None) -> Moments:
    """Moments of a fold's words.

    Parameters
    ----------
    parts : sequence of BlockMoments
        Of its blocks, which hold all its words.
    of_y : Moments
        Of the targets alone.
    of_x : Moments, optional
        Of the signal alone; by default they are made from the blocks, which then hold xx.

    Returns
    -------
    Moments
    """
    n = np.array([part.n for part in parts])
    mean_x, apart_x = between(np.stack([part.mean_x for part in parts]), n)
    _, apart_y = between(np.stack([part.mean_y for part in parts]), n)
    xy = apart_x.T @ apart_y
    for part in parts:
        xy += part.xy
    if of_x is not None:
        return replace(of_y, mean_x=of_x.mean_x, xx=of_x.xx, xy=xy)
    xx = apart_x.T @ apart_x
    for of_block in (part.xx for part in parts if part.xx is not None):
        xx += of_block
    return replace(of_y, mean_x=mean_x, xx=xx, xy=xy)


@dataclass(frozen=True, slots=True, eq=False)
class BlockSums:
    """Sums over the words of each block of one fold.

    Attributes
    ----------
    n : ndarray, shape (block,)
        How many words.
    total, squares : ndarray, shape (block, target)
        Of values about their mean over the fold.
    """

    n: np.ndarray
    total: np.ndarray
    squares: np.ndarray

    @classmethod
    def of(cls, values: np.ndarray, blocks: Sequence[slice]) -> BlockSums:
        """values : (word of the fold, target)."""
        about = values - values.mean(0, dtype=np.float64).astype(values.dtype)
        parts = [about[rows] for rows in blocks]
        squares = [np.einsum("wt,wt->t", part, part) for part in parts]
        total = np.stack([part.sum(0) for part in parts]).astype(np.float64)
        return cls(np.array([float(len(part)) for part in parts]), total, np.stack(squares).astype(np.float64))

    @classmethod
    def of_predictions(cls, parts: Sequence[BlockMoments], weights: np.ndarray) -> BlockSums:
        """Of predictions by a decoder (sensor, target), from moments of the signal: no word is predicted for them."""
        n = np.array([float(part.n) for part in parts])
        mean_x = np.stack([part.mean_x for part in parts])
        away = (mean_x - n @ mean_x / n.sum()) @ weights.astype(np.float64)
        within = [_squares(part.xx, weights) for part in parts if part.xx is not None]
        return cls(n, n[:, None] * away, np.stack(within) + n[:, None] * away**2)

    def spread(self, chosen: np.ndarray) -> np.ndarray:
        """(subset, target): centred sums of squares over the blocks of each subset, chosen (subset, block)."""
        n = np.maximum(chosen @ self.n, 1)[:, None]
        return np.maximum(chosen @ self.squares - (chosen @ self.total) ** 2 / n, 0)


def _squares(xx: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """(target,): sums of squares of predictions by weights (sensor, target)."""
    moved = xx.astype(weights.dtype, copy=False) @ weights
    return np.asarray(np.einsum("st,st->t", weights, moved), np.float64)
