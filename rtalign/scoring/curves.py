"""Curves: R(layer, lag) with its null and bootstrap draws, as scoring over all lags leaves it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True, slots=True, eq=False)
class LagScore:
    """r : (layer,); r_fold : (fold, layer); null : (null draw, layer); boot : (bootstrap draw, layer)."""

    r: np.ndarray
    r_fold: np.ndarray
    null: np.ndarray
    boot: np.ndarray


@dataclass(frozen=True, slots=True, eq=False)
class Curves:
    """R(layer, lag) with its draws.

    Attributes
    ----------
    lags_s : array, shape (n_lags,)
        Lags after word onset, in seconds.
    layers : array, shape (n_layers,)
        Indices of hidden states.
    depth : array, shape (n_layers,)
        0 = embedding, 1 = last layer.
    r : array, shape (n_layers, n_lags)
    null : array, shape (n_null_draws, n_layers, n_lags)
    boot : array, shape (n_bootstrap_draws, n_layers, n_lags)
    statistics : dict of str to array, shape (n_layers, n_lags)
        What stands beside R; see `rtalign.scoring.statistics`.
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
        """Stack scores of single lags.

        Parameters
        ----------
        lags_s : array, shape (n_lags,)
        layers : sequence of int
        n_layers : int
            Number of hidden states of the model.
        scores : sequence of LagScore
            One a lag, in the order of lags_s.
        statistics : sequence of dict
            One a lag: name -> array, shape (n_layers,).
        """
        r, null, boot = (np.stack([getattr(s, name) for s in scores], axis=-1) for name in ("r", "null", "boot"))
        index = np.asarray(layers)
        beside = {name: np.stack([lag[name] for lag in statistics], axis=-1) for name in (statistics or ({},))[0]}
        return cls(np.asarray(lags_s, float), index, index / max(n_layers - 1, 1), r, null, boot, beside)
