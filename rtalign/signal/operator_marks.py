"""What an operator has called bad during a session: stretches of time, and single sensors."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from rtalign.core.records import BadMark

MAX_MARKS = 10_000


class BadMarks:
    """The marks of a session; two with the same beginning and sensor are one, of which the later counts."""

    def __init__(self) -> None:
        self._marks: dict[tuple[float, str], BadMark] = {}

    @property
    def all(self) -> tuple[BadMark, ...]:
        """Every mark, in the order in which they were made."""
        return tuple(self._marks.values())

    @property
    def open_sensors(self) -> frozenset[str]:
        """Names of the sensors that are bad now."""
        return frozenset(mark.sensor for mark in self._marks.values() if mark.sensor and mark.stop is None)

    def put(self, mark: BadMark) -> None:
        """Add a mark, or replace the one that has the same beginning and sensor.

        Raises
        ------
        ValueError
            Where it ends before it begins, or there are too many.
        """
        if mark.stop is not None and mark.stop < mark.start:
            raise ValueError(f"a mark from {mark.start:.3f} to {mark.stop:.3f} s ends before it begins")
        if len(self._marks) >= MAX_MARKS and (mark.start, mark.sensor) not in self._marks:
            raise ValueError(f"there are {MAX_MARKS:,} marks already; leave the sensor out, or begin a new session")
        self._marks[mark.start, mark.sensor] = mark

    def remove(self, start: float, sensor: str) -> BadMark:
        """Take a mark back and return it; LookupError where there is none."""
        if (mark := self._marks.pop((start, sensor), None)) is None:
            raise LookupError(f"there is no mark of {sensor or 'the signal'} that begins at {start:.3f} s")
        return mark

    def reason(self, start: float, stop: float) -> str | None:
        """Why no word may use the time from start to stop; None where it may."""
        touching = (mark for mark in self._marks.values() if not mark.sensor and mark.touches(start, stop))
        return next((mark.reason for mark in touching), None)

    def left_out(self, names: Sequence[str], start: float, stop: float) -> np.ndarray:
        """(sensor,): which of the named ones are bad at any time from start to stop."""
        bad = {mark.sensor for mark in self._marks.values() if mark.sensor and mark.touches(start, stop)}
        return np.array([name in bad for name in names], bool)

    def restore(self, marks: Iterable[BadMark]) -> None:
        """Put back the marks of an engine before."""
        for mark in marks:
            self.put(mark)
