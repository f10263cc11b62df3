"""The parts of a sweep's figures: frames, axes, dots with intervals, and names that do not overlap."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from rtalign.report.figures.svg import Frame, label, text, ticks, y_axis
from rtalign.report.html import Markup, join, number, tag
from rtalign.report.text import signed
from rtalign_offline.sweep.report.study import Growth, Score, Study, StudyEntry

WIDTH, HEIGHT = 560.0, 372.0
LEFT, TOP, RIGHT, BOTTOM = 58.0, 30.0, 14.0, 50.0
TITLES = {"temporal": "temporal score r", "alignment": "alignment score R"}
LINE_HEIGHT = 14.0
LETTER_WIDTH = 6.5
SIDES = ((9.0, 4.0, "start"), (-9.0, 4.0, "end"), (8.0, -7.0, "start"), (-8.0, -7.0, "end"), (8.0, 15.0, "start"),
         (-8.0, 15.0, "end"), (0.0, -10.0, "middle"), (0.0, 19.0, "middle"))  # fmt: skip
"""Where a name may be placed around its dot: shifts, and how it is anchored."""

N_COLOURS = 8


@dataclass(frozen=True, slots=True)
class Colours:
    """The colour of each architecture, the same in every figure."""

    architectures: tuple[str, ...]

    @classmethod
    def of(cls, study: Study) -> Colours:
        return cls(tuple(dict.fromkeys(e.condition.architecture for e in study.pooled if e.condition.trained)))

    def css_class(self, entry: StudyEntry) -> str:
        """The class in sweep.css that colours an entry."""
        c = entry.condition
        if not c.trained or c.architecture not in self.architectures:
            return "untrained"
        return f"h{self.architectures.index(c.architecture) % N_COLOURS}"

    def key(self, untrained: bool) -> Markup:
        """Names and colours, above the figures."""
        items = [
            tag("span", tag("span", "", class_=f"swatch h{i % N_COLOURS}"), name)
            for i, name in enumerate(self.architectures)
        ]
        items += [tag("span", tag("span", "", class_="swatch hollow"), "random weights")] if untrained else []
        return tag("p", items, class_="huekey")


# ---- frames and axes


def score_range(study: Study, score: Score) -> tuple[float, float]:
    """The range of a score over all entries and their intervals, zero included."""
    values = [0.0]
    for entry in (*study.pooled, *study.jobs):
        values += [v for v in (*entry.interval(score), entry.score(score)) if v is not None]
    low, high = min(values), max(values)
    margin = 0.06 * (high - low or 1)
    if score == "temporal":
        return max(low - margin, -1.08), min(max(high + margin, 0.5), 1.08)
    return low - margin if low < 0 else 0.0, high + margin


def frame_of(x: tuple[float, float], y: tuple[float, float], right: float = RIGHT) -> Frame:
    """The plotting area of a figure of standard size."""
    x = (float(x[0]), float(x[1]))
    return Frame(LEFT, TOP, WIDTH - LEFT - right, HEIGHT - TOP - BOTTOM, x, y)


def score_axis(frame: Frame, score: Score, y: tuple[float, float] | None = None) -> list[Markup]:
    """The vertical axis, named after the score."""
    return y_axis(frame, ticks(y or frame.y, 6), TITLES[score])


def log_axis(frame: Frame, name: Callable[[float], str], title: str) -> list[Markup]:
    """A horizontal logarithmic axis: 1, 2, 5 of each decade, or decades alone where they are enough."""
    low, high = frame.x
    marks = [d + np.log10(m) for d in range(int(np.floor(low)), int(np.ceil(high)) + 1) for m in (1, 2, 5)]
    inside = [float(m) for m in marks if low <= m <= high]
    decades = [m for m in inside if abs(m - round(m)) < 1e-9]
    shown = decades if len(decades) > 2 else inside
    lines = [x_tick(frame, m, name(10**m)) for m in shown]
    return [*lines, x_title(frame, title)]


def x_title(frame: Frame, title: str) -> Markup:
    """The name of the horizontal axis."""
    return text(frame.left + frame.width / 2, frame.bottom + 34, title, "axis", "middle")


def x_tick(frame: Frame, x: float, name: str) -> Markup:
    """A grid line with its number."""
    line = tag("path", d=f"M{number(frame.px(x))} {number(frame.top)}V{number(frame.bottom)}", class_="grid")
    return join(line, text(frame.px(x), frame.bottom + 16, name, "tick", "middle"))


def parameters(n: float) -> str:
    """A number of parameters: 14 M, 1.4 B."""
    for unit, name in ((1e9, "B"), (1e6, "M"), (1e3, "K")):
        if n >= 0.999 * unit:
            return f"{label(round(n / unit, 3))} {name}"
    return label(round(n))


def keep_apart(positions: Sequence[float], distance: float) -> list[int]:
    """Indices of positions that keep a distance from the one before; the last is always kept."""
    kept: list[int] = []
    for i, position in enumerate(positions):
        if not kept or position - positions[kept[-1]] >= distance:
            kept.append(i)
        elif i == len(positions) - 1 and len(kept) > 1:
            kept[-1] = i
    return kept


# ---- dots


def dot_with_interval(frame: Frame, x: float, entry: StudyEntry, score: Score, colours: Colours) -> Markup:
    """A model with its vertical interval; one without a score is a ring at the foot of the frame."""
    low, high = entry.interval(score)
    whisker = None
    if entry.score(score) is not None and low is not None and high is not None:
        top, bottom = frame.py(_clip(high, frame.y)), frame.py(_clip(low, frame.y))
        whisker = tag("path", d=f"M{number(frame.px(x))} {number(top)}V{number(bottom)}", class_="whisker")
    return tag("g", whisker, dot(frame, x, entry, score, 5.2), class_=colours.css_class(entry))


def horizontal_dot(frame: Frame, y: float, entry: StudyEntry, score: Score, colours: Colours) -> Markup | None:
    """A model in a row of its own, with its horizontal interval; None without a score."""
    value = entry.score(score)
    if value is None:
        return None
    low, high = entry.interval(score)
    whisker = None
    if low is not None and high is not None:
        ends = f"M{number(frame.px(_clip(low, frame.x)))} {number(y)}H{number(frame.px(_clip(high, frame.x)))}"
        whisker = tag("path", d=ends, class_="whisker")
    circle = tag(
        "circle", tag("title", _tooltip(entry, score)), cx=frame.px(value), cy=y, r=5.0, class_=_dot_class(entry)
    )
    return tag("g", whisker, circle, class_=colours.css_class(entry))


def dot(
    frame: Frame, x: float, entry: StudyEntry, score: Score, radius: float, styled_as: StudyEntry | None = None
) -> Markup:
    """A dot without interval.  styled_as : the entry that says whether it is filled, where that is another one."""
    value = entry.score(score)
    y = frame.bottom - 5 if value is None else frame.py(_clip(value, frame.y))
    css = "noscore" if value is None else _dot_class(styled_as or entry)
    size = 3.0 if value is None else radius
    return tag("circle", tag("title", _tooltip(entry, score)), cx=frame.px(x), cy=y, r=size, class_=css)


def person_dot(frame: Frame, x: float, entry: StudyEntry, score: Score, colours: Colours) -> Markup | None:
    """A small dot for a single person; None without a score."""
    value = entry.score(score)
    if value is None:
        return None
    y = frame.py(_clip(value, frame.y))
    circle = tag("circle", tag("title", _tooltip(entry, score)), cx=frame.px(x), cy=y, r=2.2, class_="single")
    return tag("g", circle, class_=colours.css_class(entry))


def single_people(study: Study, entry: StudyEntry) -> list[StudyEntry]:
    """The people of whom an entry is pooled; none where it is one person's."""
    people = study.people(entry.condition)
    return people if len(people) > 1 else []


def _dot_class(entry: StudyEntry) -> str:
    return "dot" if entry.condition.trained else "open"


def _tooltip(entry: StudyEntry, score: Score) -> str:
    value, reason = entry.score(score), entry.findings.reason
    name = f"{entry.condition.model}, {entry.condition.context}, {entry.person}"
    if value is None:
        return f"{name}: no temporal score, {reason}"
    return f"{name}: {TITLES[score]} {signed(value, 3)}"


# ---- lines


def growth_line(frame: Frame, growth: Growth | None) -> Markup | None:
    """The fitted line with the band of its slope's interval, around the middle of the frame."""
    if growth is None:
        return None
    xs = np.linspace(*frame.x, 30)
    middle = float(np.mean(frame.x))
    ys = np.array([growth.at(x) for x in xs])
    ends = [growth.at(middle) + rate * (xs - middle) for rate in (growth.low, growth.high)]
    low, high = (np.clip(v, *frame.y) for v in (np.minimum(*ends), np.maximum(*ends)))
    ys = np.where((ys >= frame.y[0]) & (ys <= frame.y[1]), ys, np.nan)
    band = tag("path", d=frame.band(xs, low, high), class_="interval") if np.isfinite(growth.low) else None
    return join(band, tag("path", d=frame.line(xs, ys), class_="fit"))


def growth_note(frame: Frame, growth: Growth | None) -> Markup | None:
    """The slope and its interval as text, above the frame."""
    if growth is None:
        return None
    interval = f"{signed(growth.low, 3)} to {signed(growth.high, 3)}"
    return note(frame, f"{signed(growth.rate, 3, plus=True)} per tenfold ({interval})")


def note(frame: Frame, words: str) -> Markup:
    """Text above the frame."""
    return text(frame.left + 4, 16, words, "note")


# ---- names


def names_beside(frame: Frame, points: Sequence[tuple[float, StudyEntry]], score: Score) -> list[Markup]:
    """Names beside the dots, left out where they would cover a dot or one another."""
    places = [(frame.px(x), frame.py(_clip(y, frame.y)), e) for x, e in points if (y := e.score(score)) is not None]
    taken = [(x - 6, y - 6, x + 6, y + 6) for x, y, _ in places]
    drawn = []
    for x, y, entry in places:
        name = shorten(entry.condition.model, 22)
        for dx, dy, anchor in SIDES:
            left = x + dx - {"start": 0.0, "end": 1.0, "middle": 0.5}[anchor] * LETTER_WIDTH * len(name)
            box = (left, y + dy - 9, left + LETTER_WIDTH * len(name), y + dy + 2)
            inside = frame.left <= box[0] and box[2] <= frame.right + 8 and frame.top - 6 <= box[1] <= frame.bottom - 14
            if inside and not any(_overlap(box, other) for other in taken):
                taken.append(box)
                drawn.append(text(x + dx, y + dy, name, "named", anchor))
                break
    return drawn


def _overlap(a: tuple[float, float, float, float], b: tuple[float, float, float, float]) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def names_at_ends(frame: Frame, ends: Sequence[tuple[StudyEntry, float]], colours: Colours) -> list[Markup]:
    """Names at the ends of lines, moved apart, each connected with its line."""
    order = sorted(ends, key=lambda end: -end[1])
    wanted = [frame.py(_clip(y, frame.y)) for _, y in order]
    placed = _move_apart(wanted, frame.top + 4, frame.bottom)
    drawn = []
    for (entry, _), line_y, name_y in zip(order, wanted, placed, strict=True):
        thread = f"M{number(frame.right + 3)} {number(line_y)}L{number(frame.right + 13)} {number(name_y)}"
        drawn.append(tag("g", tag("path", d=thread, class_="thread"), class_=colours.css_class(entry)))
        drawn.append(text(frame.right + 17, name_y + 4, shorten(entry.condition.model, 20), "named"))
    return drawn


def _move_apart(wanted: Sequence[float], low: float, high: float) -> list[float]:
    """Positions in order, at least a line apart, as near as possible to the wanted ones."""
    if not wanted:
        return []
    gap = min(LINE_HEIGHT, (high - low) / max(len(wanted) - 1, 1))
    placed = list(wanted)
    for _ in range(200):
        moved = False
        for i, (above, below) in enumerate(pairwise(placed)):
            if below - above < gap - 1e-6:
                middle, moved = (above + below) / 2, True
                placed[i], placed[i + 1] = middle - gap / 2, middle + gap / 2
        placed = [float(np.clip(y, low, high)) for y in placed]
        if not moved:
            break
    for i in range(1, len(placed)):
        placed[i] = max(placed[i], placed[i - 1] + gap * 0.999)
    over = placed[-1] - high
    return [y - over for y in placed] if over > 0 else placed


def shorten(name: str, length: int) -> str:
    """The name, cut to a length."""
    return name if len(name) <= length else name[: length - 1] + "\u2026"


def _clip(v: float, ends: tuple[float, float]) -> float:
    return float(np.clip(v, *ends))


def or_nan(v: float | None) -> float:
    return np.nan if v is None else v
