"""A whole recording's filtered signal, by time, on disk."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

import numpy as np

from rtalign.core.records import Chunk
from rtalign.signal.interpolation import combine
from rtalign.signal.timeline import AFTER, LATER, Stretch, Timeline

SIGNAL, STRETCHES = "signal.f32", "stretches.json"
FORMAT = {"format": "rtalign-tape", "version": 1}
BLOCK_BYTES = 32 << 20
"""How much of the file one step of a read maps, and so what a read adds to the memory in use."""


class Tape:
    """Signal written once, chunk by chunk, and read at any times by any number of threads.

    Nothing of it is held in memory: a read maps the file block by block and lets go of each.  Until `close`, the files
    bear temporary names, so that a tape which was cut short is never taken for a whole one.
    """

    def __init__(self, folder: Path, timeline: Timeline, file: BinaryIO | None) -> None:
        self.folder, self._timeline, self._file = Path(folder), timeline, file

    @classmethod
    def create(cls, folder: Path, rate: float, n_sensors: int) -> Tape:
        """A new, empty tape; an older one in the same folder is replaced when this one is closed."""
        Path(folder).mkdir(parents=True, exist_ok=True)
        return cls(folder, Timeline(rate, n_sensors), open(_partial(Path(folder) / SIGNAL), "wb"))

    @classmethod
    def open(cls, folder: Path) -> Tape:
        """A tape that was closed."""
        path = Path(folder) / STRETCHES
        try:
            note = json.loads(path.read_text(encoding="utf-8"))
            if {key: note[key] for key in FORMAT} != FORMAT:
                raise ValueError(f"format {note['format']}, version {note['version']}")
            timeline = Timeline(note["rate"], note["n_sensors"], [Stretch(*entry) for entry in note["stretches"]])
        except FileNotFoundError:
            raise ValueError(f"{folder} holds no finished tape ({STRETCHES} is missing) - write it again") from None
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f"{path} cannot be read as a tape of this version ({error}) - write it again") from None
        wanted, found = timeline.n_rows * timeline.n_sensors * 4, (Path(folder) / SIGNAL).stat().st_size
        if wanted != found:
            raise ValueError(f"{path.parent / SIGNAL} has {found} bytes instead of {wanted} - write it again")
        return cls(folder, timeline, None)

    @property
    def rate(self) -> float:
        return self._timeline.rate

    @property
    def n_sensors(self) -> int:
        return self._timeline.n_sensors

    @property
    def n_rows(self) -> int:
        return self._timeline.n_rows

    @property
    def end(self) -> float | None:
        """The time at which the next row would stand; None on an empty tape."""
        return self._timeline.end

    @property
    def stretches(self) -> list[tuple[float, float]]:
        """Start and end of each unbroken stretch, in seconds."""
        return [(stretch.start, stretch.start + stretch.n / self.rate) for stretch in self._timeline.stretches]

    def append(self, chunk: Chunk) -> None:
        """chunk.data : (sample, sensor) at the tape's rate; it continues the last chunk or begins a new stretch."""
        if self._file is None:
            raise ValueError(f"the tape in {self.folder} is closed - create a new one to write")
        self._timeline.extend(chunk)
        self._file.write(np.ascontiguousarray(chunk.data, dtype="<f4").data)

    def close(self) -> None:
        """Give the files their names; from now on the tape can be read, and opened again later."""
        if self._file is None:
            return
        self._file.close()
        self._file = None
        line = self._timeline
        entries = [[stretch.start, stretch.first, stretch.n] for stretch in line.stretches]
        note = FORMAT | {"rate": line.rate, "n_sensors": line.n_sensors, "stretches": entries}
        path = self.folder / STRETCHES
        _partial(path).write_text(json.dumps(note), encoding="utf-8")
        path.unlink(missing_ok=True)  # old stretches never stand beside a new signal
        os.replace(_partial(self.folder / SIGNAL), self.folder / SIGNAL)
        os.replace(_partial(path), path)

    def abandon(self) -> None:
        """Remove what was written since create."""
        if self._file is not None:
            self._file.close()
            self._file = None
            _partial(self.folder / SIGNAL).unlink(missing_ok=True)
            self._timeline = Timeline(self.rate, self.n_sensors)

    def __enter__(self) -> Tape:
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if kind is None:
            self.close()
        else:
            self.abandon()

    def fits(self, start: float, stop: float) -> str | None:
        """None when start to stop can be read; otherwise why not ("later" while the tape is being written)."""
        reason = self._timeline.fits(start, stop)
        return AFTER if reason == LATER and self._file is None else reason

    def read(self, times: np.ndarray) -> np.ndarray:
        """times : (time,) in seconds.  Returns (time, sensor) float32."""
        if self._file is not None:
            raise ValueError(f"the tape in {self.folder} is still being written - close it to read")
        rows, weights = self._timeline.locate(times)
        out = np.empty((len(rows), self.n_sensors), dtype=np.float32)
        for times_at, first, stop in self._blocks(rows):
            values = np.memmap(
                self.folder / SIGNAL, "<f4", "r", first * self.n_sensors * 4, (stop - first, self.n_sensors)
            )
            out[times_at] = combine(np.asarray(values), rows[times_at] - first, weights[times_at])
        return out

    def _blocks(self, rows: np.ndarray) -> Iterator[tuple[slice | np.ndarray, int, int]]:
        """rows : (time, tap).  Yields which times, and the first and stop row that they need."""
        low = rows[:, 0]
        order = None if (np.diff(low) >= 0).all() else np.argsort(low, kind="stable")
        low = low if order is None else low[order]
        most = max(BLOCK_BYTES // (4 * self.n_sensors), 1)
        at = 0
        while at < len(low):
            to = int(np.searchsorted(low, low[at] + most, side="right"))
            yield slice(at, to) if order is None else order[at:to], int(low[at]), int(low[to - 1]) + rows.shape[1]
            at = to


def _partial(path: Path) -> Path:
    return path.with_name(path.name + ".partial")
