"""Heard: a word as a marker told it, after everything that a marker can do wrong has been sorted out."""

from __future__ import annotations

import math
import unicodedata
from collections import Counter, OrderedDict
from dataclasses import dataclass

from rtalign.recordings.word_tables.table import NO_WORDS, unquote

MAX_MARKER = 10_000
"""Characters of a marker; the longest honest one, JSON with a story's name, has a few hundred."""

MAX_WORD = 200
"""Characters of a word."""

LATEST_S = 1e11
"""No clock shows more; a stamp beyond it would poison whatever is computed with it."""

LONGEST_S = 60.0
"""No word lasts longer; a duration beyond it is in another unit, and is not known then."""

SAME_S = 1e-3
REMEMBERED = 256
REPEATED_WITHIN_S = 3.0

FORBIDDEN = {"Cc", "Cs"} | {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
"""Control characters, halves of characters, and those that make a screen write backwards."""


@dataclass(frozen=True, slots=True)
class Heard:
    """A word as it was heard.  onset : on the marker's own clock, s; index and story as the sender counts them."""

    text: str
    onset: float
    duration: float | None = None
    index: int | None = None
    story: str | None = None


class Ear:
    """Turns what a marker says into a word, or counts why it is none.

    A word is a repetition when the same text came with the same time, or under the same index of the same story less
    than 3 s apart: a story that begins anew counts from 0 again.
    """

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}
        self._stamps: OrderedDict[tuple[str, int], float] = OrderedDict()
        self._indices: OrderedDict[tuple[str | None, int, str], float] = OrderedDict()

    def hear(
        self,
        text: object,
        onset: object,
        duration: object = None,
        index: object = None,
        story: object = None,
    ) -> list[Heard]:
        """The word, in a list; an empty list where there is none."""
        word, reason = clean(text)
        if reason:
            return self.count(reason)
        time = number(onset)
        if time is None or abs(time) > LATEST_S:
            return self.count("no time")
        heard = Heard(word, time, _duration(duration), _index(index), _story(story))
        return self.count("duplicate") if self._known(heard) else [heard]

    def count(self, reason: str, n: int = 1) -> list[Heard]:
        """Count something that is no word."""
        self.counts[reason] = self.counts.get(reason, 0) + n
        return []

    def forget(self) -> None:
        """What comes now repeats nothing, as when an audio file begins anew."""
        self._stamps.clear()
        self._indices.clear()

    def _known(self, heard: Heard) -> bool:
        """Whether it was heard before; remembered from now on."""
        tick = round(heard.onset / SAME_S)
        known = any((heard.text, tick + step) in self._stamps for step in (-1, 0, 1))
        _remember(self._stamps, (heard.text, tick), heard.onset)
        if heard.index is not None:
            key = (heard.story, heard.index, heard.text)
            before = self._indices.get(key)
            known = known or (before is not None and abs(heard.onset - before) < REPEATED_WITHIN_S)
            _remember(self._indices, key, heard.onset)
        return known


def clean(text: object) -> tuple[str, str]:
    """The word in a text, or why it holds none.  Blanks, line ends and zero bytes around a word are nobody's fault."""
    if not isinstance(text, str):
        return "", "no text"
    if len(text) > MAX_MARKER:
        return "", "too long"
    word = unquote(text.strip(" \t\r\n\0")) if text.strip(" \t\r\n\0").strip() else ""
    low = word.lower()
    if low in NO_WORDS or (low[0] == "<" and low[-1] == ">"):
        return "", "empty" if not word else "no word"
    if len(word) > MAX_WORD:
        return "", "too long"
    if any(unicodedata.category(c) in FORBIDDEN or unicodedata.bidirectional(c) in FORBIDDEN for c in word):
        return "", "control characters"
    return word, ""


def number(value: object) -> float | None:
    """A finite number, or None: a truth value is no number, nor is a text that looks like one."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        found = float(value)
    except OverflowError:
        return None
    return found if math.isfinite(found) else None


def merged(*counts: dict[str, int]) -> dict[str, int]:
    """Several counts as one."""
    total: Counter[str] = Counter()
    for one in counts:
        total.update(one)
    return dict(total)


def _duration(value: object) -> float | None:
    seconds = number(value)
    return seconds if seconds is not None and 0 < seconds <= LONGEST_S else None


def _index(value: object) -> int | None:
    found = number(value)
    return int(found) if found is not None and found == int(found) and 0 <= found < 2**53 else None


def _story(value: object) -> str | None:
    story, reason = clean(value)
    return None if reason else story


def _remember(memory: OrderedDict, key: object, value: float) -> None:
    memory[key] = value
    memory.move_to_end(key)
    if len(memory) > REMEMBERED:
        memory.popitem(last=False)
