"""Word encodings: for each way in which words arrive, one class that turns markers into words.

To add one, write a subclass of MarkerDecoder here and add its name to WordEncoding in rtalign/core/session.py.  The
command line and the window take names and labels from DECODERS; a name without a class, or a class without a name,
is an error when this module is imported.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self, get_args

import numpy as np

from rtalign.core.records import Word
from rtalign.core.session import WordEncoding
from rtalign.core.text.translation import tr
from rtalign.recordings.word_tables import read_words
from rtalign.streams.markers.code_table import CodeTable
from rtalign.streams.markers.validation import MAX_MARKER, Marker, MarkerValidator, clean, number

MAX_NESTED = 64
"""Brackets in one JSON marker."""

FARTHEST_S = 3600.0
"""An onset more than an hour from its marker is on another clock."""

MARK_IN_BRACES = re.compile(r"\{\w+\}")
"""Such as {NS}, which is noise and no JSON."""

HELD = 2
"""Samples that a code on a trigger channel stays at least."""

CODE_BITS = 0xFFFF
"""The bits that carry a code; buttons and the like use others."""

DECODERS: dict[str, type[MarkerDecoder]] = {}
"""The class of each word encoding, by its name; every subclass of MarkerDecoder enters itself."""


class MarkerDecoder:
    """Turns markers into words; a subclass is one word encoding.  A text such as BAD_muscle is a bad stretch.

    A subclass overrides `push` where markers come on a stream of their own, or `push_samples` where they come on a
    channel of the MEG stream.  Whatever comes is a word or is rejected by its reason: neither method raises.

    Parameters
    ----------
    name : str
        Class keyword: the name in a session's settings, one of `WordEncoding`.
    label : str
        Class keyword: what the window calls it.
    needs_table, needs_channel : bool
        Class keywords: whether a word table, or the name of a channel of the MEG stream, must be given.

    Attributes
    ----------
    channel : str or None
        The channel of the MEG stream that carries the markers; None for a stream of their own.
    """

    name: ClassVar[str]
    label: ClassVar[str]
    needs_table: ClassVar[bool]
    needs_channel: ClassVar[bool]
    channel: str | None = None

    def __init_subclass__(
        cls, *, name: str, label: str, needs_table: bool = False, needs_channel: bool = False
    ) -> None:
        super().__init_subclass__()
        if name not in get_args(WordEncoding):
            raise TypeError(f"{cls.__name__}: add {name!r} to WordEncoding in rtalign/core/session.py")
        if name in DECODERS:
            raise TypeError(f"{cls.__name__}: word encoding {name!r} is already {DECODERS[name].__name__}")
        cls.name, cls.label, cls.needs_table, cls.needs_channel = name, label, needs_table, needs_channel
        DECODERS[name] = cls

    def __init__(self) -> None:
        self._validator = MarkerValidator()

    @classmethod
    def open(cls, table: Path, channel: str) -> Self:
        """A decoder with its table and channel; both are given where the class needs them.

        Parameters
        ----------
        table : Path
            The word table.
        channel : str
            The name of a channel of the MEG stream.
        """
        del table, channel
        return cls()

    @property
    def counts(self) -> dict[str, int]:
        """Markers that brought no word, by reason."""
        return dict(self._validator.counts)

    def push(self, text: str, stamp: float) -> list[Marker]:
        """Decode one marker.

        Parameters
        ----------
        text : str
            The marker.
        stamp : float
            Its time on the sender's clock, s.

        Returns
        -------
        list of MarkerWord or BadMarker
            The words that it brought.
        """
        del text, stamp
        return self._validator.reject("not on the channel of the words")

    def push_samples(self, values: np.ndarray, stamps: np.ndarray) -> list[Marker]:
        """Decode samples of the channel that carries the markers.

        Parameters
        ----------
        values : array, shape (sample,)
            The channel's values.
        stamps : array, shape (sample,)
            Their times, s.

        Returns
        -------
        list of MarkerWord or BadMarker
            The words that begin in these samples.
        """
        del values, stamps
        return []

    def due(self, until: float) -> list[Marker]:
        """Words that no marker of their own brings and whose onset has come.

        Parameters
        ----------
        until : float
            The present time on the markers' clock, s.

        Returns
        -------
        list of MarkerWord
            Those with an onset of at most `until` that were not returned before.
        """
        del until
        return []

    def reset(self) -> None:
        """Forget the level of the channel, as after a reconnection."""


class PlainMarkers(MarkerDecoder, name="plain", label=tr("plain words")):
    """One marker per word: the word itself; the marker's stamp is its onset."""

    def push(self, text: str, stamp: float) -> list[Marker]:
        return self._validator.validate(text, stamp)


class JsonMarkers(MarkerDecoder, name="json", label="JSON"):
    """One marker per word: JSON with word (or text) and, where known, duration, index, story and pos.

    The marker's stamp is the word's onset.  A JSON `onset` counts seconds of the story and is not used for time, unless
    `"clock": "lsl"` says that it is on the sender's LSL clock; then it replaces the stamp.  JSON with `bad`, a text,
    marks the signal from the stamp on as bad, for its duration.
    """

    def push(self, text: str, stamp: float) -> list[Marker]:
        content, reason = parse(text)
        if reason:
            return self._validator.reject(reason)
        if "bad" in content:
            return self._validator.validate_bad(content["bad"], stamp, content.get("duration"))
        word = content.get("word", content.get("text"))
        if not isinstance(word, str):
            return self._validator.reject("JSON without a word")
        onset: object = stamp
        if content.get("clock") == "lsl":
            onset, sent = number(content.get("onset")), number(stamp)
            if onset is not None and sent is not None and abs(onset - sent) > FARTHEST_S:
                return self._validator.reject("onset far from its marker")
        about = (content.get(name) for name in ("duration", "index", "story", "pos"))
        return self._validator.validate(word, onset, *about)


class AutoMarkers(JsonMarkers, name="auto", label=tr("words or JSON, as they come")):
    """One marker per word: JSON where the text opens with a brace and is no aligner's mark, else the word itself."""

    def push(self, text: str, stamp: float) -> list[Marker]:
        opened = isinstance(text, str) and text[:MAX_MARKER].lstrip()[:1] == "{"
        if opened and not MARK_IN_BRACES.fullmatch(text[:MAX_MARKER].strip()):
            return super().push(text, stamp)
        return self._validator.validate(text, stamp)


class OneHotMarkers(JsonMarkers, name="one-hot", label=tr("one channel per word")):
    """One channel per word, whose value is the duration when the word begins, as mne-lsl's player sends annotations.

    The inlet writes the channel's label and value as JSON (see rtalign.streams.lsl.TextInlet), which is what is
    recorded; so this reads JSON.
    """


class CodeMarkers(MarkerDecoder, name="codes", label=tr("codes + word table"), needs_table=True):
    """One marker per word: a whole number, whose word is in a table.

    Parameters
    ----------
    codes : CodeTable
        The word of each code.
    """

    def __init__(self, codes: CodeTable) -> None:
        super().__init__()
        self._codes = codes

    @classmethod
    def open(cls, table: Path, channel: str) -> Self:
        del channel
        return cls(CodeTable.read(table))

    def push(self, text: str | int | float, stamp: float) -> list[Marker]:
        value: object = text
        if isinstance(text, str):
            word, reason = clean(text)
            if reason:
                return self._validator.reject(reason)
            if not (word.isascii() and word.isdigit() and len(word) < 10):
                return self._validator.reject("no code")
            value = int(word)
        code = number(value)
        if code is None or code != int(code):
            return self._validator.reject("no code")
        return self._word(int(code), stamp)

    def _word(self, code: int, stamp: float) -> list[Marker]:
        word = self._codes.word(code)
        if word is None:
            return self._validator.reject("code not in the table")
        # The code of a word comes again whenever the word does; only its time shows that a marker is a repetition.
        return self._validator.validate(word.text, stamp, word.duration, pos=word.pos)


class TriggerChannel(
    CodeMarkers,
    name="trigger",
    label=tr("trigger channel in the MEG + word table"),
    needs_table=True,
    needs_channel=True,
):
    """Codes on a channel of the MEG stream: a word begins where the channel rises to a new code and stays there.

    Why it must stay (HELD samples): lines of one code may switch a sample apart, and what is read in between is
    another code.  A code that was there when the stream began, or after a gap, has no known onset.

    Parameters
    ----------
    codes : CodeTable
        The word of each code.
    channel : str
        The name of the channel.
    """

    def __init__(self, codes: CodeTable, channel: str) -> None:
        super().__init__(codes)
        self.channel = channel
        self.reset()

    @classmethod
    def open(cls, table: Path, channel: str) -> Self:
        return cls(CodeTable.read(table), channel)

    def reset(self) -> None:
        self._settled: int | None = None
        self._left: float | None = None  # when the channel left its settled level
        self._level, self._n = 0, 0

    def push_samples(self, values: np.ndarray, stamps: np.ndarray) -> list[Marker]:
        values, stamps = np.asarray(values, float).ravel(), np.asarray(stamps, float).ravel()
        good = np.isfinite(values) & (np.abs(values) < 2**31) & (values == np.round(values))
        if n_bad := int((~good).sum()):
            self._validator.reject("not a whole number", n_bad)
        if len(values) != len(stamps):
            return self._validator.reject("samples without a stamp", len(values))
        levels, stamps = values[good].astype(np.int64) & CODE_BITS, stamps[good]
        if not len(levels):
            return []
        edges = np.flatnonzero(np.diff(levels)) + 1
        words: list[Marker] = []
        for first, stop in zip([0, *edges], [*edges, len(levels)], strict=True):
            words += self._run(int(levels[first]), int(stop - first), float(stamps[first]))
        return words

    def _run(self, level: int, n: int, stamp: float) -> list[Marker]:
        """n samples at one level, the first at `stamp`."""
        if level != self._level or self._n == 0:
            self._level, self._n = level, 0
            if self._left is None and level != self._settled:
                self._left = stamp
        before, self._n = self._n, self._n + n
        if before >= HELD or self._n < HELD:
            return []
        previous, left = self._settled, self._left
        self._settled, self._left = level, None
        if previous is None or level == previous or left is None or level == 0:
            return []
        if level < previous:
            return self._validator.reject("fell to a code")
        return self._word(level, left)


class AudioStart(MarkerDecoder, name="audio-start", label=tr("start of the audio + word table"), needs_table=True):
    """A marker says that an audio file begins, and a table holds its words: each is returned when its onset has come.

    Another start ends an audio file that is still running.

    Parameters
    ----------
    tables : mapping of str to sequence of Word
        Marker text -> the words of that audio file, with onsets in seconds from its start.
    """

    def __init__(self, tables: Mapping[str, Sequence[Word]]) -> None:
        super().__init__()
        self._tables = {name.strip(): sorted(words, key=lambda word: word.onset) for name, words in tables.items()}
        self._coming: list[tuple[Word, float, str]] = []
        self._started: tuple[str, float] | None = None

    @classmethod
    def open(cls, table: Path, channel: str) -> Self:
        """The words of the one audio file, which begins at the marker "audio"."""
        del channel
        words, _ = read_words(table)
        return cls({"audio": words})

    def push(self, text: str, stamp: float) -> list[Marker]:
        name, start = text.strip(" \t\r\n\0") if isinstance(text, str) else "", number(stamp)
        if name not in self._tables:
            return self._validator.reject("not the audio's marker")
        if start is None:
            return self._validator.reject("no time")
        if (name, start) == self._started:
            return self._validator.reject("duplicate")
        self._started = (name, start)
        self._validator.forget()
        if self._coming:
            self._validator.reject("cut short", len(self._coming))
        self._coming = [(word, start + word.onset, name) for word in reversed(self._tables[name])]
        return []

    def due(self, until: float) -> list[Marker]:
        words: list[Marker] = []
        while self._coming and self._coming[-1][1] <= until:
            word, onset, story = self._coming.pop()
            words += self._validator.validate(word.text, onset, word.duration, word.index, story, word.pos)
        return words


if without_class := set(get_args(WordEncoding)) - set(DECODERS):
    raise ImportError(f"WordEncoding in rtalign/core/session.py has {sorted(without_class)}, which no class decodes")


def open_decoder(
    encoding: WordEncoding = "auto", table: Path | str | None = None, channel: str | None = None
) -> MarkerDecoder:
    """The decoder of a word encoding.

    Parameters
    ----------
    encoding : str
        The name of the encoding, one of `WordEncoding`.
    table : path-like, optional
        For codes and trigger, a table of codes or words; for audio-start, the words of the audio file.
    channel : str, optional
        For trigger, the name of the channel of the MEG stream.

    Returns
    -------
    MarkerDecoder

    Raises
    ------
    ValueError
        If there is no such encoding, or the table or channel that it needs is not given or cannot be used.

    Examples
    --------
    >>> open_decoder("plain").push("lamp", 100.5)
    [MarkerWord(text='lamp', onset=100.5, duration=None, index=None, story=None)]
    """
    if encoding not in DECODERS:
        raise ValueError(f"word encoding {encoding!r} is not known; there are {', '.join(DECODERS)}")
    decoder = DECODERS[encoding]
    if decoder.needs_table and table is None:
        raise ValueError(f"words that arrive as {encoding} need a table of the words: name it with --word-table")
    if decoder.needs_channel and not channel:
        raise ValueError(f"words that arrive as {encoding} need a channel of the MEG stream: name it with --trigger")
    return decoder.open(Path(table or ""), channel or "")


def parse(text: object) -> tuple[dict[str, Any], str]:
    """The JSON object in a text and "", or {} and the reason why it has none."""
    if not isinstance(text, str):
        return {}, "no text"
    if len(text) > MAX_MARKER:
        return {}, "too long"
    if text.count("{") + text.count("[") > MAX_NESTED:
        return {}, "JSON too deep"
    try:
        content = json.loads(text, parse_constant=lambda _: None)  # some senders write NaN for what they do not know
    except (ValueError, RecursionError):
        return {}, "broken JSON"
    return (content, "") if isinstance(content, dict) else ({}, "JSON without a word")
