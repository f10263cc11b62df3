"""Word markers that come as text: plain words, JSON, codes, and the start of an audio file with its word table."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Protocol

from rtalign.core.records import Word
from rtalign.core.session import Encoding
from rtalign.recordings.word_tables import table as wordtable
from rtalign.streams.markers.triggers import Codes
from rtalign.streams.markers.validation import MAX_MARKER, Ear, Heard, clean, merged, number

MAX_NESTED = 64
"""Brackets in one JSON marker."""

FARTHEST_S = 3600.0
"""A word announced, or told after the fact, by more than an hour has its time on another clock."""


class Decoder(Protocol):
    """Text markers -> words."""

    @property
    def counts(self) -> dict[str, int]:
        """What could not be read, by reason."""
        ...

    def push(self, text: str, stamp: float) -> list[Heard]:
        """The words of one marker; never raises, whatever came."""
        ...

    def due(self, until: float) -> list[Heard]:
        """Words that no marker of their own brings and whose onset (on the marker's clock) is now at most `until`."""
        ...


class WordMarkers:
    """A marker a word: the word itself, or JSON with word (or text) and, where known, duration, index and story.

    The marker's stamp is the word's onset.  A JSON `onset` counts seconds of the story and is not used for time, unless
    `"clock": "lsl"` says that it is on the sender's LSL clock; then it replaces the stamp.
    """

    def __init__(self, kind: Literal["auto", "plain", "json"] = "auto") -> None:
        self._kind = kind
        self._ear = Ear()

    @property
    def counts(self) -> dict[str, int]:
        return dict(self._ear.counts)

    def push(self, text: str, stamp: float) -> list[Heard]:
        if not isinstance(text, str):
            return self._ear.count("no text")
        if len(text) > MAX_MARKER:
            return self._ear.count("too long")
        is_json = self._kind == "json" or (self._kind == "auto" and text.lstrip()[:1] == "{")
        return self._json(text, stamp) if is_json else self._ear.hear(text, stamp)

    def due(self, until: float) -> list[Heard]:
        del until  # every word has its own marker
        return []

    def _json(self, text: str, stamp: float) -> list[Heard]:
        told = parse(text)
        if isinstance(told, str):
            return self._ear.count(told)
        word = told.get("word", told.get("text"))
        if not isinstance(word, str):
            return self._ear.count("JSON without a word")
        onset: object = stamp
        if told.get("clock") == "lsl":
            onset, sent = number(told.get("onset")), number(stamp)
            if onset is not None and sent is not None and abs(onset - sent) > FARTHEST_S:
                return self._ear.count("onset far from its marker")
        return self._ear.hear(word, onset, told.get("duration"), told.get("index"), told.get("story"))


class AudioStart:
    """A marker says that an audio file begins, and a table knows its words: each is heard when its time has come.

    tables : marker text -> the words of that audio, onsets in seconds from its start.  Another start ends
    what still runs.
    """

    def __init__(self, tables: Mapping[str, Sequence[Word]]) -> None:
        self._tables = {name.strip(): sorted(words, key=lambda word: word.onset) for name, words in tables.items()}
        self._ear = Ear()
        self._coming: list[tuple[Word, float, str]] = []
        self._started: tuple[str, float] | None = None

    @property
    def counts(self) -> dict[str, int]:
        return dict(self._ear.counts)

    def push(self, text: str, stamp: float) -> list[Heard]:
        name, start = text.strip(" \t\r\n\0") if isinstance(text, str) else "", number(stamp)
        if name not in self._tables:
            return self._ear.count("not the audio's marker")
        if start is None:
            return self._ear.count("no time")
        if (name, start) == self._started:
            return self._ear.count("duplicate")
        self._started = (name, start)
        self._ear.forget()
        if self._coming:
            self._ear.count("cut short", len(self._coming))
        self._coming = [(word, start + word.onset, name) for word in reversed(self._tables[name])]
        return []

    def due(self, until: float) -> list[Heard]:
        found: list[Heard] = []
        while self._coming and self._coming[-1][1] <= until:
            word, onset, story = self._coming.pop()
            found += self._ear.hear(word.text, onset, word.duration, word.index, story)
        return found


class CodeMarkers:
    """A marker a word: a whole number, and a table says which word that is."""

    def __init__(self, codes: Codes) -> None:
        self._codes, self._ear = codes, Ear()

    @property
    def counts(self) -> dict[str, int]:
        return merged(self._codes.counts, self._ear.counts)

    def push(self, text: str | int | float, stamp: float) -> list[Heard]:
        value: object = text
        if isinstance(text, str):
            word, reason = clean(text)
            if reason:
                return self._ear.count(reason)
            if not (word.isascii() and word.isdigit() and len(word) < 10):
                return self._ear.count("no code")
            value = int(word)
        code = number(value)
        if code is None or code != int(code):
            return self._ear.count("no code")
        return self._codes.push(int(code), stamp)

    def due(self, until: float) -> list[Heard]:
        del until  # every word has its own marker
        return []


def decoder(kind: Encoding = "auto", table: Path | str | None = None) -> Decoder:
    """What reads the texts of a marker stream.

    auto : JSON where a text opens with a brace, else a plain word.
    table : for codes, a table of codes or words; for audio-start, the words of the audio, which begins at the marker
    "audio".  A channel of numbers inside the MEG has Trigger.
    """
    if kind in ("auto", "plain", "json"):
        return WordMarkers(kind)
    if kind not in ("codes", "audio-start"):
        raise ValueError(
            f"word markers of kind {kind!r} are not known; there are auto, plain, json, codes, audio-start"
        )
    if table is None:
        raise ValueError(f"word markers of kind {kind} need a table that says the words; name one")
    if kind == "codes":
        return CodeMarkers(Codes.read(table))
    words, _ = wordtable.read(table)
    return AudioStart({"audio": words})


def parse(text: str) -> dict[str, Any] | str:
    """A JSON object, or why the text is none."""
    if len(text) > MAX_MARKER:
        return "too long"
    if text.count("{") + text.count("[") > MAX_NESTED:
        return "JSON too deep"
    try:
        told = json.loads(text, parse_constant=lambda _: None)  # NaN is how some senders write that they do not know
    except (ValueError, RecursionError):
        return "broken JSON"
    return told if isinstance(told, dict) else "JSON without a word"
