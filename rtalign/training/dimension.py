"""How many dimensions a layer's activations fill: layers of many predict, and are predicted, otherwise than of few."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from rtalign.training.prepare import PreparedRecording

MOST_WORDS = 1000
"""Words at equal distances that dimensions are computed from."""


def participation_ratio(values: np.ndarray) -> float:
    """Squared sum of a covariance's eigenvalues over the sum of their squares.

    Parameters
    ----------
    values : ndarray, shape (word, dim)
        Activations.

    Returns
    -------
    float
        From 1, for one direction, to dim, for all alike; NaN where nothing varies.
    """
    centred = values - values.mean(0)
    squares = float(((centred @ centred.T) ** 2).sum())
    return float((centred**2).sum() ** 2 / squares) if squares > 0 else np.nan


def two_nearest_neighbours(values: np.ndarray) -> float:
    """Intrinsic dimension from the ratio of the distances to a word's two nearest neighbours (TwoNN, Facco 2017).

    Parameters
    ----------
    values : ndarray, shape (word, dim)
        Activations; words that repeat others are left out.

    Returns
    -------
    float
        By maximum likelihood; NaN with fewer than three words that differ.
    """
    values = np.unique(values, axis=0)
    if len(values) < 3:
        return np.nan
    squares = (values**2).sum(1)
    between = np.maximum(squares[:, None] + squares - 2 * values @ values.T, 0)
    np.fill_diagonal(between, np.inf)
    first, second = np.sqrt(np.partition(between, 1, axis=1)[:, :2]).T
    known = first > 1e-6 * np.sqrt(squares.mean())
    logs = np.log(second[known] / first[known]).sum()
    return float(known.sum() / logs) if logs > 0 else np.nan


def intrinsic_dimensions(prepared: Sequence[PreparedRecording]) -> dict[str, Any]:
    """What summary.json holds: both dimensions of each layer, and of how many words."""
    n_words = sum(len(one.used) for one in prepared)
    step = -(-n_words // MOST_WORDS)
    parts = [one.used_activations[::step] for one in prepared]
    values = np.concatenate(parts).astype(np.float64)
    layers = range(values.shape[1])
    return {
        "words": len(values),
        "participation_ratio": [participation_ratio(values[:, layer]) for layer in layers],
        "two_nn": [two_nearest_neighbours(values[:, layer]) for layer in layers],
    }
