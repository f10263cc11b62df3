"""Curves: R(layer, lag) with its null and bootstrap draws, as scoring over all lags leaves it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rtalign.scoring.cross_validated import LagScore


@dataclass(frozen=True, slots=True, eq=False)
class Curves:
    """What scoring over all lags leaves.

    lags_s : (lag,).    layers : (layer,) hidden-state indices.    depth : (layer,) 0 = embedding, 1 = last.
    r : (layer, lag).    null : (null draw, layer, lag).    boot : (bootstrap draw, layer, lag).
    """

    lags_s: np.ndarray
    layers: np.ndarray
    depth: np.ndarray
    r: np.ndarray
    null: np.ndarray
    boot: np.ndarray

    @classmethod
    def of(cls, lags_s: np.ndarray, layers: Sequence[int], n_layers: int, scores: Sequence[LagScore]) -> Curves:
        """One LagScore a lag, in the order of lags_s; n_layers counts the model's hidden states."""
        r, null, boot = (np.stack([getattr(s, name) for s in scores], axis=-1) for name in ("r", "null", "boot"))
        index = np.asarray(layers)
        return cls(np.asarray(lags_s, float), index, index / max(n_layers - 1, 1), r, null, boot)
