"""When the samples of a stream without time stamps were taken: counted, and dated by when they came."""

from __future__ import annotations

from collections import deque

import numpy as np

from rtalign.core.robust_line import trimmed_line

LEARN_S = 1.0
"""So much signal is awaited before anything is dated: the first arrivals may all be late."""
MEMORY_S = 120.0
BIN_S = 0.1
"""Of the arrivals within this time, the one that came soonest after its samples counts."""
REFIT_S = 0.5
SLOPE_AFTER_S = 30.0
"""Before that the rate is the nominal one: noise would make a steeper slope than any quartz clock has."""
SLEW = 5e-4
"""How fast dates go over to a new estimate, seconds a second: a jump would be taken for lost samples."""
BREAK_S = 0.25
PERSIST_S = 3.0
"""Samples that come this late, steadily for so long, were not delayed: the sender paused without counting."""


class ArrivalClock:
    """Dates samples by a robust line through the times at which they arrived.

    A stall of the transfer makes arrivals late and passes; it moves no date.  A pause of the sender stays, and dates
    follow it at once.

    Parameters
    ----------
    sfreq : float
        Samples a second.
    """

    def __init__(self, sfreq: float) -> None:
        self.sfreq = sfreq
        self._points: deque[tuple[float, float]] = deque()  # signal seconds, lateness
        self._fit = (0.0, 0.0, 0.0)  # centre, level, slope
        self._spread = np.inf
        self._fitted = 0.0
        self._dated: tuple[int, float] | None = None
        self._last = 0.0
        self._begin: float | None = None
        self._late: deque[tuple[float, float]] = deque()

    @property
    def ready(self) -> bool:
        """Whether enough has come to date samples."""
        return self._begin is not None and self._last - self._begin >= LEARN_S

    @property
    def uncertainty_s(self) -> float:
        """How far arrivals lie around the line: half of what nine in ten of them span, s."""
        return float(self._spread) if np.isfinite(self._spread) else 0.0

    def add(self, n_samples: int, time: float) -> None:
        """Samples up to n_samples were there at a local time, s."""
        at = n_samples / self.sfreq
        lateness = time - at
        self._begin = at if self._begin is None else self._begin
        self._last = at
        if self._points and int(at / BIN_S) == int(self._points[-1][0] / BIN_S):
            if lateness >= self._points[-1][1]:
                return
            self._points.pop()
        self._points.append((at, lateness))
        while self._points[0][0] < at - MEMORY_S:
            self._points.popleft()
        paused = self._follow_pause(at, lateness)
        if paused or not self.ready or at - self._fitted >= REFIT_S:
            self._fitted = at
            self._refit()

    def date(self, first: int, n: int) -> np.ndarray:
        """Local times of n samples from a number on, s, shape (sample,); dates go on from those before."""
        ends = np.array([self._at(first), self._at(first + n)])
        if self._dated is not None and self._dated[0] <= first:
            due = self._dated[1] + (first - self._dated[0]) / self.sfreq
            most = SLEW * (first + n - self._dated[0]) / self.sfreq
            end = due + n / self.sfreq
            ends = np.array([due, end + np.clip(ends[1] - end, -most, most)])
        self._dated = (first + n, float(ends[1]))
        return ends[0] + (ends[1] - ends[0]) / n * np.arange(n)

    def time(self, sample: int) -> float:
        """Local time of a sample, as those around it were dated."""
        if self._dated is None:
            return self._at(sample)
        return self._dated[1] + (sample - self._dated[0]) / self.sfreq

    def _at(self, sample: int) -> float:
        at = sample / self.sfreq
        centre, level, slope = self._fit
        return at + level + slope * (at - centre)

    def _refit(self) -> None:
        at, lateness = np.array(self._points).T
        centre = float(at[-1])
        if at[-1] - at[0] >= SLOPE_AFTER_S:
            _, slope = trimmed_line(at - centre, lateness)
        else:
            slope = 0.0
        off = lateness - slope * (at - centre)
        low, level, high = np.quantile(off, [0.05, 0.5, 0.95])
        self._fit, self._spread = (centre, float(level), slope), float(high - low) / 2

    def _follow_pause(self, at: float, lateness: float) -> bool:
        """Begin anew where samples keep coming late by the same time; whether they do."""
        off = lateness - (self._at(int(at * self.sfreq)) - at)
        if len(self._points) < 10 or abs(off) < BREAK_S:
            self._late.clear()
            return False
        self._late.append((at, lateness))
        while len(self._late) > 1 and self._late[1][0] < at - PERSIST_S:
            self._late.popleft()
        if at - self._late[0][0] < PERSIST_S:
            return False
        recent = [late for _, late in self._late]
        paused = max(recent) - min(recent) < BREAK_S
        if paused:
            self._points = deque(point for point in self._points if point[0] >= at - PERSIST_S)
            self._late.clear()
            self._dated = None
        return paused
