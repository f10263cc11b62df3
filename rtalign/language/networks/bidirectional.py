"""BERT and similar models, which are shown only a word and the words before it."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from rtalign.language.networks.base import (
    OutputRequest,
    PendingReading,
    TokenRow,
    own_token_indices,
    pad_rows,
    pool_rows,
    surprisal_in_parts,
)
from rtalign.language.networks.block_hooks import BlockInputs, find_blocks
from rtalign.language.networks.families import BIDIRECTIONAL_WINDOW


@dataclass(frozen=True, slots=True)
class SpecialTokens:
    """Ids of the tokens that begin a text, end it, mask a token and fill a row."""

    begin: int
    end: int
    mask: int
    padding: int


class BidirectionalNetwork:
    """A masked language model of transformers as a Network.

    Each word is the end of a text of its own; a text that has a beginning token gets an end token too.  Surprisal is a
    pseudo-surprisal: all tokens of the word are masked at once, and each is scored at its own position.  The last
    hidden state is the output of the last block, which already ends in a norm.
    """

    fallback_window: int | None = BIDIRECTIONAL_WINDOW

    def __init__(self, model: Any, special: SpecialTokens, batch_tokens: int = 2048) -> None:
        config = model.config
        self.batch_tokens, self._special = batch_tokens, special
        offset = special.padding + 1 if config.model_type != "bert" else 0
        self.max_tokens: int | None = int(config.max_position_embeddings) - offset - 1
        self.n_layers, self.dim = int(config.num_hidden_layers) + 1, int(config.hidden_size)
        self._base = model.base_model
        self._head = model.cls if hasattr(model, "cls") else model.lm_head
        self._device = model.get_input_embeddings().weight.device
        self._inputs = BlockInputs(find_blocks(self._base, self.n_layers - 1))
        self._lock = threading.Lock()

    @torch.inference_mode()
    def read_rows(self, rows: Sequence[TokenRow], request: OutputRequest) -> PendingReading:
        row, column = own_token_indices(rows)
        begin, end = self._special.begin, self._special.end
        closed = [[*row.ids, end] if row.ids[0] == begin else row.ids for row in rows]
        ids = pad_rows(closed, self._special.padding)
        lengths = np.array([len(ids) for ids in closed])
        mask = torch.as_tensor(np.arange(ids.shape[1]) < lengths[:, None], device=self._device)
        with self._lock:
            hidden = [layer[row, column] for layer in self._hidden(ids, mask, request.layers)]
            surprisal = self._masked_surprisal(ids, mask, row, column) if request.surprisal else None
        return pool_rows(hidden, surprisal, rows, request)

    def _hidden(self, ids: np.ndarray, mask: torch.Tensor, layers: Sequence[int]) -> list[torch.Tensor]:
        with self._inputs.recorded(layers) as inputs:
            out = self._base(input_ids=torch.as_tensor(ids, device=self._device), attention_mask=mask.long())
        states = [out.last_hidden_state if layer == self.n_layers - 1 else inputs[layer] for layer in layers]
        return [layer for layer in states if layer is not None]

    def _masked_surprisal(
        self, ids: np.ndarray, mask: torch.Tensor, row: np.ndarray, column: np.ndarray
    ) -> torch.Tensor:
        masked = ids.copy()
        masked[row, column] = self._special.mask
        last = self._hidden(masked, mask, [self.n_layers - 1])[0][row, column]
        return surprisal_in_parts(self._head, last, torch.as_tensor(ids[row, column], device=self._device))
