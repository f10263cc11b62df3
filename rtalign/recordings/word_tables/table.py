"""Word tables: which word began when, from TSV, CSV, a Praat TextGrid or CTM."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable
from operator import itemgetter
from pathlib import Path

from rtalign.core.records import Word
from rtalign.recordings.word_tables import alignments, delimited
from rtalign.recordings.word_tables.row import NoWords, Row

MAX_BYTES = 256 * 1024 * 1024
MAX_ROWS = 2_000_000
"""A word table describes one recording; a hundred hours of speech stay far below both limits."""

NO_WORDS = {"", "sp", "n/a"}
"""What forced aligners and BIDS write where nothing was said, beside <...>."""

NO_TIME = {"", "n/a", "nan"}

QUOTES = {'"': '"', "'": "'", "“": "”", "‘": "’", "«": "»"}


def read(path: Path | str, tier: str = "words") -> tuple[list[Word], list[str]]:
    """The words of a table in order of onset, beside notes on what was left out.

    Onsets stay as the table has them: on the clock of the recording the table belongs to.
    """
    path = Path(path)
    return judged(_rows(path, text_of(path), tier), path)


def judged(rows: Iterable[Row], path: Path) -> tuple[list[Word], list[str]]:
    """The words among rows of a table, in order of onset, beside notes on what was left out."""
    words, dropped = [], Counter[str]()
    known: dict[str, tuple[str, str]] = {}  # a story has few words in many rows: each is judged once
    for n, row in enumerate(rows):
        if n >= MAX_ROWS:
            raise ValueError(f"{path.name} has more than {MAX_ROWS:,} rows of words; cut it into one table a recording")
        onset, duration, said, _ = row
        text, reason = known.get(said) or known.setdefault(said, _judged(said))
        if reason or (onset in NO_TIME or onset.strip().lower() in NO_TIME):
            dropped[reason or "no onset"] += 1
        else:
            words.append((onset_of(row, path), text, _duration(row, path) if duration else None))
    if not words:
        raise NoWords(f"{path.name} holds no words{_why(dropped)}: it needs rows with an onset and a word")
    return _finished(words, dropped)


def _judged(said: str) -> tuple[str, str]:
    """The text of a word without quotes, blanks in it made one; and why it is no word, where it is none."""
    text = " ".join(unquote(said).split())
    low = text.lower()
    return text, (low or "empty") if low in NO_WORDS or (low[0] == "<" and low[-1] == ">") else ""


def unquote(text: str) -> str:
    """The text without blanks around it and without a pair of quotation marks around it."""
    text = text.strip()
    if text[-1:].isalnum():
        return text
    while len(text) > 1 and QUOTES.get(text[0]) == text[-1]:
        text = text[1:-1].strip()
    return text


def _finished(words: list[tuple[float, str, float | None]], dropped: Counter[str]) -> tuple[list[Word], list[str]]:
    notes = []
    if dropped:
        notes.append(f"{dropped.total()} rows of the word table are no words{_why(dropped)}")
    texts = {text for _, text, _ in words}
    shouted = all(text.isupper() for text in texts) and any(len(text) > 1 for text in texts)
    if shouted:
        notes.append("every word of the table was in capitals; they are read in lower case")
    words.sort(key=itemgetter(0))
    return [
        Word(index, text.lower() if shouted else text, onset, duration)
        for index, (onset, text, duration) in enumerate(words)
    ], notes


def _why(dropped: Counter[str]) -> str:
    listed = ", ".join(f"{text} {n}" for text, n in dropped.most_common(5))
    return f" ({listed}{', ...' if len(dropped) > 5 else ''})" if dropped else ""


def _rows(path: Path, text: str, tier: str) -> Iterable[Row]:
    if path.suffix.lower() == ".textgrid" or "ooTextFile" in text[:200]:
        return alignments.textgrid_rows(text, tier, path.name)
    if path.suffix.lower() == ".ctm":
        return alignments.ctm_rows(text, path.name)
    return delimited.rows(text, path.name)


def text_of(path: Path) -> str:
    """The file as text: UTF-8, or UTF-16 where the file says so in its first bytes, as Praat's files do."""
    if not path.is_file():
        raise FileNotFoundError(f"there is no word table {path}")
    if path.stat().st_size > MAX_BYTES:
        size = path.stat().st_size / 2**20
        raise ValueError(f"{path.name} has {size:.0f} MiB; a word table has at most {MAX_BYTES >> 20} - is it one?")
    content = path.read_bytes()
    encoding = "utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise ValueError(
            f"{path.name} is not {encoding[:6].upper().rstrip('-')} text (line {line}); save it as UTF-8"
        ) from None
    if "\0" in text:
        raise ValueError(f"{path.name} is no text: it holds zero bytes; save it as UTF-8")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def onset_of(row: Row, path: Path) -> float:
    try:
        onset = float(row.onset)
    except ValueError:
        onset = _number(row.onset, "onset", row, path)
    if not math.isfinite(onset):
        raise ValueError(f"{path.name}, {row.where}: the onset {row.onset!r} is no time; give it in seconds")
    return onset


def _duration(row: Row, path: Path) -> float | None:
    """Seconds; None where the table does not know, which many write as 0 or n/a."""
    try:
        duration = float(row.duration)
    except ValueError:
        if row.duration.strip().lower() in NO_TIME:
            return None
        duration = _number(row.duration, "duration", row, path)
    return duration if 0 < duration < math.inf else None


def _number(text: str, what: str, row: Row, path: Path) -> float:
    """A number in quotation marks; an error with the cure where there is none."""
    bare = unquote(text)
    try:
        return float(bare)
    except ValueError:
        wrong = f"{path.name}, {row.where}: the {what} {bare[:40]}"
    if re.fullmatch(r"[-+]?\d*,\d+", bare):
        raise ValueError(f"{wrong} has a decimal comma; write {bare[:40].replace(',', '.')}")
    raise ValueError(f"{wrong} is no number; give it in seconds")
