"""A language model that follows a story as it is told, one word at a time."""

from __future__ import annotations

from collections import deque
from typing import cast

from rtalign.core.recipe import LanguageRecipe
from rtalign.language.growing_context import Context
from rtalign.language.networks.base import Grows, Network, Wanted
from rtalign.language.sliding_windows import read_windows
from rtalign.language.tokens import Cutter
from rtalign.language.types import Reading

AHEAD = 48
"""Tokens that wait until the next context reads them in one go: about 0.2 s of work of a small model on one core."""


class Reader:
    """push(word) gives what LanguageModel.encode gives for the same word of the same story."""

    def __init__(self, network: Network, tokeniser: Cutter, recipe: LanguageRecipe, want: Wanted) -> None:
        self._tokeniser = tokeniser
        self._follower: Growing | Window
        if recipe.context_kind == "growing":
            self._follower = Growing(cast(Grows, network), tokeniser, recipe, want)
        else:
            self._follower = Window(network, tokeniser, recipe, want)
        self._previous: str | None = None
        self._n_words = 0

    def push(self, word: str) -> Reading:
        """Read the next word; the arrays of the answer hold this one word."""
        if self._previous is None:
            tokens = self._tokeniser.first(word)
        else:
            tokens = self._tokeniser.next(self._previous, word, self._n_words)
        reading = self._follower.push(tokens)
        self._previous = word
        self._n_words += 1
        return reading


class Growing:
    """A context that grows, and the next one, which opens with its newer half.

    Why two: the next context reads its words while they come, a few at a time, so that no word has to wait until half
    a context has been read again.
    """

    def __init__(self, network: Grows, tokeniser: Cutter, recipe: LanguageRecipe, want: Wanted) -> None:
        self._parts = network, recipe, want, tokeniser.bos
        self._capacity = recipe.context_words
        self._now = Context(*self._parts)
        self._next = self._following()
        self._waiting: list[list[int]] = []

    def _following(self) -> Context:
        return Context(*self._parts, start=self._now.start + self._capacity - self._capacity // 2)

    def push(self, tokens: list[int]) -> Reading:
        if self._now.stop - self._now.start == self._capacity:
            self._catch_up()
            self._now = self._next
            self._next = self._following()
        reading = self._now.push([tokens])
        if self._now.stop > self._next.start:
            self._waiting.append(tokens)
        if sum(map(len, self._waiting)) >= AHEAD:
            self._catch_up()
        return reading

    def _catch_up(self) -> None:
        if self._waiting:
            self._next.prefill(self._waiting)
            self._waiting = []


class Window:
    """The last few words, read again with each new one."""

    def __init__(self, network: Network, tokeniser: Cutter, recipe: LanguageRecipe, want: Wanted) -> None:
        self._parts = network, recipe, want, tokeniser.bos
        self._kept: deque[list[int]] = deque(maxlen=recipe.context_words + 1)
        self._n_words = 0

    def push(self, tokens: list[int]) -> Reading:
        self._kept.append(tokens)
        self._n_words += 1
        network, recipe, want, bos = self._parts
        words = list(self._kept)
        return next(read_windows(network, recipe, want, bos, words, first=len(words) - 1))[1]
