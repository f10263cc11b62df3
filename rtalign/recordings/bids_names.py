"""Names in a BIDS data set: the labels in a file's name, and the table that belongs to a file."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

ENTITIES = {"subject": "sub", "session": "ses", "task": "task", "run": "run"}

T = TypeVar("T")


def entities(file: Path | str) -> dict[str, str]:
    """The labels in a BIDS name: sub-01_task-story_meg.fif has sub 01 and task story."""
    pairs = (part.split("-", 1) for part in Path(file).name.split(".")[0].split("_") if "-" in part)
    return {key: label for key, label in pairs}


def stem(file: Path) -> str:
    """A file's name without what kind of file it is."""
    return re.sub(r"_(meg|eeg)$", "", file.name.split(".")[0])


def label(text: str, key: str) -> str:
    """A label as it is compared: sub-01, 01 and 1 are one."""
    bare = text.strip().removeprefix(f"{key}-")
    return bare.lstrip("0") or "0" if bare.isdigit() else bare


def natural(text: str) -> list[tuple[int, str]]:
    """A key that sorts run-2 before run-10."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", text)]


def sidecar(file: Path, ending: str) -> Path | None:
    """The nearest table that speaks of a file: its labels are among the file's, in its folder or one above."""
    own = entities(file).items()
    for folder in folders(file):
        tables = [table for table in sorted(folder.glob(f"*{ending}")) if table.is_file()]
        fitting = [table for table in tables if entities(table).items() <= own]
        if fitting:
            return max(fitting, key=lambda table: len(entities(table)))
    return None


def folders(file: Path) -> list[Path]:
    """The file's folder and, inside a data set, those above it up to the data set's own."""
    above = list(file.absolute().parents)
    tops = [i for i, folder in enumerate(above[:3]) if folder.name.startswith("sub-")]
    return above[: tops[0] + 2] if tops else above[:1]


def filtered(found: list[T], name: Callable[[T], str], wanted: Mapping[str, str], place: Path) -> list[T]:
    """The files or recordings whose names pass every filter; an error says what there is to choose from."""
    for what, labels in wanted.items():
        key = ENTITIES[what]
        asked = {label(text, key) for text in str(labels).split(",")}
        kept = [one for one in found if label(entities(name(one)).get(key, ""), key) in asked]
        if not kept:
            there = sorted({entities(name(one)).get(key, "none") for one in found}, key=natural)
            listed = ", ".join(there[:12]) + (", ..." if len(there) > 12 else "")
            raise ValueError(f"{place} has no recording of {what} {labels}; it has {what} {listed}")
        found = kept
    return found
