"""How the words of an English text are pronounced: by the dictionary, by its parts, or by rules for letters."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from rtalign.core.text.word_text import is_spoken
from rtalign.language.number_words import spell_numbers

TOKEN = re.compile(r"\S+?(?:--+|[—–])+|\S+")
"""What blanks or dashes part."""

ROMAN = re.compile(r"[IVXL]{2,}")
ROMAN_VALUES = {"I": 1, "V": 5, "X": 10, "L": 50}
SIGNS = {
    "&": "and", "%": "percent", "@": "at", "+": "plus", "=": "equals", "°": "degrees", "§": "section",
    "$": "dollars", "£": "pounds", "€": "euros",
}  # fmt: skip

LETTERS = {
    "tion": "SH AH N", "sion": "ZH AH N", "ture": "CH ER", "ough": "OW", "eigh": "EY", "igh": "AY", "tch": "CH",
    "sch": "SH", "dge": "JH", "ch": "CH", "ck": "K", "gh": "G", "kn": "N", "ng": "NG", "ph": "F", "qu": "K W",
    "sh": "SH", "th": "TH", "wh": "W", "wr": "R", "ai": "EY", "ar": "AA R", "au": "AO", "aw": "AO", "ay": "EY",
    "ea": "IY", "ee": "IY", "er": "ER", "ew": "UW", "ie": "IY", "ir": "ER", "oa": "OW", "oi": "OY", "oo": "UW",
    "or": "AO R", "ou": "AW", "ow": "OW", "oy": "OY", "ue": "UW", "ur": "ER", "a": "AE", "b": "B", "c": "K", "d": "D",
    "e": "EH", "f": "F", "g": "G", "h": "HH", "i": "IH", "j": "JH", "k": "K", "l": "L", "m": "M", "n": "N", "o": "AA",
    "p": "P", "q": "K", "r": "R", "s": "S", "t": "T", "u": "AH", "v": "V", "w": "W", "x": "K S", "y": "IY", "z": "Z",
}  # fmt: skip
"""Sounds of letters, the longest match first: close enough to find a word between two known ones."""

GRAPHEME = re.compile("|".join(sorted(LETTERS, key=len, reverse=True)))
SIBILANTS, VOICELESS = {"S", "Z", "SH", "ZH", "CH", "JH"}, {"P", "T", "K", "F", "TH"}
LEAST_PART = 3
"""Letters of each half of a compound."""

Lookup = Callable[[str], str | None]
"""From a word in small letters to its phones, with blanks between; None where a dictionary lacks it."""


@dataclass(frozen=True, slots=True)
class StoryWord:
    """A word of a text.  text : as printed.  spoken : what is said for it, as words in small letters."""

    text: str
    spoken: tuple[str, ...]


def story_words(text: str) -> Iterator[StoryWord]:
    """The words of a text in order; numbers and signs spelled, punctuation alone left out.

    Parameters
    ----------
    text : str
        English prose.

    Raises
    ------
    ValueError
        At a word without a letter of the Latin alphabet.
    """
    for token in TOKEN.findall(text):
        if is_spoken(token):
            spoken = tuple(_spoken(token))
            if not spoken:
                raise ValueError(f"{token[:40]!r} is not English; the aligner knows English alone")
            yield StoryWord(token, spoken)


def _spoken(token: str) -> list[str]:
    bare = token.strip("".join(c for c in token if not c.isalnum()))
    if ROMAN.fullmatch(bare):
        token = str(_roman(bare))
    for sign, name in SIGNS.items():
        token = token.replace(sign, f" {name} ")
    plain = unicodedata.normalize("NFKD", spell_numbers(token)).replace("’", "'").replace("‘", "'").lower()
    plain = "".join(c for c in plain if not unicodedata.combining(c))
    return re.findall(r"[a-z]+(?:'[a-z]+)*", plain)


def _roman(numeral: str) -> int:
    values = [ROMAN_VALUES[letter] for letter in numeral]
    return sum(-value if value < after else value for value, after in zip(values, [*values[1:], 0], strict=True))


def guess_phones(word: str, lookup: Lookup) -> str:
    """Pronounce a word that a dictionary lacks: its stem and an s, two words of the dictionary, or letter by letter.

    Parameters
    ----------
    word : str
        In small letters; apostrophes are allowed.
    lookup : callable
        The dictionary.

    Returns
    -------
    str
        Phones of CMU's dictionary, with blanks between.
    """
    stem, s = re.fullmatch(r"(.*?)('?s?)", word).groups()  # type: ignore[union-attr]
    if "s" in s and (phones := lookup(stem)):
        last = phones.split()[-1]
        return f"{phones} " + ("IH Z" if last in SIBILANTS else "S" if last in VOICELESS else "Z")
    bare = word.replace("'", "")
    for cut in range(len(bare) - LEAST_PART, LEAST_PART - 1, -1):
        halves = lookup(bare[:cut]), lookup(bare[cut:])
        if all(halves):
            return " ".join(map(str, halves))
    return " ".join(LETTERS[grapheme] for grapheme in GRAPHEME.findall(_without_silent_letters(bare)))


def _without_silent_letters(word: str) -> str:
    """Doubled consonants once, and no e at the end."""
    single = re.sub(r"([bcdfghjklmnpqrstvwxz])\1", r"\1", word)
    return single[:-1] if len(single) > 2 and single.endswith("e") and not single.endswith("ee") else single
