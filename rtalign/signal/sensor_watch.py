"""Sensors that give nothing usable for seconds: they are left out, so that they do not cost every word."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rtalign.core.records import DISPLAY_SCALES, Chunk, Sensor
from rtalign.signal.plausibility import LARGEST

BLOCK_S = 0.5
"""Sensors are judged over blocks of this length, counted in samples, so that chunks do not matter."""
N_OUT = 4
"""A sensor that has bad values in so many blocks, one after the other, is left out."""
N_BACK = 20
"""A sensor that is left out comes back after so many blocks without bad values."""
MOST = 0.2
"""Of all sensors, so many are left out at most: with more of them gone there is no signal to score."""


class SensorWatch:
    """Watches a stream sensor by sensor and sets those that give nothing usable to zero before the filters.

    Single bad values are left as they are: the chain breaks there, and the words around them are skipped.

    Parameters
    ----------
    sensors : sequence of Sensor
        Columns of the chunks.
    sfreq : float
        Their rate, Hz.

    Attributes
    ----------
    out : ndarray of bool, shape (sensor,)
        Which sensors are left out now.
    """

    def __init__(self, sensors: Sequence[Sensor], sfreq: float) -> None:
        self._names = [sensor.name for sensor in sensors]
        self._largest = np.array([LARGEST[s.kind] / DISPLAY_SCALES[s.kind] for s in sensors])
        self._block, n = max(round(BLOCK_S * sfreq), 1), len(self._names)
        self.out = np.zeros(n, bool)
        self._is_bad = np.zeros(n, bool)
        self._n_bad, self._n_good = np.zeros(n, int), np.zeros(n, int)
        self._since, self._until = np.full(n, np.inf), np.full(n, -np.inf)
        self._n_rows = 0
        self._too_many = False
        self._lines: list[str] = []

    def push(self, chunk: Chunk) -> Chunk:
        """The chunk, with zeros for the sensors that are left out."""
        parts, first = [chunk.data[:0]], 0
        while first < len(chunk.data):
            rows = chunk.data[first : first + self._block - self._n_rows % self._block]
            parts.append(self._watch(rows))
            first += len(rows)
            self._n_rows += len(rows)
            self._until[self.out] = time = chunk.start + first / chunk.sfreq
            if self._n_rows % self._block == 0:
                self._close_block(time)
        data = parts[1] if len(parts) == 2 else np.concatenate(parts)
        return Chunk(data, chunk.start, chunk.sfreq)

    def left_out(self, start: float, stop: float) -> np.ndarray:
        """(sensor,): which were left out at any time from start to stop, s."""
        return np.asarray((self._since < stop) & (self._until > start))

    @property
    def ever_out(self) -> np.ndarray:
        """(sensor,): which were left out at any time."""
        return np.isfinite(self._since)

    def take_lines(self) -> list[str]:
        """What has changed since the last call, in words."""
        lines, self._lines = self._lines, []
        return lines

    def _watch(self, rows: np.ndarray) -> np.ndarray:
        low, high = rows.min(axis=0), rows.max(axis=0)
        self._is_bad |= ~((low >= -self._largest) & (high <= self._largest))
        return np.where(self.out, 0, rows) if self.out.any() else rows

    def _close_block(self, time: float) -> None:
        self._n_bad = np.where(self._is_bad, self._n_bad + 1, 0)
        self._n_good = np.where(self._is_bad, 0, self._n_good + 1)
        self._is_bad = np.zeros_like(self._is_bad)
        wanted = (self.out & (self._n_good < N_BACK)) | (self._n_bad >= N_OUT)
        too_many, was = bool(wanted.sum() > MOST * len(wanted)), self._too_many
        self._too_many = too_many
        if too_many and not was:
            self._lines.append(
                f"{self._some(wanted)} gave nothing usable: too many to go on without, no word is scored"
            )
        self._change(wanted & (not too_many), time)

    def _change(self, wanted: np.ndarray, time: float) -> None:
        left, back = wanted & ~self.out, self.out & ~wanted
        if left.any():
            self._since[left] = self._until[left] = time
            self._lines.append(
                f"{self._some(left)} gave nothing usable for {N_OUT * BLOCK_S:g} s; left out, training means instead"
            )
        if back.any():
            self._lines.append(f"{self._some(back)}: used again")
        self.out = wanted.copy()

    def _some(self, which: np.ndarray) -> str:
        names = [self._names[i] for i in np.flatnonzero(which)]
        more = f" and {len(names) - 5} more sensors" if len(names) > 5 else ""
        return ", ".join(names[:5]) + more
