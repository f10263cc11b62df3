"""Figures of a sweep: scores against size, context, architecture, predictability, training and each other."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rtalign.language import QUARTILES
from rtalign.report.colour import shade
from rtalign.report.figures.svg import Frame, figure, panels, text, ticks, upright, x_axis, y_axis, zero
from rtalign.report.html import Markup, number, tag
from rtalign.report.text import signed
from rtalign_offline.sweep.report.marks import (
    BOTTOM,
    HEIGHT,
    LEFT,
    NAMES,
    RIGHT,
    TOP,
    WIDTH,
    Hues,
    across,
    axes,
    decades,
    dot,
    fitted,
    frame_of,
    interval,
    names_at_ends,
    names_beside,
    or_nan,
    others,
    person,
    point,
    rate,
    short,
    size,
    span,
    spread,
    tick,
)
from rtalign_offline.sweep.report.study import (
    Course,
    Study,
    StudyEntry,
    course,
    value,
    with_alignment,
    with_context,
    with_size,
)


def size_plot(study: Study, score: str, hues: Hues) -> Markup:
    """Every model of the reference context against its size, each person small, all people together large."""
    entries = study.at(study.reference)
    sizes = [np.log10(e.subject.n_parameters) for e in entries]
    frame = frame_of((min(sizes) - 0.25, max(sizes) + 0.25), span(study, score))
    found = with_size(entries, score)
    xs = {id(e): float(x) for e, x in zip(entries, sizes, strict=True)}
    names = names_beside(frame, [(xs[id(e)], e) for e in entries], score) if len(entries) <= 16 else []
    return figure(
        WIDTH, HEIGHT, f"{NAMES[score]} against the number of parameters",
        axes(frame, score), decades(frame, size, "parameters"), zero(frame),
        fitted(frame, found),
        [person(frame, xs[id(e)], p, score, hues) for e in entries for p in others(study, e)],
        [point(frame, xs[id(e)], e, score, hues) for e in entries],
        names, rate(frame, found),
    )  # fmt: skip


def context_plot(study: Study, score: str, hues: Hues, kind: str) -> Markup:
    """A line a model over the words that it sees, with the band of its bootstrap."""
    entries = [e for e in study.pooled if e.subject.kind == kind]
    words = sorted({e.subject.words for e in entries})
    frame = frame_of((np.log10(words[0]) - 0.12, np.log10(words[-1]) + 0.12), span(study, score), right=150.0)
    lines: dict[tuple[str, int], list[StudyEntry]] = {}
    for entry in sorted(entries, key=lambda e: e.subject.words):
        lines.setdefault((entry.subject.model, entry.subject.seed), []).append(entry)
    drawn = [_context_line(frame, line, score, hues, band=len(lines) <= 4) for line in lines.values()]
    ends = [(line[-1], y) for line in lines.values() if (y := value(line[-1], score)[0]) is not None]
    rates = [g.rate for line in lines.values() if line[0].subject.trained and (g := with_context(line, score))]
    told = f"{signed(float(np.mean(rates)), 3, plus=True)} per tenfold, mean of trained models" if rates else None
    shown = [w - (kind == "window") for w in words]
    kept = spread([frame.px(float(np.log10(w))) for w in words], 26)
    return figure(
        WIDTH, HEIGHT, f"{NAMES[score]} against the words of context",
        axes(frame, score),
        [tick(frame, float(np.log10(words[i])), f"{shown[i]:,}") for i in kept],
        text(frame.left + frame.width / 2, frame.bottom + 34, _context_title(kind), "axis", "middle"),
        zero(frame), drawn, names_at_ends(frame, ends, hues), told and text(frame.left + 4, 16, told, "note"),
    )  # fmt: skip


def _context_title(kind: str) -> str:
    return "words of context before each word" if kind == "window" else "words of context at most (growing)"


def _context_line(frame: Frame, line: Sequence[StudyEntry], score: str, hues: Hues, band: bool) -> Markup:
    xs = np.log10([e.subject.words for e in line])
    ys = np.array([or_nan(value(e, score)[0]) for e in line])
    ends = [interval(e, score) for e in line]
    low, high = (np.array([or_nan(end[i]) for end in ends]) for i in (0, 1))
    marks = [dot(frame, x, e, score, 3.4) for x, e in zip(xs, line, strict=True)]
    shaded = tag("path", d=frame.band(xs, low, high), class_="haze") if band else None
    return tag("g", shaded, tag("path", d=frame.line(xs, ys), class_="course"), marks, class_=hues(line[0]))


def architecture_plot(study: Study, score: str, hues: Hues) -> Markup:
    """A row an architecture, a dot a model; random weights have a row of their own."""
    entries = study.at(study.reference)
    rows: dict[str, list[StudyEntry]] = {}
    for name in (*hues.names, "random weights"):
        found = [e for e in entries if (e.subject.architecture if e.subject.trained else "random weights") == name]
        if found:
            rows[name] = found
    step = 44.0
    height = TOP + step * len(rows) + BOTTOM
    frame = Frame(132, TOP, WIDTH - 132 - 18, step * len(rows), span(study, score), (0, len(rows)))
    parts: list[Markup | None] = []
    for i, (name, found) in enumerate(rows.items()):
        y = frame.top + step * (i + 0.5)
        parts += [text(frame.left - 12, y + 4, name, "axis", "end")]
        parts += [tag("path", d=f"M{number(frame.left)} {number(y)}H{number(frame.right)}", class_="grid")]
        parts += [across(frame, y + 7 * ((k % 3) - 1) * (len(found) > 1), e, score, hues) for k, e in enumerate(found)]
        none = sum(value(e, score)[0] is None for e in found)
        parts += [text(frame.right, y - 12, f"{none} without a score", "tick", "end")] if none else []
    return figure(
        WIDTH, height, f"{NAMES[score]} by architecture",
        x_axis(frame, ticks(frame.x, 6), NAMES[score]), upright(frame), parts,
    )  # fmt: skip


def quartile_plot(study: Study, score: str, hues: Hues) -> Markup | None:
    """A line a model over the quarters of its words, from the most expected to the most surprising."""
    entries = [e for e in study.at(study.reference) if e.quartiles]
    ys = {id(e): np.array([or_nan(value(q, score)[0]) for q in e.quartiles]) for e in entries}
    entries = [e for e in entries if np.isfinite(ys[id(e)]).any()]
    if not entries:
        return None
    every = np.concatenate([ys[id(e)] for e in entries])
    low, high = float(np.nanmin(every)), float(np.nanmax(every))
    room = 0.12 * (high - low or 0.2)
    low = 0.0 if score == "alignment" and low > 0 else low - room
    frame = frame_of((-0.25, 3.25), (low, min(high + room, 1.04)), right=150.0)
    xs = np.arange(4)
    names = ["most expected", "2nd", "3rd", "most surprising"]
    drawn = [
        tag("g", tag("path", d=frame.line(xs, ys[id(e)]), class_="course"),
            [dot(frame, float(x), q, score, 3.4, e) for x, q in zip(xs, e.quartiles, strict=True)], class_=hues(e))
        for e in entries
    ]  # fmt: skip
    mean = np.nanmean([ys[id(e)] for e in entries if e.subject.trained] or [ys[id(entries[0])]], axis=0)
    ends = [(e, float(ys[id(e)][-1])) for e in entries if np.isfinite(ys[id(e)][-1])]
    return figure(
        WIDTH, HEIGHT, f"{NAMES[score]} by predictability",
        axes(frame, score, frame.y), [tick(frame, i, name) for i, name in enumerate(names)],
        text(frame.left + frame.width / 2, frame.bottom + 34, "quarter of the words, by the model\u2019s own surprisal",
             "axis", "middle"),
        zero(frame), drawn, tag("path", d=frame.line(xs, mean), class_="mean"), names_at_ends(frame, ends, hues),
    )  # fmt: skip


def control_plot(study: Study, score: str, hues: Hues) -> Markup | None:
    """A row a pair: the trained model, and its twins with random weights."""
    entries = study.at(study.reference)
    pairs = []
    for trained in (e for e in entries if e.subject.trained):
        twins = [e for e in entries if not e.subject.trained and e.subject.trained_as == trained.subject.model]
        pairs += [(trained, twins)] if twins else []
    if not pairs:
        return None
    step = 44.0
    frame = Frame(132, TOP, WIDTH - 132 - 18, step * len(pairs), span(study, score), (0, len(pairs)))
    rows = []
    for i, (trained, twins) in enumerate(pairs):
        y = frame.top + step * (i + 0.5)
        found = [v for e in (trained, *twins) if (v := value(e, score)[0]) is not None]
        link = f"M{number(frame.px(min(found)))} {number(y)}H{number(frame.px(max(found)))}" if len(found) > 1 else ""
        rows += [
            text(frame.left - 12, y + 4, short(trained.subject.model, 18), "axis", "end"),
            tag("path", d=f"M{number(frame.left)} {number(y)}H{number(frame.right)}", class_="grid"),
            tag("path", d=link, class_="trail"),
            [across(frame, y, e, score, hues) for e in (*twins, trained)],
        ]
        none = sum(value(e, score)[0] is None for e in twins)
        rows += [text(frame.right, y - 12, f"{none} random without a score", "tick", "end")] if none else []
    return figure(
        WIDTH, TOP + step * len(pairs) + BOTTOM, f"{NAMES[score]}, trained and with random weights",
        x_axis(frame, ticks(frame.x, 6), NAMES[score]), upright(frame), rows,
    )  # fmt: skip


def against_plot(study: Study, hues: Hues) -> Markup | None:
    """Temporal against alignment score, a dot a model of the reference context."""
    entries = [e for e in study.at(study.reference) if e.temporal_r is not None]
    if len(entries) < 2:
        return None
    frame = Frame(
        LEFT, TOP, WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM, span(study, "alignment"), span(study, "temporal")
    )
    r, n = with_alignment(study)
    told = f"r = {signed(r)} over {n} trained models" if r is not None else None
    return figure(
        WIDTH, HEIGHT, "Temporal score against alignment score",
        y_axis(frame, ticks(frame.y, 6), NAMES["temporal"]),
        x_axis(frame, ticks(frame.x, 6), NAMES["alignment"]), zero(frame),
        [point(frame, e.alignment_r, e, "temporal", hues) for e in entries],
        names_beside(frame, [(e.alignment_r, e) for e in entries], "temporal") if len(entries) <= 16 else [],
        told and text(frame.left + 4, 16, told, "note"),
    )  # fmt: skip


MOST, PANEL_HEIGHT = 12, 164.0
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


def _panel(entry: StudyEntry, courses: Sequence[Course], width: float, span: tuple[float, float]) -> Markup:
    lags = courses[0].lags_s
    frame = Frame(38, 26, width - 38 - 14, PANEL_HEIGHT - 26 - 22, (float(lags[0]), float(lags[-1])), span)
    low = np.min([c.null_low for c in courses], axis=0)
    high = np.max([c.null_high for c in courses], axis=0)
    lines = [
        tag("g", tag("path", tag("title", name), d=frame.line(lags, c.r)), class_=f"curve {hue}")
        for c, hue, name in zip(courses, HUES, QUARTILES, strict=True)
    ]
    upright = f"M{number(frame.px(0))} {number(frame.top)}V{number(frame.bottom)}"
    return figure(
        width, PANEL_HEIGHT, f"R over lag by predictability, {entry.subject.model}",
        text(frame.left, 14, short(entry.subject.model, 30), "panel"),
        tag("path", d=frame.band(lags, low, high), class_="null"),
        x_axis(frame, ticks(frame.x, 4), "", 1000, grid=False), y_axis(frame, ticks(frame.y, 3), ""),
        tag("path", d=upright, class_="zero") if frame.x[0] < 0 < frame.x[1] else None,
        tag("path", d=f"M{number(frame.left)} {number(frame.py(0))}H{number(frame.right)}", class_="zero"),
        lines,
    )  # fmt: skip
