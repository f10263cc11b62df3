"""Word markers that come as numbers: codes, and the trigger channel inside an MEG stream."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from rtalign.core.records import Word
from rtalign.recordings.word_tables import delimited, table
from rtalign.streams.markers.validation import Ear, Heard, clean, merged

CODES = ("code", "trigger", "event_code")
TEXTS = ("word", "text", "stimulus", "value")
HELD = 2
"""Samples that a code stays at least."""
MASK = 0xFFFF
"""The bits that carry a code; buttons and the like live on others."""


class Codes:
    """A table from code to word.

    A table with a column called code (or trigger) says the word of each code.  Any other word table is counted: code 1
    is its first word, code 2 the second; a word's duration and index come along.
    """

    def __init__(self, words: Mapping[int, Word]) -> None:
        if not words:
            raise ValueError("the table of codes is empty; it needs rows with a code and a word")
        self._words = dict(words)
        self._ear = Ear()

    @classmethod
    def read(cls, path: Path | str) -> Codes:
        """From a TSV or CSV of codes, or from a word table in any format."""
        path = Path(path)
        text = table.text_of(path)
        header = text[: text.find("\n")].lower().replace("\t", ",").replace(";", ",").split(",")
        columns = {cell.strip().strip('"') for cell in header}
        if not columns & set(CODES):
            words, _ = table.read(path)
            return cls({number: word for number, word in enumerate(words, start=1)})
        return cls(_coded(delimited.cells(text, path.name), path.name))

    @property
    def counts(self) -> dict[str, int]:
        return dict(self._ear.counts)

    def push(self, code: int, stamp: float) -> list[Heard]:
        """The word of a code."""
        word = self._words.get(code)
        if word is None:
            return self._ear.count("code not in the table")
        # A code that stands for a word may come again at once, when the word does; only its time tells a repetition.
        return self._ear.hear(word.text, stamp, word.duration)


class Trigger:
    """A trigger channel: a word begins where the channel rises to a new code and stays there.

    Why it must stay (HELD samples): lines of one code may switch a sample apart, and what is read in between is
    another code.  A code that was there when the stream began, or after a gap, has no known onset.
    """

    def __init__(self, codes: Codes) -> None:
        self._codes, self._ear = codes, Ear()
        self.reset()

    @property
    def counts(self) -> dict[str, int]:
        return merged(self._codes.counts, self._ear.counts)

    def reset(self) -> None:
        """Forget the channel's level, as after a gap."""
        self._settled: int | None = None
        self._left: float | None = None  # when the channel left its settled level
        self._level, self._n = 0, 0

    def push(self, values: np.ndarray, stamps: np.ndarray) -> list[Heard]:
        """values : (sample,) of the trigger channel; stamps : (sample,)."""
        values, stamps = np.asarray(values, float).ravel(), np.asarray(stamps, float).ravel()
        good = np.isfinite(values) & (np.abs(values) < 2**31) & (values == np.round(values))
        if n_bad := int((~good).sum()):
            self._ear.count("not a whole number", n_bad)
        if len(values) != len(stamps):
            return self._ear.count("samples without a stamp", len(values))
        levels, stamps = values[good].astype(np.int64) & MASK, stamps[good]
        if not len(levels):
            return []
        edges = np.flatnonzero(np.diff(levels)) + 1
        found: list[Heard] = []
        for first, stop in zip([0, *edges], [*edges, len(levels)], strict=True):
            found += self._run(int(levels[first]), int(stop - first), float(stamps[first]))
        return found

    def _run(self, level: int, n: int, stamp: float) -> list[Heard]:
        """n samples at one level, the first at `stamp`."""
        if level != self._level or self._n == 0:
            self._level, self._n = level, 0
            if self._left is None and level != self._settled:
                self._left = stamp
        before, self._n = self._n, self._n + n
        if before >= HELD or self._n < HELD:
            return []
        was, left = self._settled, self._left
        self._settled, self._left = level, None
        if was is None or level == was or left is None or level == 0:
            return []
        if level < was:
            return self._ear.count("fell to a code")
        return self._codes.push(level, left)


def _coded(rows: Sequence[Mapping[str, str]], name: str) -> dict[int, Word]:
    """Code -> word, from the rows of a table."""
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
        words[int(code)] = Word(line - 2, word, 0.0)
    return words
