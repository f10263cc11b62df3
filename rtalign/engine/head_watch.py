"""How far the head is from where it was when the bank was trained, and when the operator is told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rtalign.core.head.position import HeadPosition

AMBER_MM, RED_MM = 1.5, 3.0
"""Distances at which laboratories look, and at which they act."""
BACK = 0.8
"""A level is left at this part of its distance: a head that trembles at a limit is told once."""
LEVELS = (0.0, AMBER_MM, RED_MM)


class HeadWatch:
    """Compares each position of the head with those of the bank's recordings; the nearest of them counts.

    Parameters
    ----------
    passport : mapping or None
        Of the bank; None where there is none.

    Attributes
    ----------
    distance_mm : float or None
        None before the first position, or where the bank knows none.
    """

    def __init__(self, passport: Mapping[str, Any] | None) -> None:
        entries = passport.get("recordings", ()) if passport else ()
        found = (HeadPosition.from_json(entry.get("head")) for entry in entries if isinstance(entry, dict))
        self._trained = [position for position in found if position is not None]
        self._level, self._told_unknown = 0, passport is None
        self.distance_mm: float | None = None

    def push(self, position: HeadPosition) -> list[str]:
        """A new position; returns what the operator should know of it."""
        if not self._trained:
            told, self._told_unknown = self._told_unknown, True
            return [] if told else ["the bank does not say where the head was: its position cannot be compared"]
        self.distance_mm = distance = position.distance_mm(self._trained)
        reached = sum(distance >= limit for limit in LEVELS[1:])
        before = self._level
        if reached > before or distance < BACK * LEVELS[before]:
            self._level = reached
        if self._level > before:
            return [f"the head is {distance:.1f} mm from where it was in training"]
        return [f"the head is back within {LEVELS[before]:g} mm of training"] if self._level < before else []
