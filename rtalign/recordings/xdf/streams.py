"""XDF files, such as LabRecorder's, or session folders of this program, as recordings."""

from __future__ import annotations

import contextlib
import json
import math
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np

from rtalign.core.bad_marks import LONGEST_S, bad_reason, is_bad_mark
from rtalign.core.records import Annotation, BadStretch, Word
from rtalign.core.text.word_text import EMPTY, RowsWithoutWord, no_word_reason
from rtalign.recordings.stream_channels.kinds import signal_type
from rtalign.recordings.word_tables.delimited import parse_table, read_text
from rtalign.recordings.word_tables.rows import NoWords, unquote
from rtalign.recordings.word_tables.table import read_words
from rtalign.recordings.xdf.clock import count_clock, to_common_clock
from rtalign.recordings.xdf.marks import MARKS, read_marks
from rtalign.recordings.xdf.reader import XdfFile, XdfStream
from rtalign.recordings.xdf.recording import XdfRecording
from rtalign.recordings.xdf.writer import ANNOTATIONS, REMOVED

RAW, WORDS = "raw.xdf", "words.tsv"
"""The files of a session folder."""

LIKELY_WORDS = ("word", "marker", "event", "stimul")
"""What the name or the type of a stream of words is likely to contain."""


@dataclass(frozen=True, slots=True)
class StreamChoice:
    """Which streams of an XDF file are read.

    Attributes
    ----------
    meg, words : str or None
        The name, type or number of a stream, where the file has several; None for the likely one.
    dejitter : bool
        Whether stamps are put on a straight line, which removes the jitter of their arrival.
    """

    meg: str | None = None
    words: str | None = None
    dejitter: bool = True


class TimedWord(NamedTuple):
    """A word of a stream or of a session's table; its duration and its part of speech may be unknown."""

    onset: float
    text: str
    duration: float | None
    pos: str | None = None


def is_xdf(path: Path | str) -> bool:
    """Whether a path is an XDF file or a session folder.

    Parameters
    ----------
    path : Path or str
        A file or a folder.

    Returns
    -------
    bool
    """
    path = Path(path)
    return path.suffix.lower() == ".xdf" or (path / RAW).is_file()


def xdf_file(path: Path) -> XdfFile:
    """Return the XDF file at a path, which may be a session folder."""
    return XdfFile(path / RAW if path.is_dir() else path)


@dataclass(frozen=True, slots=True)
class SessionWords:
    """The words of a session folder.

    Attributes
    ----------
    words : list of TimedWord
        On the signal time of the engine that wrote them.
    stamps : list of float
        Their times on the common clock, which all of a folder share; NaN where the table has none.
    numbers : list of tuple of int
        Of each: which engine wrote it, from 0, and its number there.
    reasons : list of str
        Why each was not scored; empty where it was.
    """

    words: list[TimedWord]
    stamps: list[float]
    numbers: list[tuple[int, int]]
    reasons: list[str]

    @property
    def is_continued(self) -> bool:
        """Whether more than one engine wrote them."""
        return bool(self.numbers) and self.numbers[-1][0] > 0


def open_xdf(
    path: Path | str,
    choice: StreamChoice | None = None,
    *,
    word_table: Path | str | None = None,
    subject: str = "unknown",
    bads: Collection[str] = (),
) -> list[XdfRecording]:
    """Open the recordings of an XDF file or a session folder.

    Parameters
    ----------
    path : Path or str
        A file, whose time begins with its first sample; or a session folder, whose time is that of its words.tsv.
    choice : StreamChoice, optional
        Which streams are read, where the file has several.
    word_table : Path or str, optional
        The words, in place of those of a stream.
    subject : str
        Who was recorded.
    bads : collection of str
        Channels to leave out.

    Returns
    -------
    list of XdfRecording
        One, or one for each time that the stream came back as another one.
    """
    path, choice = Path(path), choice or StreamChoice()
    is_session = path.is_dir()
    file = xdf_file(path)
    streams = _signal_streams(file, choice.meg)
    table = SessionWords([], [], [], [])
    if is_session and (path / WORDS).is_file() and choice.words is None and word_table is None:
        table = read_session_words(path / WORDS)
    recordings: list[XdfRecording] = []
    marks = read_marks(path / MARKS) if is_session else []
    for stream in streams:
        clock, notes = count_clock(file, stream, choice.dejitter)
        clock = clock if is_session else clock.shifted(-clock.segments[0].start)
        name = path.name.removesuffix(".xdf") + (f" part {len(recordings) + 1}" if len(streams) > 1 else "")
        notes = [*file.notes, *notes]
        opened = XdfRecording(file, stream, clock, name=name, subject=subject, bads=bads, notes=notes, marks=marks)
        recordings.append(opened)
    _annotate(recordings, file)
    _mark_bad(recordings, file)
    if table.is_continued:  # by a second engine: the words that came between the two are on the stream alone
        with contextlib.suppress(NoWords):
            return _with_stream_words(recordings, file, _word_stream(file, None))
    if table.words:
        return _with_session_words(recordings, table)
    if word_table is not None:
        if len(recordings) > 1:
            parts = f"{file.path.name} has {len(recordings)} parts"
            raise ValueError(f"a word table belongs to one stretch of one stream; {parts}")
        return [recordings[0].with_words(*read_words(word_table))]
    return _with_stream_words(recordings, file, _word_stream(file, choice.words))


def parse_marker(text: str) -> tuple[str, float | None, str | None]:
    """Return the word of a marker, its duration and its part of speech.

    Parameters
    ----------
    text : str
        The word itself, or JSON with a key word or text, duration in seconds, and pos.

    Returns
    -------
    text : str
        Empty where the marker is no word.
    duration : float or None
    pos : str or None
        None where the marker does not say.
    """
    marker = _parse(text)
    return "" if marker.reason or marker.is_bad else marker.text, marker.duration, marker.pos


class _Marker(NamedTuple):
    """A marker: a word, or the reason why it is none, or the reason why what follows is bad."""

    text: str
    reason: str
    duration: float | None = None
    is_bad: bool = False
    pos: str | None = None


def _parse(text: str) -> _Marker:
    text = unquote(text)
    duration, mark, pos = None, None, None
    if text.startswith("{"):
        try:
            entry = json.loads(text)
        except (ValueError, RecursionError):
            return _Marker("", no_word_reason(text) or EMPTY)
        if not isinstance(entry, dict):
            return _Marker("", EMPTY)
        mark = entry.get("bad")
        text = unquote(str(entry.get("word", entry.get("text", ""))))
        pos = entry["pos"].strip() or None if isinstance(entry.get("pos"), str) else None
        duration = entry.get("duration")
        if not isinstance(duration, int | float) or not 0 < duration < math.inf:
            duration = None
    if isinstance(mark, str) or is_bad_mark(text):
        seconds = duration if duration is not None and duration <= LONGEST_S else 0.0
        return _Marker(bad_reason(mark if isinstance(mark, str) else text), "", seconds, True)
    return _Marker(text, no_word_reason(text), duration, pos=pos)


def read_session_words(path: Path) -> SessionWords:
    """Read the words of a session in the order of their numbers; the table has them in the order of their completion.

    Parameters
    ----------
    path : Path
        The words.tsv of a session folder; a last line without its end, left by a killed process, is ignored.

    Returns
    -------
    SessionWords
    """
    text = read_text(path)
    rows = parse_table(text[: text.rfind("\n") + 1], path.name).records()
    if rows and not {"text", "onset"} <= set(rows[0]):
        raise ValueError(f"{path.name} lacks a column called text or onset; is it of a session?")
    words: dict[tuple[int, int], tuple[TimedWord, float, str]] = {}
    engine = 0
    for line, row in enumerate(rows, start=2):
        try:
            onset, index = float(row["onset"]), int(float(row.get("index", line)))
            duration, stamp = (
                float(value) if (value := row.get(name, "n/a")) not in ("", "n/a") else None
                for name in ("duration", "stamp")
            )
        except (ValueError, OverflowError):
            raise ValueError(f"{path.name}, line {line}: onset or duration is no number; is the file whole?") from None
        if math.isfinite(onset):
            engine += (engine, index) in words  # each numbers its words from 0
            status = row.get("status", "scored")
            reason = "" if status == "scored" else row["reason"] if row.get("reason", "n/a") != "n/a" else status
            pos = row.get("pos", "n/a")
            word = TimedWord(onset, row["text"], duration, None if pos in ("", "n/a") else pos)
            words[engine, index] = word, math.nan if stamp is None else stamp, reason
    numbers = sorted(words)
    found = [words[number] for number in numbers]
    return SessionWords([one[0] for one in found], [one[1] for one in found], numbers, [one[2] for one in found])


# ---- which streams


def _signal_streams(file: XdfFile, wanted: str | None) -> list[XdfStream]:
    """The stream of the signal; several only where one stream came back under the same name."""
    numeric = [s for s in file.streams.values() if s.header.format != "string"]
    listed = ", ".join(f"{s.header.name} ({s.header.type})" for s in file.streams.values())[:300] or "none"
    if wanted is not None:
        fitting = [s for s in numeric if wanted in (s.header.name, s.header.type, str(s.number))]
        if not fitting:
            raise ValueError(f"{file.path.name} has no stream of numbers called {wanted}; it has {listed}")
    else:
        meg, eeg = ([s for s in numeric if signal_type(s.header.type) == kind] for kind in ("meg", "eeg"))
        fitting = meg or eeg
        if not fitting:
            raise ValueError(
                f"{file.path.name} has no stream of type MEG or EEG; it has {listed} - name one with --meg-stream NAME"
            )
    filled = [s for s in fitting if s.n_samples]
    if not filled:
        raise ValueError(f"{file.path.name} holds no samples of {fitting[0].header.name}; was it recorded to the end?")
    spans = [to_common_clock(np.array([s.since[0], s.until[-1]]), s.offsets) for s in filled]
    if len({s.header.name for s in filled}) > 1 or any(a[1] > b[0] for a, b in pairwise(spans)):
        raise ValueError(
            f"{file.path.name} has several streams that may be meant: {_names(filled)}; name one with --meg-stream NAME"
        )
    without_rate = [s for s in filled if s.header.sfreq == 0]
    if without_rate:
        raise ValueError(
            f"{without_rate[0].header.name} in {file.path.name} has no sampling rate; it cannot be filtered"
        )
    return filled


def _word_stream(file: XdfFile, wanted: str | None) -> XdfStream:
    """The stream of words: the one named, the only one, or the only one that looks like it."""
    text_streams = [s for s in file.streams.values() if s.header.format == "string" and s.header.type != ANNOTATIONS]
    listed = _names(text_streams)
    if wanted is not None:
        fitting = [s for s in text_streams if wanted in (s.header.name, s.header.type, str(s.number))]
        if not fitting:
            raise ValueError(f"{file.path.name} has no stream of text called {wanted}; it has {listed or 'none'}")
    else:
        fitting = [s for s in text_streams if s.n_samples]
        likely = [s for s in fitting if any(p in f"{s.header.name} {s.header.type}".lower() for p in LIKELY_WORDS)]
        fitting = likely if len(fitting) > 1 and likely else fitting
    if not fitting:
        raise NoWords(f"{file.path.name} comes without words: no stream of text; name a table with --word-table FILE")
    if len(fitting) > 1:
        raise ValueError(
            f"{file.path.name} has several streams that may hold the words: {_names(fitting)}; "
            "name one with --word-stream NAME"
        )
    return fitting[0]


def _names(streams: Sequence[XdfStream]) -> str:
    """Streams as a user can name them: by number where two have the same name."""
    names = [s.header.name for s in streams]
    labels = [
        n if names.count(n) == 1 and n else f"{n} (number {s.number})" for n, s in zip(names, streams, strict=True)
    ]
    return ", ".join(labels)[:300]


# ---- what an operator wrote


def _annotate(recordings: list[XdfRecording], file: XdfFile) -> None:
    """Give each recording what was written in its time; the newest text of a time counts."""
    texts: dict[float, str] = {}
    for stream in file.streams.values():
        if stream.header.type == ANNOTATIONS and stream.header.format == "string":
            texts |= {stamp: text for text, stamp in file.texts(stream) if math.isfinite(stamp)}
    written = [TimedWord(stamp, text, None) for stamp, text in sorted(texts.items()) if text != REMOVED]
    for recording, share in zip(recordings, _shares(recordings, written), strict=True):
        recording.annotations = tuple(Annotation(note.onset, note.text) for note in share)


# ---- which words


def _with_stream_words(recordings: list[XdfRecording], file: XdfFile, stream: XdfStream) -> list[XdfRecording]:
    """The words of a stream of markers, each given to the recording in whose time it is."""
    markers = [(text, stamp) for text, stamp in file.texts(stream) if not _parse(text).is_bad]
    times = to_common_clock(np.array([stamp for _, stamp in markers]), stream.offsets)
    spoken = sorted(
        (TimedWord(float(time), *parse_marker(text)) for (text, _), time in zip(markers, times, strict=True)),
        key=lambda word: word.onset,
    )
    words = [word for word in spoken if word.text and math.isfinite(word.onset)]
    if not words:
        raise NoWords(f"{stream.header.name} in {file.path.name} holds no words ({len(markers)} markers)")
    notes = []
    if len(words) < len(spoken):
        counts = Counter(reason for text, _ in markers if (reason := _parse(text).reason))
        listed = ", ".join(f"{n} {reason}" for reason, n in counts.most_common())
        without = f"{len(spoken) - len(words)} markers are no words" + (f" ({listed})" if listed else "")
        notes = [RowsWithoutWord(without, counts)]
    return [
        _with_words(recording, share, [] if k else notes)
        for k, (recording, share) in enumerate(zip(recordings, _shares(recordings, words), strict=True))
    ]


def _mark_bad(recordings: Sequence[XdfRecording], file: XdfFile) -> None:
    """What senders' markers say of the signal, each given to the recording in whose time it is; notes say nothing."""
    marked: list[TimedWord] = []
    for stream in file.streams.values():
        if stream.header.format != "string" or stream.header.type == ANNOTATIONS:
            continue
        found = [(parsed, stamp) for text, stamp in file.texts(stream) if (parsed := _parse(text)).is_bad]
        times = to_common_clock(np.array([stamp for _, stamp in found]), stream.offsets)
        marked += [TimedWord(float(at), bad.text, bad.duration) for (bad, _), at in zip(found, times, strict=True)]
    marked = [one for one in marked if math.isfinite(one.onset)]
    for recording, share in zip(recordings, _shares(recordings, marked) if marked else (), strict=False):
        recording.mark_bad(BadStretch(one.onset, one.onset + (one.duration or 0.0), one.text) for one in share)


def _shares(recordings: Sequence[XdfRecording], words: Sequence[TimedWord]) -> list[list[TimedWord]]:
    """Words at common times, each in the signal time of the recording in whose time it is."""
    begins = [recording.clock.segments[0].times[0] for recording in recordings]
    onsets = np.array([word.onset for word in words])
    owner = np.maximum(np.searchsorted(begins, onsets, side="right") - 1, 0)
    shares = []
    for k, recording in enumerate(recordings):
        own = np.flatnonzero(owner == k)
        signal_times = recording.clock.to_signal_time(onsets[own]).tolist()
        shares.append([words[i]._replace(onset=onset) for i, onset in zip(own.tolist(), signal_times, strict=True)])
    return shares


def _with_session_words(recordings: list[XdfRecording], table: SessionWords) -> list[XdfRecording]:
    """The words of a session, each given to the part in whose time it is.

    By their stamps, as the recording begins before the engine does, which counts signal time from its own beginning.
    """
    if np.isfinite(table.stamps).all():
        stamped = [word._replace(onset=stamp) for word, stamp in zip(table.words, table.stamps, strict=True)]
        shares = _shares(recordings, stamped)
    else:
        begins = [recording.start for recording in recordings]
        shares = [[] for _ in recordings]
        for word in table.words:
            shares[max(sum(begin <= word.onset for begin in begins) - 1, 0)].append(word)
    return [_with_words(recording, share, []) for recording, share in zip(recordings, shares, strict=True)]


def _with_words(recording: XdfRecording, words: Iterable[TimedWord], notes: Sequence[str]) -> XdfRecording:
    return recording.with_words([Word(i, w.text, w.onset, w.duration, w.pos) for i, w in enumerate(words)], notes)
