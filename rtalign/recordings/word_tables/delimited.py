"""TSV or CSV tables whose first line names the columns onset, duration and word."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from operator import itemgetter

from rtalign.recordings.word_tables.row import NoWords, Row

TEXTS = ("word", "text", "stimulus", "value")
TYPES = ("trial_type", "type")
MAX_LINES, MAX_LINE = 5_000_000, 100_000
"""Rows, and characters of the first: a recording has a hundred thousand rows, and a few columns."""

WORD_TYPE = re.compile(r"words?(?![a-z])(?!.*(?:offset|end))", re.IGNORECASE)
"""word, Word, word_onset_01 - but not word_offset_01, which is where a word ends."""


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """A table's cells as text.  rows : each as wide as the header, and one empty cell more."""

    header: list[str]
    lines: list[int]
    """The number of each row's line in the file."""
    rows: list[tuple[str, ...]]

    def lacks(self, *columns: str) -> bool:
        """Whether rows are there and a column is not."""
        return bool(self.rows) and not set(columns) <= set(self.header)

    def picked(self, *columns: str) -> Iterator[tuple[int, tuple[str, ...]]]:
        """The line and two or more cells of every row; a column that the table lacks is empty."""
        places = [self.header.index(column) if column in self.header else -1 for column in columns]
        return zip(self.lines, map(itemgetter(*places), self.rows), strict=True)


def rows(text: str, name: str) -> Iterator[Row]:
    """The rows of a table that are words by their type, or all of them where no type is given."""
    found = table(text, name)
    if "onset" not in found.header:
        listed = ", ".join(found.header)[:80] or "none"
        raise ValueError(f"{name} has no column called onset (columns: {listed}); the first line must name the columns")
    kept = _words(found, name)
    column = _text_column(kept, name)
    for line, (onset, duration, said) in kept.picked("onset", "duration", column):
        yield Row(onset, duration, said, line)


def cells(text: str, name: str) -> list[dict[str, str]]:
    """Every row of a table by its columns' names, such as a BIDS channels.tsv."""
    return [row for _, row in numbered(text, name)]


def numbered(text: str, name: str) -> list[tuple[int, dict[str, str]]]:
    """Every row of a table by its columns' names, beside the number of its line."""
    found = table(text, name)
    return [(n, dict(zip(found.header, row, strict=False))) for n, row in zip(found.lines, found.rows, strict=True)]


def table(text: str, name: str) -> Table:
    """A TSV or CSV, told by its first line."""
    first = text[: text.find("\n")] if "\n" in text else text
    if (n_lines := text.count("\n")) > MAX_LINES:
        raise ValueError(f"{name} has {n_lines:,} lines; at most {MAX_LINES:,} are read - cut it into one a recording")
    if len(first) > MAX_LINE:
        raise ValueError(f"{name}: its first line has {len(first):,} characters; is it a table?")
    lines = _tabbed(text) if "\t" in first else _separated(text, name)
    header = [cell.strip().strip('"').lower() for cell in next(lines, (1, []))[1]]
    n = len(header)
    numbers, found = [], []
    for line, row in lines:
        if len(row) > MAX_LINE:
            raise ValueError(f"{name}, line {line}: {len(row):,} cells; is it a table?")
        whole = row if len(row) == n else _fitted(row, n, f"{name}, line {line}", "tab" if "\t" in first else "comma")
        numbers.append(line)
        found.append((*whole, ""))
    return Table(header, numbers, found)


def _tabbed(text: str) -> Iterator[tuple[int, list[str]]]:
    """Each line with its number.  A quotation mark is an ordinary character, unless the line is too long without it.

    Why: BIDS quotes cells that hold tabs, and a story has quotations that open in one word and close in another.
    """
    wide = -1
    for line, content in enumerate(text.split("\n"), start=1):
        row = content.split("\t")
        if len(row) != wide and not content.strip():
            continue
        if wide < 0:
            wide = len(row)
        elif len(row) > wide and '"' in content:
            row = _quoted(content, row, wide)
        yield line, row


def _quoted(content: str, plain: list[str], wide: int) -> list[str]:
    """The cells of a line in which quotation marks hold tabs together; as they stand where that makes no whole row."""
    try:
        (row,) = csv.reader([content], delimiter="\t", strict=True)
    except (csv.Error, ValueError):
        return plain
    return row if len(row) == wide else plain


def _separated(text: str, name: str) -> Iterator[tuple[int, list[str]]]:
    """Each line of a CSV with its number."""
    first = text[: text.find("\n")] if "\n" in text else text
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


def _fitted(row: list[str], n_columns: int, where: str, separator: str) -> list[str]:
    """A row as wide as the header: a short one filled up, blanks behind a long one cut off."""
    if any(cell.strip() for cell in row[n_columns:]):
        raise ValueError(
            f"{where}: {len(row)} cells under {n_columns} columns; "
            f"quote texts that hold a {separator}, and write decimal points, not commas"
        )
    return row[:n_columns] + [""] * (n_columns - len(row))


def _words(found: Table, name: str) -> Table:
    """The rows that are words by their type; every row where a column called word makes types needless."""
    types = [column for column in TYPES if column in found.header]
    for column in types:
        place = found.header.index(column)
        said = {kind for kind in {row[place] for row in found.rows} if WORD_TYPE.match(kind.strip().strip('"'))}
        kept = [i for i, row in enumerate(found.rows) if row[place] in said]
        if kept:
            return Table(found.header, [found.lines[i] for i in kept], [found.rows[i] for i in kept])
    if "word" in found.header or (not types and {"text", "stimulus"} & set(found.header)):
        return found
    if not types:
        raise ValueError(f"{name} has no column called word (columns: {', '.join(found.header)[:80]})")
    seen = sorted({row[found.header.index(types[0])] for row in found.rows})
    listed = ", ".join(seen[:6])[:100] + (", ..." if len(seen) > 6 else "")
    raise NoWords(f"{name} has no words: no {types[0]} says word (there are: {listed or 'no rows'})")


def _text_column(found: Table, name: str) -> str:
    """The first column that can hold the words' text and does."""
    there = [column for column in TEXTS if column in found.header]
    if not there:
        raise ValueError(f"{name} has no column called {', '.join(TEXTS)} (columns: {', '.join(found.header)[:80]})")
    for column in there:
        place = found.header.index(column)
        if any(row[place].strip().lower() not in ("", "n/a") for row in found.rows):
            return column
    return there[0]
