"""The null of cross-validated R: blocks of words with random signs, decoders refitted."""

from __future__ import annotations

import numpy as np


def draw_signs(n_draws: int, n_blocks: int, seed: int) -> np.ndarray:
    """(draw, block) of 1 and -1, the same for every lag and layer, so that a draw is a whole map."""
    rng = np.random.default_rng([seed, n_blocks, 0xF11B])
    return rng.choice(np.array([-1.0, 1.0], np.float32), (n_draws, n_blocks))


def null_of_pairs(pairs: np.ndarray, signs: np.ndarray) -> np.ndarray:
    """Draw R as it would be if no block's targets were related to its signal.

    Where nothing is related, the targets of a block may as well have the other sign: a symmetry that holds for the
    words a decoder is trained on and the words it is tested on.  Shifts of fixed predictions keep the decoders, and so
    miss that folds train on each other: measured, R over fresh recordings of nothing spreads 1.35 to 1.41 times as
    wide as they say, and 0.97 to 1.02 times as wide as sign flips say (docs/decisions/013-signs-of-blocks.md).

    Parameters
    ----------
    pairs : ndarray, shape (layer, block, block)
        See `rtalign.decoding.block_scores`.
    signs : ndarray, shape (draw, block)

    Returns
    -------
    ndarray, shape (draw, layer)
    """
    return np.einsum("dh,lhb,db->dl", signs, pairs, signs, optimize=True)
