"""What every language model here can do with token ids, whatever it is made of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch

from rtalign.language.types import Reading

LOGITS = 1 << 24
"""Logits held at once; 64 MB.  A vocabulary is large, so they are never made for a whole context."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked of a network: hidden states, how tokens become a word, surprisal or not."""

    layers: tuple[int, ...]
    tokens: str
    surprisal: bool


@dataclass(frozen=True, slots=True)
class States:
    """What one pass gave.  hidden: one (row, token, dim) a wanted layer; last : (row, token, dim), after the norm."""

    hidden: list[torch.Tensor]
    last: torch.Tensor
    cache: Any


class Network(Protocol):
    """Token ids to words; no state is kept between two calls.

    In every family hidden state 0 is what the first block reads (the embedding, as the model scales or places it), k is
    what block k reads, and the last is what leaves the final norm: depth counts blocks.
    room: tokens read at once at most, None without limit.  batch: tokens, padding included, that go through in one go.
    sees: previous words that a growing context comes down to where nothing can grow; None where it grows.
    """

    @property
    def room(self) -> int | None: ...

    @property
    def batch(self) -> int: ...

    @property
    def sees(self) -> int | None: ...

    @property
    def n_layers(self) -> int: ...

    @property
    def dim(self) -> int: ...

    def windows(
        self, rows: Sequence[Sequence[int]], own: Sequence[int], known: Sequence[bool], want: Wanted
    ) -> Reading:
        """The last own tokens of each row, the rows independent of each other.

        known: whether a word precedes in the row, so that it has a surprisal.
        """
        ...


class Grows(Network, Protocol):
    """A network that reads on from where it stopped.

    blocks: whether many tokens can follow what was read in one call as fast as they open a text.
    """

    @property
    def blocks(self) -> bool: ...

    def tensor(self, values: Any) -> torch.Tensor:
        """Whole numbers on the device of the weights."""
        ...

    def run(self, ids: torch.Tensor, layers: Sequence[int], cache: Any = None, keep: bool = True) -> States:
        """One pass.  ids : (row, token), continuing the cache if there is one; keep: whether to make or extend it."""
        ...

    def surprise(self, before: torch.Tensor, ids: torch.Tensor) -> torch.Tensor:
        """(token,) -log p in nats of ids : (token,), each from the last hidden state before it : (token, dim)."""
        ...


def padded(rows: Sequence[Sequence[int]], filler: int = 0) -> np.ndarray:
    """(row, token), rows filled up on the right."""
    whole = np.full((len(rows), max(map(len, rows))), filler, np.int64)
    for line, row in zip(whole, rows, strict=True):
        line[: len(row)] = row
    return whole


def ends(rows: Sequence[Sequence[int]], own: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    """(token,) row and place of the last own tokens of each row."""
    lengths = [len(row) for row in rows]
    places = [np.arange(n - k, n) for n, k in zip(lengths, own, strict=True)]
    return np.repeat(np.arange(len(rows)), own), np.concatenate(places)


class LeftToRight:
    """The windows of a causal network.  Why no mask: no token sees the padding, which is all behind it."""

    def windows(
        self: Grows, rows: Sequence[Sequence[int]], own: Sequence[int], known: Sequence[bool], want: Wanted
    ) -> Reading:
        ids = self.tensor(padded(rows))
        states = self.run(ids, want.layers, keep=False)
        at_row, at = (self.tensor(part) for part in ends(rows, own))
        hidden = [layer[at_row, at] for layer in states.hidden]
        costs = None
        if want.surprisal:
            costs = self.surprise(states.last[at_row, (at - 1).clamp(min=0)], ids[at_row, at])
        return reading(hidden, costs, own, known, want)


def costs_of(logits: Callable[[torch.Tensor], torch.Tensor], before: torch.Tensor, ids: torch.Tensor) -> torch.Tensor:
    """(token,) -log p in nats of ids, a few tokens at a time.  logits: (token, dim) to (token, vocabulary)."""
    parts, start, size = [], 0, 1
    while start < len(ids):
        found = logits(before[start : start + size]).float()
        chosen = found.gather(1, ids[start : start + size, None])[:, 0]
        parts.append(found.logsumexp(1) - chosen)
        start += size
        size = max(LOGITS // found.shape[1], 1)
    return torch.cat(parts)


def reading(
    hidden: Sequence[torch.Tensor], costs: torch.Tensor | None, own: Sequence[int], known: Sequence[bool], want: Wanted
) -> Reading:
    """Tokens to words.

    hidden : one (token, dim) a layer; costs : (token,) in nats or None; own : (word,) tokens of each word, in order;
    known : (word,) whether its cost means anything.
    """
    counts = torch.as_tensor(own)
    pooled = [pool(layer.float(), counts.to(layer.device), want.tokens).cpu().numpy() for layer in hidden]
    surprisal = np.full(len(own), np.nan, np.float32)
    if costs is not None:
        sums = torch.segment_reduce(costs.float().cpu(), "sum", lengths=counts)
        surprisal = np.where(known, sums.numpy(), surprisal)
    return Reading(np.stack(pooled, 1), surprisal, np.asarray(own, np.int32))


def pool(hidden: torch.Tensor, counts: torch.Tensor, tokens: str) -> torch.Tensor:
    """(word, dim) from hidden : (token, dim), where counts : (word,) says how many tokens each word has."""
    if tokens == "last":
        return hidden[counts.cumsum(0) - 1]
    if tokens == "first":
        return hidden[counts.cumsum(0) - counts]
    return torch.segment_reduce(hidden.contiguous(), "mean", lengths=counts, axis=0)
