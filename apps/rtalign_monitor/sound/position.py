"""Where a replay stands at this moment, from reports of it that come late."""

from __future__ import annotations

from collections import deque

WINDOW_S = 5.0
RECENT_S = 0.6
OFF_S = 0.15
"""Further ahead than the reports before said: it was moved.  Further behind in all the newest: it keeps no pace."""
SETTLE_S = 0.25
"""After a move: what leads up to the wanted place rushes by, and is not to be heard."""
SILENT_S = 1.5
AHEAD_S = 0.01
"""A replay hands out whole chunks, of which half lie ahead of their time on average."""


class Standing:
    """A report can be late by any time, but never early: of the newest ones, that furthest ahead is the truest."""

    def __init__(self) -> None:
        self._reports: deque[tuple[float, float]] = deque()
        self._position = 0.0
        self._settled = -float("inf")

    def tell(self, now: float, position: float, moving: bool) -> None:
        """A report.  moving : it plays, at real time."""
        before, self._position = self._position, position
        if not moving:
            self._reports.clear()
            return
        ahead = position - now
        if self._reports and (position < before or ahead > self._best() + OFF_S):
            self._reports.clear()
            self._settled = now + SETTLE_S
        self._reports.append((now, ahead))
        while now - self._reports[0][0] > WINDOW_S:
            self._reports.popleft()

    def at(self, now: float) -> float | None:
        """The position; None where nothing should be heard."""
        if not self._reports or now < self._settled:
            return None
        newest, best = self._reports[-1][0], self._best()
        recent = max(ahead for time, ahead in self._reports if newest - time <= RECENT_S)
        if now - newest > SILENT_S or best - recent > OFF_S:
            return None
        return now + best - AHEAD_S

    def _best(self) -> float:
        return max(ahead for _, ahead in self._reports)
