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
    excess : ndarray, shape (layer, lag)
        What is too much in the variance of R that follows from the changes: what each block does with single blocks of
        held-out words, which the words that are scored count as well.
    """

    noise: np.ndarray
    changes: np.ndarray
    block_words: np.ndarray
    excess: np.ndarray

    @classmethod
    def of(
        cls, noise: np.ndarray, r: np.ndarray, retrained: np.ndarray, block_words: np.ndarray, excess: np.ndarray
    ) -> DecoderError:
        """From what training leaves of each layer and lag.

        noise : (layer,);  r : (layer, lag);  retrained : (block, layer, lag), R by decoders that lack one block;
        excess : (layer, lag), what is too much where a block lacks in training and test alike.
        """
        # Of two blocks, each is trained on where the other is tested: a block that lacks in both loses both products.
        return cls(noise, retrained - r, block_words, excess / 2)
