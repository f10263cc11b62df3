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
