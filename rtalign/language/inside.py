"""What the recurrent blocks of RecurrentGemma keep in themselves, taken out after a call and put back before the next.

Why: two contexts read in turns on the same weights, and a text that opens with one token would begin with what another
text left behind.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn


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
