"""The recorder of what comes in, as it comes in: raw.xdf, which survives kill -9 and a full disk."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from rtalign.core.storage.files import AppendOnlyFile
from rtalign.engine.recording.file_thread import NOTE_BYTES, FileThread
from rtalign.engine.recording.raw_file import RawFile
from rtalign.engine.recording.tables import log_line
from rtalign.recordings.xdf.writer import SignalStream
from rtalign.streams.events import OffsetMeasurement, RawMarker, RawSamples, SignalChanged


def new_folder(folder: Path | str) -> Path:
    """Make an empty folder.

    Parameters
    ----------
    folder : Path or str
        Its name; where it exists and is not empty, the next free number is added.

    Returns
    -------
    Path
        The folder that was made.

    Raises
    ------
    OSError
        Where none can be made.
    """
    folder = Path(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    for n in range(1, 10_000):
        path = folder if n == 1 else folder.with_name(f"{folder.name}-{n}")
        try:
            path.mkdir()
        except FileExistsError:
            if n > 1 or not path.is_dir() or any(path.iterdir()):
                continue
        return path
    raise FileExistsError(f"{folder} and 9,998 numbered folders beside it exist; name another folder")


def check_writable(folder: Path) -> None:
    """Make a folder, and a file in it that is gone again; OSError where that is not possible."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise OSError(f"{folder} cannot be recorded to ({error.strerror}) - name another folder") from None


class Recorder:
    """Writes MEG, markers and clock offsets to raw.xdf, and what happened to recorder.jsonl; no call ever waits.

    Samples beyond what may wait for the disk, and those that a full disk refuses, are counted and reported, and
    recording goes on by itself.  Arrays are not copied: the caller must not change them afterwards.

    Parameters
    ----------
    folder : Path or str
        Where to; the next free number is added to its name where it is not empty.
    words : str
        Name of the stream of words.
    about : mapping
        First line of the log.

    Attributes
    ----------
    folder : Path
        The folder that was made.
    """

    def __init__(self, folder: Path | str, words: str, about: Mapping[str, Any] | None = None) -> None:
        self.folder = new_folder(folder)
        self._raw = RawFile(self.folder / "raw.xdf", words)
        self._log = AppendOnlyFile(self.folder / "recorder.jsonl")
        self._log.add(log_line({"event": "start", **(about or {})}))
        self._refused = [0, 0]
        self._thread = FileThread(self.folder, (self._log, self._raw), self._lost, self._trouble, self._recovered)

    @property
    def n_samples(self) -> int:
        """Samples in the file."""
        return self._raw.n_samples

    @property
    def n_markers(self) -> int:
        """Markers in the file, or waiting for the disk."""
        return self._raw.n_markers

    @property
    def n_samples_lost(self) -> int:
        """Samples that came and were not written."""
        return self._refused[0] + self._raw.n_samples_lost

    @property
    def n_markers_lost(self) -> int:
        """Markers that came and were not written."""
        return self._refused[1] + self._raw.n_markers_lost

    @property
    def problem(self) -> str | None:
        """What is wrong now, and how to fix it."""
        return self._thread.problem

    @property
    def bytes_written(self) -> int:
        return self._thread.bytes_written

    @property
    def hours_left(self) -> float:
        """How long the free disk space lasts."""
        return self._thread.hours_left(self._raw.bytes_an_hour)

    @property
    def in_place(self) -> bool:
        """Whether raw.xdf is still where it was made."""
        return self._raw.in_place

    def change_stream(self, changed: SignalChanged) -> None:
        """MEG is described so from here on."""
        channels = changed.channels or tuple(sensor.name for sensor in changed.sensors)
        about = changed.name, changed.sfreq, channels, changed.sensors, changed.units
        meg = SignalStream(*about, origin=changed.origin, grade=changed.grade)
        self._thread.put(lambda: self._raw.change_stream(meg))

    def write_samples(self, samples: RawSamples) -> None:
        """MEG samples as they came."""
        size = samples.data.nbytes + samples.stamps.nbytes
        if not self._thread.put(lambda: self._raw.add_samples(samples.data, samples.stamps), size, is_bulk=True):
            self._refused[0] += len(samples.data)

    def write_marker(self, marker: RawMarker) -> None:
        """A marker as it came."""
        if not self._thread.put(lambda: self._raw.add_marker(marker.text, marker.stamp), NOTE_BYTES + len(marker.text)):
            self._refused[1] += 1

    def write_annotation(self, text: str, stamp: float) -> None:
        """What the operator wrote.  stamp : on the local clock, in seconds."""
        self._thread.put(lambda: self._raw.add_annotation(text, stamp), NOTE_BYTES + len(text))

    def write_offset(self, offset: OffsetMeasurement) -> None:
        """A measured clock offset; its time is the local clock's."""
        collected = offset.time - offset.offset_s
        self._thread.put(lambda: self._raw.add_clock_offset(offset.stream, collected, offset.offset_s))

    def log(self, event: Mapping[str, Any]) -> None:
        """A line of recorder.jsonl, stamped with the time of day."""
        line = log_line(event)
        self._thread.put(lambda: self._log.add(line), len(line))

    def close(self) -> None:
        """Write everything and end the streams.  A second call does nothing."""
        self._thread.close()

    def __enter__(self) -> Recorder:
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _lost(self) -> str:
        markers = f" and {self.n_markers_lost:,} markers" if self.n_markers_lost else ""
        return f"{self.n_samples_lost:,} samples{markers} were"

    def _trouble(self) -> str | None:
        problem, self._raw.problem = self._raw.problem, None
        return f"{problem}: {self._lost()} not written - connect the stream anew" if problem else None

    def _recovered(self, problem: str) -> None:
        lost = {"n_samples_lost": self.n_samples_lost, "n_markers_lost": self.n_markers_lost}
        self._log.add(log_line({"event": "recording again", **lost, "after": problem}))
