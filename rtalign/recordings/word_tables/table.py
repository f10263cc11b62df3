"""Word tables: which word began when, from TSV, CSV, a Praat TextGrid, CTM, or the files of forced aligners."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from rtalign.core.records import Word
from rtalign.core.text.plain_text import in_a_line
from rtalign.recordings.word_tables.alignments import ctm_rows, textgrid_rows, whisper_rows
from rtalign.recordings.word_tables.delimited import Table, parse_table, read_text
from rtalign.recordings.word_tables.rows import NoWords, Row, words_from_rows

ONSET_COLUMNS = ("onset", "start", "begin")
STOP_COLUMNS = ("end", "stop")
"""In place of a duration, as the tables of WhisperX and of the Montreal Forced Aligner have it."""
WORD_COLUMNS = ("word", "words", "token")
TEXT_COLUMNS = (*WORD_COLUMNS, "text", "stimulus", "label", "value")
POS_COLUMNS = ("pos", "upos", "part_of_speech")
TYPE_COLUMNS = ("trial_type", "type")
WORD_TYPE = re.compile(r"words?(?![a-z])(?!.*(?:offset|end))", re.IGNORECASE)
"""word, Word, word_onset_01, word/the - but not word_offset_01, which is where a word ends."""
TYPE_WITH_WORD = re.compile(r"\s*words?/(.*\S)", re.IGNORECASE)
"""word/the: what MNE-BIDS writes of an annotation, with a trigger code of its own making in the column value."""
NUMBER = re.compile(r"[-+]?\d+(\.\d*)?")


def read_words(path: Path | str, tier: str = "words") -> tuple[list[Word], list[str]]:
    """Read the words of a table.

    Parameters
    ----------
    path : Path or str
        TSV, CSV, a Praat TextGrid, CTM, or the JSON of WhisperX.
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
    if path.suffix.lower() == ".json":
        return whisper_rows(text, path.name)
    return _word_rows(parse_table(text, path.name), path.name)


def _word_rows(table: Table, name: str) -> Iterator[Row]:
    """The rows that are words by their type, or all of them where no type is given."""
    onset_column = _first(ONSET_COLUMNS, table)
    if onset_column is None:
        listed = table.listed_columns or "none"
        raise ValueError(f"{name} has no column called onset (columns: {listed}); the first line must name the columns")
    words = _of_word_type(table, name)
    stop_column = _first(STOP_COLUMNS, words) if "duration" not in words.header else None
    texts = _texts(words, name)
    columns = (onset_column, stop_column or "duration", _first(POS_COLUMNS, words) or "")
    for (line, (onset, last, pos)), text in zip(words.cells(*columns), texts, strict=True):
        yield Row(onset, _difference(onset, last) if stop_column else last, text, line, pos)


def _first(columns: Sequence[str], table: Table) -> str | None:
    """The first of these columns that the table has."""
    return next((column for column in columns if column in table.header), None)


def _difference(start: str, stop: str) -> str:
    """A duration; empty where one of the times is no number, which is an error of the onset or no error at all."""
    try:
        return repr(round(float(stop) - float(start), 9))
    except ValueError:
        return ""


def _of_word_type(table: Table, name: str) -> Table:
    """The rows that are words by their type; every row where a column called word makes types needless."""
    type_columns = [column for column in TYPE_COLUMNS if column in table.header]
    for column in type_columns:
        place = table.header.index(column)
        types = {kind for kind in {row[place] for row in table.rows} if WORD_TYPE.match(kind.strip().strip('"'))}
        kept = [i for i, row in enumerate(table.rows) if row[place] in types]
        if kept:
            return Table(table.header, [table.lines[i] for i in kept], [table.rows[i] for i in kept])
    if _first(WORD_COLUMNS, table) or (not type_columns and {"text", "stimulus", "label"} & set(table.header)):
        return table
    if not type_columns:
        raise ValueError(f"{name} has no column called word (columns: {table.listed_columns})")
    other = sorted({row[table.header.index(type_columns[0])] for row in table.rows})
    listed = in_a_line(", ".join(other[:6]), 100) + (", ..." if len(other) > 6 else "")
    raise NoWords(f"{name} has no words: no {type_columns[0]} says word (there are: {listed or 'no rows'})")


def _texts(table: Table, name: str) -> list[str]:
    """The text of each row, from the first column that can hold the words' text and does, or from their types."""
    columns = [column for column in TEXT_COLUMNS if column in table.header]
    for column in columns:
        texts = _column(table, column)
        if not any(text.strip().lower() not in ("", "n/a") for text in texts):
            continue
        if column != "value" or not all(NUMBER.fullmatch(text.strip()) for text in texts):
            return texts
        return _named_by_type(table) or _refuse_codes(texts, name)
    if texts := _named_by_type(table):
        return texts
    if not columns:
        listed = table.listed_columns
        raise ValueError(f"{name} has no column called {', '.join(TEXT_COLUMNS)} (columns: {listed})")
    return _column(table, columns[0])


def _column(table: Table, column: str) -> list[str]:
    place = table.header.index(column)
    return [row[place] for row in table.rows]


def _named_by_type(table: Table) -> list[str]:
    """The words in types such as word/the; empty where one of the rows has no such type."""
    for column in TYPE_COLUMNS:
        if column in table.header:
            found = [TYPE_WITH_WORD.fullmatch(text.strip().strip('"')) for text in _column(table, column)]
            if found and all(found):
                return [match[1] for match in found if match]
    return []


def _refuse_codes(texts: Sequence[str], name: str) -> list[str]:
    raise ValueError(
        f"{name}: the column value holds numbers alone ({', '.join(texts[:3])}), which look like trigger codes - "
        "put the words into a column called word"
    )
