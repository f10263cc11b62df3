"""Sliding windows: every word read again after exactly its previous words, in batches or one by one."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence

import numpy as np
import torch

from rtalign.language.contexts import ContextSpan, context_too_long, window_spans
from rtalign.language.networks.base import Network, ReadSetup, Spoken
from rtalign.language.reading import Reading
from rtalign.language.tokens import WordTokens

STRETCH = 256
"""Words whose windows are sorted by length together: enough for little padding, few enough for little memory."""


def read_windows(
    setup: ReadSetup[Network], tokens: Sequence[WordTokens], first: int = 0
) -> Iterator[tuple[int, Reading]]:
    """(index of the first word, reading) of stretches of the words from first on.  tokens : those of each word."""
    spans = list(window_spans(len(tokens), setup.recipe.context_words))[first:]
    for start in range(0, len(spans), STRETCH):
        stretch = spans[start : start + STRETCH]
        rows = [
            setup.opening + [token for word in tokens[span.start : span.stop] for token in word] for span in stretch
        ]
        _check_lengths(setup, rows, stretch)
        yield first + start, _read_sorted(setup, rows, [tokens[span.first].spoken for span in stretch], stretch)


def _read_sorted(
    setup: ReadSetup[Network], rows: Sequence[list[int]], own: Sequence[Spoken], spans: Sequence[ContextSpan]
) -> Reading:
    """Read rows in batches of similar length, and return them in their own order."""
    order = np.argsort([len(row) for row in rows], kind="stable")
    parts = []
    for batch in _batches([len(rows[k]) for k in order], setup.network.batch_tokens):
        chosen = order[batch]
        has_context = [spans[k].first > spans[k].start for k in chosen]
        parts.append(_read_batch(setup, [rows[k] for k in chosen], [own[k] for k in chosen], has_context))
    together = Reading.join(parts)
    back = np.argsort(order)
    return Reading(together.activations[back], together.surprisal[back], together.n_tokens[back])


def _read_batch(
    setup: ReadSetup[Network], rows: Sequence[list[int]], own: Sequence[Spoken], has_context: Sequence[bool]
) -> Reading:
    """Read one batch; in halves where a GPU has too little memory for it."""
    try:
        return setup.network.read_rows(rows, own, has_context, setup.request)
    except torch.OutOfMemoryError as error:
        if len(rows) == 1:
            raise ValueError(
                f"one context of {len(rows[0])} tokens does not fit in the device's memory - use a shorter context"
            ) from error
    half = len(rows) // 2
    halves = slice(None, half), slice(half, None)
    return Reading.join([_read_batch(setup, rows[part], own[part], has_context[part]) for part in halves])


def _batches(lengths: Sequence[int], size: int) -> Iterator[slice]:
    """Runs of rows, sorted by length, that have at most size tokens when padded; a longer row is one by itself."""
    start = 0
    for stop in range(1, len(lengths) + 1):
        if stop == len(lengths) or (stop + 1 - start) * lengths[stop] > size:
            yield slice(start, stop)
            start = stop


def _check_lengths(setup: ReadSetup[Network], rows: Sequence[list[int]], spans: Sequence[ContextSpan]) -> None:
    """Raises ValueError for a row that is longer than the network can read."""
    most = setup.network.max_tokens
    if most is None:
        return
    for row, span in zip(rows, spans, strict=True):
        if len(row) > most:
            raise context_too_long(setup.recipe, len(row), span.stop - span.start, most, span.first)


class WindowReader:
    """Reads word by word: the last few words are read again with each new one."""

    def __init__(self, setup: ReadSetup[Network]) -> None:
        self._setup = setup
        self._recent: deque[WordTokens] = deque(maxlen=setup.recipe.context_words + 1)

    def push(self, tokens: WordTokens) -> Reading:
        """Read the tokens of the next word."""
        self._recent.append(tokens)
        words = list(self._recent)
        return next(read_windows(self._setup, words, first=len(words) - 1))[1]

    def skip(self, words: Sequence[WordTokens]) -> None:
        """Take the tokens of the next words as context alone."""
        self._recent.extend(words)
