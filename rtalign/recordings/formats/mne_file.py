"""Signal files that MNE reads: FIF, CTF, KIT or BTi, opened without reading them, read a stretch at a time."""

from __future__ import annotations

import hashlib
import re
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rtalign.core.bad_marks import JOINED, bad_note, bad_reason
from rtalign.core.records import BadStretch
from rtalign.recordings.formats import ctf
from rtalign.recordings.formats.fif_guard import refuse_false_parts

# MNE is imported inside the functions that use it: who only names files does not wait for it.

SUFFIXES = (".fif", ".fif.gz", ".ds", ".con", ".sqd")
"""Files known by their name; a BTi recording is a folder that holds a file called config."""

NO_RECORDINGS = {
    "epo": "epochs", "ave": "averages", "evoked": "averages", "cov": "a noise covariance", "fwd": "a forward model",
    "inv": "an inverse operator", "trans": "a coordinate transformation", "ica": "an ICA", "proj": "projections",
    "src": "a source space", "bem": "a head model", "sol": "a head model", "eve": "events", "annot": "annotations",
    "tfr": "time-frequency maps",
}  # fmt: skip
"""What MNE's names say that other FIF files hold."""


ACQUISITION_SKIP = "BAD_ACQ_SKIP"
"""What MNE notes where the machine was not recording."""
BOUNDARIES = ("BAD boundary", "EDGE boundary")
"""What MNE notes where one file ends and the next one begins that were joined."""


def is_signal_file(path: Path) -> bool:
    """Whether a path has the name of a recording that MNE reads, or is a BTi folder.

    Parameters
    ----------
    path : Path
        A file or a folder.

    Returns
    -------
    bool
    """
    return path.name.lower().endswith(SUFFIXES) or _is_bti(path)


@dataclass(frozen=True, slots=True, eq=False)
class SignalFile:
    """The samples of one recording on disk.

    The header is read again whenever samples are wanted: hundreds of recordings can be known at once, none held open.

    Attributes
    ----------
    path : Path
        The file, or the folder that is one recording.
    files : tuple of Path
        Those that hold the samples: several in a CTF folder or a split FIF.
    channels : tuple of str
        Every channel.
    sfreq : float
        Samples a second.
    n_samples : int
        Samples of each channel.
    breaks : tuple of (int, int)
        First and stop of samples that are no signal; a jump of the machine's clock is a break of two samples.
    first_number : int
        The number that the machine gave the first sample.
    bad : tuple of BadStretch
        What is annotated as bad, and the boundaries of files that were joined; seconds from the first sample.
    """

    path: Path
    files: tuple[Path, ...]
    channels: tuple[str, ...]
    sfreq: float
    n_samples: int
    breaks: tuple[tuple[int, int], ...]
    first_number: int = 0
    bad: tuple[BadStretch, ...] = ()

    def open(self) -> SignalReader:
        """Open the file for reading."""
        return SignalReader(_open(self.path)[0], self.path.suffix == ".ds")

    def unbroken(self) -> list[tuple[int, int]]:
        """Return first and stop of the parts without a break, in order."""
        edges = [0, *(edge for pair in self.breaks for edge in pair), self.n_samples]
        return [(a, min(b, self.n_samples)) for a, b in zip(edges[::2], edges[1::2], strict=True) if a < b]


@dataclass(frozen=True, slots=True, eq=False)
class LoadedSignal(SignalFile):
    """The samples of one recording as MNE holds them, whether they came from files or not.

    Attributes
    ----------
    raw : mne.io.BaseRaw
        What holds them.
    digest : bytes
        A hash of every sample.  Why not of slices: cleaning may change a few samples anywhere.
    """

    raw: Any = None
    digest: bytes = b""

    def open(self) -> SignalReader:
        """A reader of the same samples."""
        return SignalReader(self.raw, is_ctf=False)


def read_loaded(raw: Any) -> tuple[LoadedSignal, list[str]]:
    """Describe what MNE holds.

    Parameters
    ----------
    raw : mne.io.BaseRaw
        Continuous signal.

    Returns
    -------
    signal : LoadedSignal
    notes : list of str
        What a user should know of it.
    """
    names = [Path(name) for name in raw.filenames if name is not None]
    breaks, bad = _merged([*_acquisition_skips(raw), *_boundaries(raw)]), _bad_stretches(raw)
    notes = [f"breaks in the signal: {len(breaks)}"] if breaks else []
    notes += bad_note(bad)
    shape = tuple(raw.ch_names), float(raw.info["sfreq"]), int(raw.n_times), tuple(breaks), int(raw.first_samp), bad
    path = names[0] if names else Path("raw")
    return LoadedSignal(path, (), *shape, raw=raw, digest=_hash_of_samples(raw)), notes


def _hash_of_samples(raw: Any) -> bytes:
    digest, n_chunk = hashlib.sha256(), max(round(10 * raw.info["sfreq"]), 1)
    for first in range(0, raw.n_times, n_chunk):
        digest.update(np.ascontiguousarray(raw[:, first : first + n_chunk][0], "<f8").data)
    return digest.digest()


def read_header(path: Path) -> tuple[SignalFile, Any, list[str]]:
    """Read what a file holds, but for its samples.

    Parameters
    ----------
    path : Path
        A file of any format that `is_signal_file` knows.

    Returns
    -------
    file : SignalFile
        Where its samples are.
    info : mne.Info
        Its header.
    notes : list of str
        What a user should know of it.

    Raises
    ------
    ValueError
        Where it is damaged, in one line.
    """
    raw, notes = _open(path)
    notes += [*_later_part(path), *_compensation_grade(raw, path), *_maxwell_filtered(raw.info)]
    n_samples, breaks, bad = int(raw.n_times), [*_acquisition_skips(raw), *_boundaries(raw)], _bad_stretches(raw)
    if path.suffix == ".ds":
        n_samples, jumps = ctf.recorded_samples(raw)
        breaks += jumps
    breaks = _merged(breaks)
    if n_samples < raw.n_times:
        notes.append(f"the last {(raw.n_times - n_samples) / raw.info['sfreq']:.1f} s of the file were never recorded")
    if breaks:
        notes.append(f"breaks in the signal: {len(breaks)}")
    notes += bad_note(bad)
    files = tuple(Path(name) for name in raw.filenames if name is not None)
    _check_last_sample(raw, path, n_samples)
    number = int(raw.first_samp)
    file = SignalFile(path, files, tuple(raw.ch_names), float(raw.info["sfreq"]), n_samples, tuple(breaks), number, bad)
    return file, raw.info, notes


class SignalReader:
    """An open recording.

    Parameters
    ----------
    raw : mne.io.BaseRaw
        As MNE opens it, its samples unread.
    is_ctf : bool
        Whether it is a CTF folder, whose samples are read without MNE.
    """

    def __init__(self, raw: Any, is_ctf: bool) -> None:
        self._raw, self._is_ctf = raw, is_ctf

    @property
    def info(self) -> Any:
        """MNE's header."""
        return self._raw.info

    def read(self, picks: np.ndarray, first: int, stop: int) -> np.ndarray:
        """Read samples of some channels.

        Parameters
        ----------
        picks : ndarray of int, shape (channel,)
            Which channels.
        first, stop : int
            The samples from first up to stop.

        Returns
        -------
        ndarray, shape (sample, channel), float64
            In SI units.
        """
        if self._is_ctf:
            return ctf.read_samples(self._raw, picks, first, stop)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return np.asarray(self._raw[picks, first:stop][0]).T


def _is_bti(path: Path) -> bool:
    return path.is_dir() and (path / "config").is_file()


def _open(path: Path) -> tuple[Any, list[str]]:
    """The file as MNE opens it, its samples unread; and MNE's warnings that a user should see."""
    if not path.exists():
        raise FileNotFoundError(f"there is no recording {path}")
    if not is_signal_file(path):
        raise ValueError(
            f"{path.name} is no recording this program reads; it reads FIF, CTF .ds, KIT .con and .sqd, BTi"
        )
    if path.name.lower().endswith((".fif", ".fif.gz")):
        if match := re.search(r"[-_]([a-z]+)\.fif(\.gz)?$", path.name.lower()):
            kind = NO_RECORDINGS.get(match[1])
            if kind:
                raise ValueError(f"{path.name} holds {kind}, by its name; name the raw recording, whole and continuous")
        refuse_false_parts(path)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            raw = _open_with_mne(path)
        except Exception as error:  # the readers fail in every possible way on foreign bytes
            first = (str(error).strip() or type(error).__name__).splitlines()[0]
            raise ValueError(f"{path.name} cannot be read: {first[:200]}; is the file whole?") from error
    return raw, _useful_warnings(caught)


def _open_with_mne(path: Path) -> Any:
    import mne

    name = path.name.lower()
    if name.endswith(".ds"):
        return mne.io.read_raw_ctf(path, system_clock="ignore", clean_names=True, preload=False, verbose="ERROR")
    if name.endswith((".con", ".sqd")):
        return mne.io.read_raw_kit(path, stim=None, preload=False, verbose="ERROR")
    if _is_bti(path):
        data = next((p for p in sorted(path.iterdir()) if p.name.startswith(("c,rf", "e,rf", "hc,rf"))), None)
        if data is None:
            raise ValueError("a BTi folder needs a file c,rf... next to config")
        shape = "hs_file" if (path / "hs_file").is_file() else None
        return mne.io.read_raw_bti(data, path / "config", shape, preload=False, verbose="ERROR")
    return mne.io.read_raw_fif(path, allow_maxshield="yes", preload=False, verbose="ERROR")


def _useful_warnings(caught: Sequence[warnings.WarningMessage]) -> list[str]:
    """Warnings about the data; not those about file names, or meant for programmers."""
    ignored = (DeprecationWarning, PendingDeprecationWarning, FutureWarning, ResourceWarning)
    texts = [" ".join(str(w.message).split()) for w in caught if not issubclass(w.category, ignored)]
    return list(dict.fromkeys(text[:200] for text in texts if "naming conventions" not in text))


def _check_last_sample(raw: Any, path: Path, n_samples: int) -> None:
    """A file that was cut short still opens; reading its last sample fails."""
    try:
        SignalReader(raw, path.suffix == ".ds").read(np.array([0]), n_samples - 1, n_samples)
    except Exception as error:  # the readers fail in every possible way on foreign bytes
        raise ValueError(f"{path.name} is cut short: its last samples cannot be read; copy it again") from error


def grade_of(info: Any, path: Path) -> int | None:
    """Which gradient the machine or a program has already formed with the reference sensors: a grade of CTF's.

    None where there is no one grade, or the file is of no CTF machine.
    """
    grades = _grades(info)
    known = len(grades) == 1 and (grades - {0} or info["comps"] or path.suffix == ".ds")
    return grades.pop() if known else None


def _grades(info: Any) -> set[int]:
    from mne.io.constants import FIFF

    return {int(c["coil_type"]) >> 16 for c in info["chs"] if c["kind"] == FIFF.FIFFV_MEG_CH}


def _compensation_grade(raw: Any, path: Path) -> list[str]:
    grades, grade = _grades(raw.info), grade_of(raw.info, path)
    if len(grades) > 1:
        return [f"sensors of mixed compensation grades: {', '.join(map(str, sorted(grades)))}"]
    if grade is None:
        return []
    return [f"compensation grade {grade}" + (", as recorded: no gradient formed with the references" * (not grade))]


def _maxwell_filtered(info: Any) -> list[str]:
    """A note where a Maxwell filter has been applied: live, the signal comes without."""
    found = [entry["max_info"] for entry in info["proc_history"] or () if entry.get("max_info")]
    done = {"tSSS" if (one.get("max_st") or {}).get("buflen") else "SSS" for one in found if one.get("sss_info")}
    return [f"{' and '.join(sorted(done))} was applied to it: a live stream comes without"] if done else []


def _later_part(path: Path) -> list[str]:
    """A note where the file is a later part of a split recording, by its name: BIDS's split-02, or MNE's -1."""
    if (match := re.fullmatch(r"(.*_split-)(0*)(\d+)(_.*)", path.name)) and int(match[3]) > 1:
        first = f"{match[1]}{match[2]}1{match[4]}"
    elif match := re.fullmatch(r"(.*)-([1-9]\d*)(\.fif(?:\.gz)?)", path.name):
        first = match[1] + match[3]
        if not path.with_name(first).exists():  # many names end in a number
            return []
    else:
        return []
    return [f"a later part of a split recording, opened alone: its time begins with the part; open {first} for all"]


def _merged(breaks: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """The breaks in order, those that touch as one."""
    merged: list[tuple[int, int]] = []
    for first, stop in sorted(breaks):
        if merged and first <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(stop, merged[-1][1]))
        else:
            merged.append((first, stop))
    return merged


def _annotated(raw: Any) -> Iterator[tuple[float, float, str]]:
    """Onset and stop, in seconds from the first sample, and text of each annotation."""
    marks, offset = raw.annotations, raw.first_samp / raw.info["sfreq"]  # MNE counts from the machine's sample 0
    for onset, duration, text in zip(marks.onset, marks.duration, marks.description, strict=True):
        yield float(onset) - offset, float(onset) - offset + max(float(duration), 0.0), str(text)


def _acquisition_skips(raw: Any) -> list[tuple[int, int]]:
    """(first, stop) of the stretches in which the machine was not recording."""
    sfreq, skips = raw.info["sfreq"], []
    for start, stop, text in _annotated(raw):
        if text == ACQUISITION_SKIP:
            first = round(start * sfreq)
            skips.append((max(first, 0), first + max(round((stop - start) * sfreq), 2)))
    return skips


def _boundaries(raw: Any) -> list[tuple[int, int]]:
    """(first, stop) of the two samples at each boundary of joined files; they are left out: the filters begin anew."""
    places = {round(start * raw.info["sfreq"]) for start, _, text in _annotated(raw) if text in BOUNDARIES}
    return [(place - 1, place + 1) for place in sorted(places) if 0 < place < raw.n_times]


def _bad_stretches(raw: Any) -> tuple[BadStretch, ...]:
    """What is annotated as bad, CTF's bad.segments among it, and the boundaries of joined files."""
    bad = []
    for start, stop, text in _annotated(raw):
        if text in BOUNDARIES:
            bad.append(BadStretch(start, stop, JOINED))
        elif text.upper().startswith("BAD") and text != ACQUISITION_SKIP:
            bad.append(BadStretch(start, stop, bad_reason(text)))
    return tuple(dict.fromkeys(bad))
