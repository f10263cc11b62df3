"""Rows of a word table, and the words that they give."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable
from operator import itemgetter
from pathlib import Path
from typing import NamedTuple

from rtalign.core.records import Word
from rtalign.core.text.plain_text import in_a_line
from rtalign.core.text.word_text import EMPTY, NO_ONSET, RowsWithoutWord, no_word_reason
from rtalign.recordings.word_tables.units import refuse_other_units

MAX_ROWS = 2_000_000
"""A word table describes one recording; a hundred hours of speech stay far below."""

NO_TIME = {"", "n/a", "nan"}
QUOTES = {'"': '"', "'": "'", "“": "”", "‘": "’", "«": "»"}


class NoWords(ValueError):
    """A recording or a table that is sound but holds no words, such as that of a run at rest."""


class Row(NamedTuple):
    """One row of a word table, still as text.

    Attributes
    ----------
    onset : str
        When the word began.
    duration : str
        How long it lasted; empty where the table does not say.
    text : str
        The word.
    line : int
        The number of the line in the file.
    pos : str
        Its part of speech; empty where the table does not say.
    """

    onset: str
    duration: str
    text: str
    line: int
    pos: str = ""

    @property
    def where(self) -> str:
        """The place in the file, for messages."""
        return f"line {self.line}"


def words_from_rows(rows: Iterable[Row], path: Path) -> tuple[list[Word], list[str]]:
    """Make words of the rows of a table.

    Parameters
    ----------
    rows : iterable of Row
        In any order.
    path : Path
        The table, for messages.

    Returns
    -------
    words : list of Word
        In order of onset, numbered from 0.
    notes : list of str
        What was left out, which `rtalign.core.text.word_text.count_rows_without_word` counts, and what was changed.

    Raises
    ------
    NoWords
        Where no row is a word.
    ValueError
        Where an onset is no number.
    """
    words, dropped, reasons = [], Counter[str](), Counter[str]()
    known: dict[str, tuple[str, str]] = {}  # a text has few different words in many rows: each is cleaned once
    for n, row in enumerate(rows):
        if n >= MAX_ROWS:
            raise ValueError(f"{path.name} has more than {MAX_ROWS:,} rows of words; cut it into one table a recording")
        onset, duration, raw_text, _, pos = row
        text, reason = known.get(raw_text) or known.setdefault(raw_text, _clean(raw_text))
        if reason or (onset in NO_TIME or onset.strip().lower() in NO_TIME):
            dropped[(text or EMPTY) if reason else NO_ONSET] += 1
            reasons[reason or NO_ONSET] += 1
        else:
            words.append((parse_onset(row, path), text, _parse_duration(row, path) if duration else None, pos.strip()))
    if not words:
        raise NoWords(f"{path.name} holds no words{_reasons(dropped)}: it needs rows with an onset and a word")
    ordered, notes = _in_order(words, dropped, reasons)
    refuse_other_units(ordered, path.name)
    return ordered, notes


def unquote(text: str) -> str:
    """Remove the blanks around a text, and each pair of quotation marks around it.

    Parameters
    ----------
    text : str
        A cell of a table, or a marker.

    Returns
    -------
    str
    """
    text = text.strip()
    if text[-1:].isalnum():
        return text
    while len(text) > 1 and QUOTES.get(text[0]) == text[-1]:
        text = text[1:-1].strip()
    return text


def parse_onset(row: Row, path: Path) -> float:
    """Parse the onset of a row.

    Parameters
    ----------
    row : Row
        A row of a word table.
    path : Path
        The table, for messages.

    Returns
    -------
    float
        In seconds.

    Raises
    ------
    ValueError
        Where it is no finite number, naming the line and the fix.
    """
    try:
        onset = float(row.onset)
    except ValueError:
        onset = _parse_number(row.onset, "onset", row, path)
    if not math.isfinite(onset):
        raise ValueError(f"{path.name}, {row.where}: the onset {row.onset!r} is no time; give it in seconds")
    return onset


def _clean(raw_text: str) -> tuple[str, str]:
    """The text without quotes and with single blanks; and the reason why it is no word, where it is none."""
    text = " ".join(unquote(raw_text).split())
    reason = no_word_reason(text)
    return text.lower() if reason else text, reason


def _in_order(
    words: list[tuple[float, str, float | None, str]], dropped: Counter[str], reasons: Counter[str]
) -> tuple[list[Word], list[str]]:
    notes: list[str] = []
    if dropped:
        text = f"{dropped.total()} rows of the word table are no words{_reasons(dropped)}"
        notes.append(RowsWithoutWord(text, reasons))
    texts = {text for _, text, _, _ in words}
    capitals = all(text.isupper() for text in texts) and any(len(text) > 1 for text in texts)
    if capitals:
        notes.append("every word of the table was in capitals; they are read in lower case")
    words.sort(key=itemgetter(0))
    return [
        Word(index, text.lower() if capitals else text, onset, duration, None if pos.lower() in NO_TIME else pos)
        for index, (onset, text, duration, pos) in enumerate(words)
    ], notes


def _reasons(dropped: Counter[str]) -> str:
    listed = ", ".join(f"{text} {n}" for text, n in dropped.most_common(5))
    return f" ({listed}{', ...' if len(dropped) > 5 else ''})" if dropped else ""


def _parse_duration(row: Row, path: Path) -> float | None:
    """Seconds; None where the duration is unknown, which many tables write as 0 or n/a."""
    try:
        duration = float(row.duration)
    except ValueError:
        if row.duration.strip().lower() in NO_TIME:
            return None
        duration = _parse_number(row.duration, "duration", row, path)
    return duration if 0 < duration < math.inf else None


def _parse_number(text: str, what: str, row: Row, path: Path) -> float:
    """A number in quotation marks; an error that names the fix where there is none."""
    bare = unquote(text)
    try:
        return float(bare)
    except ValueError:
        wrong = f"{path.name}, {row.where}: the {what} {in_a_line(bare, 40)}"
    if re.fullmatch(r"[-+]?\d*,\d+", bare):
        raise ValueError(f"{wrong} has a decimal comma; write {in_a_line(bare, 40).replace(',', '.')}")
    raise ValueError(f"{wrong} is no number; give it in seconds")
