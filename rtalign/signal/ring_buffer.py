"""The newest seconds of a filtered signal in memory, read by time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from rtalign.core.records import BadStretch, Chunk
from rtalign.signal.interpolation import HALF, interpolate
from rtalign.signal.timeline import Timeline


class RingBuffer:
    """Keeps the newest rows of a signal in memory that is allocated once; older rows are overwritten.

    Parameters
    ----------
    rate : float
        Rows a second.
    n_sensors : int
        Columns.
    seconds : float
        Length that is kept.
    warmup_s : float
        Signal before the first row of each stretch that only went into the filters.
    """

    def __init__(self, rate: float, n_sensors: int, seconds: float, warmup_s: float = 0.0) -> None:
        self._timeline = Timeline(rate, n_sensors, warmup_s=warmup_s)
        self._memory = np.zeros((int(np.ceil(seconds * rate)) + 2 * HALF, n_sensors), dtype=np.float32)

    @property
    def end(self) -> float | None:
        """Time of the next row; None before the first."""
        return self._timeline.end

    @property
    def _oldest(self) -> int:
        return max(self._timeline.n_rows - len(self._memory), 0)

    def append(self, chunk: Chunk) -> None:
        """Add a chunk at the buffer's rate; it continues the last chunk or begins a new stretch."""
        before = self._timeline.n_rows
        self._timeline.extend(chunk)
        kept = chunk.data[-len(self._memory) :]
        after = self._timeline.n_rows
        self._memory[np.arange(after - len(kept), after) % len(self._memory)] = kept
        if after > before:
            self._timeline.drop_before(self._oldest)

    def note_breaks(self, reasons: Sequence[tuple[float, str]]) -> None:
        """Why the signal broke at some times, s, where no chunk was missing."""
        self._timeline.reasons.extend(reasons)

    def mark_bad(self, stretches: Iterable[BadStretch]) -> None:
        """Refuse to read what reaches into these."""
        self._timeline.mark_bad(stretches)

    def newest(self, n: int) -> Chunk:
        """The newest rows, at most n, of the current stretch."""
        stretches = self._timeline.stretches
        if not stretches:
            return Chunk(self._memory[:0], 0.0, self._timeline.rate)
        last = stretches[-1]
        first = max(last.first, self._timeline.n_rows - min(n, len(self._memory)))
        rows = self._memory[np.arange(first, self._timeline.n_rows) % len(self._memory)]
        return Chunk(rows, last.start + (first - last.first) / self._timeline.rate, self._timeline.rate)

    def unreadable(self, start: float, stop: float) -> str | None:
        """Why the time from start to stop cannot be read ("later": not yet); None if it can."""
        return self._timeline.unreadable(start, stop, self._oldest)

    def read(self, times: np.ndarray) -> np.ndarray:
        """The signal at some times, shape (time,) in seconds; returns (time, sensor) float32."""
        rows, weights = self._timeline.locate(times, self._oldest)
        return interpolate(self._memory, rows % len(self._memory), weights)
