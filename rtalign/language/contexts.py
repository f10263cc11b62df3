"""Which earlier words each word is read with: the arithmetic of growing contexts and of sliding windows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

from rtalign.core.recipe import LanguageRecipe


@dataclass(frozen=True, slots=True)
class ContextSpan:
    """One context: the words start to stop - 1, of which those from first on are returned.

    Attributes
    ----------
    start : int
        First word of the context.
    first : int
        First word that is returned.  The words before it are read again for their context; an earlier span returned
        them.
    stop : int
        One after the last word.
    """

    start: int
    first: int
    stop: int


def growing_spans(n_words: int, capacity: int, kept: int | None = None) -> Iterator[ContextSpan]:
    """Contexts of up to capacity words; a full one is followed by one that starts with its newest words.

    Span k starts at word k * (capacity - kept), so the context of a word follows from its index alone.

    Parameters
    ----------
    n_words : int
        Length of the story.
    capacity : int
        Words that a context holds, at least 2.
    kept : int, optional
        Words of a full context that the next one starts with, at most half; by default half.

    Yields
    ------
    ContextSpan
        In order; every word is returned by exactly one of them.
    """
    step = capacity - (capacity // 2 if kept is None else kept)
    start = first = 0
    while first < n_words:
        stop = min(start + capacity, n_words)
        yield ContextSpan(start, first, stop)
        start, first = start + step, stop


def window_spans(n_words: int, previous: int) -> Iterator[ContextSpan]:
    """Each word with exactly its previous words, or with all there are at the start of a story.

    Parameters
    ----------
    n_words : int
        Length of the story.
    previous : int
        Number of previous words.

    Yields
    ------
    ContextSpan
        One for each word.
    """
    for index in range(n_words):
        yield ContextSpan(max(index - previous, 0), index, index + 1)


def recipe_spans(recipe: LanguageRecipe, n_words: int) -> Iterator[ContextSpan]:
    """The contexts in which a recipe reads a story.

    Parameters
    ----------
    recipe : LanguageRecipe
        How the story is read.
    n_words : int
        Length of the story.

    Returns
    -------
    iterator of ContextSpan
    """
    if recipe.context_kind == "window":
        return window_spans(n_words, recipe.context_words)
    return growing_spans(n_words, recipe.context_words, recipe.kept_words)


def token_blocks(span: ContextSpan, n_tokens: Sequence[int], size: int) -> Iterator[tuple[int, int]]:
    """Cut a span between words into blocks (start, stop) of at most size tokens; a longer word is a block by itself.

    One cut is always at span.first, so that every block is either returned or not.
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


def first_pass_blocks(span: ContextSpan, n_tokens: Sequence[int], size: int) -> Iterator[tuple[int, int]]:
    """A span as one block of at most size tokens, then token_blocks of the rest.

    For networks that read the beginning of a text faster than its continuation.
    """
    stop, total = span.start + 1, n_tokens[span.start]
    while stop < span.stop and total + n_tokens[stop] <= size:
        total += n_tokens[stop]
        stop += 1
    yield span.start, stop
    yield from token_blocks(ContextSpan(stop, max(span.first, stop), span.stop), n_tokens, size)


def effective_recipe(recipe: LanguageRecipe, fallback_window: int | None) -> LanguageRecipe:
    """The recipe with which a network reads: where contexts cannot grow, a growing one becomes a window.

    fallback_window : see ``Network``.
    """
    if fallback_window is None or recipe.context_kind == "window":
        return recipe
    return recipe.model_copy(update={"context": f"window:{min(recipe.context_words - 1, fallback_window)}"})


def shortest_equivalent(recipe: LanguageRecipe, n_words: int) -> LanguageRecipe:
    """Replace the context by the shortest one that reads a story in the same way, so that equal work is done once.

    Parameters
    ----------
    recipe : LanguageRecipe
        How the story is read.
    n_words : int
        Length of the story.

    Returns
    -------
    LanguageRecipe
        The same recipe, with another context if a shorter one is equivalent.
    """
    kind, words = recipe.context_kind, recipe.context_words
    most = max(n_words, 2) if kind == "growing" else max(n_words - 1, 0)
    return recipe.model_copy(update={"context": f"{kind}:{min(words, most)}"})


def tokens_read(recipe: LanguageRecipe, n_tokens: Sequence[int]) -> int:
    """Count the tokens that go through a causal network for one story: the cost of reading it.

    Parameters
    ----------
    recipe : LanguageRecipe
        How the story is read.
    n_tokens : sequence of int, shape (word,)
        Tokens of each word.

    Returns
    -------
    int
        Tokens, those counted again that are read again.
    """
    sums = [0, *accumulate(n_tokens)]
    return sum(sums[span.stop] - sums[span.start] for span in recipe_spans(recipe, len(n_tokens)))


def longest_span(spans: Sequence[ContextSpan], n_tokens: Sequence[int]) -> tuple[int, ContextSpan]:
    """The span with the most tokens, and how many."""
    sums = [0, *accumulate(n_tokens)]
    return max(((sums[span.stop] - sums[span.start], span) for span in spans), key=lambda pair: pair[0])


def context_too_long(recipe: LanguageRecipe, n_tokens: int, n_words: int, max_tokens: int, index: int) -> ValueError:
    """The error for a context with more tokens than the model can read."""
    fits = max(int(n_words * max_tokens / n_tokens * 0.9) // 10 * 10, 2)
    return ValueError(
        f"the context of word {index} has {n_tokens} tokens ({n_words} words, {recipe.context}); "
        f"the model reads at most {max_tokens} - use context {recipe.context_kind}:{fits}"
    )
