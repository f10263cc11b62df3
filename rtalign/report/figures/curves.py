"""Curves over lag: R of every layer, the same divided by its maximum, one small panel a layer with its null band."""

from __future__ import annotations

import numpy as np

from rtalign.report.colour import STEPS, shade
from rtalign.report.figures.ladder import latency_span
from rtalign.report.figures.svg import Frame, figure, text, ticks, upright, x_axis, y_axis, zero
from rtalign.report.html import Markup, join, number, tag
from rtalign.report.read import Results
from rtalign.report.text import milliseconds, refusal

WIDE, NARROW, HEIGHT = 650, 470, 330
SMALL_HEIGHT = 132


def all_curves(results: Results, width: float = WIDE) -> Markup:
    """R over lag, one line a layer, shallow dark to deep bright, over the widest null band."""
    low, high = _span(results)
    frame = Frame(62, 18, width - 62 - 84, HEIGHT - 18 - 46, (results.lags[0], results.lags[-1]), (low, high))
    return figure(
        width, HEIGHT, "R over lag for every layer",
        _null(frame, results, None),
        x_axis(frame, ticks(frame.x, 8), "lag after word onset (ms)", 1000),
        y_axis(frame, ticks(frame.y, 5), "R"),
        upright(frame), zero(frame),
        [_curve(frame, results, i, results.r[i]) for i in range(len(results.r))],
        _depth_key(frame),
    )  # fmt: skip


def normalised_curves(results: Results) -> Markup | None:
    """R divided by its maximum around the peaks, with the level of the published rule; layers with a peak only."""
    if not results.peaked:
        return None
    start, stop = latency_span(results)
    wide = (stop - start) * 0.35
    span = (max(start - wide, results.lags[0]), min(stop + wide, results.lags[-1]))
    frame = Frame(58, 18, NARROW - 58 - 16, HEIGHT - 18 - 46, span, (0.5, 1.04))
    inside = (results.lags >= span[0]) & (results.lags <= span[1])
    curves = []
    for i, layer in enumerate(results.summary.layers):
        if layer.ok and np.isfinite(results.r[i]).any():
            level = results.r[i] / np.nanmax(results.r[i])
            curves.append(_curve(frame, results, i, np.where(inside & (level >= 0.5), level, np.nan)))
    return figure(
        NARROW, HEIGHT, "R of each layer divided by its maximum",
        x_axis(frame, ticks(frame.x, 6), "lag after word onset (ms)", 1000),
        y_axis(frame, ticks(frame.y, 5), "R / max R"),
        tag("path", d=f"M{number(frame.left)} {number(frame.py(0.95))}H{number(frame.right)}", class_="level"),
        text(frame.right, frame.py(0.95) + 14, "0.95", "legend", "end"),
        curves,
    )  # fmt: skip


def layer_panel(results: Results, i: int, width: float) -> Markup:
    """One layer with its own null band, its peak and interval."""
    layer = results.summary.layers[i]
    frame = Frame(34, 26, width - 34 - 18, SMALL_HEIGHT - 26 - 20, (results.lags[0], results.lags[-1]), _span(results))
    found = f"{milliseconds(layer.peak_s)} ms" if layer.ok else refusal(layer, short=True)
    peak = []
    if layer.ok and layer.peak_s is not None:
        low, high = layer.ci_s or (layer.peak_s, layer.peak_s)
        left, right = (float(np.clip(frame.px(v), frame.left, frame.right)) for v in (low, high))
        peak = [
            tag("rect", x=left, y=frame.top, width=max(right - left, 0.5), height=frame.height, class_="interval"),
            tag(
                "path", d=f"M{number(frame.px(layer.peak_s))} {number(frame.top)}V{number(frame.bottom)}", class_="here"
            ),
        ]
    return figure(
        width, SMALL_HEIGHT, f"R over lag, layer {layer.layer}",
        text(frame.left, 14, f"layer {layer.layer}", "panel"),
        text(frame.right, 14, found, "legend", "end"),
        _null(frame, results, i),
        x_axis(frame, ticks(frame.x, 4), "", 1000, grid=False),
        y_axis(frame, ticks(frame.y, 2), ""),
        upright(frame), zero(frame), peak,
        _curve(frame, results, i, results.r[i]),
    )  # fmt: skip


def _curve(frame: Frame, results: Results, i: int, values: np.ndarray) -> Markup:
    layer = results.summary.layers[i]
    path = tag("path", tag("title", f"layer {layer.layer}"), d=frame.line(results.lags, values))
    return tag("g", path, class_=f"curve {shade(layer.depth)}")


def _span(results: Results) -> tuple[float, float]:
    """The same R axis for every panel, with the null band inside."""
    seen = [results.r] + [band for band in (results.null_lo, results.null_hi) if band is not None]
    low = min(float(np.nanmin(a, initial=0.0)) for a in seen)
    high = max(max(float(np.nanmax(a, initial=0.0)) for a in seen), low + 1e-3)
    return low - 0.04 * (high - low), high + 0.06 * (high - low)


def _null(frame: Frame, results: Results, i: int | None) -> Markup | None:
    """The null band of one layer, or of all: the lowest low and the highest high at each lag."""
    if results.null_lo is None or results.null_hi is None:
        return None
    if i is None:
        low = np.where(np.isnan(results.null_lo), np.inf, results.null_lo).min(0)
        high = np.where(np.isnan(results.null_hi), -np.inf, results.null_hi).max(0)
    else:
        low, high = results.null_lo[i], results.null_hi[i]
    return tag("path", d=frame.band(results.lags, low, high), class_="null")


def _depth_key(frame: Frame) -> Markup:
    """The shades of depth, shallow at the bottom."""
    x, height = frame.right + 18, frame.height / STEPS
    cells = [
        tag("rect", x=x, y=frame.bottom - (i + 1) * height, width=10, height=height + 0.4, class_=f"fill k{i}")
        for i in range(STEPS)
    ]
    ends = [text(x + 16, frame.top + 8, "deep", "legend"), text(x + 16, frame.bottom, "shallow", "legend")]
    return join(cells, ends)
