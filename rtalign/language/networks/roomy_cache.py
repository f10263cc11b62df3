"""Keys and values of what was read, in memory that has room for more: a few tokens are added without a copy of all."""

from __future__ import annotations

from typing import Any

import torch
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer

GROWTH = 1.5
"""By which the memory grows when it is full."""


class RoomyLayer(DynamicLayer):  # type: ignore[misc]
    """A layer of a cache as transformers has it, whose keys and values are the beginning of larger tensors."""

    keys: torch.Tensor
    values: torch.Tensor
    is_initialized: bool

    def __init__(self) -> None:
        super().__init__()
        self._rooms: dict[str, torch.Tensor] = {}

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *args: Any, **kwargs: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Add keys and values, both (row, head, token, dim); returns all there are."""
        del args, kwargs
        known = (self.keys, self.values) if self.is_initialized else (None, None)
        self.dtype, self.device, self.is_initialized = key_states.dtype, key_states.device, True
        self.keys = self._add("keys", known[0], key_states)
        self.values = self._add("values", known[1], value_states)
        return self.keys, self.values

    def _add(self, name: str, known: torch.Tensor | None, new: torch.Tensor) -> torch.Tensor:
        """What is known and what is new; what was known may be a part of what there was, and lie elsewhere."""
        n_known = 0 if known is None else known.shape[2]
        n = n_known + new.shape[2]
        room = self._rooms.get(name)
        if room is None or room.shape[2] < n or (known is not None and known.data_ptr() != room.data_ptr()):
            room = new.new_empty(*new.shape[:2], int(n * GROWTH), new.shape[3])
            if known is not None:
                room[:, :, :n_known] = known
            self._rooms[name] = room
        room[:, :, n_known:n] = new
        return room[:, :, :n]


def roomy_cache(config: Any) -> DynamicCache:
    """An empty cache; layers that forget what is far away stay as they are."""
    cache = DynamicCache(config=config)
    cache.layers = [RoomyLayer() if type(layer) is DynamicLayer else layer for layer in cache.layers]
    return cache
