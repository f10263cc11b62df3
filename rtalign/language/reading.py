"""The records that a language model returns: the description of a model, and the words that it has read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """Description of a loaded language model, as it is saved in bank passports and reports.

    Attributes
    ----------
    id : str
        The name that loads the model again; for a folder, the name of the folder.
    family : str
        Name of the model family, such as ``"Llama"``.
    n_layers : int
        Number of hidden states, the embedding included.
    dim : int
        Dimensions of a hidden state.
    n_parameters : int
        Number of weights.
    revision : str
        Identifies the content of the weights.
    tokenizer : str
        Fingerprint of the tokenizer.
    has_bos : bool
        Whether the model has a beginning-of-text token.
    precision : str
        Precision in which the weights are held.
    n_bytes : int
        Memory that the weights take in this precision.
    """

    id: str
    family: str
    n_layers: int
    dim: int
    n_parameters: int
    revision: str
    tokenizer: str
    has_bos: bool
    precision: str = "float32"
    n_bytes: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """Words as a language model read them.

    Attributes
    ----------
    activations : ndarray, shape (word, layer, dim)
        Hidden states in float32, the tokens of a word pooled into one vector.
    surprisal : ndarray, shape (word,)
        -log p(word | context) in nats; NaN where the context holds no earlier word, or if it was not requested.
    n_tokens : ndarray, shape (word,)
        Number of tokens of each word.
    """

    activations: np.ndarray
    surprisal: np.ndarray
    n_tokens: np.ndarray

    def without_first(self, n_words: int) -> Reading:
        """Return all but the first words.

        Parameters
        ----------
        n_words : int
            Number of words to leave out.

        Returns
        -------
        Reading
            The remaining words, as views.
        """
        return Reading(self.activations[n_words:], self.surprisal[n_words:], self.n_tokens[n_words:])

    @classmethod
    def join(cls, parts: Sequence[Reading]) -> Reading:
        """Concatenate readings of consecutive words.

        Parameters
        ----------
        parts : sequence of Reading
            Readings with the same layers, in the order of the words; at least one.

        Returns
        -------
        Reading
            All words.
        """
        return cls(
            np.concatenate([part.activations for part in parts]),
            np.concatenate([part.surprisal for part in parts]),
            np.concatenate([part.n_tokens for part in parts]),
        )
