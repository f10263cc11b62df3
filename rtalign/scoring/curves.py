"""Curves: R(layer, lag) with its null and bootstrap draws, as scoring over all lags leaves it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from rtalign.scoring.cross_validated import LagScore


@dataclass(frozen=True, slots=True, eq=False)
class Curves:
    """What scoring over all lags leaves.

    lags_s : (lag,).    layers : (layer,) hidden-state indices.    depth : (layer,) 0 = embedding, 1 = last.
    r : (layer, lag).    null : (null draw, layer, lag).    boot : (bootstrap draw, layer, lag).
    statistics : name -> (layer, lag), what stands beside R; see rtalign.scoring.statistics.
    """

    lags_s: np.ndarray
    layers: np.ndarray
    depth: np.ndarray
    r: np.ndarray
    null: np.ndarray
    boot: np.ndarray
    statistics: Mapping[str, np.ndarray] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        lags_s: np.ndarray,
        layers: Sequence[int],
        n_layers: int,
        scores: Sequence[LagScore],
        statistics: Sequence[Mapping[str, np.ndarray]] = (),
    ) -> Curves:
        """One LagScore a lag, in the order of lags_s, and likewise its statistics, name -> (layer,).

        n_layers counts the model's hidden states.
        """
        r, null, boot = (np.stack([getattr(s, name) for s in scores], axis=-1) for name in ("r", "null", "boot"))
        index = np.asarray(layers)
        beside = {name: np.stack([lag[name] for lag in statistics], axis=-1) for name in (statistics or ({},))[0]}
        return cls(np.asarray(lags_s, float), index, index / max(n_layers - 1, 1), r, null, boot, beside)
