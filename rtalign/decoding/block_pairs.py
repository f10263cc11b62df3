"""What each block of held-out words owes to each block of training words: cross-validated R, taken apart into pairs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from rtalign.decoding.moments import Moments, rotate
from rtalign.decoding.penalties import EigenBasis
from rtalign.decoding.ridge import FoldRotations

BLOCKS_PER_FOLD = 4
"""More blocks make the null smoother, and the fit of a lag slower."""


@dataclass(frozen=True, slots=True, eq=False)
class _Block:
    """Moments of neighbouring words: xy (sensor, layer x wide) about their own means."""

    n: int
    mean_x: np.ndarray
    mean_y: np.ndarray
    xy: np.ndarray

    @classmethod
    def from_data(cls, x: np.ndarray, y: np.ndarray) -> _Block:
        mean_x, mean_y = x.mean(0, dtype=np.float64), y.mean(0, dtype=np.float64)
        xy = (x - mean_x.astype(x.dtype)).T @ (y - mean_y.astype(y.dtype))
        return cls(len(x), mean_x, mean_y, xy)

    def about(self, mean_x: np.ndarray, mean_y: np.ndarray) -> np.ndarray:
        """Sums of products of deviations from other means."""
        return self.xy + self.n * np.outer(self.mean_x - mean_x, self.mean_y - mean_y).astype(self.xy.dtype)


def block_pairs(
    signals: Sequence[np.ndarray],
    targets: Sequence[np.ndarray],
    moments: Sequence[Moments],
    alpha: np.ndarray,
    bases: Mapping[tuple[int, ...], EigenBasis],
    rotations: FoldRotations,
) -> np.ndarray:
    """Split R of every layer into contributions of pairs of blocks.

    A fold's decoder is a sum over its training words, so the products of its predictions with the held-out targets
    are a sum over pairs (held-out block, training block).  Each pair is divided by the norm that predictions have when
    blocks agree by chance alone.

    Parameters
    ----------
    signals : sequence of ndarray, shape (word of the fold, sensor)
        One a fold, at one lag.
    targets : sequence of ndarray, shape (word of the fold, layer x wide)
        One a fold.
    moments : sequence of Moments
        Of the same words, one a fold.
    alpha : ndarray, shape (fold, target)
        Penalties of each fold's decoder; target = layer x component.
    bases : mapping
        `eigen_bases` of the folds.
    rotations : FoldRotations
        Each fold's components of the wide targets.

    Returns
    -------
    ndarray, shape (layer, block, block)
        Row: the held-out block; column: the training block; 0 where both are in one fold.  With the signs of blocks
        drawn at random, sums over all pairs are draws of R on a recording in which nothing is related, decoders
        refitted; see `rtalign.scoring.sign_flips`.
    """
    n_folds, n_layers = len(signals), len(rotations.final)
    blocks = [
        [_Block.from_data(x[rows], y[rows]) for rows in np.array_split(np.arange(len(x)), BLOCKS_PER_FOLD)]
        for x, y in zip(signals, targets, strict=True)
    ]
    pairs = np.zeros((n_layers, n_folds * BLOCKS_PER_FOLD, n_folds * BLOCKS_PER_FOLD), np.float32)
    for k in range(n_folds):
        others = [f for f in range(n_folds) if f != k]
        basis, turn = bases[tuple(others)], rotations.outer[k]
        trained = _scores([block for f in others for block in blocks[f]], basis, turn)
        trained /= (basis.values[:, None] + alpha[k]).astype(trained.dtype)
        held = _scores(blocks[k], basis, turn)
        held /= _chance_norm(moments[k], trained, basis, turn).astype(held.dtype)
        columns = np.concatenate([np.arange(BLOCKS_PER_FOLD) + f * BLOCKS_PER_FOLD for f in others])
        rows = np.arange(BLOCKS_PER_FOLD) + k * BLOCKS_PER_FOLD
        for layer, (h, t) in enumerate(zip(_by_layer(held, n_layers), _by_layer(trained, n_layers), strict=True)):
            pairs[layer, rows[:, None], columns] = h @ t.T / (alpha.shape[1] // n_layers) / n_folds
    return pairs


def _scores(blocks: Sequence[_Block], basis: EigenBasis, turn: np.ndarray) -> np.ndarray:
    """(block, direction, target): products of scores and components, about the means of all these blocks."""
    n = np.array([block.n for block in blocks], float)
    mean_x, mean_y = (n @ np.stack([getattr(b, name) for b in blocks]) / n.sum() for name in ("mean_x", "mean_y"))
    axes, turn = (part.astype(blocks[0].xy.dtype) for part in (basis.axes.T, turn))
    return np.stack([axes @ rotate(block.about(mean_x, mean_y), turn) for block in blocks])


def _chance_norm(held: Moments, trained: np.ndarray, basis: EigenBasis, turn: np.ndarray) -> np.ndarray:
    """(target,): norm of held-out predictions whose training blocks have random signs, times that of the targets.

    Directions are taken for uncorrelated on the held-out words, as they are on the training words.
    """
    squares = ((basis.axes.T @ held.xx) * basis.axes.T).sum(1).astype(trained.dtype)
    predicted = np.einsum("bdt,bdt,d->t", trained, trained, squares, optimize=True).astype(np.float64)
    norm = np.sqrt(predicted * held.rotate(turn).target_squares)
    return np.where(norm > 0, norm, np.inf)


def _by_layer(values: np.ndarray, n_layers: int) -> np.ndarray:
    """(block, direction, layer x component) -> (layer, block, direction x component)."""
    n_blocks, n_directions, _ = values.shape
    parts = values.reshape(n_blocks, n_directions, n_layers, -1).transpose(2, 0, 1, 3)
    return parts.reshape(n_layers, n_blocks, -1)
