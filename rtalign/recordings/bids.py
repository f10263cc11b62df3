"""BIDS data sets: the labels in a file's name, the tables that belong to a file, the MEG files of a folder."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from rtalign.recordings.formats.mne_file import is_signal_file
from rtalign.recordings.word_tables.delimited import read_table

ENTITIES = {"subject": "sub", "session": "ses", "task": "task", "run": "run"}
"""The filters of a user, and the keys by which file names hold their labels."""

EMPTY_ROOM = re.compile(r"noise|empty", re.IGNORECASE)

T = TypeVar("T")


# ---- names


def entities(file: Path | str) -> dict[str, str]:
    """Return the labels in a BIDS name: sub-01_task-story_meg.fif has sub 01 and task story."""
    pairs = (part.split("-", 1) for part in Path(file).name.split(".")[0].split("_") if "-" in part)
    return {key: label for key, label in pairs}


def stem(file: Path) -> str:
    """Return a file's name without its kind and its suffix."""
    return re.sub(r"_(meg|eeg)$", "", file.name.split(".")[0])


def plain_label(text: str, key: str) -> str:
    """Return a label as it is compared: sub-01, 01 and 1 are the same."""
    bare = text.strip().removeprefix(f"{key}-")
    return bare.lstrip("0") or "0" if bare.isdigit() else bare


def natural_order(text: str) -> list[tuple[int, str]]:
    """Return a sort key that puts run-2 before run-10."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", text)]


def filter_by_labels(items: list[T], name: Callable[[T], str], filters: Mapping[str, str], source: Path) -> list[T]:
    """Return the items whose names pass every filter.

    Parameters
    ----------
    items : list
        Files or recordings.
    name : callable
        The BIDS name of an item.
    filters : mapping of str to str
        From subject, session, task or run to a label, or several with commas between.
    source : Path
        Where the items are from, for the error that lists the labels there are.
    """
    for what, labels in filters.items():
        key = ENTITIES[what]
        wanted = {plain_label(text, key) for text in str(labels).split(",")}
        kept = [item for item in items if plain_label(entities(name(item)).get(key, ""), key) in wanted]
        if not kept:
            present = sorted({entities(name(item)).get(key, "none") for item in items}, key=natural_order)
            listed = ", ".join(present[:12]) + (", ..." if len(present) > 12 else "")
            raise ValueError(f"{source} has no recording of {what} {labels}; it has {what} {listed}")
        items = kept
    return items


# ---- tables


def sidecar(file: Path, ending: str) -> Path | None:
    """Return the nearest table of a file: its labels are among the file's, in the file's folder or one above."""
    own = entities(file).items()
    for folder in folders(file):
        tables = [table for table in sorted(folder.glob(f"*{ending}")) if table.is_file()]
        fitting = [table for table in tables if entities(table).items() <= own]
        if fitting:
            return max(fitting, key=lambda table: len(entities(table)))
    return None


def folders(file: Path) -> list[Path]:
    """Return the file's folder and, inside a data set, those above it up to the data set's own, which is the last."""
    above = list(file.absolute().parents)
    subjects = [i for i, folder in enumerate(above[:3]) if folder.name.startswith("sub-")]
    return above[: subjects[0] + 2] if subjects else above[:1]


def bad_channels(file: Path) -> frozenset[str]:
    """Return the channels whose status in channels.tsv is bad."""
    table = sidecar(file, "channels.tsv")
    if table is None:
        return frozenset()
    rows = read_table(table).records()
    return frozenset(r.get("name", "").strip() for r in rows if r.get("status", "").strip().lower() == "bad")


# ---- files


def find_files(root: Path) -> tuple[list[Path], list[str]]:
    """Find the MEG files of a data set, calibration files and later parts of split files left out.

    Parameters
    ----------
    root : Path
        The data set's folder, or that of one subject.

    Returns
    -------
    files : list of Path
        In natural order.
    skipped : list of str
        The names of the files that are of an empty room.
    """
    files = signal_files(root)
    empty = [
        file for file in files if any(EMPTY_ROOM.search(entities(file).get(key, "")) for key in ("sub", "task", "acq"))
    ]
    kept = [file for file in files if file not in empty]
    if not kept:
        raise ValueError(f"{root} holds recordings of an empty room alone: {', '.join(f.name for f in empty[:3])}")
    return kept, [file.name for file in empty]


def signal_files(root: Path) -> list[Path]:
    """Return every MEG file of a data set in natural order, those of an empty room too."""
    if not root.is_dir():
        raise FileNotFoundError(f"there is no folder {root}")
    subjects = [root] if root.name.startswith("sub-") else sorted(root.glob("sub-*"))
    if not any(subject.is_dir() for subject in subjects):
        raise ValueError(f"{root} is no BIDS data set: it holds no folder sub-...; name the data set's top folder")
    files = [
        file
        for subject in subjects
        for pattern in ("meg/*_meg.*", "ses-*/meg/*_meg.*", "meg/*_meg", "ses-*/meg/*_meg")
        for file in subject.glob(pattern)
        if is_signal_file(file) and _is_first_part(file)
    ]
    if not files:
        raise ValueError(f"{root} holds no MEG file: none called sub-.../[ses-.../]meg/..._meg.fif, .ds, .con or .sqd")
    return sorted(set(files), key=lambda file: natural_order(str(file.relative_to(root))))


def filter_files(files: Sequence[Path], filters: Mapping[str, str], root: Path) -> list[Path]:
    """Return the files that pass the filters.

    A run is looked for in the names where they hold runs; else it may lie inside the files.
    """
    kept = list(files)
    by_name = {what: labels for what, labels in filters.items() if what != "run"}
    kept = filter_by_labels(kept, lambda file: file.name, by_name, root)
    if "run" in filters and any("run" in entities(file) for file in kept):
        kept = filter_by_labels(kept, lambda file: file.name, {"run": filters["run"]}, root)
    return kept


def _is_first_part(file: Path) -> bool:
    """Neither a calibration file nor a later part of a split recording, which its first part leads to."""
    labels = entities(file)
    return labels.get("acq") not in ("crosstalk", "calibration") and int(labels.get("split", "1")) == 1
