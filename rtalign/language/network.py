"""A causal attention network, run over token ids on a cache or in padded batches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from rtalign.language.reading import Reading

LOGITS = 1 << 24
"""Logits held at once; 64 MB.  A vocabulary is large, so they are never made for a whole context."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked of a network: hidden states, how tokens become a word (mean or last), surprisal or not."""

    layers: tuple[int, ...]
    tokens: str
    surprisal: bool


@dataclass(frozen=True, slots=True)
class States:
    """What one pass gave.  hidden: one (row, token, dim) a wanted layer; last : (row, token, dim), after the norm."""

    hidden: list[torch.Tensor]
    last: torch.Tensor
    cache: Any


class Network:
    """The weights and nothing else: no state is kept between two calls.

    Hidden states are those of transformers: 0 is the embedding (in GPT-2 with the position's embedding added), the
    last one comes after the final norm, those between are the residual stream behind each block.
    """

    def __init__(self, model: Any, room: int | None) -> None:
        self.room = room
        self.n_layers = int(model.config.num_hidden_layers) + 1
        self.dim = int(model.config.hidden_size)
        self._base = model.base_model
        self._head = model.get_output_embeddings()
        self._device = next(model.parameters()).device

    def tensor(self, values: Any) -> torch.Tensor:
        """Whole numbers on the device of the weights."""
        return torch.as_tensor(values, dtype=torch.long, device=self._device)

    @torch.inference_mode()
    def run(self, ids: torch.Tensor, layers: Sequence[int], cache: Any = None, keep: bool = True) -> States:
        """One pass.  ids : (row, token), continuing the cache if there is one; keep: whether to make or extend it."""
        out = self._base(
            input_ids=ids, past_key_values=cache, use_cache=keep, output_hidden_states=bool(layers), return_dict=True
        )
        hidden = [out.hidden_states[layer] for layer in layers]
        return States(hidden, out.last_hidden_state, out.past_key_values if keep else None)

    @torch.inference_mode()
    def surprise(self, before: torch.Tensor, ids: torch.Tensor) -> torch.Tensor:
        """(token,) -log p in nats of ids : (token,), each from the last hidden state before it : (token, dim)."""
        size = max(LOGITS // self._head.weight.shape[0], 1)
        parts = []
        for start in range(0, len(ids), size):
            logits = self._head(before[start : start + size])
            chosen = logits.gather(1, ids[start : start + size, None])[:, 0]
            parts.append(logits.logsumexp(1) - chosen)
        return torch.cat(parts)

    def windows(
        self, rows: Sequence[Sequence[int]], own: Sequence[int], known: Sequence[bool], want: Wanted
    ) -> Reading:
        """The last own tokens of each row, the rows independent of each other.

        known: whether a word precedes in the row, so that it has a surprisal.
        Why no mask: rows are padded on the right, and no token of a causal network sees what is behind it.
        """
        lengths = [len(row) for row in rows]
        padded = np.zeros((len(rows), max(lengths)), np.int64)
        for line, row in zip(padded, rows, strict=True):
            line[: len(row)] = row
        ids = self.tensor(padded)
        states = self.run(ids, want.layers, keep=False)
        at_row = self.tensor(np.repeat(np.arange(len(rows)), own))
        at = self.tensor(np.concatenate([np.arange(n - k, n) for n, k in zip(lengths, own, strict=True)]))
        hidden = [layer[at_row, at] for layer in states.hidden]
        costs = None
        if want.surprisal:
            costs = self.surprise(states.last[at_row, (at - 1).clamp(min=0)], ids[at_row, at])
        return reading(hidden, costs, own, known, want)


def reading(
    hidden: Sequence[torch.Tensor], costs: torch.Tensor | None, own: Sequence[int], known: Sequence[bool], want: Wanted
) -> Reading:
    """Tokens to words.

    hidden : one (token, dim) a layer; costs : (token,) in nats or None; own : (word,) tokens of each word, in order;
    known : (word,) whether its cost means anything.
    """
    counts = torch.as_tensor(own, device=hidden[0].device if hidden else None)
    pooled = [pool(layer, counts, want.tokens).float().cpu().numpy() for layer in hidden]
    surprisal = np.full(len(own), np.nan, np.float32)
    if costs is not None:
        sums = torch.segment_reduce(costs.float(), "sum", lengths=counts)
        surprisal = np.where(known, sums.cpu().numpy(), surprisal)
    return Reading(np.stack(pooled, 1), surprisal, np.asarray(own, np.int32))


def pool(hidden: torch.Tensor, counts: torch.Tensor, tokens: str) -> torch.Tensor:
    """(word, dim) from hidden : (token, dim), where counts : (word,) says how many tokens each word has."""
    if tokens == "last":
        return hidden[counts.cumsum(0) - 1]
    return torch.segment_reduce(hidden.contiguous(), "mean", lengths=counts, axis=0)
