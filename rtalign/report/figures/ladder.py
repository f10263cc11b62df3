"""The peak-latency ladder: a rung a layer, shallow at the bottom, latency across."""

from __future__ import annotations

import numpy as np

from rtalign.report.colour import shade
from rtalign.report.figures.svg import Frame, figure, side_title, text, thinned, ticks, x_axis
from rtalign.report.html import Markup, join, number, tag
from rtalign.report.read import Results
from rtalign.report.text import known, milliseconds, refusal, signed
from rtalign.scoring.headline import p_text
from rtalign.scoring.peaks import Peak

WIDTH = 470
TOP, BOTTOM = 56, 68
LABELS = 17
ROW, ROWS_HEIGHT = 13, (326, 640)
"""Height wanted for a row, and limits for all of them together."""


def ladder(results: Results, span: tuple[float, float] | None = None) -> Markup:
    """Depth against peak latency, with intervals, fit, and what was planted where it is known.

    span : limits of the latencies, in seconds; by default those of this ladder.
    """
    rows = rows_height(results)
    frame = Frame(58, TOP, WIDTH - 58 - 16, rows, span or latency_span(results), depth_span(results.depths))
    step = ticks(frame.x, 6)
    layers = results.summary.layers
    return figure(
        WIDTH, TOP + rows + BOTTOM, "Peak latency of each layer against its depth",
        side_title(14, frame.top + frame.height / 2, "layer, shallow at the bottom"),
        x_axis(frame, step, "peak latency after word onset (ms)", 1000),
        layer_labels(frame, results, [str(layer.layer) for layer in layers]),
        _fit(frame, results),
        _trail(frame, results),
        [_rung(frame, layer, rows / len(layers)) for layer in layers],
        [_planted(frame, layer, results.summary.planted.get(str(layer.layer))) for layer in layers],
        [text(frame.left, 16 + 19 * i, line, "note") for i, line in enumerate(score_lines(results))],
        _legend(frame, results),
    )  # fmt: skip


def rows_height(results: Results) -> float:
    """How tall the rows are together, the same for ladder and map."""
    low, high = ROWS_HEIGHT
    return float(min(max(ROW * len(results.summary.layers), low), high))


def depth_span(depths: np.ndarray) -> tuple[float, float]:
    """The depth axis: half a step beyond the outer layers, so that every layer has a row."""
    edges = row_edges(depths)
    return float(edges[0]), float(edges[-1])


def row_edges(depths: np.ndarray) -> np.ndarray:
    """(layer + 1,) borders of the rows, half-way between neighbouring depths."""
    if len(depths) == 1:
        return np.array([depths[0] - 0.05, depths[0] + 0.05])
    inner = (depths[1:] + depths[:-1]) / 2
    half = np.median(np.diff(depths)) / 2 or 0.01
    return np.concatenate([[depths[0] - half], inner, [depths[-1] + half]])


def latency_span(results: Results) -> tuple[float, float]:
    """Limits around all peaks, intervals and planted latencies; never under 200 ms, so that a few ms look few."""
    values = [v for layer in results.peaked for v in (layer.peak_s, *(layer.ci_s or ()))]
    values += [v for v in results.summary.planted.values() if v is not None]
    seen = np.array([v for v in values if v is not None])
    if not len(seen):
        return float(results.lags[0]), float(results.lags[-1])
    middle, half = (seen.max() + seen.min()) / 2, max((seen.max() - seen.min()) / 2 * 1.12, 0.1)
    return float(np.floor((middle - half) / 0.02) * 0.02), float(np.ceil((middle + half) / 0.02) * 0.02)


def layer_labels(frame: Frame, results: Results, names: list[str]) -> list[Markup]:
    rows = thinned(range(len(names)), LABELS)
    return [text(frame.left - 9, frame.py(results.depths[i]) + 4, names[i], "tick", "end") for i in rows]


def score_lines(results: Results) -> list[str]:
    """r with its interval; slope and p."""
    score = results.summary.temporal_score
    if score is None or not known(score.r):
        return [f"{len(results.peaked)} of {len(results.summary.layers)} layers peak", "no temporal score"]
    first = f"r = {signed(score.r)}" + (f" [{signed(score.ci[0])}, {signed(score.ci[1])}]" if score.ci else "")
    parts = []
    if known(score.slope_ms):
        parts.append(f"slope {signed(score.slope_ms, 0, plus=True)} ms")
    if known(score.p_permutation):
        parts.append(p_text(score))
    return [first, " \u00b7 ".join(parts)]


def _fit(frame: Frame, results: Results) -> Markup | None:
    """The least-squares line of peak latency on depth, over the layers it was fitted to."""
    peaked = results.peaked
    if len(peaked) < 3 or results.summary.temporal_score is None:
        return None
    depth = np.array([layer.depth for layer in peaked])
    slope, start = np.polyfit(depth, [layer.peak_s or 0.0 for layer in peaked], 1)
    ends = depth[[0, -1]]
    return tag("path", d=frame.line(start + slope * ends, ends), class_="fit")


def _trail(frame: Frame, results: Results) -> Markup:
    peaked = results.peaked
    return tag("path", d=frame.line([p.peak_s or 0 for p in peaked], [p.depth for p in peaked]), class_="trail")


def _rung(frame: Frame, layer: Peak, row: float) -> Markup:
    """A dot with its interval, or a ring that says why there is none."""
    y, size = frame.py(layer.depth), min(5.0, 0.36 * row)
    if not layer.ok:
        x = frame.left + 12
        words = f"Layer {layer.layer}: {refusal(layer)}"
        ring = tag("circle", cx=x, cy=y, r=min(4.0, size), class_="ring")
        why = text(x + 10, y + 4, refusal(layer), "refused") if row >= 11 else None
        return tag("g", tag("title", words), ring, why, class_=shade(layer.depth))
    assert layer.peak_s is not None
    words = f"Layer {layer.layer}: peak at {milliseconds(layer.peak_s)} ms"
    bar = None
    if layer.ci_s:
        words += f", 95 % interval {milliseconds(layer.ci_s[0])} to {milliseconds(layer.ci_s[1])} ms"
        bar = tag(
            "path", d=f"M{number(frame.px(layer.ci_s[0]))} {number(y)}H{number(frame.px(layer.ci_s[1]))}", class_="bar"
        )
    dot = tag("circle", cx=frame.px(layer.peak_s), cy=y, r=size, class_="dot")
    return tag("g", tag("title", words), bar, dot, class_=shade(layer.depth))


def _planted(frame: Frame, layer: Peak, latency: float | None) -> Markup | None:
    if latency is None:
        return None
    x, y = frame.px(latency), frame.py(layer.depth)
    mark = tag("path", d=f"M{number(x)} {number(y - 5)}l5 5l-5 5l-5 -5Z", class_="planted")
    return tag("g", tag("title", f"Layer {layer.layer}: planted at {milliseconds(latency)} ms"), mark)


def _legend(frame: Frame, results: Results) -> Markup:
    """Only the marks that are in the figure."""
    x, y = frame.left, frame.bottom + 58.0
    entries: list[tuple[Markup, str, float]] = []
    shown = results.peaked
    if shown:
        bar = tag("path", d=f"M{number(x)} {number(y - 4)}h18", class_="bar")
        dot = tag("circle", cx=x + 9, cy=y - 4, r=4.0, class_="dot")
        entries.append((tag("g", bar, dot, class_="k10"), "peak, 95 % interval", 172))
    if results.summary.planted:
        entries.append(
            (tag("path", d=f"M{number(x + 9)} {number(y - 9)}l5 5l-5 5l-5 -5Z", class_="planted"), "planted", 88)
        )
    if len(shown) < len(results.summary.layers):
        entries.append((tag("circle", cx=x + 9, cy=y - 4, r=4.0, class_="ring k10"), "no peak", 88))
    if len(shown) >= 3 and results.summary.temporal_score is not None:
        entries.append((tag("path", d=f"M{number(x)} {number(y - 4)}h18", class_="fit"), "fit", 60))
    parts, offset = [], 0.0
    for mark, name, width in entries:
        parts.append(tag("g", mark, text(x + 24, y, name, "legend"), transform=f"translate({number(offset)} 0)"))
        offset += width
    return join(parts)
