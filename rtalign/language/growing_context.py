"""One context that grows on a cache, in blocks of words or word by word."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from rtalign.core.recipe import LanguageRecipe
from rtalign.language.contexts import refuse
from rtalign.language.networks.base import Grows, Wanted, reading
from rtalign.language.types import Reading


class Context:
    """A cache and the last hidden state on it, which foretells the next token."""

    def __init__(self, network: Grows, recipe: LanguageRecipe, want: Wanted, bos: int | None, start: int = 0) -> None:
        self._network, self._recipe, self._want = network, recipe, want
        self._opening = [bos] if bos is not None and recipe.bos else []
        self._cache: Any = None
        self._last: torch.Tensor | None = None
        self.start = self.stop = start
        self._n_tokens = 0

    def push(self, words: Sequence[Sequence[int]]) -> Reading:
        """Read the tokens of the next words, and say what was read."""
        known = [self.stop + k > self.start for k in range(len(words))]
        own = [len(word) for word in words]
        hidden, before, ids = self._run(words, self._want.layers)
        costs = self._network.surprise(before, ids) if self._want.surprisal else None
        return reading(hidden, costs, own, known, self._want)

    def prefill(self, words: Sequence[Sequence[int]]) -> None:
        """Read the tokens of the next words for their context alone."""
        self._run(words, ())

    def _run(
        self, words: Sequence[Sequence[int]], layers: tuple[int, ...]
    ) -> tuple[list[torch.Tensor], torch.Tensor, torch.Tensor]:
        """Hidden states, the last hidden state before each token, and the tokens, of these words alone."""
        opening = self._opening if self._n_tokens == 0 else []
        ids = [*opening, *(token for word in words for token in word)]
        self._admit(len(ids), len(words))
        tensor = self._network.tensor([ids])
        states = self._network.run(tensor, layers, self._cache)
        self._cache = states.cache
        last = states.last[0]
        # The very first token is foretold by nothing; its own state fills the place and the cost is never shown.
        before = torch.cat([last[:1] if self._last is None else self._last, last[:-1]])
        self._last = last[-1:].clone()
        skip = len(opening)
        return [layer[0, skip:] for layer in states.hidden], before[skip:], tensor[0, skip:]

    def _admit(self, n_tokens: int, n_words: int) -> None:
        total, stop, room = self._n_tokens + n_tokens, self.stop + n_words, self._network.room
        if room is not None and total > room:
            raise refuse(self._recipe, total, stop - self.start, room, stop - 1)
        self._n_tokens, self.stop = total, stop
