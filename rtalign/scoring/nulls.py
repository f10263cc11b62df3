"""What chance reaches: of a cell, of a layer's maximum, and of a whole map."""

from __future__ import annotations

import numpy as np

LAYER_FALSE_ALARMS = 0.01
"""How often, at most, one layer of a recording that carries nothing may show a peak."""

MAP_FALSE_ALARMS = 0.05
"""How often, at most, a map of a recording that carries nothing may have any cell above chance."""


def null_band(null: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The pointwise 95 % band (layer, lag) of null draws (draw, layer, lag).

    Mean and spread over the draws, as of a normal law: r is a mean over many dimensions and folds, and the draws give
    its spread much more steadily than their smallest and largest.
    """
    mean, spread = _law(null)
    return mean - 1.96 * spread, mean + 1.96 * spread


def layer_threshold(null: np.ndarray) -> np.ndarray:
    """What a layer's maximum over lags must exceed, from null draws (draw, layer, lag) -> (layer,)."""
    return _exceeded(null.max(-1).astype(float), LAYER_FALSE_ALARMS)


def map_threshold(null: np.ndarray) -> np.ndarray:
    """What a cell must exceed to be above chance for the whole map, from null draws (draw, layer, lag) -> (layer, lag).

    Every layer is measured in its own standard errors, so that one that spreads widely does not raise the others'.
    """
    mean, spread = _law(null)
    highest = ((null - mean) * np.divide(1, spread, out=np.zeros_like(spread), where=spread > 0)).max((1, 2))
    return mean + spread * _exceeded(highest, MAP_FALSE_ALARMS)


def _law(null: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean (layer, lag) and spread (layer, 1) of draws.

    Why one spread for all lags of a layer: live draws are mixed from a few dozen maps, and cells whose spread comes out
    too small by chance would make up most of what is above chance (measured: in 20 % of maps of nothing, not 5 %).
    """
    return null.mean(0, dtype=float), np.sqrt(null.var(0, ddof=1, dtype=float).mean(-1, keepdims=True))


def _exceeded(maxima: np.ndarray, rate: float) -> np.ndarray:
    """What maxima (draw, ...) exceed at a rate.

    Why a Gumbel law fitted by its moments: the 99 % point of 200 draws hangs on the two largest of them.  The
    maximum over many lags of a mean of many correlations lies between a normal and a Gumbel law, and the Gumbel's
    heavier tail errs towards refusing.
    """
    scale = maxima.std(0, ddof=1) * np.sqrt(6) / np.pi
    return np.asarray(maxima.mean(0) - scale * (np.euler_gamma + np.log(-np.log1p(-rate))))
