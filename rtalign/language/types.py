"""The records that a language model hands out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """What a model is, for passports and reports.

    id: the name it is loaded by again; of a folder, the folder's own.  n_layers counts hidden states, the embedding
    included.  n_bytes: what the weights take in memory, in the precision that they are held in.
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

    activations : (word, layer, dim) float32.
    surprisal : (word,) -log p(word | context) in nats; NaN where no word precedes in the context, or if not wanted.
    n_tokens : (word,) tokens of the word itself.
    """

    activations: np.ndarray
    surprisal: np.ndarray
    n_tokens: np.ndarray

    def behind(self, n_words: int) -> Reading:
        """All but the first words."""
        return Reading(self.activations[n_words:], self.surprisal[n_words:], self.n_tokens[n_words:])

    @classmethod
    def join(cls, parts: Sequence[Reading]) -> Reading:
        """Readings of neighbouring stretches as one."""
        return cls(
            np.concatenate([part.activations for part in parts]),
            np.concatenate([part.surprisal for part in parts]),
            np.concatenate([part.n_tokens for part in parts]),
        )
