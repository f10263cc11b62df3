"""A folder of recordings is checked before hours are spent on it: what is there, what is missing, what is skipped."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Unpack

from rtalign.core.recipe import Recipe
from rtalign.recordings.bids import stem
from rtalign.recordings.datasets.base import DataSet, DataSetEntry
from rtalign.recordings.datasets.registry import (
    data_set_of,
    describe_file,
    find_files,
    is_data_file,
    open_file,
    runs_of,
)
from rtalign.recordings.file_recording import FileRecording
from rtalign.recordings.open import OpenOptions, filters_of, open_recordings
from rtalign.recordings.quality.signal import check_signal, find_bad_values
from rtalign.recordings.word_tables.rows import NoWords
from rtalign.recordings.xdf.reader import XdfStream
from rtalign.recordings.xdf.streams import is_xdf, xdf_file

N_FILES_TO_RECOGNISE = 20
"""How many files of a folder are tried for the published set that they are of."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding about a file, a recording, a stream, a subject or the folder.

    Attributes
    ----------
    status : str
        ok, missing, skipped, broken or note.
    name : str
        The file, recording, stream or subject that it is about.
    text : str
        The finding, in words.
    seconds : float
        Of signal, where the status is ok.
    n_words, n_runs : int
        Where the status is ok; words that can be used.
    skipped : dict of str to int
        Words, and rows of the word table that are none, that cannot be used, by reason.
    """

    status: str
    name: str
    text: str
    seconds: float = 0.0
    n_words: int = 0
    n_runs: int = 0
    skipped: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FolderReport:
    """What a folder holds.

    Attributes
    ----------
    folder : Path
        The folder, or a file that is one recording.
    known : DataSetEntry or None
        The published set that it looks like.
    findings : tuple of Finding
        Files in natural order, then what concerns the whole folder.
    is_folder : bool
        Whether it is a folder of recordings, not one recording.
    """

    folder: Path
    known: DataSetEntry | None
    findings: tuple[Finding, ...]
    is_folder: bool = True

    @property
    def seconds(self) -> float:
        """Of signal that can be used."""
        return sum(finding.seconds for finding in self.findings if finding.status == "ok")

    @property
    def n_words(self) -> int:
        """Words that can be used."""
        return sum(finding.n_words for finding in self.findings if finding.status == "ok")

    @property
    def skipped(self) -> Counter[str]:
        """What cannot be used of the same runs, by reason, as results count it."""
        return sum((Counter(finding.skipped) for finding in self.findings), Counter())

    @property
    def n_runs(self) -> int:
        """Runs that can be used."""
        return sum(finding.n_runs for finding in self.findings if finding.status == "ok")

    @property
    def usable(self) -> bool:
        """Whether there is anything to train on, and no file is broken."""
        return self.n_words > 0 and not any(finding.status == "broken" for finding in self.findings)


def check_folder(
    folder: Path,
    *,
    recipe: Recipe | None = None,
    signal: bool = False,
    progress: Callable[[int, int], None] | None = None,
    **options: Unpack[OpenOptions],
) -> FolderReport:
    """Open every recording of a folder; the signal is read through only where it is asked for.

    Parameters
    ----------
    folder : Path
        A data set's folder, or one recording.
    recipe : Recipe, optional
        Says which words can be used: those with signal at all of its lags, behind the warm-up of its filters.  By
        default that of live banks.
    signal : bool
        Whether to look for flat and broken sensors, wrong units and bad values; each recording is read as a whole.
        Without it words around bad values count as usable.
    progress : callable, optional
        Called after each file with how many are done, and of how many.
    **options : OpenOptions
        Which recordings are meant; a word table and the choice of streams are used for one recording alone.

    Returns
    -------
    FolderReport
    """
    if not folder.exists():
        raise FileNotFoundError(f"there is no folder {folder}")
    how = _How(recipe or Recipe(), signal)
    if is_xdf(folder) or is_data_file(folder) or folder.is_file():
        return _check_one(folder, how, progress, options)
    filters = filters_of(options)
    files, empty_room = find_files(folder, filters)
    findings = []
    for done, file in enumerate(files, start=1):
        findings += _check_file(file, partial(_open, options=options), how)
        if progress:
            progress(done, len(files))
    findings += [Finding("skipped", name, "is of an empty room") for name in empty_room]
    data_set = _recognise(files)
    if data_set is not None and not filters:
        findings += [Finding("missing", name, text) for name, text in data_set.missing(files)]
    return FolderReport(folder, None if data_set is None else data_set.entry, tuple(findings))


@dataclass(frozen=True, slots=True)
class _How:
    """How files are checked."""

    recipe: Recipe
    signal: bool


def _check_one(
    path: Path, how: _How, progress: Callable[[int, int], None] | None, options: OpenOptions
) -> FolderReport:
    """A path that is one recording."""
    findings = _check_file(path, lambda file: open_recordings(file, **options), how)
    if progress:
        progress(1, 1)
    if is_xdf(path):
        findings += _check_streams(path)
    data_set = _recognise([path]) if is_data_file(path) else None
    return FolderReport(path, None if data_set is None else data_set.entry, tuple(findings), is_folder=False)


def _recognise(files: Sequence[Path]) -> DataSet | None:
    """The published set that the first files look like."""
    sets = (data_set_of(describe_file(file)) for file in files[:N_FILES_TO_RECOGNISE])
    return next((data_set for data_set in sets if data_set is not None), None)


def _open(file: Path, options: OpenOptions) -> list[FileRecording]:
    """What a file of a data set holds, cut down to the runs that are asked for where they lie inside it."""
    filters = filters_of(options)
    recordings = open_file(describe_file(file, filters=filters))
    return runs_of(recordings, filters, file) if len(recordings) > 1 else recordings


def _check_streams(path: Path) -> list[Finding]:
    """What an XDF file holds, stream by stream; nothing where it cannot be read, which is its recording's finding."""
    try:
        streams = xdf_file(path).streams.values()
    except (ValueError, OSError):
        return []
    return [_describe_stream(stream) for stream in streams]


def _describe_stream(stream: XdfStream) -> Finding:
    header = stream.header
    holds = f"{header.n_channels} channels at {header.sfreq:g} Hz, {stream.n_samples:,} samples"
    if header.format == "string":
        holds = f"text, {stream.n_samples:,} markers"
    elif stream.n_samples:
        holds += f", {stream.until[-1] - stream.since[0]:.1f} s"
    text = f"type {header.type or 'unknown'}, number {stream.number}, {holds}"
    return Finding("note", f"stream {header.name or 'without a name'}", text)


def _check_file(file: Path, open_one: Callable[[Path], Sequence[FileRecording]], how: _How) -> list[Finding]:
    """What one file holds, or why it cannot be used."""
    name = stem(file)
    if file.is_symlink() and not file.exists():
        return [Finding("missing", name, f"{file.name} is named here but its content is not; fetch it (datalad get)")]
    try:
        recordings = open_one(file)
    except NoWords as error:
        return [Finding("skipped", name, str(error))]
    except (ValueError, OSError) as error:
        return [Finding("broken", name, " ".join(str(error).split()))]
    from rtalign.recordings.usable_words import expected_signal, usable_words  # with filters, which need scipy

    try:
        signals = [expected_signal(recording, how.recipe, how.signal) for recording in recordings]
    except (ValueError, OSError) as error:  # a rate that the recipe's filters cannot be built for, or no samples there
        status = "skipped" if isinstance(error, ValueError) else "broken"
        return [Finding(status, name, " ".join(str(error).split()))]
    usable = [usable_words(r, known, how.recipe) for r, known in zip(recordings, signals, strict=True)]
    words, skipped = sum(len(used) for used, _ in usable), sum((lost for _, lost in usable), Counter())
    seconds = sum(r.seconds for r in recordings)
    sensors = f"{len(recordings[0].sensors)} sensors at {recordings[0].sfreq:g} Hz"
    findings = [Finding("ok", name, sensors, seconds, words, len(recordings), dict(skipped))]
    notes = [(recording.name, note) for recording in recordings for note in recording.notes]
    findings += [Finding("note", run, note) for run, note in notes if not re.match(r"\d+ rows of the word table", note)]
    if how.signal:
        try:
            faults = [(r.name, fault) for r in recordings for fault in (*check_signal(r), *find_bad_values(r))]
            findings += [Finding("note", name, fault) for name, fault in faults]
        except (ValueError, OSError) as error:
            findings.append(Finding("broken", name, " ".join(str(error).split())))
    return findings
