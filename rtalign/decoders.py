"""Decoders: the weights in use, for every lag, sensor and target."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rtalign.bank import DecoderBank


@dataclass(frozen=True, slots=True, eq=False)
class Decoders:
    """weights : (lag, sensor, target).    bias : (lag, target).    n_words : what they were learned from."""

    weights: np.ndarray
    bias: np.ndarray
    n_words: int

    @classmethod
    def of(cls, bank: DecoderBank) -> Decoders:
        """A bank's own; its weights stay on the disk until they are used."""
        return cls(bank.tensors["weights"], bank.tensors["bias"], int(bank.passport["n_words"]))

    def predict_many(self, epochs: np.ndarray) -> np.ndarray:
        """(word, lag, sensor) to (word, lag, target); the weights are read once for all words."""
        out = np.empty((len(epochs), *self.bias.shape), np.float32)
        for lag, (weights, bias) in enumerate(zip(self.weights, self.bias, strict=True)):
            out[:, lag] = epochs[:, lag] @ weights + bias
        return out
