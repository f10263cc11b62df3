"""Figures of where a result comes from: decoders of one lag at another, and R of kinds of words over lag."""

from __future__ import annotations

import numpy as np

from rtalign.report.colour import ramp_png, shade
from rtalign.report.figures.lag_map import lag_edges
from rtalign.report.figures.svg import Frame, figure, side_title, text, ticks, upright, x_axis, y_axis, zero
from rtalign.report.html import Markup, join, number, tag

SIDE, LEFT, TOP = 330.0, 62.0, 30.0
"""A square panel, and the room left of and above its map."""
CELL = 12
"""Pixels of the image that a pair of lags is wide."""
SMALL_HEIGHT = 132
LONGEST = 29
"""Letters of a small panel's title."""


def square(lags_s: np.ndarray, r: np.ndarray, top: float, title: str) -> Markup:
    """One map of R (trained lag, tested lag), with a line where both are the same; `top` is the bright end."""
    edges = lag_edges(lags_s)
    span = float(edges[0]), float(edges[-1])
    frame = Frame(LEFT, TOP, SIDE - LEFT - 14, SIDE - LEFT - 14, span, span)
    cells = np.kron(np.clip(r[::-1], 0, None) / top, np.ones((CELL, CELL)))
    same = f"M{number(frame.left)} {number(frame.bottom)}L{number(frame.right)} {number(frame.top)}"
    marks = ticks(span, 6)
    return figure(
        SIDE, frame.bottom + 42, f"R of decoders of one lag on the signal of another, {title}",
        text(frame.left, 16, title, "panel"),
        text(frame.right, 16, f"R up to {np.nanmax(r):.3f}", "legend", "end"),
        tag(
            "image", href=ramp_png(cells), x=frame.left, y=frame.top, width=frame.width, height=frame.height,
            preserveAspectRatio="none", class_="cells",
        ),
        tag("path", d=same, class_="onset"),
        x_axis(frame, marks, "lag of the signal (ms)", 1000, grid=False),
        [text(frame.left - 8, frame.py(v) + 4, f"{1000 * v:.0f}".replace("-", "\u2212"), "tick", "end") for v in marks],
        side_title(14, frame.top + frame.height / 2, "lag of the decoder (ms)"),
    )  # fmt: skip


def kind_panel(
    lags_s: np.ndarray, curves: np.ndarray, depths: np.ndarray, span: tuple[float, float], title: str, width: float
) -> Markup:
    """R over lag of words of one kind, (group of layers, lag), with the depth of each group."""
    frame = Frame(40, 26, width - 40 - 12, SMALL_HEIGHT - 26 - 20, (lags_s[0], lags_s[-1]), span)
    lines = [
        tag("g", tag("path", d=frame.line(lags_s, values)), class_=f"curve {shade(depth)}")
        for values, depth in zip(curves, depths.tolist(), strict=True)
    ]
    return figure(
        width, SMALL_HEIGHT, f"R over lag, {title}",
        text(frame.left, 14, title if len(title) <= LONGEST else f"{title[: LONGEST - 1]}\u2026", "panel"),
        x_axis(frame, ticks(frame.x, 4), "", 1000, grid=False),
        y_axis(frame, ticks(frame.y, 2), ""),
        upright(frame), zero(frame), join(lines),
    )  # fmt: skip
