"""Script: every word of a recording, sent once to whoever looks at it."""

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
class Script:
    """onsets : (word,), ascending, s; texts : how each word begins."""

    onsets: np.ndarray
    texts: tuple[str, ...]

    @classmethod
    def of(cls, words: Sequence[Word]) -> Script:
        told = sorted(words, key=lambda word: word.onset)[:MOST_WORDS]
        return cls(np.array([word.onset for word in told], float), tuple(word.text[:MOST_LETTERS] for word in told))


def to_message(script: Script) -> dict[str, Any]:
    """For wire.pack."""
    return {"script": {"onsets": script.onsets, "texts": list(script.texts)}}


def is_script(message: Any) -> bool:
    return isinstance(message, dict) and set(message) == {"script"}


def from_message(message: Any) -> Script:
    """A script as it was sent, refused where it is none."""
    found = message["script"]
    onsets, texts = (found.get("onsets"), found.get("texts")) if isinstance(found, dict) else (None, None)
    if not isinstance(onsets, np.ndarray) or onsets.ndim != 1 or onsets.dtype != float or not isinstance(texts, list):
        raise ValueError("a script has onsets, numbers in a row, and texts, a list - this is none")
    if len(onsets) != len(texts) or len(texts) > MOST_WORDS:
        raise ValueError(f"a script has {len(onsets)} onsets and {len(texts)} texts; as many, and at most {MOST_WORDS}")
    if not all(isinstance(text, str) and len(text) <= MOST_LETTERS for text in texts):
        raise ValueError(f"a text of a script is no text of at most {MOST_LETTERS} letters")
    if not np.isfinite(onsets).all() or (np.diff(onsets) < 0).any():
        raise ValueError("the onsets of a script are times in ascending order - these are not")
    return Script(onsets, tuple(texts))
