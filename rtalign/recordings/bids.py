"""BIDS: the MEG recordings of a data set in this layout, each with its words and its bad channels."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path

from rtalign.recordings.bids_names import entities, filtered, natural, sidecar
from rtalign.recordings.datasets import registry
from rtalign.recordings.datasets.base import Told
from rtalign.recordings.formats.mne_file import is_signal
from rtalign.recordings.formats.mne_recording import MneRecording
from rtalign.recordings.word_tables.row import NoWords

NO_STORY = re.compile(r"noise|empty", re.IGNORECASE)


def find(
    root: Path | str,
    subject: str | None = None,
    session: str | None = None,
    task: str | None = None,
    run: str | None = None,
    *,
    bads: Collection[str] = (),
) -> list[MneRecording]:
    """Every run with words, in natural order.  A filter is a label, or several with commas between.

    Runs without words are skipped; the first recording's notes name them.
    """
    root = Path(root)
    wanted = {"subject": subject, "session": session, "task": task, "run": run}
    asked = {key: value for key, value in wanted.items() if value is not None}
    files, skipped = chosen(root, asked)
    found: list[MneRecording] = []
    wordless: list[str] = []
    for file in files:
        try:
            found += stories(file, bads=bads, asked=asked)
        except NoWords as error:
            wordless.append(str(error))
    if not found:
        more = f" (and {len(wordless) - 1} more runs like it)" if len(wordless) > 1 else ""
        raise NoWords(wordless[0] + more)
    if "run" in asked:
        found = only_run(found, asked["run"], root)
    found[0].notes = (*(f"run skipped: {note}" for note in (*skipped, *wordless)), *found[0].notes)
    return found


def chosen(root: Path, asked: Mapping[str, str]) -> tuple[list[Path], list[str]]:
    """The files that pass the filters, and notes on those that are no recordings of people.

    A run is looked for among the files where their names tell runs; else it may lie inside them.
    """
    files, skipped = _people(recordings(root), root)
    filters = {what: labels for what, labels in asked.items() if what != "run"}
    files = filtered(files, lambda file: file.name, filters, root)
    if "run" in asked and any("run" in entities(file) for file in files):
        files = filtered(files, lambda file: file.name, {"run": asked["run"]}, root)
    return files, skipped


def recordings(root: Path) -> list[Path]:
    """Every MEG file of a data set in natural order, calibration files and the later parts of split files left out."""
    if not root.is_dir():
        raise FileNotFoundError(f"there is no folder {root}")
    people = [root] if root.name.startswith("sub-") else sorted(root.glob("sub-*"))
    if not any(person.is_dir() for person in people):
        raise ValueError(f"{root} is no BIDS data set: it holds no folder sub-...; name the data set's top folder")
    found = [
        file
        for person in people
        for pattern in ("meg/*_meg.*", "ses-*/meg/*_meg.*", "meg/*_meg", "ses-*/meg/*_meg")
        for file in person.glob(pattern)
        if is_signal(file) and _is_first_part(file)
    ]
    if not found:
        raise ValueError(f"{root} holds no MEG file: none called sub-.../[ses-.../]meg/..._meg.fif, .ds, .con or .sqd")
    return sorted(set(found), key=lambda file: natural(str(file.relative_to(root))))


def stories(
    file: Path,
    *,
    subject: str | None = None,
    table: Path | None = None,
    bads: Collection[str] = (),
    asked: Mapping[str, str] | None = None,
) -> list[MneRecording]:
    """The recordings in one file, with the words of its events table or of another, without channels marked bad.

    One, unless the events table tells several runs inside the file apart.
    """
    told = tell(file, subject=subject, table=table, bads=bads, asked=asked)
    return registry.reader(told)(told)


def tell(
    file: Path,
    *,
    subject: str | None = None,
    table: Path | None = None,
    bads: Collection[str] = (),
    asked: Mapping[str, str] | None = None,
) -> Told:
    """What is known of a file before it is opened."""
    told = Told(file, table or sidecar(file, "events.tsv"), frozenset(bads), subject, asked)
    return replace(told, bads=told.bads | registry.bad_channels(told))


def only_run(found: list[MneRecording], run: str, place: Path) -> list[MneRecording]:
    """The recordings of a run, or of several with commas between."""
    return filtered(found, lambda one: one.name, {"run": run}, place)


def _is_first_part(file: Path) -> bool:
    """Not a calibration file, nor a later part of a split recording, which its first part leads to."""
    labels = entities(file)
    return labels.get("acq") not in ("crosstalk", "calibration") and int(labels.get("split", "1")) == 1


def _people(files: list[Path], root: Path) -> tuple[list[Path], list[str]]:
    """The recordings of people, and the names of those of an empty room."""
    empty = [
        file for file in files if any(NO_STORY.search(entities(file).get(key, "")) for key in ("sub", "task", "acq"))
    ]
    heard = [file for file in files if file not in empty]
    if not heard:
        raise ValueError(f"{root} holds recordings of an empty room alone: {', '.join(f.name for f in empty[:3])}")
    return heard, [f"{file.name} is of an empty room" for file in empty]
