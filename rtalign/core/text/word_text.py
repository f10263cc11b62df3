"""What is a word, and what is only written where none was spoken: silence, noise, punctuation."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import lru_cache

SPOKEN_SIGNS = frozenset("%&@§+=°")
"""Signs that are read aloud as words; money has a category of its own."""

SILENCE = frozenset({"sp", "sil", "<eps>", "<p:>", "{sl}", "{sp}", "[sil]", "<sil>", "<s>", "</s>"})
NOISE = frozenset({"spn", "nsn"})
"""What forced aligners write, besides anything in <...>, {...} or [...]; in small letters."""

NOTHING = frozenset({"", "n/a"})
ENCLOSED = {"<": ">", "{": "}", "[": "]"}
EMPTY, SILENT, NOISY, PUNCTUATION = "empty", "silence mark", "noise mark", "punctuation alone"
NO_ONSET = "no onset"
NO_WORD_REASONS = (EMPTY, SILENT, NOISY, PUNCTUATION, NO_ONSET)


class RowsWithoutWord(str):
    """A note on rows of a word table that are no words, which knows how many there are of each reason.

    Attributes
    ----------
    counts : dict of str to int
        Rows by reason.
    """

    counts: dict[str, int]

    def __new__(cls, text: str, counts: Mapping[str, int]) -> RowsWithoutWord:
        note = super().__new__(cls, text)
        note.counts = dict(counts)
        return note


def count_rows_without_word(notes: Iterable[str]) -> Counter[str]:
    """How many rows were no words, by reason, over the notes of a recording."""
    return sum((Counter(note.counts) for note in notes if isinstance(note, RowsWithoutWord)), Counter[str]())


def is_spoken(text: str) -> bool:
    """Whether a text has anything that is read aloud: a letter, a digit, money, or a sign that is a word.

    Parameters
    ----------
    text : str
        A word, or a part of one.
    """
    return text.isalnum() or any(_is_spoken_character(character) for character in text)


@lru_cache(maxsize=4096)
def _is_spoken_character(character: str) -> bool:
    category = unicodedata.category(character)
    return category[0] in "LNM" or category == "Sc" or character in SPOKEN_SIGNS


def no_word_reason(text: str) -> str:
    """Why a text is no word; empty where it is one.

    Parameters
    ----------
    text : str
        Without blanks and quotation marks around it.

    Returns
    -------
    str
        One of NO_WORD_REASONS, or empty.
    """
    low = text.lower()
    if low in NOTHING:
        return EMPTY
    if low in SILENCE:
        return SILENT
    if low in NOISE or (len(low) > 1 and ENCLOSED.get(low[0]) == low[-1]):
        return NOISY
    return "" if is_spoken(text) else PUNCTUATION


def without_outer_punctuation(word: str) -> str:
    """A word without what is not spoken at its ends; the word itself where nothing would be left."""
    spoken = [i for i, character in enumerate(word) if _is_spoken_character(character)]
    return word[spoken[0] : spoken[-1] + 1] if spoken else word
