"""Praat TextGrids, long or short, of which one tier holds the words."""

from __future__ import annotations

import re
from collections.abc import Iterator

from rtalign.datasets.rows import Row

TOKEN = re.compile(r'(?=["\d+-])(?:"([^"]*(?:""[^"]*)*)"|(?<!\S)([-+]?\d+(?:\.\d*)?(?:[eE][-+]?\d+)?)(?!\S))')
"""Praat's own rule: quoted texts and numbers that stand free are data, everything else is comment."""


class Reader:
    """A TextGrid as a sequence of texts and numbers, which remembers where it has come to."""

    def __init__(self, text: str, name: str) -> None:
        self.name = name
        self._text, self._place, self._counted, self._line = text, 0, 0, 1
        self._tokens = TOKEN.finditer(text)

    @property
    def line(self) -> int:
        """The line it has come to, counted from the last time somebody asked."""
        self._line += self._text.count("\n", self._counted, self._place)
        self._counted = self._place
        return self._line

    def _next(self, group: int, what: str) -> str:
        token = next(self._tokens, None)
        self._place = token.start() if token else len(self._text)
        if token is None or token[group] is None:
            raise ValueError(
                f"{self.name}, line {self.line}: {what} was expected; the TextGrid is cut short or damaged"
            )
        return token[group]

    def text(self) -> str:
        return self._next(1, "a quoted text").replace('""', '"')

    def number(self) -> str:
        return self._next(2, "a number")

    def count(self) -> int:
        number = self.number()
        if not number.isdigit():
            raise ValueError(f"{self.name}, line {self.line}: {number} is no count; the TextGrid is damaged")
        return int(number)


def rows(text: str, tier: str, name: str) -> Iterator[Row]:
    """The intervals, or points, of one tier."""
    reader = Reader(text, name)
    kinds = reader.text(), reader.text()
    if kinds != ("ooTextFile", "TextGrid"):
        raise ValueError(f"{name} is a {' '.join(kinds)}; save it from Praat as a text file or a short text file")
    reader.number(), reader.number()
    seen = []
    for _ in range(reader.count()):
        found = list(_tier(reader))
        seen.append(found[0].text)
        if _same(found[0].text, tier):
            yield from found[1:]
            return
    raise ValueError(f"{name} has no tier called {tier}; its tiers are {', '.join(seen) or 'none'}")


def _same(name: str, wanted: str) -> bool:
    """Whether a tier is the wanted one: capitals and a plural s are no difference."""
    return name.strip().lower().rstrip("s") == wanted.strip().lower().rstrip("s")


def _tier(reader: Reader) -> Iterator[Row]:
    """The tier's name as a first row, then its intervals or points."""
    kind = reader.text()
    if kind not in ("IntervalTier", "TextTier"):
        raise ValueError(f"{reader.name}, line {reader.line}: {kind} is no kind of tier; the TextGrid is damaged")
    yield Row("", "", reader.text(), reader.line)
    reader.number(), reader.number()
    for _ in range(reader.count()):
        start = reader.number()
        duration = str(round(float(reader.number()) - float(start), 9)) if kind == "IntervalTier" else ""
        yield Row(start, duration, reader.text(), reader.line)
