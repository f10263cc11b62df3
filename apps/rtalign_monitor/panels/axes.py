"""Axes: from values to pixels and back, with round ticks; rows of layers; positions that move smoothly."""

from __future__ import annotations

import math
import time
from collections import deque
from dataclasses import dataclass

import numpy as np
import pyqtgraph as pg  # type: ignore[import-untyped]
from qtpy.QtGui import QPainterPath, QPolygonF

from rtalign.core.text.translation import tr

STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)
EASE_S = 0.150
TRAIL_S = 30.0
TRAIL_EVERY_S = 1.0


@dataclass(frozen=True, slots=True)
class Axis:
    """A linear axis: values low to high on pixels start to stop; start may be the larger of the two."""

    low: float
    high: float
    start: float
    stop: float

    def to_pixel(self, value: float) -> float:
        return self.start + (value - self.low) / ((self.high - self.low) or 1.0) * (self.stop - self.start)

    def to_pixels(self, values: np.ndarray) -> np.ndarray:
        return self.start + (values - self.low) * ((self.stop - self.start) / ((self.high - self.low) or 1.0))

    def to_value(self, pixel: float) -> float:
        return self.low + (pixel - self.start) / ((self.stop - self.start) or 1.0) * (self.high - self.low)

    def ticks(self, min_px: float = 70.0) -> list[float]:
        """Round values at least so many pixels apart."""
        return ticks(self.low, self.high, max(int(abs(self.stop - self.start) / min_px), 1))


def ticks(low: float, high: float, max_steps: int) -> list[float]:
    """Round values within low to high, at most so many steps."""
    if not high > low:
        return [low]
    rough = (high - low) / max(max_steps, 1)
    unit = 10.0 ** np.floor(np.log10(rough))
    step = next(unit * s for s in STEPS if unit * s >= rough * 0.999)
    values = np.arange(np.ceil(low / step - 1e-9), np.floor(high / step + 1e-9) + 1) * step
    return [float(value) + 0.0 for value in values]


def log_ticks(low: float, high: float, most: int) -> list[float]:
    """Logarithms of round numbers between two logarithms, at most so many."""
    for digits in ((1, 2, 5), (1, 3), (1,)):
        values = [e + math.log10(d) for e in range(math.floor(low), math.ceil(high) + 1) for d in digits]
        inside = [value for value in values if low - 1e-9 <= value <= high + 1e-9]
        if len(inside) <= most:
            return inside
    return inside[:: math.ceil(len(inside) / most)]


@dataclass(frozen=True, slots=True)
class Rows:
    """Layers as rows between two heights, the first one at the bottom."""

    layers: tuple[int, ...]
    top: float
    bottom: float

    @property
    def height(self) -> float:
        """Of one row."""
        return (self.bottom - self.top) / max(len(self.layers), 1)

    def centre(self, row: int) -> float:
        return self.bottom - (row + 0.5) * self.height

    def layer_at(self, y: float) -> int | None:
        row = int((self.bottom - y) // self.height) if self.layers else -1
        return self.layers[row] if 0 <= row < len(self.layers) else None

    def labelled(self, min_px: float) -> list[int]:
        """Rows that have a label: all where they are few, else every fourth, and always the last."""
        n = len(self.layers)
        step = 1 if n <= 12 else 4
        while step * self.height < min_px and step < n:
            step += 1 if step < 4 else 4
        rows = list(range(0, n, step))
        if rows and rows[-1] != n - 1:
            apart = max(min_px, 0.7 * step * self.height)
            rows = [row for row in rows if (n - 1 - row) * self.height >= apart] + [n - 1]
        return rows


class Easing:
    """Positions by layer that move smoothly to where they belong.

    Attributes
    ----------
    trail : deque of (float, dict)
        When, and the positions then; of the last half minute, one a second.
    """

    def __init__(self) -> None:
        self.trail: deque[tuple[float, dict[int, float]]] = deque()
        self._targets: dict[int, float] = {}
        self._from: dict[int, float] = {}
        self._started = 0.0

    @property
    def finished(self) -> bool:
        return time.monotonic() - self._started > EASE_S

    def finish(self) -> None:
        """Be where the positions belong at once, for a picture."""
        self._from, self._started = dict(self._targets), -EASE_S

    def move_to(self, targets: dict[int, float]) -> bool:
        """Begin to move from the present positions; False where they are the same."""
        now = time.monotonic()
        if not self.trail or now - self.trail[-1][0] >= TRAIL_EVERY_S:
            self.trail.append((now, self._targets))
        while self.trail and now - self.trail[0][0] > TRAIL_S:
            self.trail.popleft()
        if targets == self._targets:
            return False
        self._from, self._targets, self._started = self.positions(), targets, now
        return True

    def positions(self) -> dict[int, float]:
        """The positions at this moment."""
        share = min((time.monotonic() - self._started) / EASE_S, 1.0)
        share = 1 - (1 - share) ** 3
        old = self._from
        return {layer: old.get(layer, x) + share * (x - old.get(layer, x)) for layer, x in self._targets.items()}

    def trail_positions(self) -> dict[int, set[float]]:
        """Every position of each layer in the trail."""
        positions: dict[int, set[float]] = {}
        for _, at in self.trail:
            for layer, x in at.items():
                positions.setdefault(layer, set()).add(x)
        return positions


def line_through(x: np.ndarray, y: np.ndarray) -> QPolygonF | QPainterPath:
    """A line through all finite values; a polygon where all are finite, as that is faster to build and to draw."""
    if np.isfinite(y).all():
        return pg.functions.arrayToQPolygonF(x, y)
    return pg.functions.arrayToQPath(x, y, connect="finite")


def stretches(on: np.ndarray) -> np.ndarray:
    """(n, 2): first and, exclusive, last index of every stretch that is on; on : (lag,)."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], on, [False]]).astype(np.int8)))
    return edges.reshape(-1, 2)


def word_count(n: int) -> str:
    """1 word, 2 words."""
    return tr("1 word") if n == 1 else tr("{n:,} words", n=n)
