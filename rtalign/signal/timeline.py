"""Which rows of a buffer hold which times, stretch by unbroken stretch."""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, replace
from operator import attrgetter

import numpy as np

from rtalign.core.records import BadStretch, Chunk
from rtalign.signal.interpolation import HALF, TOLERANCE, interpolation_weights
from rtalign.signal.plausibility import GAP

LATER = "later"
BEFORE = "window before recording"
AFTER = "window after recording"
WARM_UP = "filter warm-up"
"""The signal is there, and so soon after its beginning that the filters have not settled."""
OLDER = "older than the buffer"
MAX_REASONS = 1000
"""Reasons for gaps that are kept."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """An unbroken piece of signal: rows first to first + n - 1, evenly sampled.

    Attributes
    ----------
    start : float
        Time of the first row, in seconds.
    first : int
        Index of the first row.
    n : int
        How many rows.
    """

    start: float
    first: int
    n: int


def apart(stretches: Iterable[BadStretch]) -> list[BadStretch]:
    """Bad stretches in order, without what two of them share: that belongs to the earlier one."""
    kept: list[BadStretch] = []
    for bad in sorted(stretches, key=attrgetter("start", "stop")):
        begin = max(bad.start, kept[-1].stop) if kept else bad.start
        if begin < bad.stop or not kept or bad.start > kept[-1].stop:
            kept.append(replace(bad, start=begin))
    return kept


class Timeline:
    """The stretches of one recording, in order, and how many rows they fill.

    Parameters
    ----------
    rate : float
        Rows a second.
    n_sensors : int
        Columns of the chunks.
    stretches : list of Stretch, optional
        Those of a recording that was read before.
    warmup_s : float
        How much signal before the first row of each stretch went into the filters alone.

    Attributes
    ----------
    reasons : deque of (float, str)
        Times at which the signal was broken for another reason than a gap, and the reason.
    ended : bool
        Whether no more rows will come.
    """

    def __init__(
        self, rate: float, n_sensors: int, stretches: list[Stretch] | None = None, warmup_s: float = 0.0
    ) -> None:
        self.rate, self.n_sensors, self.warmup_s = float(rate), n_sensors, warmup_s
        self._bad: list[BadStretch] = []
        self.ended = False
        self.reasons: deque[tuple[float, str]] = deque(maxlen=MAX_REASONS)
        self.stretches = list(stretches or [])
        self.n_rows = self.stretches[-1].first + self.stretches[-1].n if stretches else 0
        self.start = self.stretches[0].start if stretches else None

    @property
    def end(self) -> float | None:
        """Time of the next row; None before the first."""
        if not self.stretches:
            return None
        return self.stretches[-1].start + self.stretches[-1].n / self.rate

    def extend(self, chunk: Chunk) -> None:
        """Count the rows of a chunk; it continues the last stretch or begins a new one."""
        if chunk.data.ndim != 2 or chunk.data.shape[1] != self.n_sensors:
            raise ValueError(f"a chunk has the shape {chunk.data.shape}; there are {self.n_sensors} sensors")
        if abs(chunk.sfreq - self.rate) > 1e-6 * self.rate:
            raise ValueError(f"a chunk has {chunk.sfreq:g} Hz; rows are stored at {self.rate:g} Hz - filter it first")
        if not len(chunk.data):
            return
        late = (chunk.start - self.end) * self.rate if self.end is not None else np.inf
        if late < -0.5:
            raise ValueError(f"a chunk starts at {chunk.start:.4f} s, before the end of the last at {self.end:.4f} s")
        if late > 0.5:
            self.stretches.append(Stretch(float(chunk.start), self.n_rows, 0))
        last = self.stretches[-1]
        self.stretches[-1] = Stretch(last.start, last.first, last.n + len(chunk.data))
        self.start = self.stretches[0].start if self.start is None else self.start
        self.n_rows += len(chunk.data)

    def drop_before(self, oldest: int) -> None:
        """Drop the stretches that end before a row."""
        while len(self.stretches) > 1 and self.stretches[1].first <= oldest:
            del self.stretches[0]

    def mark_bad(self, stretches: Iterable[BadStretch]) -> None:
        """Refuse to read what reaches into these; where two overlap, the earlier one gives the reason."""
        self._bad = apart([*self._bad, *stretches])

    def unreadable(self, start: float, stop: float, oldest: int = 0) -> str | None:
        """Why the time from start to stop cannot be read; None if it can.

        Parameters
        ----------
        start, stop : float
            The time needed, in seconds; the interpolation needs a few rows more on either side.
        oldest : int
            The first row that is still held.

        Returns
        -------
        str or None
            One of LATER (not yet there) or AFTER, BEFORE, WARM_UP, GAP (or the reason for it) and OLDER, or the reason
            of a bad stretch; None if every row needed is held, in one stretch.
        """
        reason = self._not_held(start, stop, oldest)
        if reason == LATER and self.ended:
            return AFTER
        return (self._bad_reason(start, stop) or reason) if reason in (None, GAP) else reason

    def _bad_reason(self, start: float, stop: float) -> str | None:
        """Of the last bad stretch that the time from start to stop touches; they do not overlap."""
        at = bisect_right(self._bad, stop, key=attrgetter("start"))
        return self._bad[at - 1].reason if at and self._bad[at - 1].stop >= start else None

    def _not_held(self, start: float, stop: float, oldest: int) -> str | None:
        if self.start is None:
            return LATER
        if self._row(start, self.start) < HALF - 1:
            return WARM_UP if start >= self.start - self.warmup_s else BEFORE
        held = [stretch for stretch in self.stretches if self._row(start, stretch.start) >= HALF - 1]
        if not held:
            return OLDER
        stretch = held[-1]
        if self._row(stop, stretch.start) + HALF >= stretch.n:
            return LATER if stretch is self.stretches[-1] else self._reason_behind(stretch)
        return OLDER if self._row(start, stretch.start) - (HALF - 1) + stretch.first < oldest else None

    def _reason_behind(self, stretch: Stretch) -> str:
        """Why a stretch ended, where the next one begins later, behind the warm-up of its filters."""
        end = stretch.start + stretch.n / self.rate
        behind = next(later.start for later in self.stretches if later.first > stretch.first)
        noted = (reason for time, reason in self.reasons if end <= time + 1 / self.rate and time < behind)
        return next(noted, None) or self._bad_reason(end, max(behind - self.warmup_s, end)) or GAP

    def _row(self, time: float, start: float) -> int:
        return int(np.floor((time - start) * self.rate + TOLERANCE))

    def locate(self, times: np.ndarray, oldest: int = 0) -> tuple[np.ndarray, np.ndarray]:
        """Rows and weights, (time, tap) each, that times (time,) are interpolated from; all must be readable."""
        times = np.asarray(times, dtype=float)
        if not len(times):
            return interpolation_weights(times)
        starts = np.array([stretch.start for stretch in self.stretches])
        which = np.searchsorted(starts, times, side="right") - 1
        if not np.isfinite(times).all() or which.min() < 0:
            raise ValueError(f"{times[~(which >= 0) | ~np.isfinite(times)][0]} s was asked for; {self._extent()}")
        firsts = np.array([stretch.first for stretch in self.stretches])
        counts = np.array([stretch.n for stretch in self.stretches])
        rows, weights = interpolation_weights((times - starts[which]) * self.rate)
        low, high = rows[:, 0], rows[:, -1]
        outside = (low < 0) | (high >= counts[which]) | (low + firsts[which] < oldest)
        if outside.any():
            raise ValueError(f"{times[outside][0]:.4f} s was asked for; {self._extent()}, ask unreadable() first")
        return rows + firsts[which, None], weights

    def _extent(self) -> str:
        if not self.stretches:
            return "nothing is stored yet"
        spans = f"{self.stretches[0].start:.3f} to {self.end:.3f} s"
        return f"stored is {spans} in {len(self.stretches)} stretches"
