"""Easing: dots on their way to where they belong, with the places where they have been."""

from __future__ import annotations

import time
from collections import deque

EASE_S = 0.150
TRAIL_S = 30.0
TRAIL_EVERY_S = 1.0


class Easing:
    """Places by layer.  trail : (when, places) of the last half minute, one a second."""

    def __init__(self) -> None:
        self.trail: deque[tuple[float, dict[int, float]]] = deque()
        self._aim: dict[int, float] = {}
        self._from: dict[int, float] = {}
        self._began = 0.0

    @property
    def there(self) -> bool:
        return time.monotonic() - self._began > EASE_S

    def set_out(self, aim: dict[int, float]) -> bool:
        """From where they are now; whether that is anywhere else."""
        now = time.monotonic()
        if not self.trail or now - self.trail[-1][0] >= TRAIL_EVERY_S:
            self.trail.append((now, self._aim))
        while self.trail and now - self.trail[0][0] > TRAIL_S:
            self.trail.popleft()
        if aim == self._aim:
            return False
        self._from, self._aim, self._began = self.places(), aim, now
        return True

    def places(self) -> dict[int, float]:
        """Where each is at this moment."""
        share = min((time.monotonic() - self._began) / EASE_S, 1.0)
        share = 1 - (1 - share) ** 3
        old = self._from
        return {layer: old.get(layer, x) + share * (x - old.get(layer, x)) for layer, x in self._aim.items()}

    def been(self) -> dict[int, set[float]]:
        """Every place of each layer in the trail."""
        found: dict[int, set[float]] = {}
        for _, places in self.trail:
            for layer, x in places.items():
                found.setdefault(layer, set()).add(x)
        return found
