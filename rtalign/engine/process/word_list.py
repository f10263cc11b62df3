"""The list of a recording's words, sent to the viewer once, when the recording is open."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rtalign.core.records import Word

MOST_WORDS = 80_000
"""Nine hours of speech; together with MOST_LETTERS this always fits into one frame."""
MOST_LETTERS = 20
"""Of a word: enough to find it by how it begins."""


@dataclass(frozen=True, slots=True, eq=False)
class WordList:
    """Every word of a recording, in the order of the onsets.

    Attributes
    ----------
    onsets : ndarray, shape (word,)
        Seconds on the recording's axis, ascending.
    texts : tuple of str
        How each word begins: at most MOST_LETTERS letters.
    """

    onsets: np.ndarray
    texts: tuple[str, ...]

    @classmethod
    def of(cls, words: Sequence[Word]) -> WordList:
        """The list of these words, cut to what fits into one frame."""
        first = sorted(words, key=lambda word: word.onset)[:MOST_WORDS]
        return cls(np.array([word.onset for word in first], float), tuple(word.text[:MOST_LETTERS] for word in first))


def to_message(words: WordList) -> dict[str, Any]:
    """For wire.pack."""
    return {"word_list": {"onsets": words.onsets, "texts": list(words.texts)}}


def is_word_list(message: Any) -> bool:
    return isinstance(message, dict) and set(message) == {"word_list"}


def from_message(message: Any) -> WordList:
    """A word list as it was sent; ValueError where the message holds none."""
    content = message["word_list"]
    onsets, texts = (content.get("onsets"), content.get("texts")) if isinstance(content, dict) else (None, None)
    if not isinstance(onsets, np.ndarray) or onsets.ndim != 1 or onsets.dtype != float or not isinstance(texts, list):
        raise ValueError("a word list has onsets, one axis of numbers, and texts, a list - this has not")
    if len(onsets) != len(texts) or len(texts) > MOST_WORDS:
        raise ValueError(
            f"a word list has {len(onsets)} onsets and {len(texts)} texts; as many of both, and at most {MOST_WORDS}"
        )
    if not all(isinstance(text, str) and len(text) <= MOST_LETTERS for text in texts):
        raise ValueError(f"a text of the word list is not a text of at most {MOST_LETTERS} letters")
    if not np.isfinite(onsets).all() or (np.diff(onsets) < 0).any():
        raise ValueError("the onsets of the word list are not times in ascending order")
    return WordList(onsets, tuple(texts))
