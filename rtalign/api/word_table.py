"""WordTable: the words of one recording as columns, read from a file or from whatever holds them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from rtalign.core.records import Word
from rtalign.recordings.word_tables.rows import Row, words_from_rows
from rtalign.recordings.word_tables.table import read_words as read_word_file

COLUMNS = ("onset", "duration", "word")

TABLES = (".tsv", ".csv", ".textgrid", ".ctm")
"""How a text ends that is the path of a table; any other text is a story."""


@dataclass(frozen=True, eq=False, repr=False)
class WordTable:
    """The words that were heard in one recording, in order of onset.

    Attributes
    ----------
    words : tuple of Word
        The rows.
    notes : tuple of str
        What was left out of the file.

    Examples
    --------
    >>> table = WordTable.of([("once", 0.5), ("upon", 0.9)])
    >>> table["onset"].tolist(), table["word"].tolist()
    ([0.5, 0.9], ['once', 'upon'])
    """

    words: tuple[Word, ...]
    notes: tuple[str, ...] = ()

    @classmethod
    def of(cls, words: Any) -> WordTable:
        """Make a table of words.

        Parameters
        ----------
        words : path, WordTable, DataFrame, dict of columns, sequence of Word, or sequence of pairs
            Columns are onset (s), word and perhaps duration (s); a pair is a word and its onset.

        Returns
        -------
        WordTable
        """
        if isinstance(words, WordTable):
            return words
        if isinstance(words, (str, Path)):
            found, notes = read_word_file(words)
        else:
            found, notes = words_from_rows(_rows(words), Path("words"))
        return cls(tuple(found), tuple(notes))

    @property
    def onset(self) -> np.ndarray:
        """When each word begins, in seconds."""
        return np.array([word.onset for word in self.words])

    @property
    def duration(self) -> np.ndarray:
        """How long each word lasts, in seconds; NaN where that is unknown."""
        return np.array([np.nan if word.duration is None else word.duration for word in self.words])

    @property
    def word(self) -> np.ndarray:
        """The words themselves."""
        return np.array([word.text for word in self.words], object)

    def __len__(self) -> int:
        return len(self.words)

    def __iter__(self) -> Iterator[Word]:
        return iter(self.words)

    def __getitem__(self, key: Any) -> Any:
        """A column by its name, a row by its number, or a table of some rows by slice or mask."""
        if isinstance(key, str):
            if key not in COLUMNS:
                raise KeyError(f"there is no column {key!r}; there are {', '.join(COLUMNS)}")
            return getattr(self, key)
        if isinstance(key, (int, np.integer)):
            return self.words[key]
        rows = np.arange(len(self.words))[key]
        return replace(self, words=tuple(replace(self.words[i], index=n) for n, i in enumerate(rows)))

    def rows(self) -> list[dict[str, Any]]:
        """Every word as a dict of onset, duration and word."""
        return [{"onset": word.onset, "duration": word.duration, "word": word.text} for word in self.words]

    def to_dataframe(self) -> Any:
        """The table as a pandas DataFrame, where pandas is installed."""
        return dataframe(self.rows())

    def __repr__(self) -> str:
        if not self.words:
            return "<WordTable: no words>"
        span = f"{self.words[0].onset:.1f} to {self.words[-1].onset:.1f} s"
        return f"<WordTable: {len(self):,} words, {span}, {' '.join(w.text for w in self.words[:5])} ...>"


def read_words(path: Path | str, tier: str = "words") -> WordTable:
    """Read the words of a recording.

    Parameters
    ----------
    path : path
        TSV or CSV with the columns onset and word, a Praat TextGrid, or CTM.
    tier : str
        The tier of a TextGrid that holds the words.

    Returns
    -------
    WordTable
        The words in order of onset.

    Raises
    ------
    ValueError
        Where the file is no table of words, in one line.
    """
    words, notes = read_word_file(path, tier)
    return WordTable(tuple(words), tuple(notes))


def texts(words: Any) -> list[str]:
    """The words alone; a list of words or one text will do."""
    if isinstance(words, str) and not words.lower().endswith(TABLES):
        return words.split()
    if not isinstance(words, (str, Path, WordTable)) and not hasattr(words, "keys"):
        words = list(words)
        if all(isinstance(word, str) for word in words):
            return words
    return [word.text for word in WordTable.of(words)]


def dataframe(rows: Sequence[dict[str, Any]]) -> Any:
    """A pandas DataFrame of rows; ImportError says what to do without pandas."""
    try:
        return import_module("pandas").DataFrame(rows)
    except ImportError:
        raise ImportError("pandas is not installed; pip install pandas, or take rows(), a list of dicts") from None


def import_xarray() -> Any:
    """The module; ModuleNotFoundError says what to do without it."""
    try:
        return import_module("xarray")
    except ImportError:
        wanted = "xarray is not installed; pip install xarray, or take the arrays that this object holds"
        raise ModuleNotFoundError(wanted, name="xarray") from None


def _rows(words: Any) -> Iterable[Row]:
    """Rows as of a file, so that the same is checked and cleaned."""
    entries: Iterable[tuple[Any, Any, Any]]
    if hasattr(words, "keys"):
        names = list(words.keys())
        if missing := {"onset", "word"} - set(names):
            raise ValueError(f"words have no column called {min(missing)}; there are {', '.join(map(str, names))}")
        durations = words["duration"] if "duration" in names else [None] * len(words["onset"])
        entries = zip(words["word"], words["onset"], durations, strict=True)
    else:
        entries = (_entry(word) for word in words)
    for line, (text, onset, duration) in enumerate(entries, start=1):
        yield Row(_number(onset), _number(duration), str(text), line)


def _entry(word: Any) -> tuple[Any, Any, Any]:
    if isinstance(word, Word):
        return word.text, word.onset, word.duration
    if isinstance(word, (tuple, list)) and len(word) in (2, 3):
        return word[0], word[1], word[2] if len(word) == 3 else None
    raise ValueError(f"{word!r} is no word with its onset; give a table, or pairs of word and onset in seconds")


def _number(value: Any) -> str:
    return "" if value is None else repr(float(value))
