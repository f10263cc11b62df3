"""Signal files: FIF, CTF, KIT or BTi, opened without reading them, read a stretch at a time."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mne
import numpy as np
from mne.io.constants import FIFF

from rtalign.recordings.formats import ctf
from rtalign.recordings.formats.fif_guard import refuse_false_tags

SUFFIXES = (".fif", ".fif.gz", ".ds", ".con", ".sqd")
"""Files known by their name; a BTi recording is a folder that holds a file called config."""


def is_signal(path: Path) -> bool:
    """Whether a path looks like a recording that can be opened here."""
    return path.name.lower().endswith(SUFFIXES) or _is_bti(path)


@dataclass(frozen=True, slots=True, eq=False)
class SignalFile:
    """One recording's samples on disk.

    The header is read again whenever samples are wanted: hundreds of recordings can be known at once, none held open.
    """

    path: Path
    files: tuple[Path, ...]
    """Those that hold the samples: several in a CTF folder or a split FIF."""
    channels: tuple[str, ...]
    sfreq: float
    n_samples: int
    breaks: tuple[tuple[int, int], ...]
    """(first, stop) of samples that are no signal; a jump of the machine's clock is one of two samples."""
    first_number: int = 0
    """What the machine calls the first sample."""

    def open(self) -> Reader:
        """The file made ready for reading some channels."""
        return Reader(_open(self.path)[0], self.path.suffix == ".ds")

    def stretches(self) -> list[tuple[int, int]]:
        """(first, stop) of the unbroken parts, in order."""
        edges = [0, *(edge for pair in self.breaks for edge in pair), self.n_samples]
        return [(a, min(b, self.n_samples)) for a, b in zip(edges[::2], edges[1::2], strict=True) if a < b]


def examine(path: Path) -> tuple[SignalFile, Any, list[str]]:
    """What a file holds, its header as MNE has it, and what a person should know of it."""
    raw, notes = _open(path)
    notes += _compensation(raw, path)
    n_samples, breaks = int(raw.n_times), _skips(raw)
    if path.suffix == ".ds":
        n_samples, jumps = ctf.clock(raw)
        breaks += jumps
    breaks = _merged(breaks)
    if n_samples < raw.n_times:
        notes.append(f"the last {(raw.n_times - n_samples) / raw.info['sfreq']:.1f} s of the file were never recorded")
    if breaks:
        notes.append(f"breaks in the signal: {len(breaks)}")
    files = tuple(Path(name) for name in raw.filenames if name is not None)
    _try_the_end(raw, path, n_samples)
    number = int(raw.first_samp)
    file = SignalFile(path, files, tuple(raw.ch_names), float(raw.info["sfreq"]), n_samples, tuple(breaks), number)
    return file, raw.info, notes


class Reader:
    """An open recording."""

    def __init__(self, raw: Any, is_ctf: bool) -> None:
        self._raw, self._is_ctf = raw, is_ctf

    def read(self, picks: np.ndarray, first: int, stop: int) -> np.ndarray:
        """(sample, channel) in SI units, float64."""
        if self._is_ctf:
            return ctf.read(self._raw, picks, first, stop)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return np.asarray(self._raw[picks, first:stop][0]).T


def _is_bti(path: Path) -> bool:
    return path.is_dir() and (path / "config").is_file()


def _open(path: Path) -> tuple[Any, list[str]]:
    """The file as MNE knows it, its samples unread, beside MNE's warnings that a person should see."""
    if not path.exists():
        raise FileNotFoundError(f"there is no recording {path}")
    if not is_signal(path):
        raise ValueError(
            f"{path.name} is no recording this program reads; it reads FIF, CTF .ds, KIT .con and .sqd, BTi"
        )
    if path.name.lower().endswith((".fif", ".fif.gz")):
        refuse_false_tags(path)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            raw = _reader(path)
        except Exception as error:  # the readers stumble over foreign bytes in every way there is
            first = (str(error).strip() or type(error).__name__).splitlines()[0]
            raise ValueError(f"{path.name} cannot be read: {first[:200]}; is the file whole?") from error
    return raw, _worth_telling(caught)


def _reader(path: Path) -> Any:
    name = path.name.lower()
    if name.endswith(".ds"):
        return mne.io.read_raw_ctf(path, system_clock="ignore", clean_names=True, preload=False, verbose="ERROR")
    if name.endswith((".con", ".sqd")):
        return mne.io.read_raw_kit(path, stim=None, preload=False, verbose="ERROR")
    if _is_bti(path):
        data = next((p for p in sorted(path.iterdir()) if p.name.startswith(("c,rf", "e,rf", "hc,rf"))), None)
        if data is None:
            raise ValueError("a BTi folder needs a file c,rf... beside config")
        shape = "hs_file" if (path / "hs_file").is_file() else None
        return mne.io.read_raw_bti(data, path / "config", shape, preload=False, verbose="ERROR")
    return mne.io.read_raw_fif(path, allow_maxshield="yes", preload=False, verbose="ERROR")


def _worth_telling(caught: Sequence[warnings.WarningMessage]) -> list[str]:
    """Warnings about the data; not those about file names, or meant for programmers."""
    quiet = (DeprecationWarning, PendingDeprecationWarning, FutureWarning, ResourceWarning)
    texts = [" ".join(str(w.message).split()) for w in caught if not issubclass(w.category, quiet)]
    return list(dict.fromkeys(text[:200] for text in texts if "naming conventions" not in text))


def _try_the_end(raw: Any, path: Path, n_samples: int) -> None:
    """A file that was cut off still opens; its last sample tells."""
    try:
        Reader(raw, path.suffix == ".ds").read(np.array([0]), n_samples - 1, n_samples)
    except Exception as error:  # whatever the readers stumble over
        raise ValueError(f"{path.name} is cut short: its last samples cannot be read; copy it again") from error


def _compensation(raw: Any, path: Path) -> list[str]:
    """Which gradient the machine or a program has formed with the reference sensors already: a grade of CTF's."""
    grades = {int(c["coil_type"]) >> 16 for c in raw.info["chs"] if c["kind"] == FIFF.FIFFV_MEG_CH}
    if len(grades) > 1:
        return [f"sensors of mixed compensation grades: {', '.join(map(str, sorted(grades)))}"]
    if not (grades - {0} or raw.info["comps"] or path.suffix == ".ds"):
        return []
    grade = grades.pop() if grades else 0
    return [f"compensation grade {grade}" + (", as recorded: no gradient formed with the references" * (not grade))]


def _merged(breaks: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """The breaks in order, those that touch as one."""
    merged: list[tuple[int, int]] = []
    for first, stop in sorted(breaks):
        if merged and first <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(stop, merged[-1][1]))
        else:
            merged.append((first, stop))
    return merged


def _skips(raw: Any) -> list[tuple[int, int]]:
    """(first, stop) of the stretches in which the machine was not recording."""
    sfreq, offset = raw.info["sfreq"], raw.first_samp / raw.info["sfreq"]
    found = []
    for onset, duration, text in zip(
        raw.annotations.onset, raw.annotations.duration, raw.annotations.description, strict=True
    ):
        if text == "BAD_ACQ_SKIP":
            first = round((onset - (offset if raw.annotations.orig_time is not None else 0)) * sfreq)
            found.append((max(first, 0), first + max(round(duration * sfreq), 2)))
    return found
