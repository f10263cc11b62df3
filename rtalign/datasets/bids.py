"""BIDS: the MEG recordings of a data set in this layout, each with its words and its bad channels."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from pathlib import Path

from rtalign.datasets import delimited, wordtable
from rtalign.datasets.mnefile import is_signal
from rtalign.datasets.mneraw import MneRecording
from rtalign.datasets.rows import NoWords

ENTITIES = {"subject": "sub", "session": "ses", "task": "task", "run": "run"}
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
    files, skipped = _stories(recordings(root), root)
    files = _filtered(files, {key: value for key, value in wanted.items() if value is not None}, root)
    found: list[MneRecording] = []
    wordless: list[str] = []
    for file in files:
        try:
            found.append(recording(file, bads=bads))
        except NoWords as error:
            wordless.append(str(error))
    if not found:
        more = f" (and {len(wordless) - 1} more runs like it)" if len(wordless) > 1 else ""
        raise NoWords(wordless[0] + more)
    found[0].notes = (*(f"run skipped: {note}" for note in (*skipped, *wordless)), *found[0].notes)
    return found


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


def recording(
    file: Path, *, subject: str | None = None, table: Path | None = None, bads: Collection[str] = ()
) -> MneRecording:
    """One BIDS file with the words of its events table, or of another, and without its channels marked bad."""
    table = table or sidecar(file, "events.tsv")
    if table is None:
        raise NoWords(f"{file.name} has no events table: no {_stem(file)}_events.tsv beside it; name a --word-table")
    words, notes = wordtable.read(table)
    return MneRecording(
        file,
        words,
        name=_stem(file),
        subject=subject or entities(file).get("sub", "unknown"),
        bads={*bads, *_bad_channels(file)},
        notes=notes,
    )


def entities(file: Path) -> dict[str, str]:
    """The labels in a BIDS name: sub-01_task-story_meg.fif has sub 01 and task story."""
    pairs = (part.split("-", 1) for part in file.name.split(".")[0].split("_") if "-" in part)
    return {key: label for key, label in pairs}


def sidecar(file: Path, ending: str) -> Path | None:
    """The nearest table that speaks of a file: its labels are among the file's, in its folder or one above."""
    own = entities(file).items()
    for folder in _folders(file):
        fitting = [table for table in sorted(folder.glob(f"*{ending}")) if entities(table).items() <= own]
        if fitting:
            return max(fitting, key=lambda table: len(entities(table)))
    return None


def _folders(file: Path) -> list[Path]:
    """The file's folder and, inside a data set, those above it up to the data set's own."""
    above = list(file.absolute().parents)
    tops = [i for i, folder in enumerate(above[:3]) if folder.name.startswith("sub-")]
    return above[: tops[0] + 2] if tops else above[:1]


def natural(text: str) -> list[tuple[int, str]]:
    """A key that sorts run-2 before run-10."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", text)]


def _stem(file: Path) -> str:
    return re.sub(r"_(meg|eeg)$", "", file.name.split(".")[0])


def _is_first_part(file: Path) -> bool:
    """Not a calibration file, nor a later part of a split recording, which its first part leads to."""
    labels = entities(file)
    return labels.get("acq") not in ("crosstalk", "calibration") and int(labels.get("split", "1")) == 1


def _stories(files: list[Path], root: Path) -> tuple[list[Path], list[str]]:
    """The recordings of people, and the names of those of an empty room."""
    empty = [
        file for file in files if any(NO_STORY.search(entities(file).get(key, "")) for key in ("sub", "task", "acq"))
    ]
    stories = [file for file in files if file not in empty]
    if not stories:
        raise ValueError(f"{root} holds recordings of an empty room alone: {', '.join(f.name for f in empty[:3])}")
    return stories, [f"{file.name} is of an empty room" for file in empty]


def _filtered(files: list[Path], wanted: Mapping[str, str], root: Path) -> list[Path]:
    """The files that pass every filter; an error says what there is to choose from."""
    for what, labels in wanted.items():
        key = ENTITIES[what]
        asked = {_label(label, key) for label in str(labels).split(",")}
        kept = [file for file in files if _label(entities(file).get(key, ""), key) in asked]
        if not kept:
            there = sorted({entities(file).get(key, "none") for file in files}, key=natural)
            listed = ", ".join(there[:12]) + (", ..." if len(there) > 12 else "")
            raise ValueError(f"{root} has no recording of {what} {labels}; it has {what} {listed}")
        files = kept
    return files


def _label(text: str, key: str) -> str:
    """A label as it is compared: sub-01, 01 and 1 are one."""
    label = text.strip().removeprefix(f"{key}-")
    return label.lstrip("0") or "0" if label.isdigit() else label


def _bad_channels(file: Path) -> set[str]:
    """The channels whose status in channels.tsv is bad."""
    table = sidecar(file, "channels.tsv")
    if table is None:
        return set()
    rows = delimited.cells(wordtable.text_of(table), table.name)
    return {row.get("name", "").strip() for row in rows if row.get("status", "").strip().lower() == "bad"}
