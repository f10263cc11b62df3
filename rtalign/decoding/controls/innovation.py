"""What each layer adds: its targets with those of the layers below taken out, fold by fold."""

from __future__ import annotations

import numpy as np

from rtalign.decoding.controls.partialling import whitening_axes
from rtalign.decoding.moments import Moments

WORDS_PER_DIRECTION = 3
"""Words of a fold there must be for each direction of the layers below."""


def innovations(values: np.ndarray, n_layers: int, components: int) -> np.ndarray:
    """Residuals of each layer's targets on the leading components of all layers below it, in the same words.

    Each fold's own words give the coefficients, so that decoders know nothing of the words they are scored on.  Where
    the layers below have more components than a third of the words, their leading directions together stand in.

    Parameters
    ----------
    values : ndarray, shape (word, layer x wide)
        Wide targets of one fold, each layer's in order of variance.
    n_layers : int
        How many layers there are, the first one lowest.
    components : int
        How many targets of each layer are taken out of those above it.

    Returns
    -------
    ndarray, shape (word, layer x wide)
        The first layer's are what they are, but for their mean.
    """
    by_layer = (values - values.mean(0, dtype=np.float64).astype(values.dtype)).reshape(len(values), n_layers, -1)
    most, out = len(values) // WORDS_PER_DIRECTION, by_layer.copy()
    for layer in range(1, n_layers):
        below = _leading(by_layer[:, :layer, :components].reshape(len(values), -1), most)
        both = Moments.from_data(below, by_layer[:, layer], "float64")
        axes = whitening_axes(both.xx)
        out[:, layer] -= below @ (axes @ (axes.T @ both.xy)).astype(values.dtype)
    return out.reshape(values.shape)


def _leading(columns: np.ndarray, most: int) -> np.ndarray:
    """The columns, or their leading directions where there are more than `most`."""
    if columns.shape[1] <= most:
        return columns
    _, axes = np.linalg.eigh(columns.T.astype(np.float64) @ columns)
    return np.asarray(columns @ axes[:, ::-1][:, :most].astype(columns.dtype))
