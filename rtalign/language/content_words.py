"""Content words: nouns, verbs, adjectives and adverbs, told from the others by a part-of-speech tagger."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

CONTENT = frozenset({"NOUN", "VERB", "ADJ", "ADV"})
WINDOW = 500
"""Words tagged at once: enough context for any sentence, little memory."""


def content_words(words: Sequence[str], pipeline: str) -> np.ndarray:
    """(word,) True where the word carries content."""
    nlp = _load(pipeline)
    from spacy.tokens import Doc

    tags: list[str] = []
    for first in range(0, len(words), WINDOW):
        doc = nlp(Doc(nlp.vocab, words=list(words[first : first + WINDOW])))
        tags += [token.pos_ for token in doc]
    if not any(tags):
        raise ValueError(f"the spaCy pipeline {pipeline!r} gives no parts of speech; name another as words.tagger")
    return np.array([tag in CONTENT for tag in tags])


class Listener:
    """Tells content words while they come.  It knows the words before and none after, so it may differ from
    content_words in a word or two of a hundred."""

    def __init__(self, pipeline: str, memory: int = 40) -> None:
        self._pipeline = pipeline
        self._heard: deque[str] = deque(maxlen=memory)
        _load(pipeline)

    def push(self, word: str) -> bool:
        self._heard.append(word)
        return bool(content_words(list(self._heard), self._pipeline)[-1])


@lru_cache(maxsize=2)
def _load(pipeline: str) -> Any:
    try:
        import spacy
    except ImportError:
        raise ValueError(
            "content words need a part-of-speech tagger: pip install 'rtalign[pos]', then "
            f"python -m spacy download {pipeline} - or decode all words with --words all"
        ) from None
    try:
        return spacy.load(pipeline, exclude=["parser", "ner", "lemmatizer"])
    except OSError:
        raise ValueError(
            f"the spaCy pipeline {pipeline!r} is not installed: python -m spacy download {pipeline}, "
            "or name an installed one as words.tagger in the recipe"
        ) from None
