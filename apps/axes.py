"""Axes: from values to pixels and back, with round ticks."""

from __future__ import annotations

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
