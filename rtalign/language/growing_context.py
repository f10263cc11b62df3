"""Growing contexts: words read on a cache, in blocks or one by one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch

from rtalign.language import contexts
from rtalign.language.networks.base import IncrementalNetwork, ReadSetup, pool_words
from rtalign.language.reading import Reading
from rtalign.language.row_batches import read_in_batches, row_of
from rtalign.language.tokens import WordTokens

BLOCK = 512
"""Tokens that a growing context reads at once."""

CONTEXTS_AT_ONCE = 4
"""Contexts that a batch must hold before they are read side by side, where surprisal is wanted.

Without it one is enough: a pass without a cache ends at the deepest wanted layer, a sixth of the work earlier.
"""

PREFILL_TOKENS = 16
"""Tokens of the next context that are read together, so that no word waits long for them."""

MAX_WAITING = 48
"""Tokens that wait for the next context before they are read even though words wait too."""

NESTED_TOKENS = 64
"""The same where words are read between the blocks of the pass: a large model reads its weights once for all of them,
and no word waits longer than one block takes."""

LEAST_NESTED, MOST_NESTED = 4, 256
"""The same where the context is nearly full: what is not read by then, words must wait for; and at most."""


class GrowingContext:
    """A cache, and the last hidden state on it, which predicts the next token.

    Attributes
    ----------
    start, stop : int
        The words on the cache are start to stop - 1.
    """

    def __init__(self, setup: ReadSetup[IncrementalNetwork], start: int = 0) -> None:
        self._setup = setup
        self._cache: Any = None
        self._last: torch.Tensor | None = None
        self.start = self.stop = start
        self._n_tokens = 0

    def push(self, words: Sequence[WordTokens]) -> Reading:
        """Read the tokens of the next words and return the words."""
        network, request = self._setup.network, self._setup.request
        has_context = [self.stop + k > self.start for k in range(len(words))]
        hidden, before, ids = self._run(words, request.layers)
        surprisal = network.token_surprisal(before, ids) if request.surprisal else None
        return pool_words(hidden, surprisal, [request.counted(word) for word in words], has_context, request)()

    def prefill(self, words: Sequence[Sequence[int]], between: Callable[[], None] | None = None) -> None:
        """Read the tokens of the next words for their context alone; between() is called before every block."""
        self._run(words, (), between)

    def _run(
        self, words: Sequence[Sequence[int]], layers: tuple[int, ...], between: Callable[[], None] | None = None
    ) -> tuple[list[torch.Tensor], torch.Tensor, torch.Tensor]:
        """Hidden states, the last hidden state before each token, and the tokens, of these words only."""
        opening = self._setup.opening if self._n_tokens == 0 else []
        ids = [*opening, *(token for word in words for token in word)]
        self._count(len(ids), len(words))
        tensor = self._setup.network.to_tensor([ids])
        output = self._setup.network.run(tensor, layers, self._cache, between=between)
        self._cache = output.cache
        last = output.last[0]
        # Nothing predicts the very first token; its own state stands in, and its surprisal is never returned.
        before = torch.cat([last[:1] if self._last is None else self._last, last[:-1]])
        self._last = last[-1:].clone()
        skip = len(opening)
        return [layer[0, skip:] for layer in output.hidden], before[skip:], tensor[0, skip:]

    def _count(self, n_tokens: int, n_words: int) -> None:
        """Count what is read next.  Raises ValueError where it would be more than the network can read."""
        total, stop, most = self._n_tokens + n_tokens, self.stop + n_words, self._setup.network.max_tokens
        if most is not None and total > most:
            raise contexts.context_too_long(self._setup.recipe, total, stop - self.start, most, stop - 1)
        self._n_tokens, self.stop = total, stop


def read_growing(setup: ReadSetup[IncrementalNetwork], tokens: Sequence[WordTokens]) -> Iterator[tuple[int, Reading]]:
    """(index of the first word, reading) of consecutive stretches of a story.  tokens : those of each word.

    Contexts do not depend on each other.  Where a batch holds several, as on a GPU, they are its rows; else they are
    read one after the other, each on a cache, in smaller parts.
    """
    n_tokens = [len(word) for word in tokens]
    spans = list(contexts.recipe_spans(setup.recipe, len(tokens)))
    longest = _check_lengths(setup, spans, n_tokens)
    if longest * (CONTEXTS_AT_ONCE if setup.request.surprisal else 1) <= setup.network.batch_tokens:
        first, rows = 0, [row_of(setup, tokens, span) for span in spans]
        for reading in read_in_batches(setup.network, rows, setup.request):
            yield first, reading
            first += len(reading.n_tokens)
        return
    for span in spans:
        context = GrowingContext(setup, span.start)
        blocks = contexts.token_blocks(span, n_tokens, BLOCK)
        if not setup.network.block_steps:
            blocks = contexts.first_pass_blocks(span, n_tokens, setup.network.batch_tokens)
        for start, stop in blocks:
            if stop <= span.first:
                context.prefill(tokens[start:stop])
            else:
                n_known = max(span.first - start, 0)
                yield start + n_known, context.push(tokens[start:stop]).without_first(n_known)


def _check_lengths(
    setup: ReadSetup[IncrementalNetwork], spans: Sequence[contexts.ContextSpan], n_tokens: Sequence[int]
) -> int:
    """Tokens of the longest context; one that is too long is refused before an hour is spent on the others."""
    if not spans:
        return 0
    longest, span = contexts.longest_span(spans, n_tokens)
    longest += len(setup.opening)
    most = setup.network.max_tokens
    if most is not None and longest > most:
        raise contexts.context_too_long(setup.recipe, longest, span.stop - span.start, most, span.stop - 1)
    return longest


class GrowingReader:
    """Reads words in a growing context, while the next context, which starts with its newest words, is prepared.

    Why two contexts: the next one reads its words while they come, so that no word has to wait until these have been
    read again: many at a time where a network can read words between two blocks of a pass, else a few.
    """

    def __init__(self, setup: ReadSetup[IncrementalNetwork]) -> None:
        self._setup = setup
        self._capacity = setup.recipe.context_words
        self._current = GrowingContext(setup)
        self._next = self._following()
        self._waiting: list[WordTokens] = []

    def _following(self) -> GrowingContext:
        return GrowingContext(self._setup, start=self._current.start + self._capacity - self._setup.recipe.kept_words)

    def push(self, words: Sequence[WordTokens]) -> Reading:
        """Read the tokens of the next words, together as far as one context holds them."""
        parts = []
        while words:
            if room := self.room:
                first = self._current.stop
                parts.append(self._current.push(words[:room]))
                self._waiting += words[max(self._next.start - first, 0) : room]
                words = words[room:]
            else:
                self._change_context()
        if self._n_waiting >= MAX_WAITING and not self._setup.network.nests:
            self._prefill_next(PREFILL_TOKENS)
        return Reading.join(parts)

    @property
    def room(self) -> int:
        """Words that the context takes before the next one begins."""
        return self._capacity - (self._current.stop - self._current.start)

    def prepare(self, serve: Callable[[], None] | None = None, words_wait: bool = False) -> bool:
        """Read waiting tokens of the next context; whether there were enough.

        Parameters
        ----------
        serve : callable, optional
            Called while they are read; may read words, as many as there is room for.
        words_wait : bool
            Whether words wait to be read: then nothing is done that they would have to wait for.
        """
        if self._setup.network.nests:
            enough = self._n_waiting >= max(min(NESTED_TOKENS, self.room // 2), LEAST_NESTED)
            if enough:
                self._prefill_next(MOST_NESTED, serve)
            return enough
        enough = self._n_waiting >= PREFILL_TOKENS and not words_wait
        if enough:
            self._prefill_next(PREFILL_TOKENS)
        return enough

    def skip(self, words: Sequence[WordTokens]) -> None:
        """Read the tokens of the next words for their context alone; a context that they fill up is left out."""
        first = self._current.stop
        stop = first + len(words)
        while stop - self._current.start > self._capacity:
            self._change_context()
        _prefill(self._current, words[self._current.stop - first :])
        self._waiting += words[max(self._next.start - first, 0) :]
        if self._n_waiting >= MAX_WAITING:
            self._prefill_next()

    def _change_context(self) -> None:
        self._prefill_next()
        self._current = self._next
        self._next = self._following()

    @property
    def _n_waiting(self) -> int:
        return sum(map(len, self._waiting))

    def _prefill_next(self, n_tokens: int | None = None, between: Callable[[], None] | None = None) -> None:
        """Read waiting words into the next context: all, or the first with so many tokens."""
        stop = len(self._waiting)
        if n_tokens is not None:
            stop = int(np.searchsorted(np.cumsum([len(word) for word in self._waiting]), n_tokens)) + 1
        words, self._waiting = self._waiting[:stop], self._waiting[stop:]  # more may come between the blocks
        _prefill(self._next, words, between)


def _prefill(context: GrowingContext, words: Sequence[list[int]], between: Callable[[], None] | None = None) -> None:
    """Read words for their context, a block at a time."""
    span = contexts.ContextSpan(0, len(words), len(words))
    for start, stop in contexts.token_blocks(span, [len(word) for word in words], BLOCK):
        context.prefill(words[start:stop], between)
