"""Row: one line of a word table, still as text; NoWords: a table without any."""

from __future__ import annotations

from typing import NamedTuple


class NoWords(ValueError):
    """A table that is sound but holds no words, as that of a run at rest."""


class Row(NamedTuple):
    """What a table says of one word, unjudged."""

    onset: str
    duration: str
    """Empty where the table has none."""
    text: str
    line: int

    @property
    def where(self) -> str:
        """The place in the file, as a person would look for it."""
        return f"line {self.line}"
