"""The word of each code, read from a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from rtalign.core.records import Word
from rtalign.recordings.word_tables import parse_table, read_text, read_words
from rtalign.recordings.word_tables.table import POS_COLUMNS
from rtalign.streams.markers.validation import clean

CODES = ("code", "trigger", "event_code")
TEXTS = ("word", "text", "stimulus", "value")


class CodeTable:
    """A table from code to word.

    Parameters
    ----------
    words : mapping of int to Word
        The word of each code; at least one.

    Raises
    ------
    ValueError
        If there is no word.
    """

    def __init__(self, words: Mapping[int, Word]) -> None:
        if not words:
            raise ValueError("the table of codes is empty; it needs rows with a code and a word")
        self._words = dict(words)

    @classmethod
    def read(cls, path: Path | str) -> CodeTable:
        """Read a TSV or CSV of codes, or a word table in any format.

        A table with a column called code (or trigger) gives the word of each code.  The words of any other table are
        counted: code 1 is the first word, code 2 the second; a word's duration comes along.

        Parameters
        ----------
        path : path-like
            The table.

        Returns
        -------
        CodeTable

        Raises
        ------
        ValueError
            If the table cannot be read, or gives one code to two words.
        """
        path = Path(path)
        text = read_text(path)
        header = text[: text.find("\n")].lower().replace("\t", ",").replace(";", ",").split(",")
        columns = {cell.strip().strip('"') for cell in header}
        if not columns & set(CODES):
            words, _ = read_words(path)
            return cls({number: word for number, word in enumerate(words, start=1)})
        return cls(_words_by_code(parse_table(text, path.name).records(), path.name))

    def word(self, code: int) -> Word | None:
        """The word of a code; None for a code that is not in the table."""
        return self._words.get(code)


def _words_by_code(rows: Sequence[Mapping[str, str]], name: str) -> dict[int, Word]:
    words: dict[int, Word] = {}
    for line, row in enumerate(rows, start=2):
        code = next(row[column] for column in CODES if column in row).strip()
        texts = [row[column] for column in TEXTS if column in row]
        if not texts:
            raise ValueError(f"{name} has codes and no column called {', '.join(TEXTS)}")
        word, reason = clean(texts[0])
        if not code.isascii() or not code.isdigit() or len(code) > 9:
            raise ValueError(f"{name}, row {line}: the code {code[:20]!r} is no whole number")
        if reason:
            raise ValueError(f"{name}, row {line}: the word of code {code} is unusable ({reason})")
        if int(code) in words and words[int(code)].text != word:
            raise ValueError(f"{name} gives code {code} to {words[int(code)].text!r} and to {word!r}; keep one of them")
        pos = next((row[column].strip() for column in POS_COLUMNS if column in row), "")
        words[int(code)] = Word(line - 2, word, 0.0, pos=pos or None)
    return words
