"""Curves: R(layer, lag) with its null draws and blocks left out, as scoring over all lags leaves it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from rtalign.core.decoder_error import DecoderError
from rtalign.scoring.left_out import LeftOut


@dataclass(frozen=True, slots=True, eq=False)
class LagScore:
    """Scores of one lag.

    r : (layer,); r_fold : (fold, layer); null : (null draw, layer); left_out : (block, layer), r without a block;
    r_block : (block, layer), r within a block.
    """

    r: np.ndarray
    r_fold: np.ndarray
    null: np.ndarray
    left_out: np.ndarray
    r_block: np.ndarray


@dataclass(frozen=True, slots=True, eq=False)
class Curves:
    """R(layer, lag) with what is needed to judge it.

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
    left_out : LeftOut
        The same without one block of words.
    noise : array, shape (n_layers,), or None
        Noise of the decoders; see `rtalign.scoring.latency.noise_of_decoders`.
    halves : array, shape (2, n_layers, n_lags), or None
        R of half of the words, where decoders are refitted.
    statistics : dict of str to array, shape (n_layers, n_lags)
        What stands beside R; see `rtalign.scoring.statistics`.
    r_fold : array, shape (n_folds, n_layers, n_lags), or None
        R of the held-out words of each fold.
    r_block : array, shape (n_blocks, n_layers, n_lags), or None
        R within each block of neighbouring words, in their order.
    block_words : array of int, shape (n_blocks,), or None
        Number of words of each of these blocks.
    """

    lags_s: np.ndarray
    layers: np.ndarray
    depth: np.ndarray
    r: np.ndarray
    null: np.ndarray
    left_out: LeftOut
    noise: np.ndarray | None = None
    halves: np.ndarray | None = None
    statistics: Mapping[str, np.ndarray] = field(default_factory=dict)
    r_fold: np.ndarray | None = None
    r_block: np.ndarray | None = None
    block_words: np.ndarray | None = None

    @classmethod
    def of(
        cls,
        lags_s: np.ndarray,
        layers: Sequence[int],
        n_layers: int,
        scores: Sequence[LagScore],
        block_words: Sequence[int],
        decoders: DecoderError | None = None,
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
        block_words : sequence of int
            Number of words of each block that was left out.
        decoders : DecoderError, optional
            Of the decoders, where they are a bank's.
        statistics : sequence of dict
            One a lag: name -> array, shape (n_layers,).
        """
        names = ("r", "null", "left_out", "r_fold", "r_block")
        r, null, left, r_fold, r_block = (np.stack([getattr(s, name) for s in scores], axis=-1) for name in names)
        index = np.asarray(layers)
        beside = {name: np.stack([lag[name] for lag in statistics], axis=-1) for name in (statistics or ({},))[0]}
        depth, left_out = index / max(n_layers - 1, 1), LeftOut.of(left, block_words).with_decoders(r, decoders)
        noise = None if decoders is None else decoders.noise
        parts = r_fold, r_block, np.asarray(block_words)
        return cls(np.asarray(lags_s, float), index, depth, r, null, left_out, noise, None, beside, *parts)
