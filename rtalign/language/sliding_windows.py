"""Sliding windows: every word read again after exactly its previous words, in batches or one by one."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np

from rtalign.language.contexts import ContextSpan, context_too_long, window_spans
from rtalign.language.networks.base import Network, ReadSetup, TokenRow
from rtalign.language.reading import Reading
from rtalign.language.row_batches import read_in_batches, row_of
from rtalign.language.tokens import WordTokens

STRETCH = 256
"""Words whose windows are sorted by length together, at least: enough for little padding, with little memory."""


def read_windows(
    setup: ReadSetup[Network], tokens: Sequence[WordTokens], wanted: Iterable[int] | None = None
) -> Iterator[tuple[int, Reading]]:
    """(number of the first word, reading) of stretches of the words that are wanted, or of all.

    tokens : those of each word.
    """
    spans = list(window_spans(len(tokens), setup.recipe.context_words))
    spans = spans if wanted is None else [spans[index] for index in wanted]
    mean_length = sum(map(len, tokens)) / max(len(tokens), 1) * (setup.recipe.context_words + 1)
    n_rows = max(STRETCH, int(setup.network.batch_tokens / max(mean_length, 1)))
    for start in range(0, len(spans), n_rows):
        stretch = spans[start : start + n_rows]
        rows = [row_of(setup, tokens, span) for span in stretch]
        _check_lengths(setup, rows, stretch)
        yield start, _read_sorted(setup, rows)


def _read_sorted(setup: ReadSetup[Network], rows: Sequence[TokenRow]) -> Reading:
    """Read rows in batches of similar length, and return them in their own order."""
    order = np.argsort([len(row.ids) for row in rows], kind="stable")
    together = Reading.join(list(read_in_batches(setup.network, [rows[k] for k in order], setup.request)))
    back = np.argsort(order)
    return Reading(together.activations[back], together.surprisal[back], together.n_tokens[back])


def _check_lengths(setup: ReadSetup[Network], rows: Sequence[TokenRow], spans: Sequence[ContextSpan]) -> None:
    """Raises ValueError for a row that is longer than the network can read."""
    most = setup.network.max_tokens
    if most is None:
        return
    for row, span in zip(rows, spans, strict=True):
        if len(row.ids) > most:
            raise context_too_long(setup.recipe, len(row.ids), span.stop - span.start, most, span.first)


class WindowReader:
    """Reads words as they come: the last few words are read again with each new one."""

    def __init__(self, setup: ReadSetup[Network]) -> None:
        self._setup = setup
        self._recent: deque[WordTokens] = deque(maxlen=setup.recipe.context_words)

    def push(self, words: Sequence[WordTokens]) -> Reading:
        """Read the tokens of the next words, side by side."""
        known = list(self._recent)
        self._recent.extend(words)
        parts = read_windows(self._setup, [*known, *words], range(len(known), len(known) + len(words)))
        return Reading.join([reading for _, reading in parts])

    @property
    def room(self) -> int:
        """Nothing is prepared, so that no word is read meanwhile."""
        return 0

    def prepare(self, serve: Callable[[], None] | None = None, words_wait: bool = False) -> bool:
        """Nothing has to be prepared."""
        del serve, words_wait
        return False

    def skip(self, words: Sequence[WordTokens]) -> None:
        """Take the tokens of the next words as context alone."""
        self._recent.extend(words)
