"""A folder of recordings looked through before hours are spent: what is there, what is missing, what is skipped."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rtalign.datasets import armeni, bids, bidsnames, libribrain, published, xdf
from rtalign.datasets.catalogue import BY_KEY, DataSet
from rtalign.datasets.rows import NoWords
from rtalign.datasets.signalcheck import check_signal

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

    def total(self, field: str) -> float:
        return float(sum(getattr(line, field) for line in self.lines if line.status == "ok"))

    @property
    def usable(self) -> bool:
        """Whether there is anything to train on, and nothing in the way of it."""
        return self.total("n_words") > 0 and not any(line.status == "broken" for line in self.lines)


def check(folder: Path, *, signal: bool = False, tell: Callable[[int, int], None] | None = None) -> Checked:
    """Every file opened, none read through.

    signal : also look for flat and broken sensors in a sample of each.  tell : told how many files of all are done.
    """
    if not folder.exists():
        raise FileNotFoundError(f"there is no folder {folder}")
    if libribrain.is_libribrain(folder):
        files, key, lines = libribrain.files(folder), "libribrain", []
    elif xdf.is_xdf(folder):
        raise ValueError(f"{folder.name} is one recording, not a data set; open it as it is")
    else:
        files, skipped = bids.chosen(folder, {})
        key = next((name for file in files[:20] if (name := published.key(bids.tell(file)))), "")
        lines = [Line("skipped", file.split(" is ")[0], "is " + file.split(" is ")[1]) for file in skipped]
    found = []
    for done, file in enumerate(files, start=1):
        found += _file(file, key, signal)
        if tell:
            tell(done, len(files))
    return Checked(folder, BY_KEY.get(key), (*found, *lines, *_lacking(files, key)))


def _file(file: Path, key: str, signal: bool) -> list[Line]:
    """What one file gives, or why it gives nothing."""
    name = bidsnames.stem(file)
    if file.is_symlink() and not file.exists():
        return [Line("missing", name, f"{file.name} is named here but its content is not; fetch it (datalad get)")]
    try:
        found: Sequence[Any] = [libribrain.recording(file)] if key == "libribrain" else bids.stories(file)
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
