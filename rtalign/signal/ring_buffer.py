"""The last seconds of signal, by time, in memory that is taken once."""

from __future__ import annotations

import numpy as np

from rtalign.core.records import Chunk
from rtalign.signal.interpolation import HALF, combine
from rtalign.signal.timeline import Timeline


class Ring:
    """Keeps the newest rows of a filtered signal.  A row that is overwritten is gone, and `fits` says so."""

    def __init__(self, rate: float, n_sensors: int, seconds: float) -> None:
        self._timeline = Timeline(rate, n_sensors)
        self._memory = np.zeros((int(np.ceil(seconds * rate)) + 2 * HALF, n_sensors), dtype=np.float32)

    @property
    def end(self) -> float | None:
        """The time at which the next row would stand; None before the first."""
        return self._timeline.end

    @property
    def _oldest(self) -> int:
        return max(self._timeline.n_rows - len(self._memory), 0)

    def append(self, chunk: Chunk) -> None:
        """chunk.data : (sample, sensor) at the ring's rate; it continues the last chunk or begins a new stretch."""
        before = self._timeline.n_rows
        self._timeline.extend(chunk)
        kept = chunk.data[-len(self._memory) :]
        after = self._timeline.n_rows
        self._memory[np.arange(after - len(kept), after) % len(self._memory)] = kept
        if after > before:
            self._timeline.forget(self._oldest)

    def newest(self, n: int) -> Chunk:
        """The newest rows, at most n, of the stretch that is being written."""
        stretches = self._timeline.stretches
        if not stretches:
            return Chunk(self._memory[:0], 0.0, self._timeline.rate)
        last = stretches[-1]
        first = max(last.first, self._timeline.n_rows - min(n, len(self._memory)))
        rows = self._memory[np.arange(first, self._timeline.n_rows) % len(self._memory)]
        return Chunk(rows, last.start + (first - last.first) / self._timeline.rate, self._timeline.rate)

    def fits(self, start: float, stop: float) -> str | None:
        """None when start to stop can be read; "later"; or the reason why it never will."""
        return self._timeline.fits(start, stop, self._oldest)

    def read(self, times: np.ndarray) -> np.ndarray:
        """times : (time,) in seconds.  Returns (time, sensor) float32."""
        rows, weights = self._timeline.locate(times, self._oldest)
        return combine(self._memory, rows % len(self._memory), weights)
