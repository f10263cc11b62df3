"""Controls used in place of a language model: word vectors without context, and random vectors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from rtalign.core.gpu_copies import to_device
from rtalign.language.networks.base import LeftToRightRows, PassOutput

RANDOM_LAYERS = 11
"""Hidden states of the random control: nine between 10 % and 90 % of depth, as the paper takes them, and both ends."""

GOLDEN_GAMMA = np.uint64(0x9E3779B97F4A7C15)
"""The increment of splitmix64."""


class StaticNetwork(LeftToRightRows):
    """The embedding of a model and nothing else: one hidden state, no context, no surprisal.

    Parameters
    ----------
    embedding : Module
        The input embedding of a model.
    batch_tokens : int
        Tokens in one batch, padding included.
    """

    max_tokens: int | None = None
    fallback_window: int | None = None
    block_steps = True
    nests = False
    n_layers = 1

    def __init__(self, embedding: torch.nn.Module, batch_tokens: int = 2048) -> None:
        weight: Any = embedding.weight
        self.dim, self.batch_tokens, self._device = int(weight.shape[1]), batch_tokens, weight.device
        self._embedding = embedding

    def to_tensor(self, values: Any) -> torch.Tensor:
        return to_device(torch.as_tensor(values, dtype=torch.long), self._device)

    @torch.inference_mode()
    def run(
        self,
        ids: torch.Tensor,
        layers: Sequence[int],
        cache: Any = None,
        keep_cache: bool = True,
        last_state: bool = True,
        between: Callable[[], None] | None = None,
    ) -> PassOutput:
        del cache, keep_cache, last_state, between
        vectors = self._embedding(ids)
        return PassOutput([vectors for _ in layers], vectors, None)

    def token_surprisal(self, last: torch.Tensor, ids: torch.Tensor) -> torch.Tensor:
        return torch.full(ids.shape, torch.nan, device=last.device)


class RandomNetwork(LeftToRightRows):
    """Hidden states that are random functions, one for each layer, of a word and of all words before it in its context.

    The same words in the same context give the same numbers, as in a real model, while two different contexts are
    never similar; with window:0 every word has its own random vector.

    Parameters
    ----------
    dim : int
        Dimensions of every hidden state.
    seed : int
        Selects the functions.
    """

    max_tokens: int | None = None
    fallback_window: int | None = None
    block_steps = True
    nests = False
    batch_tokens = 2048
    n_layers = RANDOM_LAYERS

    def __init__(self, dim: int, seed: int) -> None:
        self.dim = dim
        self._start = _splitmix64(np.array([seed], np.uint64))
        self._keys = _splitmix64(np.arange(RANDOM_LAYERS * dim * 2, dtype=np.uint64)).reshape(RANDOM_LAYERS, dim, 2)

    def to_tensor(self, values: Any) -> torch.Tensor:
        return torch.as_tensor(values, dtype=torch.long)

    def run(
        self,
        ids: torch.Tensor,
        layers: Sequence[int],
        cache: Any = None,
        keep_cache: bool = True,
        last_state: bool = True,
        between: Callable[[], None] | None = None,
    ) -> PassOutput:
        del last_state, between  # the one costs nothing, the other it cannot do
        words = _splitmix64(ids.numpy().astype(np.uint64))
        state = np.repeat(self._start, len(words)) if cache is None else cache
        contexts = np.empty_like(words)
        for column in range(words.shape[1]):
            state = contexts[:, column] = _splitmix64(state ^ words[:, column])
        hidden = [torch.from_numpy(self._normal(contexts, layer)) for layer in layers]
        return PassOutput(hidden, torch.zeros(*ids.shape, 1), state if keep_cache else None)

    def token_surprisal(self, last: torch.Tensor, ids: torch.Tensor) -> torch.Tensor:
        return torch.full(ids.shape, torch.nan, device=last.device)

    def _normal(self, contexts: np.ndarray, layer: int) -> np.ndarray:
        """(row, token, dim) normal numbers from the hash of each context, by the Box-Muller transform."""
        uniform = (_splitmix64(contexts[..., None, None] ^ self._keys[layer]) >> np.uint64(11)) * 2.0**-53
        radius = np.sqrt(-2 * np.log(1 - uniform[..., 0]))
        return (radius * np.cos(2 * np.pi * uniform[..., 1])).astype(np.float32)


def _splitmix64(values: np.ndarray) -> np.ndarray:
    """Mix the bits of uint64 values, so that equal inputs give equal and others unrelated outputs."""
    with np.errstate(over="ignore"):
        x = values + GOLDEN_GAMMA
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return x ^ (x >> np.uint64(31))
