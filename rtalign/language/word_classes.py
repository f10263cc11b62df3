"""Classes of the words of a story: content words by their part of speech, and quarters by their surprisal."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from functools import lru_cache
from typing import Any

import numpy as np

from rtalign.core.records import Word
from rtalign.language.function_words import PREFIX, function_words, is_content_word, names_of_lists

CONTENT_TAGS = frozenset({"NOUN", "VERB", "ADJ", "ADV"})

CONTENT = re.compile(r"NOUN|VERB|ADJ(ECTIVE)?|ADV(ERB)?|NNS?|VB[DGNPZ]?|JJ[RS]?|RB[RS]?")
"""Content words in tags of UPOS and of the Penn Treebank, whose verbs hold the auxiliaries."""

OTHER = re.compile(
    r"ADP|AUX|C?CONJ|DET|INTJ|NUM|PART|PRON|PROPN|PUNCT|SCONJ|SYM|X|SPACE|"
    r"CC|CD|DT|EX|FW|IN|LS|MD|NNPS?|PDT|POS|PRP\$?|RP|TO|UH|WDT|WP\$?|WRB"
)
"""Their tags of all other words."""

TAG_WINDOW = 500
"""Words tagged at once: enough context for any sentence, and little memory."""

QUARTILES = ("most expected", "expected", "surprising", "most surprising")
"""Names of the quarters of surprisal, in order."""

NO_QUARTILE = -1
"""The quarter of a word without surprisal."""


def choose_content_words(words: Sequence[Word], pipeline: str) -> np.ndarray:
    """Find the content words of a story by the parts of speech of its table, else by a tagger.

    Parameters
    ----------
    words : sequence of Word
        The story.
    pipeline : str
        The spaCy pipeline, or the list of function words, that is asked where the table has no parts of speech.

    Returns
    -------
    ndarray of bool, shape (word,)
        True for a noun, verb, adjective or adverb; auxiliaries are verbs only where the tags are those of Penn.

    Raises
    ------
    ValueError
        Where some of the words have no part of speech, or one that is not known.
    """
    if not has_parts_of_speech(words):
        return find_content_words([word.text for word in words], pipeline)
    untagged = next((word for word in words if word.pos is None), None)
    if untagged is not None:
        raise ValueError(f"{untagged.text!r} at {untagged.onset:.2f} s has no part of speech; fill or drop the column")
    is_content = {tag: is_content_tag(tag) for tag in {word.pos or "" for word in words}}
    return np.array([is_content[word.pos or ""] for word in words], bool)


def has_parts_of_speech(words: Sequence[Word]) -> bool:
    """Whether the table of a story says of any word what part of speech it is."""
    return any(word.pos is not None for word in words)


def is_content_tag(tag: str) -> bool:
    """Whether a part of speech is one of content words; ValueError for what is none."""
    if CONTENT.fullmatch(tag.upper()):
        return True
    if OTHER.fullmatch(tag.upper()):
        return False
    raise ValueError(f"{tag[:40]!r} is no part of speech of UPOS (NOUN) or Penn (NN); rename it in the word table")


def find_content_words(words: Sequence[str], pipeline: str) -> np.ndarray:
    """Find the nouns, verbs, adjectives and adverbs of a story.

    Parameters
    ----------
    words : sequence of str
        The story.
    pipeline : str
        A spaCy pipeline with a part-of-speech tagger, by name or folder; or a list of function words, as list:en.

    Returns
    -------
    ndarray of bool, shape (word,)
        True for a content word.

    Raises
    ------
    ValueError
        If spaCy or the pipeline is not installed, the pipeline has no tagger, or there is no such list.
    """
    if pipeline.startswith(PREFIX):
        listed = function_words(pipeline.removeprefix(PREFIX))
        return np.array([is_content_word(word, listed) for word in words], bool)
    nlp = _load_pipeline(pipeline)
    from spacy.tokens import Doc

    tags: list[str] = []
    for first in range(0, len(words), TAG_WINDOW):
        doc = nlp(Doc(nlp.vocab, words=list(words[first : first + TAG_WINDOW])))
        tags += [token.pos_ for token in doc]
    if not any(tags):
        raise ValueError(f"the spaCy pipeline {pipeline!r} gives no parts of speech; name another as words.tagger")
    return np.array([tag in CONTENT_TAGS for tag in tags])


class LiveTagger:
    """Recognises content words while they come: by the part of speech that a word brings, else by a tagger or a list.

    A tagger sees only earlier words, so the result may differ from ``find_content_words`` for two or three words in a
    hundred; no part of speech that depends on what follows can be known before it came.  Parts of speech that the
    sender gives, and lists of function words, say live what they say offline.

    Parameters
    ----------
    pipeline : str
        A spaCy pipeline with a part-of-speech tagger, or a list of function words.
    n_context : int
        Words that the tagger sees, the new one included.

    Attributes
    ----------
    problem : str
        Why words that bring no part of speech cannot be judged; empty where they can.
    """

    def __init__(self, pipeline: str, n_context: int = 40) -> None:
        self._pipeline = pipeline
        self._recent: deque[str] = deque(maxlen=n_context)
        self.problem = ""
        try:
            find_content_words(["the"], pipeline)
        except ValueError as error:
            self.problem = str(error)

    def push(self, word: Word) -> bool | None:
        """Whether the next word is a content word.

        Parameters
        ----------
        word : Word
            The next word.

        Returns
        -------
        bool or None
            True for a content word; None where nothing says what it is.
        """
        self._recent.append(word.text)
        if word.pos is not None:
            with suppress(ValueError):
                return is_content_tag(word.pos)
        if self.problem:
            return None
        return bool(find_content_words(list(self._recent), self._pipeline)[-1])


@lru_cache(maxsize=2)
def _load_pipeline(pipeline: str) -> Any:
    try:
        import spacy
    except ImportError:
        raise ValueError(
            "content words need a part-of-speech tagger: pip install 'rtalign[pos]', then "
            f"python -m spacy download {pipeline} - or give each word its part of speech, name a list of function "
            f"words as words.tagger ({names_of_lists()}), or decode all words with --words all"
        ) from None
    try:
        return spacy.load(pipeline, exclude=["parser", "ner", "lemmatizer"])
    except OSError:
        raise ValueError(
            f"the spaCy pipeline {pipeline!r} is not installed: python -m spacy download {pipeline}, "
            "or name an installed one as words.tagger in the recipe"
        ) from None


def surprisal_quartiles(surprisal: np.ndarray) -> np.ndarray:
    """Divide the words of a story into four equal parts by their surprisal.

    Parameters
    ----------
    surprisal : ndarray, shape (word,)
        In nats; NaN where there is none.

    Returns
    -------
    ndarray of int8, shape (word,)
        0 (most expected) to 3 (most surprising); ``NO_QUARTILE`` for NaN.  Ties are broken by the order of the words,
        so that the sizes differ by one word at most.
    """
    known = np.flatnonzero(np.isfinite(surprisal))
    order = known[np.argsort(surprisal[known], kind="stable")]
    quarter = np.full(len(surprisal), NO_QUARTILE, np.int8)
    quarter[order] = np.arange(len(order)) * 4 // max(len(order), 1)
    return quarter
