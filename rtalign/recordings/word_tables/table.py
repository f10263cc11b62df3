"""Word tables: which word began when, from TSV, CSV, a Praat TextGrid or CTM."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from rtalign.core.plain_text import in_a_line
from rtalign.core.records import Word
from rtalign.recordings.word_tables.alignments import ctm_rows, textgrid_rows
from rtalign.recordings.word_tables.delimited import Table, parse_table, read_text
from rtalign.recordings.word_tables.rows import NoWords, Row, words_from_rows

TEXT_COLUMNS = ("word", "text", "stimulus", "value")
TYPE_COLUMNS = ("trial_type", "type")
WORD_TYPE = re.compile(r"words?(?![a-z])(?!.*(?:offset|end))", re.IGNORECASE)
"""word, Word, word_onset_01 - but not word_offset_01, which is where a word ends."""


def read_words(path: Path | str, tier: str = "words") -> tuple[list[Word], list[str]]:
    """Read the words of a table.

    Parameters
    ----------
    path : Path or str
        TSV, CSV, a Praat TextGrid or CTM.
    tier : str
        The tier of a TextGrid that holds the words.

    Returns
    -------
    words : list of Word
        In order of onset; onsets are on the clock of the recording that the table belongs to.
    notes : list of str
        What was left out.

    Raises
    ------
    NoWords
        Where the table holds none.
    ValueError
        Where it cannot be read.
    """
    path = Path(path)
    return words_from_rows(_rows(path, read_text(path), tier), path)


def _rows(path: Path, text: str, tier: str) -> Iterable[Row]:
    if path.suffix.lower() == ".textgrid" or "ooTextFile" in text[:200]:
        return textgrid_rows(text, tier, path.name)
    if path.suffix.lower() == ".ctm":
        return ctm_rows(text, path.name)
    return _word_rows(parse_table(text, path.name), path.name)


def _word_rows(table: Table, name: str) -> Iterator[Row]:
    """The rows that are words by their type, or all of them where no type is given."""
    if "onset" not in table.header:
        listed = table.listed_columns or "none"
        raise ValueError(f"{name} has no column called onset (columns: {listed}); the first line must name the columns")
    words = _of_word_type(table, name)
    for line, (onset, duration, text) in words.cells("onset", "duration", _text_column(words, name)):
        yield Row(onset, duration, text, line)


def _of_word_type(table: Table, name: str) -> Table:
    """The rows that are words by their type; every row where a column called word makes types needless."""
    type_columns = [column for column in TYPE_COLUMNS if column in table.header]
    for column in type_columns:
        place = table.header.index(column)
        types = {kind for kind in {row[place] for row in table.rows} if WORD_TYPE.match(kind.strip().strip('"'))}
        kept = [i for i, row in enumerate(table.rows) if row[place] in types]
        if kept:
            return Table(table.header, [table.lines[i] for i in kept], [table.rows[i] for i in kept])
    if "word" in table.header or (not type_columns and {"text", "stimulus"} & set(table.header)):
        return table
    if not type_columns:
        raise ValueError(f"{name} has no column called word (columns: {table.listed_columns})")
    other = sorted({row[table.header.index(type_columns[0])] for row in table.rows})
    listed = in_a_line(", ".join(other[:6]), 100) + (", ..." if len(other) > 6 else "")
    raise NoWords(f"{name} has no words: no {type_columns[0]} says word (there are: {listed or 'no rows'})")


def _text_column(table: Table, name: str) -> str:
    """The first column that can hold the words' text and does."""
    columns = [column for column in TEXT_COLUMNS if column in table.header]
    if not columns:
        listed = table.listed_columns
        raise ValueError(f"{name} has no column called {', '.join(TEXT_COLUMNS)} (columns: {listed})")
    for column in columns:
        place = table.header.index(column)
        if any(row[place].strip().lower() not in ("", "n/a") for row in table.rows):
            return column
    return columns[0]
