"""Where the hidden states of a model of transformers are taken: at the door of each of its blocks.

Why there: what model.hidden_states holds differs between families (in Mamba, FalconMamba, RWKV and RecurrentGemma the
first is not the embedding), while every family is a list of blocks that are called one after another.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch import nn


class Doors:
    """Keeps what chosen blocks read while they are watched."""

    def __init__(self, blocks: Sequence[nn.Module]) -> None:
        self._seen: dict[int, torch.Tensor | None] = {}
        for index, block in enumerate(blocks):
            block.register_forward_pre_hook(partial(self._keep, index), with_kwargs=True)

    def _keep(self, index: int, block: nn.Module, args: tuple[Any, ...], named: dict[str, Any]) -> None:
        del block
        if index in self._seen:
            self._seen[index] = args[0] if args else named["hidden_states"]

    @contextmanager
    def watched(self, layers: Sequence[int]) -> Iterator[dict[int, torch.Tensor | None]]:
        """What blocks read during one pass, by their index."""
        self._seen = dict.fromkeys(layers)
        try:
            yield self._seen
        finally:
            self._seen = {}


def blocks_of(base: Any, n_blocks: int) -> Sequence[nn.Module]:
    """The blocks of a model, in order.  Raises ValueError where there is no one list of them."""
    found = [part for part in base.modules() if isinstance(part, nn.ModuleList) and len(part) == n_blocks]
    if not found:
        raise ValueError(f"its {n_blocks} layers are not one list of blocks")
    return list(found[0])


class Insides:
    """The recurrent parts among some blocks."""

    def __init__(self, blocks: Sequence[nn.Module]) -> None:
        parts: list[Any] = [getattr(block, "temporal_block", None) for block in blocks]
        self._parts = [part for part in parts if hasattr(part, "rg_lru")]

    def put(self, kept: list[Any] | None, n_rows: int) -> None:
        """Put back what was taken; None opens a text."""
        for part, (past, state) in zip(self._parts, kept or self._nothing(n_rows), strict=True):
            part.conv1d_state, part.rg_lru.recurrent_states = past, state

    def take(self) -> list[Any]:
        return [(part.conv1d_state, part.rg_lru.recurrent_states) for part in self._parts]

    def _nothing(self, n_rows: int) -> list[Any]:
        found = []
        for part in self._parts:
            weight = part.conv_1d.weight
            past = torch.zeros(n_rows, len(weight), weight.shape[2] - 1, dtype=weight.dtype, device=weight.device)
            found.append((past, torch.zeros(n_rows, len(weight), device=weight.device)))
        return found
