"""Stretches of neighbouring words, which are left out, or given a sign, together."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

BLOCKS_PER_FOLD = 4
"""More blocks make the null smoother and the intervals steadier, and the fit of a lag slower."""


def assign_blocks(run: np.ndarray, n_blocks: int = BLOCKS_PER_FOLD) -> list[slice]:
    """Cut words into blocks of neighbours.

    Parameters
    ----------
    run : ndarray, shape (word,)
        Which recording each word is from, in order.
    n_blocks : int
        How many blocks, of like length; a cut that is near the end of a recording is made there.

    Returns
    -------
    list of slice
    """
    edges = np.linspace(0, len(run), n_blocks + 1).astype(int)
    ends = np.flatnonzero(np.diff(run)) + 1
    if len(ends):
        nearest = ends[np.abs(edges[1:-1, None] - ends).argmin(1)]
        near = np.abs(edges[1:-1] - nearest) < len(run) / n_blocks / 2
        edges[1:-1] = np.where(near, nearest, edges[1:-1])
    return [slice(int(a), int(b)) for a, b in pairwise(edges)]
