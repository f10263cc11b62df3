"""Armeni 2022: ten hours of Sherlock Holmes in three heads, several runs inside every session's recording."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rtalign.core.records import Word
from rtalign.recordings.bids import folders, stem
from rtalign.recordings.datasets.base import DataFile, DataSet, DataSetEntry
from rtalign.recordings.formats.mne_recording import MneRecording
from rtalign.recordings.word_tables.delimited import read_table, read_text
from rtalign.recordings.word_tables.rows import NoWords, Row, parse_onset, unquote, words_from_rows

TASK = "compr"
N_SUBJECTS, N_SESSIONS = 3, 10
RUNS = {1: 7, 2: 7, 4: 8, 6: 7, 8: 7}
"""Runs of a session where they are not six."""

RESTARTED = {(3, 8): "sub-003 ses-008 was restarted in the middle"}
BAD_CHANNELS = {(3, 4): ("MRC23", "MLO22", "MLC23"), (3, 3): ("MRP57",)}
"""What the data set's own notes call bad."""

FAULTS = {
    (3, 1): "its recording began about 8.4 s late: words before it are left out",
    (3, 3): "known fault: spikes on MRP57, left out",
    (3, 4): "known fault: bad channels MRC23, MLO22 and MLC23, left out; the printed MRP5 is no sensor of this helmet",
    (2, 3): "known fault: broken rows in its scans.tsv, which is not read",
    (3, 9): "known fault: broken rows in its scans.tsv, which is not read",
    **{session: f"known fault: {text}" for session, text in RESTARTED.items()},
}
DRIFTS = "slow drifts in several runs of this data set: chain.highpass_hz = 0.5 is advised where they matter"

WORD_TYPE = re.compile(r"word_onset_(\d+)$", re.IGNORECASE)
SOUND_TYPE = "wav_onset"
SNIPPET, SNIPPET_S = 100, 30.0
"""The trigger of the sound that every session repeats, and how long it is."""

MARGIN_S = 10.0
"""How much of the silence around a run is taken with it, for the filters to settle in."""


class Armeni2022(DataSet):
    """Sessions whose events table marks several runs of one recording.  Faults of the published sessions are known."""

    entry = DataSetEntry(
        key="armeni2022",
        name="Armeni et al. 2022, Sherlock Holmes",
        people=N_SUBJECTS,
        hours="10 per participant",
        language="English",
        machine="CTF, 275 axial gradiometers, 1200 Hz",
        licence="RU-DI-HD-1.0: not to be passed on",
        size="about 50 GB per participant",
        place="Radboud Data Repository, collection DSC_3011085.05_995",
        how="log in there with your own account, accept the data use agreement yourself, download the collection",
        layout="sub-00N/ses-00N/meg/..._task-compr_meg.ds with ..._events.tsv, and stimuli/",
    )

    def find_files(self, path: Path) -> list[Path]:
        """None: it is laid out as BIDS."""
        return []

    def fits(self, file: DataFile) -> bool:
        """Whether an events table marks several runs of one recording, as this data set's do."""
        if file.table is None or "run" in file.labels:
            return False
        return bool(re.search(r"\bword_onset_\d", read_text(file.table)))

    def recordings(self, file: DataFile) -> list[MneRecording]:
        """The runs of a session as recordings of their own, the repeated snippets left out."""
        if (reason := _reason_to_skip(file)) and not file.is_asked_for("session"):
            raise NoWords(reason)
        return _split(file)[0]

    def repeats(self, file: DataFile) -> list[MneRecording]:
        """The repeated snippets of a session: the same 30 s of sound each time."""
        return _split(file)[1] if not _reason_to_skip(file) or file.is_asked_for("session") else []

    def wav(self, file: DataFile, recording: str) -> Path | None:
        """The wav of a run: stimuli/SESSION_RUN.wav."""
        run = re.search(r"_run-(\d+)", recording)
        path = folders(file.path)[-1] / "stimuli" / f"{file.number('ses'):02d}_{int(run[1]) if run else 0}.wav"
        return path if path.is_file() else None

    def known_bads(self, file: DataFile) -> Sequence[str]:
        """The channels that the data set's own notes call bad."""
        return BAD_CHANNELS.get(_session(file), ()) if _is_published(file) else ()

    def known_faults(self, file: DataFile) -> Sequence[str]:
        """The known fault of a session of the published data."""
        return [FAULTS[_session(file)]] if _is_published(file) and _session(file) in FAULTS else []

    def missing(self, files: Sequence[Path]) -> list[tuple[str, str]]:
        """Sessions that are not here, of the subjects who are."""
        present: dict[int, set[int]] = {}
        for file in map(DataFile, files):
            if _is_published(file):
                present.setdefault(file.number("sub"), set()).add(file.number("ses"))
        missing = []
        for subject, sessions in sorted(present.items()):
            if absent := [f"{session:03d}" for session in range(1, N_SESSIONS + 1) if session not in sessions]:
                text = f"{len(absent)} of {N_SESSIONS} sessions are not here: {', '.join(absent)}"
                missing.append((f"sub-{subject:03d}", text))
        return missing


# ---- the runs of a session


@dataclass(frozen=True, slots=True)
class SessionEvents:
    """What an events table holds.

    Attributes
    ----------
    words : dict from int to list of Row
        The rows of words by run.
    sounds : tuple of (float, int)
        When each sound began, and its trigger value, in order of time.
    """

    words: dict[int, list[Row]]
    sounds: tuple[tuple[float, int], ...]


@dataclass(frozen=True, slots=True)
class RunSpan:
    """The part of a recording in which one sound was played.

    Attributes
    ----------
    run : int
        Its number; 0 for the repeated snippet.
    start, stop : float
        In seconds of the recording.
    words : tuple of Word
        On the time of the recording.
    notes : tuple of str
        What a user should know of it.
    sound_onset : float or None
        When its sound began, by the trigger.
    """

    run: int
    start: float
    stop: float
    words: tuple[Word, ...] = ()
    notes: tuple[str, ...] = ()
    sound_onset: float | None = None


def read_events(path: Path) -> SessionEvents:
    """Read the rows of an events table, in whatever order they are."""
    table = read_table(path)
    if table.lacks("onset", "type", "value"):
        raise ValueError(f"{path.name} lacks a column called onset, type or value; is it an events table?")
    words: dict[int, list[Row]] = {}
    sounds = []
    runs: dict[str, int | None] = {}  # there are few types in many rows: each is parsed once
    for line, (onset, duration, kind, value) in table.cells("onset", "duration", "type", "value"):
        if kind not in runs:
            runs[kind] = _run_of_type(kind)
        if (run := runs[kind]) is None:
            continue
        row = Row(onset, duration, value, line)
        if run:
            words.setdefault(run, []).append(row)
        elif (trigger := _trigger_value(row)) is not None:
            sounds.append((parse_onset(row, path), trigger))
    return SessionEvents(dict(sorted(words.items())), tuple(sorted(sounds)))


def split_session(events: SessionEvents, seconds: float, path: Path) -> tuple[list[RunSpan], list[RunSpan], list[str]]:
    """Split a session into its runs and the repeated snippets.

    No two spans share signal: the silence between two is halved, and at most MARGIN_S of it is taken.

    Parameters
    ----------
    events : SessionEvents
        The words and the triggers.
    seconds : float
        How long the recording is.
    path : Path
        The events table, for messages.

    Returns
    -------
    runs, snippets : list of RunSpan
        In order of time.
    notes : list of str
        What was left out.
    """
    notes: list[str] = []
    snippets = [RunSpan(0, time, time + SNIPPET_S) for time, value in events.sounds if value == SNIPPET]
    runs = []
    for run, rows in events.words.items():
        try:
            span = _span_of_run(run, rows, events, snippets, path)
        except NoWords as error:
            notes.append(f"run {run} skipped: {error}")
            continue
        first = span.words[0].onset
        if first >= seconds:
            notes.append(f"run {run} skipped: its words lie from {first:.1f} s on, the signal ends before")
        else:
            runs.append(span)
    whole = [snippet for snippet in snippets if snippet.stop <= seconds]
    if len(whole) < len(snippets):
        notes.append(f"{len(snippets) - len(whole)} repeated snippets are cut off by the end of the signal")
    return _with_margins(runs, snippets, seconds, path), whole, notes


def _split(file: DataFile) -> tuple[list[MneRecording], list[MneRecording]]:
    """The runs and the snippets of a session."""
    table = file.table
    assert table is not None
    session = MneRecording(file.path, subject=file.participant, bads=file.bads)
    spans, snippets, notes = split_session(read_events(table), session.seconds, table)
    if not spans:
        raise NoWords(f"{table.name} has no run with words in the signal: {'; '.join(notes) or 'no row says word'}")
    name = stem(file.path)
    session_notes = [*_session_notes(file, {span.run for span in spans}, len(snippets)), *notes, *session.notes]
    runs = []
    for span in spans:
        notes = [*span.notes, *(session_notes if span is spans[0] else [])]
        runs.append(session.span(span.start, span.stop, span.words, name=f"{name}_run-{span.run}", notes=notes))
        runs[-1].sound_onset = span.sound_onset
    repeats = [session.span(s.start, s.stop, name=f"{name}_repeat-{k}") for k, s in enumerate(snippets, 1)]
    return runs, repeats


def _session_notes(file: DataFile, runs: set[int], n_snippets: int) -> list[str]:
    """What is noted once a session, with its first run."""
    n_published = RUNS.get(file.number("ses"), 6) if _is_published(file) else 0
    published = range(1, n_published + 1)
    notes = []
    lacking = [str(run) for run in published if run not in runs]
    if lacking:
        notes.append(f"{len(runs)} of {len(published)} published runs; without run {', '.join(lacking)}")
    if n_snippets:
        notes.append(f"{n_snippets} repeats of the 30 s snippet are no part of the story, kept as noise ceiling")
    if _is_published(file) and file.number("ses") == 1:
        notes.append(DRIFTS)
    return notes


def _span_of_run(
    run: int, rows: Sequence[Row], events: SessionEvents, snippets: Iterable[RunSpan], path: Path
) -> RunSpan:
    """A run from its trigger, or its first word, to the end of its last word."""
    words, notes = words_from_rows(rows, path)
    kept = [word for word in words if word.onset >= 0]
    if len(kept) < len(words):
        notes.append(f"{len(words) - len(kept)} words began before the recording; left out")
    inside = {word.index for word in kept for s in snippets if s.start <= word.onset < s.stop}
    if inside:
        notes.append(f"{len(inside)} words lie in the repeated snippet; left out of the story")
        kept = [word for word in kept if word.index not in inside]
    if not kept:
        raise NoWords(f"none of its {len(words)} words was recorded in a story")
    kept = [Word(i, word.text.lower(), word.onset, word.duration) for i, word in enumerate(kept)]
    triggers = [time for time, value in events.sounds if value == 10 * run]
    if not triggers:
        notes.append("its sound has no trigger; taken from its first word on")
    elif len(triggers) > 1:
        notes.append(f"its sound began {len(triggers)} times, last at {max(triggers):.1f} s")
    sound_onset = max((time for time in triggers if time <= kept[0].onset), default=None)
    start = kept[0].onset if sound_onset is None else sound_onset
    stop = max(word.onset + (word.duration or 0.0) for word in kept)
    return RunSpan(run, start, stop, tuple(kept), tuple(n for n in notes if "capitals" not in n), sound_onset)


def _with_margins(runs: list[RunSpan], snippets: list[RunSpan], seconds: float, path: Path) -> list[RunSpan]:
    """The runs with the silence around them, in order of time."""
    spans = sorted([*runs, *snippets], key=lambda span: span.start)
    widened = []
    for k, span in enumerate(spans):
        before = spans[k - 1] if k else None
        after = spans[k + 1] if k + 1 < len(spans) else None
        if after and span.words and after.run and after.start < span.words[-1].onset:
            raise ValueError(
                f"{path.name}: run {after.run} begins at {after.start:.1f} s, before the last word of "
                f"run {span.run} at {span.words[-1].onset:.1f} s; is the table whole?"
            )
        room = (span.start - before.stop) / 2 if before else math.inf
        start = max(span.start - min(max(room, 0.0), MARGIN_S), 0.0)
        room = (after.start - span.stop) / 2 if after else math.inf
        stop = min(span.stop + min(max(room, 0.0), MARGIN_S), seconds, after.start if after else seconds)
        if span.run:
            widened.append(replace(span, start=start, stop=stop))
    return widened


def _run_of_type(kind: str) -> int | None:
    """The run whose words a type marks, 0 for the beginning of a sound; None for all else."""
    kind = unquote(kind)
    if match := WORD_TYPE.match(kind):
        return int(match[1]) or None
    return 0 if kind.lower() == SOUND_TYPE else None


def _trigger_value(row: Row) -> int | None:
    """The value of a trigger; None where it is no number."""
    try:
        value = float(unquote(row.text))
    except ValueError:
        return None
    return int(value) if value == value and abs(value) < 1e6 else None


# ---- the published sessions


def _session(file: DataFile) -> tuple[int, int]:
    return file.number("sub"), file.number("ses")


def _is_published(file: DataFile) -> bool:
    """Whether a file has the task, subject and session of the published set: known faults are of these alone."""
    subject, session = _session(file)
    return file.labels.get("task") == TASK and 1 <= subject <= N_SUBJECTS and 1 <= session <= N_SESSIONS


def _reason_to_skip(file: DataFile) -> str:
    """Why a session is left out unless the user names it; empty for all others."""
    fault = RESTARTED.get(_session(file), "") if _is_published(file) else ""
    return f"{fault}; name it with --session {file.labels.get('ses')} to read it" if fault else ""
