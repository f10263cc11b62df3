"""Controls in place of a language model: what a word carries by itself, and what carries nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from rtalign.language.networks.base import LeftToRight, States

LAYERS = 11
"""Hidden states of the random control: nine between 10 % and 90 % of depth, as the paper takes them, and both ends."""

ODD = np.uint64(0x9E3779B97F4A7C15)


class Static(LeftToRight):
    """The embedding of a model, and nothing of what it makes of it: one hidden state, no context, no surprisal."""

    room: int | None = None
    sees: int | None = None
    blocks = True
    n_layers = 1

    def __init__(self, embedding: torch.nn.Module, batch: int = 2048) -> None:
        weight: Any = embedding.weight
        self.dim, self.batch, self._device = int(weight.shape[1]), batch, weight.device
        self._embedding = embedding

    def tensor(self, values: Any) -> torch.Tensor:
        return torch.as_tensor(values, dtype=torch.long, device=self._device)

    @torch.inference_mode()
    def run(self, ids: torch.Tensor, layers: Sequence[int], cache: Any = None, keep: bool = True) -> States:
        del cache, keep
        found = self._embedding(ids)
        return States([found for _ in layers], found, None)

    def surprise(self, before: torch.Tensor, ids: torch.Tensor) -> torch.Tensor:
        return torch.full(ids.shape, torch.nan, device=before.device)


class Random(LeftToRight):
    """Hidden states that are random functions, one a layer, of a word and of all that its context holds before it.

    The same words in the same context give the same numbers, as in a real model, and no two contexts resemble each
    other; with window:0 every word has its own random vector.
    """

    room: int | None = None
    sees: int | None = None
    blocks = True
    batch = 2048
    n_layers = LAYERS

    def __init__(self, dim: int, seed: int) -> None:
        self.dim = dim
        self._start = _mixed(np.array([seed], np.uint64))
        self._places = _mixed(np.arange(LAYERS * dim * 2, dtype=np.uint64)).reshape(LAYERS, dim, 2)

    def tensor(self, values: Any) -> torch.Tensor:
        return torch.as_tensor(values, dtype=torch.long)

    def run(self, ids: torch.Tensor, layers: Sequence[int], cache: Any = None, keep: bool = True) -> States:
        words = _mixed(ids.numpy().astype(np.uint64))
        state = np.repeat(self._start, len(words)) if cache is None else cache
        told = np.empty_like(words)
        for place in range(words.shape[1]):
            state = told[:, place] = _mixed(state ^ words[:, place])
        hidden = [torch.from_numpy(self._drawn(told, layer)) for layer in layers]
        return States(hidden, torch.zeros(*ids.shape, 1), state if keep else None)

    def surprise(self, before: torch.Tensor, ids: torch.Tensor) -> torch.Tensor:
        return torch.full(ids.shape, torch.nan, device=before.device)

    def _drawn(self, told: np.ndarray, layer: int) -> np.ndarray:
        """(row, token, dim) from the normal distribution, by Box and Muller."""
        even = (_mixed(told[..., None, None] ^ self._places[layer]) >> np.uint64(11)) * 2.0**-53
        radius = np.sqrt(-2 * np.log(1 - even[..., 0]))
        return (radius * np.cos(2 * np.pi * even[..., 1])).astype(np.float32)


def _mixed(values: np.ndarray) -> np.ndarray:
    """splitmix64: uint64 to uint64, as good as drawn afresh."""
    with np.errstate(over="ignore"):
        x = values + ODD
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return x ^ (x >> np.uint64(31))
