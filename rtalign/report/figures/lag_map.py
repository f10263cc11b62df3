"""The map of R over layer and lag, with the peak of each layer."""

from __future__ import annotations

import numpy as np

from rtalign.report.colour import ramp_png
from rtalign.report.figures.ladder import BOTTOM, TOP, depth_span, layer_labels, row_edges, rows_height
from rtalign.report.figures.svg import Frame, figure, label, side_title, text, ticks, x_axis
from rtalign.report.html import Markup, join, number, tag
from rtalign.report.read import Results
from rtalign.report.text import known
from rtalign.scoring.peaks import Peak
from rtalign.scoring.statistics import Statistic

WIDTH = 650
LEFT, RIGHT = 72, 70
COLUMN_PX, DENSITY = 2, 2
"""Pixels of the image a lag is wide at least, and image rows a unit of the drawing."""


def lag_map(results: Results) -> Markup:
    """R(layer, lag) in cividis, outlined where it is above chance for the whole map, a tick at each peak."""
    edges = lag_edges(results.lags)
    top = colour_limit(results)
    frame = _frame(results)
    return _figure(
        frame, results, "Correlation R for each layer and lag",
        _image(frame, results, results.r, top),
        _outline(frame, results, edges),
        _bar(frame, (0.0, top), "R"),
        _legend(frame, results),
    )  # fmt: skip


def statistic_map(results: Results, statistic: Statistic) -> Markup:
    """A statistic that stands beside R, with the same peaks."""
    values = results.statistics[statistic.name]
    known = values[np.isfinite(values)]
    # The lowest values are rare and say little; colours are for the others.
    low, top = (float(v) for v in np.percentile(known, [2, 100])) if len(known) else (0.0, 1.0)
    top = max(top, low + 1e-6)
    frame = _frame(results)
    return _figure(
        frame, results, f"{statistic.title} for each layer and lag",
        _image(frame, results, values - low, top - low), _bar(frame, (low, top), ""),
    )  # fmt: skip


def _frame(results: Results) -> Frame:
    edges = lag_edges(results.lags)
    return Frame(
        LEFT, TOP, WIDTH - LEFT - RIGHT, rows_height(results), (edges[0], edges[-1]), depth_span(results.depths)
    )


def _figure(frame: Frame, results: Results, title: str, image: Markup, *drawn: object) -> Markup:
    """Axes and peaks around an image of layers and lags."""
    return figure(
        WIDTH, TOP + frame.height + BOTTOM, title,
        tag("rect", x=frame.left, y=frame.top, width=frame.width, height=frame.height, fill="url(#hatch)"),
        _hatch(),
        image,
        _zero(frame),
        [_tick(frame, layer, row) for layer, row in zip(results.summary.layers, _rows(results), strict=True)],
        x_axis(frame, ticks(frame.x, 8), "lag after word onset (ms)", 1000, grid=False),
        layer_labels(frame, results, [f"{100 * depth:.0f} %" for depth in results.depths]),
        side_title(14, frame.top + frame.height / 2, "depth"),
        *drawn,
    )  # fmt: skip


def lag_edges(lags: np.ndarray) -> np.ndarray:
    """(lag + 1,) borders of the columns."""
    inner = (lags[1:] + lags[:-1]) / 2
    return np.concatenate([[2 * lags[0] - inner[0]], inner, [2 * lags[-1] - inner[-1]]])


def colour_limit(results: Results) -> float:
    """The r at the bright end: the maximum, or twice the null band where that is more, so that noise never glows."""
    best = float(np.nanmax(results.r, initial=0.0))
    band = 0.0 if results.null_hi is None else float(np.nanmax(results.null_hi, initial=0.0))
    return max(best, 2 * band, 1e-3)


def significant(results: Results) -> np.ndarray:
    """(layer, lag) where R is above chance for the whole map; in older folders, above what its layer must pass.

    What the bank was trained on is no evidence of anything.
    """
    bar = results.map_hi
    if results.summary.overlap_warning:
        return np.zeros(results.r.shape, bool)
    if bar is None:
        bar = np.array([layer.null_r if known(layer.null_r) else np.inf for layer in results.summary.layers])[:, None]
    return np.nan_to_num(results.r, nan=-np.inf) > bar


def _rows(results: Results) -> list[tuple[float, float]]:
    edges = row_edges(results.depths)
    return list(zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True))


def _image(frame: Frame, results: Results, values: np.ndarray, top: float) -> Markup:
    """The map as an image with whole pixels a cell, deep layers on top."""
    rows, columns = round(frame.height * DENSITY), len(results.lags)
    centres = frame.y[1] - (np.arange(rows) + 0.5) / rows * (frame.y[1] - frame.y[0])
    layer = np.clip(np.searchsorted(row_edges(results.depths), centres) - 1, 0, len(results.depths) - 1)
    wide = max(COLUMN_PX, -(-round(frame.width * DENSITY) // columns))
    cells = np.repeat((np.clip(values, 0, None) / top)[layer], wide, axis=1)
    return tag(
        "image", href=ramp_png(cells), x=frame.left, y=frame.top, width=frame.width, height=frame.height,
        preserveAspectRatio="none", class_="cells",
    )  # fmt: skip


def _outline(frame: Frame, results: Results, edges: np.ndarray) -> Markup | None:
    """A line around the cells above the null, along the borders of cells."""
    above = significant(results)
    if not above.any():
        return None
    rows = row_edges(results.depths)
    padded = np.pad(above, 1)
    parts = []
    for i, j in np.argwhere(padded[1:-1, 1:] != padded[1:-1, :-1]):
        x = number(frame.px(edges[j]), 1)
        parts.append(f"M{x} {number(frame.py(rows[i]), 1)}V{number(frame.py(rows[i + 1]), 1)}")
    for i, j in np.argwhere(padded[1:, 1:-1] != padded[:-1, 1:-1]):
        y = number(frame.py(rows[i]), 1)
        parts.append(f"M{number(frame.px(edges[j]), 1)} {y}H{number(frame.px(edges[j + 1]), 1)}")
    return tag("path", d="".join(parts), class_="outline")


def _zero(frame: Frame) -> Markup | None:
    if not frame.x[0] < 0 < frame.x[1]:
        return None
    x = frame.px(0)
    line = tag("path", d=f"M{number(x)} {number(frame.top)}V{number(frame.bottom)}", class_="onset")
    return join(line, text(x, frame.top - 7, "word onset", "legend", "middle"))


def _tick(frame: Frame, layer: Peak, row: tuple[float, float]) -> Markup | None:
    """The peak of one layer, the full height of its row."""
    if not layer.ok or layer.peak_s is None or not frame.x[0] <= layer.peak_s <= frame.x[1]:
        return None
    x = number(frame.px(layer.peak_s))
    path = f"M{x} {number(frame.py(row[0]) - 0.5)}V{number(frame.py(row[1]) + 0.5)}"
    return join(tag("path", d=path, class_="halo"), tag("path", d=path, class_="peak"))


def _bar(frame: Frame, limits: tuple[float, float], symbol: str) -> Markup:
    """The colour bar."""
    x, ramp = frame.right + 16, np.linspace(1, 0, 128)[:, None]
    scale = Frame(x, frame.top, 12, frame.height, (0, 1), limits)
    image = tag(
        "image", href=ramp_png(ramp), x=x, y=frame.top, width=12, height=frame.height, preserveAspectRatio="none",
    )  # fmt: skip
    marks = [text(x + 18, scale.py(v) + 4, label(round(v, 6)), "tick") for v in ticks(limits, 5)]
    return join(image, marks, text(x + 6, frame.top - 7, symbol, "axis", "middle"))


def _hatch() -> Markup:
    stripe = tag("path", d="M0 6L6 0", class_="stripe")
    return tag("defs", tag("pattern", stripe, id="hatch", width=6, height=6, patternUnits="userSpaceOnUse"))


def _legend(frame: Frame, results: Results) -> Markup:
    """What the marks on the map mean."""
    x, y = frame.left, frame.bottom + 58.0
    parts: list[Markup] = []
    if results.peaked:
        key = tag("rect", x=x, y=y - 13, width=16, height=16, class_="keybox")
        line = f"M{number(x + 8)} {number(y - 13)}v16"
        parts += [
            key,
            tag("path", d=line, class_="halo"),
            tag("path", d=line, class_="peak"),
            text(x + 24, y, "peak", "legend"),
        ]
        x += 86
    if significant(results).any():
        key = tag("rect", x=x, y=y - 13, width=16, height=16, class_="keybox")
        box = tag("path", d=f"M{number(x + 2)} {number(y - 11)}h12v12h-12Z", class_="outline")
        parts += [key, box, text(x + 24, y, "above the null\u2019s maxima", "legend")]
        x += 190
    if np.nanmin(results.r, initial=0.0) < 0:
        parts.append(text(x, y, "negative R drawn as 0", "legend"))
    return join(parts)
