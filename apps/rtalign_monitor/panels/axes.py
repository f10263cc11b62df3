"""Axes: from values to pixels and back, with round ticks."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass

import numpy as np

STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)


@dataclass(frozen=True, slots=True)
class Axis:
    """Values lo to hi on pixels start to stop; start may be the larger of the two."""

    lo: float
    hi: float
    start: float
    stop: float

    def at(self, value: float) -> float:
        return self.start + (value - self.lo) / ((self.hi - self.lo) or 1.0) * (self.stop - self.start)

    def at_all(self, values: np.ndarray) -> np.ndarray:
        return self.start + (values - self.lo) * ((self.stop - self.start) / ((self.hi - self.lo) or 1.0))

    def back(self, pixel: float) -> float:
        return self.lo + (pixel - self.start) / ((self.stop - self.start) or 1.0) * (self.hi - self.lo)

    def ticks(self, every_px: float = 70.0) -> list[float]:
        return ticks(self.lo, self.hi, max(int(abs(self.stop - self.start) / every_px), 1))


@dataclass(frozen=True, slots=True)
class Rows:
    """Layers as rows between two heights, the first one at the bottom."""

    layers: tuple[int, ...]
    top: float
    bottom: float

    @property
    def height(self) -> float:
        return (self.bottom - self.top) / max(len(self.layers), 1)

    def middle(self, row: int) -> float:
        return self.bottom - (row + 0.5) * self.height

    def layer_at(self, y: float) -> int | None:
        row = int((self.bottom - y) // self.height) if self.layers else -1
        return self.layers[row] if 0 <= row < len(self.layers) else None

    def labelled(self, fewest_px: float) -> list[int]:
        """Rows that bear a label: all of a few, else every fourth, the last one in any case."""
        n = len(self.layers)
        step = 1 if n <= 12 else 4
        while step * self.height < fewest_px and step < n:
            step += 1 if step < 4 else 4
        rows = list(range(0, n, step))
        if rows and rows[-1] != n - 1:
            apart = max(fewest_px, 0.7 * step * self.height)
            rows = [row for row in rows if (n - 1 - row) * self.height >= apart] + [n - 1]
        return rows


def ticks(lo: float, hi: float, most: int) -> list[float]:
    """Round values within lo to hi, at most so many steps apart."""
    if not hi > lo:
        return [lo]
    rough = (hi - lo) / max(most, 1)
    unit = 10.0 ** np.floor(np.log10(rough))
    step = next(unit * s for s in STEPS if unit * s >= rough * 0.999)
    found = np.arange(np.ceil(lo / step - 1e-9), np.floor(hi / step + 1e-9) + 1) * step
    return [float(value) + 0.0 for value in found]


def ms(seconds: float) -> str:
    """A lag as it is read: 0, +230, −100."""
    value = round(1000 * seconds)
    return f"+{value}" if value > 0 else str(value).replace("-", "−")


def counted(n: int) -> str:
    """So many words."""
    return f"{n:,} word{'s' * (n != 1)}"


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
