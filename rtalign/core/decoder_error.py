"""How far the decoders of a bank may be from those that endless words would give: what training leaves for scoring."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True, eq=False)
class DecoderError:
    """The error of decoders, as the words that they were trained on tell it.

    Attributes
    ----------
    noise : ndarray, shape (layer,)
        Noise of the decoders, in squared R; see `rtalign.scoring.latency.noise_of_decoders`.
    changes : ndarray, shape (block, layer, lag)
        By how much R changes when decoders are not trained on one block of words.
    block_words : ndarray, shape (block,)
        Number of words of each block.
    """

    noise: np.ndarray
    changes: np.ndarray
    block_words: np.ndarray
