"""The words in markers, checked: what a sender can do wrong is counted by its reason and never raises."""

from __future__ import annotations

import math
import unicodedata
from collections import OrderedDict
from dataclasses import dataclass, field

from rtalign.core.bad_marks import LONGEST_S as LONGEST_BAD_S
from rtalign.core.bad_marks import bad_reason, is_bad_mark
from rtalign.core.text.word_text import no_word_reason
from rtalign.recordings.word_tables import unquote

MAX_MARKER = 10_000
"""Characters of a marker; the longest valid one, JSON with a story's name, has a few hundred."""

MAX_WORD = 200
"""Characters of a word."""

LATEST_S = 1e11
"""No clock shows more; a stamp beyond it would spoil whatever is computed with it."""

LONGEST_S = 60.0
"""No word lasts longer; a duration beyond it is in another unit, so it counts as unknown."""

SAME_S = 1e-3
REMEMBERED = 256
REPEATED_WITHIN_S = 3.0

FORBIDDEN = {"Cc", "Cs"} | {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
"""Control characters, unpaired surrogates, and characters that reverse the direction of text on a screen."""


@dataclass(frozen=True, slots=True)
class MarkerWord:
    """A word that a marker brought, valid and not a repetition.

    Attributes
    ----------
    text : str
        The word.
    onset : float
        On the clock of the marker's sender, s.
    duration : float or None
        In s; None where the sender does not give it.
    index, story : int or None, str or None
        As the sender counts and names them.
    pos : str or None
        Its part of speech, as the sender or the table gives it.
    """

    text: str
    onset: float
    duration: float | None = None
    index: int | None = None
    story: str | None = None
    pos: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class BadMarker:
    """A stretch that a marker marks as bad.

    Attributes
    ----------
    reason : str
        As a skipped word gives it.
    onset : float
        On the clock of the marker's sender, s.
    duration : float
        In s; 0 where the sender does not give it: a moment.
    """

    reason: str
    onset: float
    duration: float


Marker = MarkerWord | BadMarker


class MarkerValidator:
    """Checks the content of a marker and returns its word, or counts the reason why it has none.

    A word is a repetition when the same text came with the same time, or under the same index of the same story less
    than 3 s apart: a story that begins anew counts from 0 again.

    Attributes
    ----------
    counts : dict of str to int
        Markers without a word, by reason.
    """

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}
        self._stamps: OrderedDict[tuple[str, int], float] = OrderedDict()
        self._indices: OrderedDict[tuple[str | None, int, str], float] = OrderedDict()

    def validate(
        self,
        text: object,
        onset: object,
        duration: object = None,
        index: object = None,
        story: object = None,
        pos: object = None,
    ) -> list[Marker]:
        """The word, or the bad stretch, in a list; an empty list where there is none."""
        word, reason = clean(text)
        if reason:
            return self.reject(reason)
        if is_bad_mark(word):
            return self.validate_bad(word, onset, duration)
        time = number(onset)
        if time is None or abs(time) > LATEST_S:
            return self.reject("no time")
        received = MarkerWord(word, time, _duration(duration), _index(index), _name(story), _name(pos))
        return self.reject("duplicate") if self._repeats(received) else [received]

    def validate_bad(self, mark: object, onset: object, duration: object) -> list[Marker]:
        """The bad stretch, in a list; an empty list where there is none."""
        text, reason = clean(mark)
        time, seconds = number(onset), number(duration)
        if reason or time is None or abs(time) > LATEST_S:
            return self.reject(reason or "no time")
        if seconds is None or not 0 <= seconds <= LONGEST_BAD_S:
            seconds = 0.0
        return [BadMarker(bad_reason(text), time, seconds)]

    def reject(self, reason: str, n: int = 1) -> list[Marker]:
        """Count n markers (or words) that cannot be used; returns an empty list."""
        self.counts[reason] = self.counts.get(reason, 0) + n
        return []

    def forget(self) -> None:
        """From here on nothing counts as a repetition of what came before, as when an audio file begins anew."""
        self._stamps.clear()
        self._indices.clear()

    def _repeats(self, word: MarkerWord) -> bool:
        """Whether it came before; it is remembered from now on."""
        tick = round(word.onset / SAME_S)
        repeats = any((word.text, tick + step) in self._stamps for step in (-1, 0, 1))
        _remember(self._stamps, (word.text, tick), word.onset)
        if word.index is not None:
            key = (word.story, word.index, word.text)
            before = self._indices.get(key)
            repeats = repeats or (before is not None and abs(word.onset - before) < REPEATED_WITHIN_S)
            _remember(self._indices, key, word.onset)
        return repeats


def clean(text: object) -> tuple[str, str]:
    """The word in a text and "", or "" and the reason why it has none.

    Blanks, line ends and zero bytes around a word are removed; they are no error.
    """
    if not isinstance(text, str):
        return "", "no text"
    if len(text) > MAX_MARKER:
        return "", "too long"
    word = unquote(text.strip(" \t\r\n\0")) if text.strip(" \t\r\n\0").strip() else ""
    if reason := no_word_reason(word):
        return "", reason
    if len(word) > MAX_WORD:
        return "", "too long"
    if any(unicodedata.category(c) in FORBIDDEN or unicodedata.bidirectional(c) in FORBIDDEN for c in word):
        return "", "control characters"
    return word, ""


def number(value: object) -> float | None:
    """A finite number, or None: a bool is no number, nor is a text that looks like one."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        found = float(value)
    except OverflowError:
        return None
    return found if math.isfinite(found) else None


def _duration(value: object) -> float | None:
    seconds = number(value)
    return seconds if seconds is not None and 0 < seconds <= LONGEST_S else None


def _index(value: object) -> int | None:
    found = number(value)
    return int(found) if found is not None and found == int(found) and 0 <= found < 2**53 else None


def _name(value: object) -> str | None:
    name, reason = clean(value)
    return None if reason else name


def _remember(memory: OrderedDict, key: object, value: float) -> None:
    memory[key] = value
    memory.move_to_end(key)
    if len(memory) > REMEMBERED:
        memory.popitem(last=False)
