"""Armeni 2022: ten hours of Sherlock Holmes in three heads, several runs inside every session's recording."""

from __future__ import annotations

from pathlib import Path

from rtalign.recordings import bids_names
from rtalign.recordings.datasets import multi_run
from rtalign.recordings.datasets.base import Told
from rtalign.recordings.formats.mne_recording import MneRecording
from rtalign.recordings.word_tables.row import NoWords

TASK = "compr"
RUNS = {1: 7, 2: 7, 4: 8, 6: 7, 8: 7}
"""Runs of a session where they are not six."""

RESTARTED = {(3, 8): "sub-003 ses-008 was restarted in the middle"}
BAD = {(3, 4): ("MRC23", "MLO22", "MLC23"), (3, 3): ("MRP57",)}
"""Channels that the data set's own notes call bad."""

FAULTS = {
    (3, 1): "its recording began about 8.4 s late: words before it are left out",
    (3, 3): "known fault: spikes on MRP57, left out",
    (3, 4): "known fault: bad channels MRC23, MLO22 and MLC23, left out; the printed MRP5 is no sensor of this helmet",
    (2, 3): "known fault: broken rows in its scans.tsv, which is not read",
    (3, 9): "known fault: broken rows in its scans.tsv, which is not read",
}
DRIFTS = "slow drifts in several runs of this data set: chain.highpass_hz = 0.5 is advised where they matter"


def fits(told: Told) -> bool:
    """Whether an events table tells several runs of one recording apart, as this data set's do."""
    return told.table is not None and "run" not in told.labels and multi_run.is_inside(told.table)


def recordings(told: Told) -> list[MneRecording]:
    """The runs of a session as recordings of their own, the repeated snippets left out."""
    return _parts(told)[0]


def repeats(told: Told) -> list[MneRecording]:
    """The repeated snippets of a session, without words: the same 30 s of sound each time, for a noise ceiling."""
    return _parts(told)[1]


def skipped(told: Told) -> str:
    """Why a session is left out unless a person names it; nothing for all others."""
    fault = RESTARTED.get(_key(told), "") if _is_published(told) else ""
    return f"{fault}; name it with --session {told.labels.get('ses')} to read it" if fault else ""


def known_bads(told: Told) -> tuple[str, ...]:
    """The channels known to be bad in a session of the published data."""
    return BAD.get(_key(told), ()) if _is_published(told) else ()


def faults(told: Told) -> list[str]:
    """What is known of a session of the published data."""
    if not _is_published(told):
        return []
    known = {**FAULTS, **{key: f"known fault: {text}" for key, text in RESTARTED.items()}}
    return [known[_key(told)]] if _key(told) in known else []


def published_runs(told: Told) -> range:
    """The numbers of the runs that a session has where the data set is whole; none for other data."""
    return range(1, RUNS.get(told.number("ses"), 6) + 1) if _is_published(told) else range(0)


def _parts(told: Told) -> tuple[list[MneRecording], list[MneRecording]]:
    table = told.table
    assert table is not None
    if (reason := skipped(told)) and not told.was_asked("session", "ses"):
        raise NoWords(reason)
    whole = MneRecording(told.file, subject=told.person, bads={*told.bads, *known_bads(told)})
    runs, snippets, notes = multi_run.cut(multi_run.read(table), whole.seconds, table)
    if not runs:
        raise NoWords(f"{table.name} has no run with words in the signal: {'; '.join(notes) or 'no row says word'}")
    name = bids_names.stem(told.file)
    common = [*_session_notes(told, {run.run for run in runs}, len(snippets)), *notes, *whole.notes]
    stories = []
    for run in runs:
        notes = [*run.notes, *(common if run is runs[0] else [])]
        stories.append(whole.span(run.start, run.stop, run.words, name=f"{name}_run-{run.run}", notes=notes))
        stories[-1].sound_s = run.sound
    heard = [
        whole.span(part.start, part.stop, name=f"{name}_repeat-{k}", notes=()) for k, part in enumerate(snippets, 1)
    ]
    return stories, heard


def _session_notes(told: Told, runs: set[int], n_snippets: int) -> list[str]:
    """What is said once a session, with its first run."""
    notes = faults(told)
    lacking = [str(run) for run in published_runs(told) if run not in runs]
    if lacking:
        notes.append(f"{len(runs)} of {len(published_runs(told))} published runs; without run {', '.join(lacking)}")
    if n_snippets:
        notes.append(f"{n_snippets} repeats of the 30 s snippet are no part of the story, kept as noise ceiling")
    if _is_published(told) and told.number("ses") <= 1:
        notes.append(DRIFTS)
    return notes


def _key(told: Told) -> tuple[int, int]:
    return told.number("sub"), told.number("ses")


def _is_published(told: Told) -> bool:
    """The task and the three people of the published set: known faults are of these recordings alone."""
    return told.labels.get("task") == TASK and 1 <= told.number("sub") <= 3 and 1 <= told.number("ses") <= 10


def sound(told: Told, run: int) -> Path | None:
    """The wav of a run, where the data set has it here: stimuli/{session}_{run}.wav."""
    root = bids_names.folders(told.file)[-1]
    file = root / "stimuli" / f"{told.number('ses'):02d}_{run}.wav"
    return file if file.is_file() else None
