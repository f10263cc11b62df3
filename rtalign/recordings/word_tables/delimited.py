"""TSV and CSV tables whose first line names the columns."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path

from rtalign.core.text.plain_text import in_a_line

MAX_BYTES = 256 * 1024 * 1024
MAX_LINES, MAX_LINE = 5_000_000, 100_000
"""Rows, and characters of the first: a recording has a hundred thousand rows, and a few columns."""


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """The cells of a table, as text.

    Attributes
    ----------
    header : list of str
        The names of the columns, in lower case.
    lines : list of int
        The number of each row's line in the file.
    rows : list of tuple of str
        Each as wide as the header, and one empty cell more.
    """

    header: list[str]
    lines: list[int]
    rows: list[tuple[str, ...]]

    @property
    def listed_columns(self) -> str:
        """The names of the columns, as a message quotes them."""
        return in_a_line(", ".join(self.header))

    def lacks(self, *columns: str) -> bool:
        """Whether there are rows and a column is missing."""
        return bool(self.rows) and not set(columns) <= set(self.header)

    def cells(self, *columns: str) -> Iterator[tuple[int, tuple[str, ...]]]:
        """The line and two or more cells of every row; a column that the table lacks is empty."""
        places = [self.header.index(column) if column in self.header else -1 for column in columns]
        return zip(self.lines, map(itemgetter(*places), self.rows), strict=True)

    def records(self) -> list[dict[str, str]]:
        """Every row as a dict from the columns' names to its cells."""
        return [dict(zip(self.header, row, strict=False)) for row in self.rows]


def read_table(path: Path) -> Table:
    """Read a TSV or CSV file.

    Parameters
    ----------
    path : Path
        The file; a tab in its first line makes it TSV.

    Returns
    -------
    Table
        Its cells, as text.

    Raises
    ------
    ValueError
        Where it is no table of bounded size, naming the line.
    """
    return parse_table(read_text(path), path.name)


def read_text(path: Path) -> str:
    """Read a file as text: UTF-8, or UTF-16 where its first bytes say so, as Praat's files do.

    Parameters
    ----------
    path : Path
        A file of at most 256 MiB.

    Returns
    -------
    str
        With plain line ends.

    Raises
    ------
    ValueError
        Where it is too large or no text.
    """
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


def parse_table(text: str, name: str) -> Table:
    """Make a table of the text of a TSV or CSV.

    Parameters
    ----------
    text : str
        The whole file; a tab in its first line makes it TSV.
    name : str
        The file's name, for messages.

    Returns
    -------
    Table
    """
    first = text[: text.find("\n")] if "\n" in text else text
    if (n_lines := text.count("\n")) > MAX_LINES:
        raise ValueError(f"{name} has {n_lines:,} lines; at most {MAX_LINES:,} are read - cut it into one a recording")
    if len(first) > MAX_LINE:
        raise ValueError(f"{name}: its first line has {len(first):,} characters; is it a table?")
    numbered_rows = _tsv_rows(text) if "\t" in first else _csv_rows(text, name)
    header = [cell.strip().strip('"').lower() for cell in next(numbered_rows, (1, []))[1]]
    n = len(header)
    lines, rows = [], []
    for line, row in numbered_rows:
        if len(row) > MAX_LINE:
            raise ValueError(f"{name}, line {line}: {len(row):,} cells; is it a table?")
        whole = row if len(row) == n else _fit(row, n, f"{name}, line {line}", "tab" if "\t" in first else "comma")
        lines.append(line)
        rows.append((*whole, ""))
    return Table(header, lines, rows)


def _tsv_rows(text: str) -> Iterator[tuple[int, list[str]]]:
    """Each line with its number.  A quotation mark is an ordinary character, unless the line is too long without it.

    Why: BIDS quotes cells that hold tabs, and a story has quotations that open in one word and close in another.
    """
    n_columns = -1
    for line, content in enumerate(text.split("\n"), start=1):
        row = content.split("\t")
        if len(row) != n_columns and not content.strip():
            continue
        if n_columns < 0:
            n_columns = len(row)
        elif len(row) > n_columns and '"' in content:
            row = _quoted_row(content, row, n_columns)
        yield line, row


def _quoted_row(content: str, plain: list[str], n_columns: int) -> list[str]:
    """The cells of a line in which quotation marks hold tabs together; as they are where that makes no whole row."""
    try:
        (row,) = csv.reader([content], delimiter="\t", strict=True)
    except (csv.Error, ValueError):
        return plain
    return row if len(row) == n_columns else plain


def _csv_rows(text: str, name: str) -> Iterator[tuple[int, list[str]]]:
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


def _fit(row: list[str], n_columns: int, where: str, separator: str) -> list[str]:
    """A row as wide as the header: a short one filled up, blanks at the end of a long one cut off."""
    if any(cell.strip() for cell in row[n_columns:]):
        raise ValueError(
            f"{where}: {len(row)} cells under {n_columns} columns; "
            f"quote texts that hold a {separator}, and write decimal points, not commas"
        )
    return row[:n_columns] + [""] * (n_columns - len(row))
