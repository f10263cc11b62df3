"""Which words a word is read with: the arithmetic of growing and sliding contexts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

from rtalign.core.recipe import LanguageRecipe


@dataclass(frozen=True, slots=True)
class Span:
    """A context over words start..stop-1, of which only those from first on are its own.

    The words before first are read again for their context, and were given out by an earlier span.
    """

    start: int
    first: int
    stop: int


def growing(n_words: int, capacity: int) -> Iterator[Span]:
    """Contexts that hold up to capacity words; a full one is followed by one that opens with its newer half.

    Span k starts at word k * (capacity - capacity // 2), so a word's context follows from its index alone.
    """
    start = first = 0
    while first < n_words:
        stop = min(start + capacity, n_words)
        yield Span(start, first, stop)
        start, first = start + capacity - capacity // 2, stop


def windows(n_words: int, previous: int) -> Iterator[Span]:
    """Each word with exactly its previous words, or with all there are at the start of a story."""
    for index in range(n_words):
        yield Span(max(index - previous, 0), index, index + 1)


def blocks(span: Span, n_tokens: Sequence[int], size: int) -> Iterator[tuple[int, int]]:
    """A span cut between words into stretches (start, stop) of at most size tokens, a longer word standing alone.

    One cut always falls on span.first, so that every stretch is either wanted or not.
    """
    start = span.start
    while start < span.stop:
        limit = span.first if start < span.first else span.stop
        stop, total = start, 0
        while stop < limit and (stop == start or total + n_tokens[stop] <= size):
            total += n_tokens[stop]
            stop += 1
        yield start, stop
        start = stop


def passes(span: Span, n_tokens: Sequence[int], size: int) -> Iterator[tuple[int, int]]:
    """A span as one stretch of at most size tokens, and blocks of what does not fit: for networks that open a text
    faster than they go on with it."""
    stop, total = span.start + 1, n_tokens[span.start]
    while stop < span.stop and total + n_tokens[stop] <= size:
        total += n_tokens[stop]
        stop += 1
    yield span.start, stop
    yield from blocks(Span(stop, max(span.first, stop), span.stop), n_tokens, size)


def settled(recipe: LanguageRecipe, sees: int | None) -> LanguageRecipe:
    """The recipe as it can be read: where nothing grows, a growing context is a window of what such a model sees."""
    if sees is None or recipe.context_kind == "window":
        return recipe
    return recipe.model_copy(update={"context": f"window:{min(recipe.context_words - 1, sees)}"})


def canonical(recipe: LanguageRecipe, n_words: int) -> LanguageRecipe:
    """The shortest context that reads a story of n_words in the same way, so that what is equal is read once."""
    kind, words = recipe.context_kind, recipe.context_words
    most = max(n_words, 2) if kind == "growing" else max(n_words - 1, 0)
    return recipe.model_copy(update={"context": f"{kind}:{min(words, most)}"})


def tokens_read(recipe: LanguageRecipe, n_tokens: Sequence[int]) -> int:
    """Tokens that go through a causal network for a story, its words' own n_tokens given: what a plan costs."""
    cut = growing(len(n_tokens), recipe.context_words)
    spans = cut if recipe.context_kind == "growing" else windows(len(n_tokens), recipe.context_words)
    sums = [0, *accumulate(n_tokens)]
    return sum(sums[span.stop] - sums[span.start] for span in spans)


def longest(spans: Sequence[Span], n_tokens: Sequence[int]) -> tuple[int, Span]:
    """The span with the most tokens, and how many."""
    sums = [0, *accumulate(n_tokens)]
    return max(((sums[span.stop] - sums[span.start], span) for span in spans), key=lambda pair: pair[0])


def refuse(recipe: LanguageRecipe, n_tokens: int, n_words: int, room: int, index: int) -> ValueError:
    """The error for a context with more tokens than the model was made for."""
    fits = max(int(n_words * room / n_tokens * 0.9) // 10 * 10, 2)
    return ValueError(
        f"the context of word {index} has {n_tokens} tokens ({n_words} words, {recipe.context}); "
        f"the model reads at most {room} - use context {recipe.context_kind}:{fits}"
    )
