"""XDF files, such as LabRecorder's, or session folders of this program, as recordings."""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from rtalign.core.records import Word
from rtalign.recordings.word_tables import delimited
from rtalign.recordings.word_tables import table as wordtable
from rtalign.recordings.word_tables.row import NoWords
from rtalign.recordings.xdf import channels
from rtalign.recordings.xdf.clock import common, counted
from rtalign.recordings.xdf.reader import Stream, XdfFile
from rtalign.recordings.xdf.recording import XdfRecording

RAW, WORDS = "raw.xdf", "words.tsv"
PREFERRED = ("word", "marker", "event", "stimul")
"""What the name or the type of a stream of words is likely to say."""

Heard = tuple[float, str, float | None]


@dataclass(frozen=True, slots=True)
class Streams:
    """Which streams of a file are meant, by name, type or number, where it has several; none: the likely ones."""

    meg: str | None = None
    words: str | None = None
    dejitter: bool = True
    """Whether stamps are laid on a line, which takes the jitter of their arrival away."""


def is_xdf(path: Path | str) -> bool:
    """Whether a path is an XDF file or a session folder."""
    path = Path(path)
    return path.suffix.lower() == ".xdf" or (path / RAW).is_file()


def recordings(
    path: Path | str,
    meg: str | None = None,
    words: str | None = None,
    dejitter: bool = True,
    *,
    word_table: Path | str | None = None,
    subject: str = "unknown",
    bads: Collection[str] = (),
) -> list[XdfRecording]:
    """The recordings of a file or a session: one, or one for each time that the stream came back different.

    meg, words : name, type or number of a stream, where the file has several.  A file's time begins with its first
    sample, that of a session is the session's own, as in its words.tsv.
    """
    path = Path(path)
    folder = path if path.is_dir() else None
    file = opened(path)
    parts = _meg(file, meg)
    session = folder is not None and (folder / WORDS).is_file() and words is None and word_table is None
    table = session_words(folder / WORDS) if folder and session else []
    found: list[XdfRecording] = []
    for part in parts:
        clock, notes = counted(file, part, dejitter)
        clock = clock if folder else clock.shifted(-clock.stretches[0].start)
        name = path.name.removesuffix(".xdf") + (f" part {len(found) + 1}" if len(parts) > 1 else "")
        chosen = channels.choose(part.header, bads)
        found.append(XdfRecording(file, part, clock, chosen, name=name, subject=subject, notes=[*file.notes, *notes]))
    if table:
        return _shared(found, table)
    if word_table is not None:
        _one(found, "a word table")
        told, notes = wordtable.read(word_table)
        return [found[0].with_words(told, notes)]
    return _marked(found, file, _words(file, words))


def opened(path: Path) -> XdfFile:
    """The XDF file of a path, which may be a session folder."""
    return XdfFile(path / RAW if path.is_dir() else path)


def heard_in(text: str) -> tuple[str, float | None]:
    """The word and its duration that a marker tells: as JSON with a key word or text, or as it stands."""
    text = wordtable.unquote(text)
    if text.startswith("{"):
        try:
            entry = json.loads(text)
        except (ValueError, RecursionError):
            return "", None
        if not isinstance(entry, dict):
            return "", None
        text = wordtable.unquote(str(entry.get("word", entry.get("text", ""))))
        duration = entry.get("duration")
        if not isinstance(duration, int | float) or not 0 < duration < math.inf:
            duration = None
        return _spoken(text), duration
    return _spoken(text), None


def _spoken(text: str) -> str:
    low = text.lower()
    return "" if low in wordtable.NO_WORDS or (low[0] == "<" and low[-1] == ">") else text


def _meg(file: XdfFile, wanted: str | None) -> list[Stream]:
    """The stream of the brain; several only where one stream came back under the same name."""
    numbers = [s for s in file.streams.values() if s.header.format != "string"]
    listed = ", ".join(f"{s.header.name} ({s.header.type})" for s in file.streams.values())[:300] or "none"
    if wanted is not None:
        fitting = [s for s in numbers if wanted in (s.header.name, s.header.type, str(s.number))]
        if not fitting:
            raise ValueError(f"{file.path.name} has no stream of numbers called {wanted}; it has {listed}")
    else:
        kinds = [[s for s in numbers if s.header.type.strip().lower() == kind] for kind in ("meg", "eeg")]
        fitting = kinds[0] or kinds[1]
        if not fitting:
            raise ValueError(
                f"{file.path.name} has no stream of type MEG or EEG; it has {listed} - name one with --meg-stream NAME"
            )
    full = [s for s in fitting if s.n_samples]
    if not full:
        raise ValueError(f"{file.path.name} holds no samples of {fitting[0].header.name}; was it recorded to the end?")
    spans = [common(np.array([s.since[0], s.until[-1]]), s.offsets) for s in full]
    if len({s.header.name for s in full}) > 1 or any(a[1] > b[0] for a, b in pairwise(spans)):
        raise ValueError(
            f"{file.path.name} has several streams that may be meant: {_named(full)}; name one with --meg-stream NAME"
        )
    still = [s for s in full if s.header.sfreq == 0]
    if still:
        raise ValueError(f"{still[0].header.name} in {file.path.name} has no sampling rate; it cannot be filtered")
    return full


def _words(file: XdfFile, wanted: str | None) -> Stream:
    """The stream of words: the one named, the only one, or the only one that looks like it."""
    texts = [s for s in file.streams.values() if s.header.format == "string"]
    listed = _named(texts)
    if wanted is not None:
        fitting = [s for s in texts if wanted in (s.header.name, s.header.type, str(s.number))]
        if not fitting:
            raise ValueError(f"{file.path.name} has no stream of text called {wanted}; it has {listed or 'none'}")
    else:
        fitting = [s for s in texts if s.n_samples]
        likely = [s for s in fitting if any(p in f"{s.header.name} {s.header.type}".lower() for p in PREFERRED)]
        fitting = likely if len(fitting) > 1 and likely else fitting
    if not fitting:
        raise NoWords(f"{file.path.name} comes without words: no stream of text; name a table with --word-table FILE")
    if len(fitting) > 1:
        raise ValueError(
            f"{file.path.name} has several streams that may hold the words: {_named(fitting)}; "
            "name one with --word-stream NAME"
        )
    return fitting[0]


def _named(streams: Sequence[Stream]) -> str:
    """Streams as a person can name them: by number where two bear one name."""
    names = [s.header.name for s in streams]
    told = [n if names.count(n) == 1 and n else f"{n} (number {s.number})" for n, s in zip(names, streams, strict=True)]
    return ", ".join(told)[:300]


def _marked(found: list[XdfRecording], file: XdfFile, stream: Stream) -> list[XdfRecording]:
    """The words of a stream of markers, each given to the recording in which it was heard."""
    markers = list(file.texts(stream))
    times = common(np.array([stamp for _, stamp in markers]), stream.offsets)
    told = sorted(
        ((float(time), *heard_in(text)) for (text, _), time in zip(markers, times, strict=True)), key=lambda row: row[0]
    )
    rows = [row for row in told if row[1] and math.isfinite(row[0])]
    if not rows:
        raise NoWords(f"{stream.header.name} in {file.path.name} holds no words ({len(markers)} markers)")
    notes = [f"{len(told) - len(rows)} markers are no words"] if len(rows) < len(told) else []
    begins = [recording.clock.stretches[0].times[0] for recording in found]
    moments = np.array([time for time, _, _ in rows])
    owner = np.maximum(np.searchsorted(begins, moments, side="right") - 1, 0)
    heard = []
    for k, recording in enumerate(found):
        own = np.flatnonzero(owner == k)
        onsets = recording.clock.place(moments[own]).tolist()
        share = [(onset, *rows[i][1:]) for onset, i in zip(onsets, own, strict=True)]
        heard.append(_with(recording, share, notes))
    return heard


def session_words(path: Path) -> list[Heard]:
    """The words of a session in the order of their numbers; in the table they stand as they became ready."""
    text = wordtable.text_of(path)
    rows = delimited.cells(text[: text.rfind("\n") + 1], path.name)  # the line that kill -9 left unfinished is left out
    if rows and not {"text", "onset"} <= set(rows[0]):
        raise ValueError(f"{path.name} lacks a column called text or onset; is it of a session?")
    heard: dict[float, Heard] = {}
    for line, row in enumerate(rows, start=2):
        try:
            onset, index = float(row["onset"]), float(row.get("index", line))
            duration = float(row["duration"]) if row.get("duration", "n/a") not in ("", "n/a") else None
        except ValueError:
            raise ValueError(f"{path.name}, line {line}: onset or duration is no number; is the file whole?") from None
        if math.isfinite(onset):
            heard[index] = (onset, row["text"], duration)
    return [heard[index] for index in sorted(heard)]


def _shared(found: list[XdfRecording], table: Sequence[Heard]) -> list[XdfRecording]:
    """The words of a session, each given to the part in whose time it lies."""
    begins = [recording.start for recording in found]
    shares: list[list[Heard]] = [[] for _ in found]
    for row in table:
        shares[max(sum(begin <= row[0] for begin in begins) - 1, 0)].append(row)
    return [_with(recording, share, []) for recording, share in zip(found, shares, strict=True)]


def _with(recording: XdfRecording, rows: Sequence[Heard], notes: Sequence[str]) -> XdfRecording:
    words = [Word(i, text, onset, duration) for i, (onset, text, duration) in enumerate(rows)]
    return recording.with_words(words, notes)


def _one(found: Sequence[XdfRecording], what: str) -> None:
    if len(found) > 1:
        raise ValueError(f"{what} belongs to one stretch of one stream; {found[0].path.name} has {len(found)} parts")
