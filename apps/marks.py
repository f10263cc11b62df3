"""Marks: the bookmarks of a recording, remembered for when it is opened again."""

from __future__ import annotations

from apps.remember import MOST_MARKED, Memory
from rtalign.session import Session

NEAR_S = 0.5
"""A bookmark this near is meant."""


class Marks:
    """Times in the recording, in order."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._key = ""

    @property
    def times(self) -> list[float]:
        return self._memory.bookmarks.get(self._key, [])

    def open(self, session: Session) -> None:
        """Another recording; live streams have none."""
        parts = (session.recording and session.recording.resolve(), session.subject, session.session, session.task)
        self._key = "|".join(str(part or "") for part in (*parts, session.run)) if session.recording else ""

    def turn(self, time_s: float) -> bool:
        """Set one here, or take away the one that is here; whether there is one now."""
        kept = [t for t in self.times if abs(t - time_s) > NEAR_S]
        new = len(kept) == len(self.times)
        others = {key: times for key, times in self._memory.bookmarks.items() if key != self._key}
        marked = {self._key: sorted([*kept, time_s] if new else kept)} if new or kept else {}
        self._memory.bookmarks = dict([*others.items(), *marked.items()][-MOST_MARKED:])
        return new

    def beside(self, time_s: float, by: int) -> float | None:
        """The next one (1) or the one before (-1)."""
        if by > 0:
            return next((t for t in self.times if t > time_s + 0.05), None)
        return next((t for t in reversed(self.times) if t < time_s - NEAR_S), None)
