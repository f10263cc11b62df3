"""A whole recording's filtered signal on disk, read by time."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

import numpy as np

from rtalign.core.records import BadStretch, Chunk
from rtalign.core.storage.json_toml import read_json
from rtalign.signal.interpolation import interpolate
from rtalign.signal.timeline import Stretch, Timeline

SIGNAL, STRETCHES = "signal.f32", "stretches.json"
FORMAT = {"format": "rtalign-tape", "version": 1}
BLOCK_BYTES = 32 << 20
"""How much of the file one step of a read maps, and so what a read adds to the memory in use."""


class DiskBuffer:
    """Signal written once, chunk by chunk, and read at any times by any number of threads.

    Nothing of it is held in memory: a read maps the file block by block and releases each.  Until `close`, the files
    have temporary names, so that a buffer which was cut short is never taken for a complete one.  As a context manager
    it closes itself, or deletes what was written if an error leaves the block.  Make one with `create` or `open`.

    Parameters
    ----------
    folder : Path
        Folder of the two files.
    timeline : Timeline
        Which rows hold which times.
    file : binary file or None
        The signal while it is being written.

    Examples
    --------
    >>> with DiskBuffer.create(folder, chain.rate, n_sensors) as buffer:  # doctest: +SKIP
    ...     for chunk in recording.chunks():
    ...         for filtered in chain.push(chunk):
    ...             buffer.append(filtered)
    >>> buffer.read(np.array([12.5, 13.0]))  # doctest: +SKIP
    """

    def __init__(self, folder: Path, timeline: Timeline, file: BinaryIO | None) -> None:
        self.folder, self._timeline, self._file = Path(folder), timeline, file
        self._matrix: np.ndarray | None = None
        timeline.ended = file is None

    @classmethod
    def create(cls, folder: Path, rate: float, n_sensors: int, warmup_s: float = 0.0) -> DiskBuffer:
        """A new, empty buffer; an older one in the same folder is replaced when this one is closed."""
        Path(folder).mkdir(parents=True, exist_ok=True)
        return cls(folder, Timeline(rate, n_sensors, warmup_s=warmup_s), open(_partial(Path(folder) / SIGNAL), "wb"))

    @classmethod
    def open(cls, folder: Path) -> DiskBuffer:
        """Open a buffer that was closed; ValueError if it is missing, damaged or of another version."""
        path = Path(folder) / STRETCHES
        try:
            header = read_json(path)
            if {key: header[key] for key in FORMAT} != FORMAT:
                raise ValueError(f"format {header['format']}, version {header['version']}")
            stretches = [Stretch(*entry) for entry in header["stretches"]]
            timeline = Timeline(header["rate"], header["n_sensors"], stretches, float(header.get("warmup_s", 0.0)))
            timeline.reasons.extend((float(time), str(reason)) for time, reason in header.get("breaks", ()))
        except FileNotFoundError:
            raise ValueError(f"{folder} holds no finished signal ({STRETCHES} is missing) - write it again") from None
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f"{path} cannot be read as a signal of this version ({error}) - write it again") from None
        expected, actual = timeline.n_rows * timeline.n_sensors * 4, (Path(folder) / SIGNAL).stat().st_size
        if expected != actual:
            raise ValueError(f"{path.parent / SIGNAL} has {actual} bytes instead of {expected} - write it again")
        return cls(folder, timeline, None)

    def filtered(self, matrix: np.ndarray) -> DiskBuffer:
        """The same buffer, whose every read is multiplied by a matrix (sensor, sensor); the file stays as it is."""
        same = DiskBuffer(self.folder, self._timeline, self._file)
        same._matrix = matrix
        return same

    @property
    def rate(self) -> float:
        """Rows a second."""
        return self._timeline.rate

    @property
    def n_sensors(self) -> int:
        """Columns."""
        return self._timeline.n_sensors

    @property
    def n_rows(self) -> int:
        """Rows of all stretches."""
        return self._timeline.n_rows

    @property
    def end(self) -> float | None:
        """Time of the next row; None while the buffer is empty."""
        return self._timeline.end

    @property
    def stretches(self) -> list[tuple[float, float]]:
        """Start and end of each unbroken stretch, in seconds."""
        return [(stretch.start, stretch.start + stretch.n / self.rate) for stretch in self._timeline.stretches]

    def append(self, chunk: Chunk) -> None:
        """Add a chunk at the buffer's rate; it continues the last chunk or begins a new stretch."""
        if self._file is None:
            raise ValueError(f"the signal in {self.folder} is closed - create a new one to write")
        self._timeline.extend(chunk)
        self._file.write(np.ascontiguousarray(chunk.data, dtype="<f4").data)

    def note_breaks(self, reasons: Sequence[tuple[float, str]]) -> None:
        """Why the signal broke at some times, s, where no chunk was missing."""
        self._timeline.reasons.extend(reasons)

    def mark_bad(self, stretches: Iterable[BadStretch]) -> None:
        """Refuse to read what reaches into these; it is not written to the disk."""
        self._timeline.mark_bad(stretches)

    @property
    def breaks(self) -> list[tuple[float, str]]:
        """Times at which the signal was broken by what it held, in seconds, and by what."""
        return list(self._timeline.reasons)

    def close(self) -> None:
        """Give the files their names; from now on the buffer can be read, and opened again later."""
        if self._file is None:
            return
        self._file.close()
        self._file, self._timeline.ended = None, True
        timeline = self._timeline
        entries = [[stretch.start, stretch.first, stretch.n] for stretch in timeline.stretches]
        header = FORMAT | {"rate": timeline.rate, "n_sensors": timeline.n_sensors, "stretches": entries}
        header |= {"breaks": list(timeline.reasons), "warmup_s": timeline.warmup_s}
        path = self.folder / STRETCHES
        _partial(path).write_text(json.dumps(header), encoding="utf-8")
        path.unlink(missing_ok=True)  # so that old stretches are never paired with a new signal
        os.replace(_partial(self.folder / SIGNAL), self.folder / SIGNAL)
        os.replace(_partial(path), path)

    def discard(self) -> None:
        """Delete what was written since `create`."""
        if self._file is not None:
            self._file.close()
            self._file = None
            _partial(self.folder / SIGNAL).unlink(missing_ok=True)
            self._timeline = Timeline(self.rate, self.n_sensors)

    def __enter__(self) -> DiskBuffer:
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if kind is None:
            self.close()
        else:
            self.discard()

    def unreadable(self, start: float, stop: float) -> str | None:
        """Why the time from start to stop cannot be read ("later": not yet written); None if it can."""
        return self._timeline.unreadable(start, stop)

    def read(self, times: np.ndarray) -> np.ndarray:
        """The signal at some times, shape (time,) in seconds; returns (time, sensor) float32."""
        if self._file is not None:
            raise ValueError(f"the signal in {self.folder} is still being written - close it to read")
        rows, weights = self._timeline.locate(times)
        out = np.empty((len(rows), self.n_sensors), dtype=np.float32)
        for times_at, first, stop in self._blocks(rows):
            values = np.memmap(
                self.folder / SIGNAL, "<f4", "r", first * self.n_sensors * 4, (stop - first, self.n_sensors)
            )
            out[times_at] = interpolate(np.asarray(values), rows[times_at] - first, weights[times_at])
        return out if self._matrix is None else (out @ self._matrix).astype(np.float32)

    def _blocks(self, rows: np.ndarray) -> Iterator[tuple[slice | np.ndarray, int, int]]:
        """Times whose rows (time, tap) are mapped together; yields which times, and their first and stop row."""
        low = rows[:, 0]
        order = None if (np.diff(low) >= 0).all() else np.argsort(low, kind="stable")
        low = low if order is None else low[order]
        max_rows = max(BLOCK_BYTES // (4 * self.n_sensors), 1)
        at = 0
        while at < len(low):
            to = int(np.searchsorted(low, low[at] + max_rows, side="right"))
            yield slice(at, to) if order is None else order[at:to], int(low[at]), int(low[to - 1]) + rows.shape[1]
            at = to


def _partial(path: Path) -> Path:
    return path.with_name(path.name + ".partial")
