"""Decoders of one lag scored on the signal of another: whether a code lasts or moves (temporal generalisation)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rtalign.core.agreement import Agreement
from rtalign.decoding.moments import Moments, Precision
from rtalign.decoding.ridge import correlation


def across_lags(
    weights: Sequence[Sequence[np.ndarray]],
    held_out: Sequence[Sequence[Moments]],
    n_layers: int,
    dtype: Precision = "float32",
) -> np.ndarray:
    """R of each lag's decoders on each lag's signal, from moments of one lag at a time.

    A correlation needs no more of the signal than its inner products with itself and with the targets at the lag that
    is tested; no products of two lags are needed.

    Parameters
    ----------
    weights : sequence of sequence of ndarray, shape (sensor, target)
        By lag, then by fold: decoders that were not trained on the fold's words.
    held_out : sequence of sequence of Moments
        By lag, then by fold: of the fold's words, with the targets of its decoders.
    n_layers : int
        Of the targets, which are layer x component.
    dtype : {"float32", "float64"}
        Of the products; sums of them are in float64.

    Returns
    -------
    ndarray, shape (layer, trained lag, tested lag)
        Mean over folds and targets.
    """
    n_folds, n_targets = len(weights[0]), weights[0][0].shape[1]
    found = np.zeros((n_layers, len(weights), len(held_out)))
    for k in range(n_folds):
        together = np.hstack([of_lag[k] for of_lag in weights]).astype(dtype)
        for b, folds in enumerate(held_out):
            held = folds[k]
            pp, py = _sums(together, held, n_targets, dtype)
            none = np.zeros_like(pp)
            r = correlation(
                Agreement(held.n, none, np.maximum(pp, 0), np.broadcast_to(held.target_squares, pp.shape), py)
            )
            found[:, :, b] += r.reshape(len(weights), n_layers, -1).mean(2).T / n_folds
    return found


def _sums(weights: np.ndarray, held: Moments, n_targets: int, dtype: Precision) -> tuple[np.ndarray, np.ndarray]:
    """(lag, target) twice: squares of predictions, and their products with the targets."""
    moved = held.xx.astype(dtype) @ weights
    pp = np.einsum("st,st->t", weights, moved, dtype=np.float64).reshape(-1, n_targets)
    by_lag = weights.reshape(len(weights), -1, n_targets)
    return pp, np.einsum("slt,st->lt", by_lag, held.xy.astype(dtype), dtype=np.float64)
