"""Figures of a sweep: scores against size, context, architecture, predictability, training and each other."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rtalign.language import QUARTILES
from rtalign.report.colour import shade
from rtalign.report.figures.svg import Frame, figure, panels, text, ticks, upright, x_axis, y_axis, zero
from rtalign.report.html import Markup, number, tag
from rtalign.report.text import signed
from rtalign_offline.sweep.report import marks
from rtalign_offline.sweep.report.marks import BOTTOM, HEIGHT, LEFT, RIGHT, TITLES, TOP, WIDTH, Colours, or_nan
from rtalign_offline.sweep.report.study import (
    MeanCurve,
    Score,
    Study,
    StudyEntry,
    correlate_scores,
    growth_with_context,
    growth_with_size,
    mean_curve,
)

MAX_NAMES = 16
"""Models whose names fit beside their dots."""

ROW_HEIGHT, NAMES_WIDTH = 44.0, 132.0
"""Of figures with a row for each name."""

MAX_PANELS, PANEL_HEIGHT = 12, 164.0
QUARTILE_COLOURS = tuple(shade(depth) for depth in (0.0, 0.5, 0.8, 1.0))
"""Dark for expected words, bright for surprising ones."""


def size_plot(study: Study, score: Score, colours: Colours) -> Markup:
    """Every model of the reference context against its size; single people small, all people pooled large."""
    entries = study.at(study.reference)
    sizes = [np.log10(e.condition.n_parameters) for e in entries]
    frame = marks.frame_of((min(sizes) - 0.25, max(sizes) + 0.25), marks.score_range(study, score))
    growth = growth_with_size(entries, score)
    points = [(float(x), e) for x, e in zip(sizes, entries, strict=True)]
    return figure(
        WIDTH, HEIGHT, f"{TITLES[score]} against the number of parameters",
        marks.score_axis(frame, score), marks.log_axis(frame, marks.parameters, "parameters"), zero(frame),
        marks.growth_line(frame, growth),
        [marks.person_dot(frame, x, p, score, colours) for x, e in points for p in marks.single_people(study, e)],
        [marks.dot_with_interval(frame, x, e, score, colours) for x, e in points],
        marks.names_beside(frame, points, score) if len(points) <= MAX_NAMES else [],
        marks.growth_note(frame, growth),
    )  # fmt: skip


def context_plot(study: Study, score: Score, colours: Colours, kind: str) -> Markup:
    """A line for each model over the words that it sees, with the band of its intervals.  kind : of context."""
    entries = [e for e in study.pooled if e.condition.context_kind == kind]
    words = sorted({e.condition.words for e in entries})
    x_range = (np.log10(words[0]) - 0.12, np.log10(words[-1]) + 0.12)
    frame = marks.frame_of(x_range, marks.score_range(study, score), right=150.0)
    lines: dict[tuple[str, int], list[StudyEntry]] = {}
    for entry in sorted(entries, key=lambda e: e.condition.words):
        lines.setdefault((entry.condition.model, entry.condition.seed), []).append(entry)
    drawn = [_context_line(frame, line, score, colours, band=len(lines) <= 4) for line in lines.values()]
    ends = [(line[-1], y) for line in lines.values() if (y := line[-1].score(score)) is not None]
    trained = [line for line in lines.values() if line[0].condition.trained]
    rates = [growth.rate for line in trained if (growth := growth_with_context(line, score))]
    mean = f"{signed(float(np.mean(rates)), 3, plus=True)} per tenfold, mean of trained models" if rates else None
    names = [f"{w - (kind == 'window'):,}" for w in words]
    kept = marks.keep_apart([frame.px(float(np.log10(w))) for w in words], 26)
    return figure(
        WIDTH, HEIGHT, f"{TITLES[score]} against the words of context",
        marks.score_axis(frame, score),
        [marks.x_tick(frame, float(np.log10(words[i])), names[i]) for i in kept],
        marks.x_title(frame, _context_title(kind)),
        zero(frame), drawn, marks.names_at_ends(frame, ends, colours), mean and marks.note(frame, mean),
    )  # fmt: skip


def _context_title(kind: str) -> str:
    return "words of context before each word" if kind == "window" else "words of context at most (growing)"


def _context_line(frame: Frame, line: Sequence[StudyEntry], score: Score, colours: Colours, band: bool) -> Markup:
    xs = np.log10([e.condition.words for e in line])
    ys = np.array([or_nan(e.score(score)) for e in line])
    ends = [e.interval(score) for e in line]
    low, high = (np.array([or_nan(end[i]) for end in ends]) for i in (0, 1))
    dots = [marks.dot(frame, x, e, score, 3.4) for x, e in zip(xs, line, strict=True)]
    shaded = tag("path", d=frame.band(xs, low, high), class_="haze") if band else None
    path = tag("path", d=frame.line(xs, ys), class_="course")
    return tag("g", shaded, path, dots, class_=colours.css_class(line[0]))


def architecture_plot(study: Study, score: Score, colours: Colours) -> Markup:
    """A row for each architecture, a dot for each model; random weights have a row of their own."""
    rows: dict[str, list[StudyEntry]] = {name: [] for name in (*colours.architectures, "random weights")}
    for entry in study.at(study.reference):
        rows[entry.condition.architecture if entry.condition.trained else "random weights"].append(entry)
    rows = {name: entries for name, entries in rows.items() if entries}
    height = ROW_HEIGHT * len(rows)
    frame = Frame(NAMES_WIDTH, TOP, WIDTH - NAMES_WIDTH - 18, height, marks.score_range(study, score), (0, len(rows)))
    parts: list[Markup | None] = []
    for i, (name, entries) in enumerate(rows.items()):
        y = frame.top + ROW_HEIGHT * (i + 0.5)
        shifts = [7 * ((k % 3) - 1) * (len(entries) > 1) for k in range(len(entries))]
        parts += [text(frame.left - 12, y + 4, name, "axis", "end"), _row_line(frame, y)]
        parts += [
            marks.horizontal_dot(frame, y + shift, e, score, colours) for e, shift in zip(entries, shifts, strict=True)
        ]
        missing = sum(e.score(score) is None for e in entries)
        parts += [text(frame.right, y - 12, f"{missing} without a score", "tick", "end")] if missing else []
    return figure(
        WIDTH, TOP + height + BOTTOM, f"{TITLES[score]} by architecture",
        x_axis(frame, ticks(frame.x, 6), TITLES[score]), upright(frame), parts,
    )  # fmt: skip


def _row_line(frame: Frame, y: float) -> Markup:
    return tag("path", d=f"M{number(frame.left)} {number(y)}H{number(frame.right)}", class_="grid")


def quartile_plot(study: Study, score: Score, colours: Colours) -> Markup | None:
    """A line for each model over the quartiles of its words, from the most expected to the most surprising."""
    entries = [e for e in study.at(study.reference) if e.quartiles]
    ys = {id(e): np.array([or_nan(q.score(score)) for q in e.quartiles]) for e in entries}
    entries = [e for e in entries if np.isfinite(ys[id(e)]).any()]
    if not entries:
        return None
    values = np.concatenate([ys[id(e)] for e in entries])
    frame = marks.frame_of((-0.25, 3.25), _quartile_range(values, score), right=150.0)
    xs = np.arange(4)
    names = ["most expected", "2nd", "3rd", "most surprising"]
    drawn = [
        tag("g", tag("path", d=frame.line(xs, ys[id(e)]), class_="course"),
            [marks.dot(frame, float(x), q, score, 3.4, e) for x, q in zip(xs, e.quartiles, strict=True)],
            class_=colours.css_class(e))
        for e in entries
    ]  # fmt: skip
    mean = np.nanmean([ys[id(e)] for e in entries if e.condition.trained] or [ys[id(entries[0])]], axis=0)
    ends = [(e, float(ys[id(e)][-1])) for e in entries if np.isfinite(ys[id(e)][-1])]
    return figure(
        WIDTH, HEIGHT, f"{TITLES[score]} by predictability",
        marks.score_axis(frame, score, frame.y), [marks.x_tick(frame, i, name) for i, name in enumerate(names)],
        marks.x_title(frame, "quarter of the words, by the model\u2019s own surprisal"),
        zero(frame), drawn, tag("path", d=frame.line(xs, mean), class_="mean"),
        marks.names_at_ends(frame, ends, colours),
    )  # fmt: skip


def _quartile_range(values: np.ndarray, score: Score) -> tuple[float, float]:
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    margin = 0.12 * (high - low or 0.2)
    low = 0.0 if score == "alignment" and low > 0 else low - margin
    return low, min(high + margin, 1.04)


def control_plot(study: Study, score: Score, colours: Colours) -> Markup | None:
    """A row for each pair: the trained model, and its twins with random weights."""
    entries = study.at(study.reference)
    pairs = []
    for trained in (e for e in entries if e.condition.trained):
        twins = [e for e in entries if not e.condition.trained and e.condition.trained_as == trained.condition.model]
        pairs += [(trained, twins)] if twins else []
    if not pairs:
        return None
    height = ROW_HEIGHT * len(pairs)
    frame = Frame(NAMES_WIDTH, TOP, WIDTH - NAMES_WIDTH - 18, height, marks.score_range(study, score), (0, len(pairs)))
    rows = []
    for i, (trained, twins) in enumerate(pairs):
        y = frame.top + ROW_HEIGHT * (i + 0.5)
        values = [v for e in (trained, *twins) if (v := e.score(score)) is not None]
        ends = f"M{number(frame.px(min(values)))} {number(y)}H{number(frame.px(max(values)))}" if values[1:] else ""
        rows += [
            text(frame.left - 12, y + 4, marks.shorten(trained.condition.model, 18), "axis", "end"),
            _row_line(frame, y),
            tag("path", d=ends, class_="trail"),
            [marks.horizontal_dot(frame, y, e, score, colours) for e in (*twins, trained)],
        ]
        missing = sum(e.score(score) is None for e in twins)
        rows += [text(frame.right, y - 12, f"{missing} random without a score", "tick", "end")] if missing else []
    return figure(
        WIDTH, TOP + height + BOTTOM, f"{TITLES[score]}, trained and with random weights",
        x_axis(frame, ticks(frame.x, 6), TITLES[score]), upright(frame), rows,
    )  # fmt: skip


def both_scores_plot(study: Study, colours: Colours) -> Markup | None:
    """Temporal against alignment score, a dot for each model of the reference context."""
    entries = [e for e in study.at(study.reference) if e.temporal_r is not None]
    if len(entries) < 2:
        return None
    frame = Frame(
        LEFT, TOP, WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM, marks.score_range(study, "alignment"),
        marks.score_range(study, "temporal"),
    )  # fmt: skip
    r, n = correlate_scores(study)
    correlation = f"r = {signed(r)} over {n} trained models" if r is not None else None
    points = [(e.alignment_r, e) for e in entries]
    return figure(
        WIDTH, HEIGHT, "Temporal score against alignment score",
        y_axis(frame, ticks(frame.y, 6), TITLES["temporal"]),
        x_axis(frame, ticks(frame.x, 6), TITLES["alignment"]), zero(frame),
        [marks.dot_with_interval(frame, x, e, "temporal", colours) for x, e in points],
        marks.names_beside(frame, points, "temporal") if len(points) <= MAX_NAMES else [],
        correlation and marks.note(frame, correlation),
    )  # fmt: skip


def quartile_curves(study: Study) -> Markup | None:
    """R over lag by quartile, a panel for each trained model of the reference context, smallest first."""
    entries = [e for e in study.at(study.reference) if e.quartiles and e.condition.trained]
    entries = entries[:: max(1, -(-len(entries) // MAX_PANELS))]
    if not entries:
        return None
    curves = {id(e): [mean_curve(q.curves) for q in e.quartiles] for e in entries}
    values = [v for quartiles in curves.values() for c in quartiles for v in (c.r, c.null_low, c.null_high)]
    low, high = min(float(v.min()) for v in values), max(float(v.max()) for v in values)
    margin = 0.06 * max(high - low, 1e-3)
    css, width = panels(len(entries))
    return tag("div", [_panel(e, curves[id(e)], width, (low - margin, high + margin)) for e in entries], class_=css)


def quartile_key() -> Markup:
    """Names and colours of the quartiles."""
    items = [
        tag("span", tag("span", "", class_=f"swatch {colour}"), name)
        for colour, name in zip(QUARTILE_COLOURS, QUARTILES, strict=True)
    ]
    return tag("p", items, class_="huekey")


def _panel(entry: StudyEntry, curves: Sequence[MeanCurve], width: float, y: tuple[float, float]) -> Markup:
    lags, name = curves[0].lags_s, entry.condition.model
    frame = Frame(38, 26, width - 38 - 14, PANEL_HEIGHT - 26 - 22, (float(lags[0]), float(lags[-1])), y)
    low = np.min([c.null_low for c in curves], axis=0)
    high = np.max([c.null_high for c in curves], axis=0)
    lines = [
        tag("g", tag("path", tag("title", quartile), d=frame.line(lags, c.r)), class_=f"curve {colour}")
        for c, colour, quartile in zip(curves, QUARTILE_COLOURS, QUARTILES, strict=True)
    ]
    onset = f"M{number(frame.px(0))} {number(frame.top)}V{number(frame.bottom)}"
    return figure(
        width, PANEL_HEIGHT, f"R over lag by predictability, {name}",
        text(frame.left, 14, marks.shorten(name, 30), "panel"),
        tag("path", d=frame.band(lags, low, high), class_="null"),
        x_axis(frame, ticks(frame.x, 4), "", 1000, grid=False), y_axis(frame, ticks(frame.y, 3), ""),
        tag("path", d=onset, class_="zero") if frame.x[0] < 0 < frame.x[1] else None,
        tag("path", d=f"M{number(frame.left)} {number(frame.py(0))}H{number(frame.right)}", class_="zero"),
        lines,
    )  # fmt: skip
