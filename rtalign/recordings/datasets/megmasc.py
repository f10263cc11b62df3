"""MEG-MASC: events whose type is a Python literal that describes a sound, a word or a phoneme."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

from rtalign.core.records import Word
from rtalign.recordings import bids_names
from rtalign.recordings.datasets.base import Told
from rtalign.recordings.formats.mne_recording import MneRecording
from rtalign.recordings.word_tables import delimited
from rtalign.recordings.word_tables import table as wordtable
from rtalign.recordings.word_tables.row import NoWords, Row

MAX_LITERAL = 4000
"""Characters of one description; the published ones have some four hundred."""

NO_NUMBER = re.compile(r"(:\s*)nan\b")
PRINTED = "'kind': 'word'"
SAYS_WORD = re.compile(r"""['"]kind['"]+\s*:\s*['"]+word['"]""", re.IGNORECASE)
"""Four rows of five describe phonemes and sounds; they are told apart before they are read."""

SOUND = re.compile(r"""['"]kind['"]+\s*:\s*['"]+sound['"]""", re.IGNORECASE)
NAMED = re.compile(r"""['"]sound['"]+\s*:\s*['"]+([^'"{}]{1,200})['"]""")

WANTED = ("kind", "condition", "pronounced", "word")
ABSENT = ("", "sentence", 1, "")
"""What a description means where it does not say one of these."""

CONSTANTS = {"True": True, "False": False, "None": None, "nan": None}
_VALUE = r"""(?:'[^'\\\n]*+'|"[^"\\\n]*+"|-?\d++(?:\.\d*+)?|True|False|None|nan)"""
_PAIR = "|".join([*(f"{key}': ({_VALUE})" for key in WANTED), rf"\w++': {_VALUE}"])
FLAT = re.compile(rf"\{{(?>'(?:{_PAIR})(?:, |(?=\}})))++\}}", re.ASCII)
"""A description as Python prints one with nothing nested or escaped in it, as nearly all are; its groups are the values
of WANTED."""

WRITTEN = re.compile(r"""(?:^|\t)"?\{\s*['"]+[a-z_]+['"]+\s*:""", re.MULTILINE)


def fits(told: Told) -> bool:
    """Whether the types of an events table are descriptions in braces."""
    return told.table is not None and bool(WRITTEN.search(wordtable.text_of(told.table)))


def recordings(told: Told) -> list[MneRecording]:
    """One recording, its words those that were heard in sentences."""
    assert told.table is not None
    words, notes = read(told.table)
    name = bids_names.stem(told.file)
    story = MneRecording(told.file, words, name=name, subject=told.person, bads=told.bads, notes=notes)
    story.sound_s = first_sound(told.table)[1]
    return [story]


def sound(told: Told) -> Path | None:
    """The wav that a run began with, where the data set has it here."""
    assert told.table is not None
    name, top = first_sound(told.table)[0], bids_names.folders(told.file)[-1]
    inside = (top / name).resolve()
    return inside if name and inside.is_file() and inside.is_relative_to(top.resolve()) else None


def first_sound(path: Path) -> tuple[str, float | None]:
    """The file that was played first in a run, and when."""
    table = delimited.table(wordtable.text_of(path), path.name)
    for line, (onset, text) in table.picked("onset", "trial_type"):
        if SOUND.search(text) and (named := NAMED.search(text)):
            return named[1], wordtable.onset_of(Row(onset, "", "", line), path)
    return "", None


def read(path: Path) -> tuple[list[Word], list[str]]:
    """The words that were pronounced in a sentence, beside notes on the others."""
    dropped = Counter[str]()
    try:
        words, notes = wordtable.judged(_spoken(path, dropped), path)
    except NoWords:
        raise NoWords(f"{path.name} has no words: no trial_type describes one that was heard in a sentence") from None
    left = ", ".join(f"{n} {reason}" for reason, n in dropped.most_common(5))
    return words, [*([f"words left out: {left}"] if left else []), *notes]


def _spoken(path: Path, dropped: Counter[str]) -> Iterator[Row]:
    """The words of a table, one by one; those left out are counted."""
    table, name = delimited.table(wordtable.text_of(path), path.name), path.name
    if table.lacks("onset", "trial_type"):
        raise ValueError(f"{name} lacks a column called onset or trial_type; is it an events table?")
    for line, (onset, duration, text) in table.picked("onset", "duration", "trial_type"):
        if PRINTED not in text and not SAYS_WORD.search(text):
            continue
        kind, condition, pronounced, word = described(text, name, line)
        if kind != "word" and str(kind).lower() != "word":
            continue
        if condition != "sentence":
            dropped[f"in a {str(condition)[:20].replace('_', ' ')}"] += 1
        elif not pronounced:
            dropped["not pronounced"] += 1
        else:
            yield Row(onset, duration, str(word), line)


def described(text: str, name: str, line: int) -> tuple[Any, ...]:
    """What a description in braces says of WANTED.  Nothing in it is ever computed or called.

    Plain names and values are taken as they stand; whatever else there may be is read as a Python literal.
    """
    if len(text) <= MAX_LITERAL and (flat := FLAT.fullmatch(text)):
        values = flat.groups()
        return tuple(map(_value, values)) if None not in values else tuple(map(_value_or, values, ABSENT))
    text = text.strip()
    if text[:2] == '"{' and text[-1:] == '"':
        return described(text[1:-1].replace('""', '"'), name, line)
    if not text.startswith("{"):
        return ABSENT
    if len(text) > MAX_LITERAL:
        raise ValueError(
            f"{name}, line {line}: a description of {len(text)} characters is no word's; is the table whole?"
        )
    if text.count("{") + text.count("[") + text.count("(") > 20:
        raise ValueError(
            f"{name}, line {line}: a description of {len(text)} characters is no word's; is the table whole?"
        )
    try:
        found = ast.literal_eval(NO_NUMBER.sub(r"\1None", text))
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        raise ValueError(
            f"{name}, line {line}: {text[:60]!r} is no plain description of a word; nothing else is read"
        ) from None
    return tuple(map(found.get, WANTED, ABSENT)) if isinstance(found, dict) else ABSENT


@lru_cache(maxsize=4096)
def _value(text: str) -> Any:
    """A value of a flat description: its strings hold no escapes, so that what stands between the quotes is meant."""
    return text[1:-1] if text[0] in "'\"" else CONSTANTS[text] if text in CONSTANTS else float(text)


def _value_or(text: str | None, absent: Any) -> Any:
    return absent if text is None else _value(text)
