"""The newest seconds of every sensor as a picture needs them: the lowest and the highest value of each column."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rtalign.core.records import DISPLAY_SCALES, Chunk, Sensor

SPAN_S = 6.0
COLUMN_S = 1 / 60
"""Time that a column covers at least."""
MIDDLE_EVERY = 6
"""Of the columns, so many go into a sensor's middle: every sixth of six seconds is enough."""


class Envelope:
    """Reduces a raw signal, however it is cut into chunks, to columns of a fixed length.

    Parameters
    ----------
    sensors : sequence of Sensor
        Columns of the chunks.
    sfreq : float
        Their rate, Hz.

    Attributes
    ----------
    column_s : float
        Time that a column covers, s.
    """

    def __init__(self, sensors: Sequence[Sensor], sfreq: float) -> None:
        self._per_column = max(int(np.ceil(COLUMN_S * sfreq)), 1)
        self._sfreq, self.column_s = sfreq, self._per_column / sfreq
        self._scales = np.array([DISPLAY_SCALES[sensor.kind] for sensor in sensors])
        shape = max(round(SPAN_S / self.column_s), 1), len(sensors)
        self._low, self._high = np.full(shape, np.nan), np.full(shape, np.nan)
        self._rest = np.zeros((0, len(sensors)))
        self._n = 0
        self._expected: float | None = None

    def push(self, chunk: Chunk) -> None:
        """The next samples, in SI units; columns of samples that never came stay empty."""
        if self._expected is not None and abs(late := round((chunk.start - self._expected) * self._sfreq)) > 1:
            self._leave(late)
        data = np.concatenate([self._rest, chunk.data]) if len(self._rest) else chunk.data
        n_whole = len(data) // self._per_column
        whole = data[: n_whole * self._per_column].reshape(n_whole, self._per_column, data.shape[1])[-len(self._low) :]
        self._n += n_whole - len(whole)
        places = (self._n + np.arange(len(whole))) % len(self._low)
        self._low[places], self._high[places] = whole.min(axis=1) * self._scales, whole.max(axis=1) * self._scales
        self._n += len(whole)
        self._rest = data[n_whole * self._per_column :].copy()
        self._expected = chunk.end

    def newest(self) -> tuple[float, np.ndarray, np.ndarray]:
        """Time of the first column, and (column, sensor) float32 low and high, in display units about the middles."""
        n = min(self._n, len(self._low))
        places = np.arange(self._n - n, self._n) % len(self._low)
        low, high = self._low[places], self._high[places]
        some = (low[::MIDDLE_EVERY] + high[::MIDDLE_EVERY]) / 2
        some = some[np.isfinite(some).any(axis=1)] if len(some) else some
        middle = np.median(some, axis=0) if len(some) else np.zeros(low.shape[1])
        start = (self._expected or 0.0) - (n * self._per_column + len(self._rest)) / self._sfreq
        return start, (low - middle).astype(np.float32), (high - middle).astype(np.float32)

    def _leave(self, late: int) -> None:
        """Leave columns empty for samples that are missing; begin anew where time went back."""
        n = len(self._low) if late < 0 else min(-(-late // self._per_column), len(self._low))
        places = (self._n + np.arange(n)) % len(self._low)
        self._low[places] = self._high[places] = np.nan
        self._n += n
        self._rest = self._rest[:0]
