"""R over lag for each quarter of the words by predictability, a small panel a model."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rtalign.language.predictability import QUARTILES
from rtalign.report.colour import shade
from rtalign.report.markup import Markup, number, tag
from rtalign.report.plot import Frame, figure, panels, text, ticks, x_axis, y_axis
from rtalign.report.sweepmarks import short
from rtalign.study import Course, Entry, Study, course

MOST, HEIGHT = 12, 164.0
"""Panels at most, and how high each is."""

HUES = tuple(shade(depth) for depth in (0.0, 0.5, 0.8, 1.0))
"""Dark for expected words, bright for surprising ones."""


def quartile_curves(study: Study) -> Markup | None:
    """Trained models of the reference context, smallest first; None where no model has quarters."""
    entries = [e for e in study.at(study.reference) if e.quartiles and e.subject.trained]
    entries = entries[:: max(1, -(-len(entries) // MOST))]
    if not entries:
        return None
    drawn = {id(e): [course(q.curves) for q in e.quartiles] for e in entries}
    every = [v for courses in drawn.values() for c in courses for v in (c.r, c.null_low, c.null_high)]
    low, high = min(float(v.min()) for v in every), max(float(v.max()) for v in every)
    room = 0.06 * max(high - low, 1e-3)
    cls, width = panels(len(entries))
    return tag("div", [_panel(e, drawn[id(e)], width, (low - room, high + room)) for e in entries], class_=cls)


def quartile_key() -> Markup:
    items = [
        tag("span", tag("span", "", class_=f"swatch {hue}"), name) for hue, name in zip(HUES, QUARTILES, strict=True)
    ]
    return tag("p", items, class_="huekey")


def _panel(entry: Entry, courses: Sequence[Course], width: float, span: tuple[float, float]) -> Markup:
    lags = courses[0].lags_s
    frame = Frame(38, 26, width - 38 - 14, HEIGHT - 26 - 22, (float(lags[0]), float(lags[-1])), span)
    low = np.min([c.null_low for c in courses], axis=0)
    high = np.max([c.null_high for c in courses], axis=0)
    lines = [
        tag("g", tag("path", tag("title", name), d=frame.line(lags, c.r)), class_=f"curve {hue}")
        for c, hue, name in zip(courses, HUES, QUARTILES, strict=True)
    ]
    upright = f"M{number(frame.px(0))} {number(frame.top)}V{number(frame.bottom)}"
    return figure(
        width, HEIGHT, f"R over lag by predictability, {entry.subject.model}",
        text(frame.left, 14, short(entry.subject.model, 30), "panel"),
        tag("path", d=frame.band(lags, low, high), class_="null"),
        x_axis(frame, ticks(frame.x, 4), "", 1000, grid=False), y_axis(frame, ticks(frame.y, 3), ""),
        tag("path", d=upright, class_="zero") if frame.x[0] < 0 < frame.x[1] else None,
        tag("path", d=f"M{number(frame.left)} {number(frame.py(0))}H{number(frame.right)}", class_="zero"),
        lines,
    )  # fmt: skip
