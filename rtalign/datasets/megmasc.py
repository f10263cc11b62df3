"""MEG-MASC: events whose type is a Python literal that describes a sound, a word or a phoneme."""

from __future__ import annotations

import ast
import re
from collections import Counter
from pathlib import Path
from typing import Any

from rtalign.data import Word
from rtalign.datasets import bidsnames, delimited, wordtable
from rtalign.datasets.mneraw import MneRecording
from rtalign.datasets.rows import NoWords, Row
from rtalign.datasets.told import Told

MAX_LITERAL = 4000
"""Characters of one description; the published ones have some four hundred."""

NO_NUMBER = re.compile(r"(:\s*)nan\b")
SAYS_WORD = re.compile(r"""['"]kind['"]+\s*:\s*['"]+word['"]""", re.IGNORECASE)
"""Four rows of five describe phonemes and sounds; they are told apart before they are read."""

WRITTEN = re.compile(r"""(?:^|\t)"?\{\s*['"]+[a-z_]+['"]+\s*:""", re.MULTILINE)


def fits(told: Told) -> bool:
    """Whether the types of an events table are descriptions in braces."""
    return told.table is not None and bool(WRITTEN.search(wordtable.text_of(told.table)))


def recordings(told: Told) -> list[MneRecording]:
    """One recording, its words those that were heard in sentences."""
    assert told.table is not None
    words, notes = read(told.table)
    name = bidsnames.stem(told.file)
    return [MneRecording(told.file, words, name=name, subject=told.person, bads=told.bads, notes=notes)]


def read(path: Path) -> tuple[list[Word], list[str]]:
    """The words that were pronounced in a sentence, beside notes on the others."""
    rows, dropped = [], Counter[str]()
    for line, cells in delimited.numbered(wordtable.text_of(path), path.name):
        if not {"onset", "trial_type"} <= cells.keys():
            raise ValueError(f"{path.name} lacks a column called onset or trial_type; is it an events table?")
        if not SAYS_WORD.search(cells["trial_type"]):
            continue
        told = described(cells["trial_type"], f"{path.name}, line {line}")
        if str(told.get("kind", "")).lower() != "word":
            continue
        if told.get("condition", "sentence") != "sentence":
            dropped[f"in a {str(told['condition'])[:20].replace('_', ' ')}"] += 1
        elif not told.get("pronounced", 1):
            dropped["not pronounced"] += 1
        else:
            rows.append(Row(cells["onset"], cells.get("duration", ""), str(told.get("word", "")), line))
    if not rows:
        raise NoWords(f"{path.name} has no words: no trial_type describes one that was heard in a sentence")
    words, notes = wordtable.judged(rows, path)
    left = ", ".join(f"{n} {reason}" for reason, n in dropped.most_common(5))
    return words, [*([f"words left out: {left}"] if left else []), *notes]


def described(text: str, where: str) -> dict[str, Any]:
    """What a description in braces says.  It is read as a literal: nothing in it is ever computed or called."""
    text = text.strip()
    if text[:2] == '"{' and text[-1:] == '"':
        text = text[1:-1].replace('""', '"')
    if not text.startswith("{"):
        return {}
    if len(text) > MAX_LITERAL or text.count("{") + text.count("[") + text.count("(") > 20:
        raise ValueError(f"{where}: a description of {len(text)} characters is no word's; is the table whole?")
    try:
        found = ast.literal_eval(NO_NUMBER.sub(r"\1None", text))
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        raise ValueError(f"{where}: {text[:60]!r} is no plain description of a word; nothing else is read") from None
    return found if isinstance(found, dict) else {}
