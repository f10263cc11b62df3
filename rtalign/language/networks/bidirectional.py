"""BERT and its like, shown nothing but a word and what precedes it."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from rtalign.language.networks.base import Wanted, costs_of, ends, padded, reading
from rtalign.language.networks.block_hooks import Doors, blocks_of
from rtalign.language.networks.families import SEES
from rtalign.language.types import Reading


@dataclass(frozen=True, slots=True)
class Signs:
    """Token ids that such a model was trained with: what opens a text, closes it, hides a token and fills a row."""

    open: int
    close: int
    mask: int
    filler: int


class Bidirectional:
    """Each word is the end of a text of its own; a text that was opened is closed.

    The surprisal is a pseudo one: the tokens of the word are masked all at once, and the cost of each is read from
    its place.  The last hidden state is that of the last block, which already ends in a norm.
    """

    sees: int | None = SEES

    def __init__(self, model: Any, signs: Signs, batch: int = 2048) -> None:
        config = model.config
        self.batch, self._signs = batch, signs
        shift = signs.filler + 1 if config.model_type != "bert" else 0
        self.room: int | None = int(config.max_position_embeddings) - shift - 1
        self.n_layers, self.dim = int(config.num_hidden_layers) + 1, int(config.hidden_size)
        self._base = model.base_model
        self._head = model.cls if hasattr(model, "cls") else model.lm_head
        self._device = model.get_input_embeddings().weight.device
        self._doors = Doors(blocks_of(self._base, self.n_layers - 1))
        self._alone = threading.Lock()

    @torch.inference_mode()
    def windows(
        self, rows: Sequence[Sequence[int]], own: Sequence[int], known: Sequence[bool], want: Wanted
    ) -> Reading:
        at_row, at = ends(rows, own)
        closed = [[*row, self._signs.close] if row[0] == self._signs.open else list(row) for row in rows]
        ids = padded(closed, self._signs.filler)
        lengths = np.array([len(row) for row in closed])
        mask = torch.as_tensor(np.arange(ids.shape[1]) < lengths[:, None], device=self._device)
        with self._alone:
            hidden = [layer[at_row, at] for layer in self._read(ids, mask, want.layers)]
            costs = self._masked(ids, mask, at_row, at) if want.surprisal else None
        return reading(hidden, costs, own, known, want)

    def _read(self, ids: np.ndarray, mask: torch.Tensor, layers: Sequence[int]) -> list[torch.Tensor]:
        with self._doors.watched(layers) as seen:
            out = self._base(input_ids=torch.as_tensor(ids, device=self._device), attention_mask=mask.long())
        found = [out.last_hidden_state if layer == self.n_layers - 1 else seen[layer] for layer in layers]
        return [layer for layer in found if layer is not None]

    def _masked(self, ids: np.ndarray, mask: torch.Tensor, at_row: np.ndarray, at: np.ndarray) -> torch.Tensor:
        hidden_from = ids.copy()
        hidden_from[at_row, at] = self._signs.mask
        last = self._read(hidden_from, mask, [self.n_layers - 1])[0][at_row, at]
        return costs_of(self._head, last, torch.as_tensor(ids[at_row, at], device=self._device))
