"""A plotting frame in SVG: scales, ticks, axes and lines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rtalign.report.html import Markup, join, number, tag


@dataclass(frozen=True, slots=True)
class Frame:
    """A rectangle of a figure with a linear scale on each side.  y grows upwards."""

    left: float
    top: float
    width: float
    height: float
    x: tuple[float, float]
    y: tuple[float, float]

    @property
    def right(self) -> float:
        return self.left + self.width

    @property
    def bottom(self) -> float:
        return self.top + self.height

    def px(self, x: float) -> float:
        return self.left + (x - self.x[0]) / (self.x[1] - self.x[0]) * self.width

    def py(self, y: float) -> float:
        return self.bottom - (y - self.y[0]) / (self.y[1] - self.y[0]) * self.height

    def line(self, xs: Sequence[float] | np.ndarray, ys: Sequence[float] | np.ndarray) -> str:
        """Path data through the points; a missing value breaks the line."""
        parts, pen = [], "M"
        for x, y in zip(xs, ys, strict=True):
            if not np.isfinite(y):
                pen = "M"
                continue
            parts.append(f"{pen}{number(self.px(x), 1)} {number(self.py(y), 1)}")
            pen = "L"
        return "".join(parts)

    def band(self, xs: np.ndarray, low: np.ndarray, high: np.ndarray) -> str:
        """Path data around the area between two lines; missing values are left out."""
        there = np.isfinite(low) & np.isfinite(high)
        if there.sum() < 2:
            return ""
        x, low, high = xs[there], low[there], high[there]
        return self.line(x, high) + "L" + self.line(x[::-1], low[::-1])[1:] + "Z"


def ticks(span: tuple[float, float], about: int) -> np.ndarray:
    """Round values inside a span, about so many."""
    low, high = span
    rough = (high - low) / max(about, 1)
    power = 10.0 ** np.floor(np.log10(rough))
    step = power * next((m for m in (1, 2, 2.5, 5) if m * power >= rough * 0.999), 10)
    first = np.ceil(low / step - 1e-9)
    return (first + np.arange(int(np.floor(high / step + 1e-9) - first) + 1)) * step


def label(value: float) -> str:
    """A tick's number, with a true minus sign."""
    text = f"{value:.6g}" if abs(value) < 1e6 else f"{value:.0e}"
    return ("0" if float(text) == 0 else text).replace("-", "\u2212")


SYMBOL = join(
    tag("tspan", "T", class_="symbol"), tag("tspan", "max", dy=3.0, class_="low"), tag("tspan", "\u200b", dy=-3.0)
)
"""T with its index; the last, empty span lifts what follows back to the line."""


def text(x: float, y: float, content: str, cls: str | None = None, anchor: str | None = None, **more: object) -> Markup:
    parts = content.split("T_max")
    drawn = join(parts[0], [join(SYMBOL, part) for part in parts[1:]])
    return tag("text", drawn, x=float(x), y=float(y), class_=cls, text_anchor=anchor, **more)


def x_axis(frame: Frame, values: np.ndarray, title: str, scale: float = 1.0, grid: bool = True) -> list[Markup]:
    """Labels under the frame, hair lines through it."""
    parts = []
    for value in values:
        x = frame.px(value)
        if grid:
            parts.append(tag("path", d=f"M{number(x)} {number(frame.top)}V{number(frame.bottom)}", class_="grid"))
        parts.append(text(x, frame.bottom + 16, label(value * scale), "tick", "middle"))
    if title:
        parts.append(text(frame.left + frame.width / 2, frame.bottom + 34, title, "axis", "middle"))
    return parts


def y_axis(frame: Frame, values: np.ndarray, title: str, scale: float = 1.0) -> list[Markup]:
    """Labels left of the frame, hair lines through it."""
    parts = []
    for value in values:
        y = frame.py(value)
        parts.append(tag("path", d=f"M{number(frame.left)} {number(y)}H{number(frame.right)}", class_="grid"))
        parts.append(text(frame.left - 8, y + 4, label(value * scale), "tick", "end"))
    if title:
        parts.append(side_title(frame.left - 46, frame.top + frame.height / 2, title))
    return parts


def zero(frame: Frame) -> Markup | None:
    """The level of no score, where the frame goes below it."""
    if not frame.y[0] < 0 < frame.y[1]:
        return None
    return tag("path", d=f"M{number(frame.left)} {number(frame.py(0))}H{number(frame.right)}", class_="zero")


def upright(frame: Frame) -> Markup | None:
    """The same where the score lies along the frame, or the moment of a word's onset."""
    if not frame.x[0] < 0 < frame.x[1]:
        return None
    return tag("path", d=f"M{number(frame.px(0))} {number(frame.top)}V{number(frame.bottom)}", class_="zero")


def side_title(x: float, y: float, title: str) -> Markup:
    """An axis title that reads upwards."""
    return text(x, y, title, "axis", "middle", transform=f"rotate(-90 {number(x)} {number(y)})")


def figure(width: float, height: float, caption: str, *parts: object) -> Markup:
    """An SVG drawing with what it shows in words for those who cannot see it."""
    return tag(
        "svg",
        *parts,
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {number(width)} {number(height)}",
        role="img",
        aria_label=caption,
        class_="fig",
        style=f"--w:{number(width)}px",
    )


def panels(n: int) -> tuple[str, float]:
    """The class of a grid of n small figures, and how wide each is drawn, so that few are left over in the last row."""
    return ("many three", 330.0) if n in (1, 2, 3, 5, 6, 9) else ("many", 246.0)


def thinned(items: Sequence[int], most: int) -> list[int]:
    """At most so many of the items, at even steps from the first."""
    return list(items[:: max(1, -(-len(items) // most))])
