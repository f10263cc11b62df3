"""TSV or CSV tables whose first line names the columns onset, duration and word."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator, Sequence

from rtalign.datasets.rows import NoWords, Row

TEXTS = ("word", "text", "stimulus", "value")
TYPES = ("trial_type", "type")
WORD_TYPE = re.compile(r"words?(?![a-z])(?!.*(?:offset|end))", re.IGNORECASE)
"""word, Word, word_onset_01 - but not word_offset_01, which is where a word ends."""


def rows(text: str, name: str) -> Iterator[Row]:
    """The rows of a table that are words by their type, or all of them where no type is given."""
    lines = _lines(text, name)
    header = [cell.strip().strip('"').lower() for cell in next(lines, (1, []))[1]]
    if "onset" not in header:
        listed = ", ".join(header)[:80] or "none"
        raise ValueError(f"{name} has no column called onset (columns: {listed}); the first line must name the columns")
    table = list(_whole(lines, len(header), name))
    kept = _words(table, header, name)
    column = _text_column(kept, header, name)
    onset, duration = header.index("onset"), _optional(header, "duration")
    for line, cells in kept:
        yield Row(cells[onset], cells[duration] if duration is not None else "", cells[column], line)


def cells(text: str, name: str) -> list[dict[str, str]]:
    """Every row of a table by its columns' names, such as a BIDS channels.tsv."""
    return [row for _, row in numbered(text, name)]


def numbered(text: str, name: str) -> list[tuple[int, dict[str, str]]]:
    """Every row of a table by its columns' names, beside the number of its line."""
    lines = _lines(text, name)
    header = [cell.strip().strip('"').lower() for cell in next(lines, (1, []))[1]]
    return [(line, dict(zip(header, row, strict=True))) for line, row in _whole(lines, len(header), name)]


def _lines(text: str, name: str) -> Iterator[tuple[int, list[str]]]:
    """Each line with its number.  In TSV a quotation mark is an ordinary character, as BIDS has it."""
    first = text[: text.find("\n")] if "\n" in text else text
    if "\t" in first:
        for line, content in enumerate(text.split("\n"), start=1):
            if content.strip():
                yield line, content.split("\t")
        return
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=";" if first.count(";") > first.count(",") else ",")
    before = 0
    try:
        for row in reader:
            if reader.line_num > before + 1:
                raise csv.Error("a cell goes over several lines")
            before = reader.line_num
            if row:
                yield before, row
    except csv.Error as error:
        raise ValueError(f"{name}, line {reader.line_num}: {error}; is a quotation mark left open?") from None


def _whole(lines: Iterator[tuple[int, list[str]]], n_columns: int, name: str) -> Iterator[tuple[int, list[str]]]:
    """Rows as wide as the header: short ones filled up, blanks behind long ones cut off."""
    for line, row in lines:
        if len(row) < n_columns:
            row = row + [""] * (n_columns - len(row))
        elif len(row) > n_columns:
            if any(cell.strip() for cell in row[n_columns:]):
                raise ValueError(
                    f"{name}, line {line}: {len(row)} cells under {n_columns} columns; "
                    "quote texts that hold a comma, and write decimal points, not commas"
                )
            row = row[:n_columns]
        yield line, row


def _words(table: list[tuple[int, list[str]]], header: Sequence[str], name: str) -> list[tuple[int, list[str]]]:
    """The rows that are words by their type; every row where a column called word makes types needless."""
    types = [header.index(column) for column in TYPES if column in header]
    says_word = _remembering(lambda text: bool(WORD_TYPE.match(text.strip().strip('"'))))
    for column in types:
        if kept := [row for row in table if says_word(row[1][column])]:
            return kept
    if "word" in header or (not types and {"text", "stimulus"} & set(header)):
        return table
    if not types:
        raise ValueError(f"{name} has no column called word (columns: {', '.join(header)[:80]})")
    seen = sorted({row[1][types[0]] for row in table})
    listed = ", ".join(seen[:6])[:100] + (", ..." if len(seen) > 6 else "")
    raise NoWords(f"{name} has no words: no {header[types[0]]} says word (there are: {listed or 'no rows'})")


def _text_column(table: list[tuple[int, list[str]]], header: Sequence[str], name: str) -> int:
    """The first column that can hold the words' text and does."""
    there = [header.index(column) for column in TEXTS if column in header]
    if not there:
        raise ValueError(f"{name} has no column called {', '.join(TEXTS)} (columns: {', '.join(header)[:80]})")
    for column in there:
        if any(cells[column].strip().lower() not in ("", "n/a") for _, cells in table):
            return column
    return there[0]


def _optional(header: Sequence[str], column: str) -> int | None:
    return header.index(column) if column in header else None


def _remembering(judge: Callable[[str], bool]) -> Callable[[str], bool]:
    """The same judgement, made once a text: a table has few types in many rows."""
    known: dict[str, bool] = {}

    def ask(text: str) -> bool:
        if text not in known:
            known[text] = judge(text)
        return known[text]

    return ask
