"""Hooks on the blocks of a transformers model, which read out its hidden states and the states that blocks keep.

Why hooks: ``hidden_states`` of transformers differs between families (in Mamba, FalconMamba, RWKV and RecurrentGemma
its first entry is not the embedding), while every family is a list of blocks that are called one after the other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch import nn


class DeepestBlock(Exception):
    """Raised inside a pass once the inputs of all wanted blocks are there."""


class BlockInputs:
    """Records the inputs of chosen blocks during a forward pass; between two blocks there may be passes of others."""

    def __init__(self, blocks: Sequence[nn.Module]) -> None:
        self._inputs: dict[int, torch.Tensor | None] = {}
        self._deepest: int | None = None
        self._between: Callable[[], None] | None = None
        for index, block in enumerate(blocks):
            block.register_forward_pre_hook(partial(self._record, index), with_kwargs=True)

    def _record(self, index: int, block: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        del block
        if self._between is not None:
            self._between()
        if index in self._inputs:
            self._inputs[index] = args[0] if args else kwargs["hidden_states"]
            if index == self._deepest:
                raise DeepestBlock

    @contextmanager
    def recorded(
        self, layers: Sequence[int], stop: bool = False, between: Callable[[], None] | None = None
    ) -> Iterator[dict[int, torch.Tensor | None]]:
        """Record during one pass; the yielded dict maps block index to input, None for a block that was not called.

        stop : end the pass at the deepest of the blocks, whose own work and that of those above is not wanted.
        between : called before every block.
        """
        around = self._inputs, self._deepest, self._between
        self._inputs, self._deepest, self._between = dict.fromkeys(layers), max(layers) if stop else None, between
        try:
            yield self._inputs
        finally:
            self._inputs, self._deepest, self._between = around


def find_blocks(base: Any, n_blocks: int) -> Sequence[nn.Module]:
    """The blocks of a model, in order.  Raises ValueError where no single list holds them all."""
    lists = [part for part in base.modules() if isinstance(part, nn.ModuleList) and len(part) == n_blocks]
    if not lists:
        raise ValueError(f"its {n_blocks} layers are not one list of blocks")
    return list(lists[0])


class BlockStates:
    """The states that recurrent blocks keep in themselves, as those of RecurrentGemma do."""

    def __init__(self, blocks: Sequence[nn.Module]) -> None:
        parts: list[Any] = [getattr(block, "temporal_block", None) for block in blocks]
        self._parts = [part for part in parts if hasattr(part, "rg_lru")]

    def restore(self, saved: list[Any] | None, n_rows: int) -> None:
        """Put saved states back; None resets them for the beginning of a text."""
        for part, (past, state) in zip(self._parts, saved or self._initial(n_rows), strict=True):
            part.conv1d_state, part.rg_lru.recurrent_states = past, state

    def save(self) -> list[Any]:
        return [(part.conv1d_state, part.rg_lru.recurrent_states) for part in self._parts]

    def _initial(self, n_rows: int) -> list[Any]:
        states = []
        for part in self._parts:
            weight = part.conv_1d.weight
            past = torch.zeros(n_rows, len(weight), weight.shape[2] - 1, dtype=weight.dtype, device=weight.device)
            states.append((past, torch.zeros(n_rows, len(weight), device=weight.device)))
        return states
