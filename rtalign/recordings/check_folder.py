"""A folder of recordings looked through before hours are spent: what is there, what is missing, what is skipped."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from rtalign.recordings import bids, bids_names
from rtalign.recordings.datasets import armeni, libribrain, registry
from rtalign.recordings.datasets.catalogue import BY_KEY, DataSet
from rtalign.recordings.formats.mne_file import is_signal
from rtalign.recordings.open import open_recordings
from rtalign.recordings.quality.signal import check_signal
from rtalign.recordings.word_tables.row import NoWords
from rtalign.recordings.xdf import streams as xdf

SESSIONS = 10


@dataclass(frozen=True, slots=True)
class Line:
    """One finding.  status : ok, missing, skipped, broken or note."""

    status: str
    what: str
    why: str
    seconds: float = 0.0
    n_words: int = 0
    n_runs: int = 0


@dataclass(frozen=True, slots=True)
class Checked:
    """What a folder holds.  known : the published set it looks like, if any."""

    folder: Path
    known: DataSet | None
    lines: tuple[Line, ...]
    is_set: bool = True
    """Whether it is a folder of recordings, not one recording."""

    def total(self, field: str) -> float:
        return float(sum(getattr(line, field) for line in self.lines if line.status == "ok"))

    @property
    def usable(self) -> bool:
        """Whether there is anything to train on, and nothing in the way of it."""
        return self.total("n_words") > 0 and not any(line.status == "broken" for line in self.lines)


def check(
    folder: Path,
    *,
    signal: bool = False,
    tell: Callable[[int, int], None] | None = None,
    asked: Mapping[str, str] | None = None,
    how: Mapping[str, Any] | None = None,
) -> Checked:
    """Every file opened, none read through.

    signal : also look for flat and broken sensors in a sample of each.  tell : told how many files of all are done.
    asked : filters by subject, session, task or run.  how : what a single file is opened with, its word table for one.
    """
    if not folder.exists():
        raise FileNotFoundError(f"there is no folder {folder}")
    lines: list[Line] = []
    opened: Callable[[Path], Sequence[Any]] = partial(_stories, asked=asked or {})
    single = xdf.is_xdf(folder) or is_signal(folder) or folder.is_file()
    if single:
        files, key = [folder], registry.key(bids.tell(folder)) if is_signal(folder) else ""
        lines = _streams(folder) if xdf.is_xdf(folder) else []
        opened = partial(open_recordings, **(how or {}))
    elif libribrain.is_libribrain(folder):
        files, key = bids_names.filtered(libribrain.files(folder), lambda f: f.name, asked or {}, folder), "libribrain"
    else:
        files, skipped = bids.chosen(folder, asked or {})
        key = next((name for file in files[:20] if (name := registry.key(bids.tell(file)))), "")
        lines = [Line("skipped", file.split(" is ")[0], "is " + file.split(" is ")[1]) for file in skipped]
    found = []
    for done, file in enumerate(files, start=1):
        found += _file(file, opened, signal)
        if tell:
            tell(done, len(files))
    return Checked(
        folder, BY_KEY.get(key), (*found, *lines, *([] if single or asked else _lacking(files, key))), not single
    )


def _stories(file: Path, asked: Mapping[str, str]) -> Sequence[Any]:
    """What a file of a data set holds, cut down to the runs that were asked for where they lie inside it."""
    if libribrain.is_libribrain(file):
        return [libribrain.recording(file)]
    found = bids.stories(file, asked=asked)
    return bids.only_run(found, asked["run"], file) if "run" in asked and len(found) > 1 else found


def _streams(path: Path) -> list[Line]:
    """What an XDF file holds, stream by stream; nothing where it cannot be read, which its recording tells."""
    try:
        streams = xdf.opened(path).streams.values()
    except (ValueError, OSError):
        return []
    lines = []
    for stream in streams:
        told = stream.header
        holds = f"{told.n_channels} channels at {told.sfreq:g} Hz, {stream.n_samples:,} samples"
        if told.format == "string":
            holds = f"text, {stream.n_samples:,} markers"
        elif stream.n_samples:
            holds += f", {stream.until[-1] - stream.since[0]:.1f} s"
        why = f"type {told.type or 'unknown'}, number {stream.number}, {holds}"
        lines.append(Line("note", f"stream {told.name or 'without a name'}", why))
    return lines


def _file(file: Path, opened: Callable[[Path], Sequence[Any]], signal: bool) -> list[Line]:
    """What one file gives, or why it gives nothing."""
    name = bids_names.stem(file)
    if file.is_symlink() and not file.exists():
        return [Line("missing", name, f"{file.name} is named here but its content is not; fetch it (datalad get)")]
    try:
        found = opened(file)
    except NoWords as error:
        return [Line("skipped", name, str(error))]
    except (ValueError, OSError) as error:
        return [Line("broken", name, " ".join(str(error).split()))]
    seconds, words = sum(r.seconds for r in found), sum(len(r.words) for r in found)
    sensors = f"{len(found[0].sensors)} sensors at {found[0].sfreq:g} Hz"
    lines = [Line("ok", name, sensors, seconds, words, len(found))]
    notes = [(recording.name, note) for recording in found for note in recording.notes]
    lines += [Line("note", who, note) for who, note in notes if not re.match(r"\d+ rows of the word table", note)]
    if signal:
        try:
            lines += [Line("note", r.name, fault) for r in found for fault in check_signal(r)]
        except (ValueError, OSError) as error:
            lines.append(Line("broken", name, " ".join(str(error).split())))
    return lines


def _lacking(files: Sequence[Path], key: str) -> list[Line]:
    """Sessions that the published set has and the folder has not, for the people who are there."""
    if key != "armeni2022":
        return []
    told = [bids.tell(file) for file in files]
    there: dict[int, set[int]] = {}
    for one in told:
        if armeni.published_runs(one):
            there.setdefault(one.number("sub"), set()).add(one.number("ses"))
    lines = []
    for person, sessions in sorted(there.items()):
        if gone := [f"{session:03d}" for session in range(1, SESSIONS + 1) if session not in sessions]:
            why = f"{len(gone)} of {SESSIONS} sessions are not here: {', '.join(gone)}"
            lines.append(Line("missing", f"sub-{person:03d}", why))
    return lines
