"""Marks of a sweep's figures: frames, axes, dots, whiskers and names that keep out of each other's way."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from rtalign.report.figures.svg import Frame, label, text, ticks, y_axis
from rtalign.report.html import Markup, join, number, tag
from rtalign.report.text import signed
from rtalign_offline.sweep.report.study import Growth, Study, StudyEntry, value

WIDTH, HEIGHT = 560.0, 372.0
LEFT, TOP, RIGHT, BOTTOM = 58.0, 30.0, 14.0, 50.0
NAMES = {"temporal": "temporal score r", "alignment": "alignment score R"}
LINE = 14.0
LETTER = 6.5
SIDES = ((9.0, 4.0, "start"), (-9.0, 4.0, "end"), (8.0, -7.0, "start"), (-8.0, -7.0, "end"), (8.0, 15.0, "start"),
         (-8.0, 15.0, "end"), (0.0, -10.0, "middle"), (0.0, 19.0, "middle"))  # fmt: skip
"""Where a name may stand beside its dot: shifts, and how it is anchored."""

HUES = 8


@dataclass(frozen=True, slots=True)
class Hues:
    """The colour of each architecture, the same in every figure."""

    names: tuple[str, ...]

    @classmethod
    def of(cls, study: Study) -> Hues:
        return cls(tuple(dict.fromkeys(e.subject.architecture for e in study.pooled if e.subject.trained)))

    def __call__(self, entry: StudyEntry) -> str:
        s = entry.subject
        if not s.trained or s.architecture not in self.names:
            return "untrained"
        return f"h{self.names.index(s.architecture) % HUES}"

    def key(self, untrained: bool) -> Markup:
        """Names and colours, above the figures."""
        items = [tag("span", tag("span", "", class_=f"swatch h{i % HUES}"), name) for i, name in enumerate(self.names)]
        items += [tag("span", tag("span", "", class_="swatch hollow"), "random weights")] if untrained else []
        return tag("p", items, class_="huekey")


def span(study: Study, score: str) -> tuple[float, float]:
    """The range of a score over everything shown, its intervals included, with zero in it."""
    found = [0.0]
    for entry in (*study.pooled, *study.jobs):
        low, high = interval(entry, score)
        found += [v for v in (low, high, value(entry, score)[0]) if v is not None]
    low, high = min(found), max(found)
    room = 0.06 * (high - low or 1)
    if score == "temporal":
        return max(low - room, -1.08), min(max(high + room, 0.5), 1.08)
    return low - room if low < 0 else 0.0, high + room


def interval(entry: StudyEntry, score: str) -> tuple[float | None, float | None]:
    if score == "alignment":
        return entry.alignment_ci
    temporal = entry.findings.temporal
    return (temporal.ci if temporal else None) or (None, None)


def across(frame: Frame, y: float, entry: StudyEntry, score: str, hues: Hues) -> Markup | None:
    found = value(entry, score)[0]
    if found is None:
        return None
    low, high = interval(entry, score)
    whisker = None
    if low is not None and high is not None:
        ends = f"M{number(frame.px(_held(low, frame.x)))} {number(y)}H{number(frame.px(_held(high, frame.x)))}"
        whisker = tag("path", d=ends, class_="whisker")
    dot = tag("circle", tag("title", _told(entry, score)), cx=frame.px(found), cy=y, r=5.0, class_=_mark(entry))
    return tag("g", whisker, dot, class_=hues(entry))


def frame_of(x: tuple[float, float], y: tuple[float, float], right: float = RIGHT) -> Frame:
    x = (float(x[0]), float(x[1]))
    return Frame(LEFT, TOP, WIDTH - LEFT - right, HEIGHT - TOP - BOTTOM, x, y)


def axes(frame: Frame, score: str, y: tuple[float, float] | None = None) -> list[Markup]:
    return y_axis(frame, ticks(y or frame.y, 6), NAMES[score])


def decades(frame: Frame, told: Callable[[float], str], title: str) -> list[Markup]:
    """Ticks of a logarithmic axis: 1, 2, 5 of each decade, as many as fit."""
    low, high = frame.x
    marks = [d + np.log10(m) for d in range(int(np.floor(low)), int(np.ceil(high)) + 1) for m in (1, 2, 5)]
    inside = [float(m) for m in marks if low <= m <= high]
    whole = [m for m in inside if abs(m - round(m)) < 1e-9]
    shown = whole if len(whole) > 2 else inside
    lines = [tick(frame, m, told(10**m)) for m in shown]
    return [*lines, text(frame.left + frame.width / 2, frame.bottom + 34, title, "axis", "middle")]


def size(n: float) -> str:
    for unit, name in ((1e9, "B"), (1e6, "M"), (1e3, "K")):
        if n >= 0.999 * unit:
            return f"{label(round(n / unit, 3))} {name}"
    return label(round(n))


def tick(frame: Frame, x: float, told: str) -> Markup:
    line = tag("path", d=f"M{number(frame.px(x))} {number(frame.top)}V{number(frame.bottom)}", class_="grid")
    return join(line, text(frame.px(x), frame.bottom + 16, told, "tick", "middle"))


def others(study: Study, entry: StudyEntry) -> list[StudyEntry]:
    people = study.people(entry.subject)
    return people if len(people) > 1 else []


def point(frame: Frame, x: float, entry: StudyEntry, score: str, hues: Hues) -> Markup:
    """A model with its interval; one without a score is a ring under the axis' end."""
    low, high = interval(entry, score)
    whisker = None
    if value(entry, score)[0] is not None and low is not None and high is not None:
        top, bottom = frame.py(_held(high, frame.y)), frame.py(_held(low, frame.y))
        whisker = tag("path", d=f"M{number(frame.px(x))} {number(top)}V{number(bottom)}", class_="whisker")
    return tag("g", whisker, dot(frame, x, entry, score, 5.2), class_=hues(entry))


def dot(
    frame: Frame, x: float, entry: StudyEntry, score: str, radius: float, named: StudyEntry | None = None
) -> Markup:
    found = value(entry, score)[0]
    y = frame.bottom - 5 if found is None else frame.py(_held(found, frame.y))
    cls = "noscore" if found is None else _mark(named or entry)
    size = 3.0 if found is None else radius
    return tag("circle", tag("title", _told(entry, score)), cx=frame.px(x), cy=y, r=size, class_=cls)


def person(frame: Frame, x: float, entry: StudyEntry, score: str, hues: Hues) -> Markup | None:
    found = value(entry, score)[0]
    if found is None:
        return None
    dot = tag("circle", tag("title", _told(entry, score)), cx=frame.px(x), cy=frame.py(_held(found, frame.y)), r=2.2,
              class_="single")  # fmt: skip
    return tag("g", dot, class_=hues(entry))


def _mark(entry: StudyEntry) -> str:
    return "dot" if entry.subject.trained else "open"


def _told(entry: StudyEntry, score: str) -> str:
    found, why = value(entry, score)[0], entry.findings.reason
    who = f"{entry.subject.model}, {entry.subject.context}, {entry.person}"
    return f"{who}: {NAMES[score]} {signed(found, 3)}" if found is not None else f"{who}: no temporal score, {why}"


def fitted(frame: Frame, found: Growth | None) -> Markup | None:
    """The fitted line with the band of its slope's interval, about the middle of the frame."""
    if found is None:
        return None
    xs = np.linspace(*frame.x, 30)
    middle = float(np.mean(frame.x))
    ys = np.array([found.at(x) for x in xs])
    ends = [found.at(middle) + rate * (xs - middle) for rate in (found.low, found.high)]
    held = [np.clip(v, *frame.y) for v in (np.minimum(*ends), np.maximum(*ends))]
    ys = np.where((ys >= frame.y[0]) & (ys <= frame.y[1]), ys, np.nan)
    band = tag("path", d=frame.band(xs, *held), class_="interval") if np.isfinite(found.low) else None
    return join(band, tag("path", d=frame.line(xs, ys), class_="fit"))


def rate(frame: Frame, found: Growth | None) -> Markup | None:
    if found is None:
        return None
    told = f"{signed(found.rate, 3, plus=True)} per tenfold ({signed(found.low, 3)} to {signed(found.high, 3)})"
    return text(frame.left + 4, 16, told, "note")


def names_beside(frame: Frame, points: Sequence[tuple[float, StudyEntry]], score: str) -> list[Markup]:
    """Names beside the dots, left out where they would lie on a dot or on one another."""
    places = [(frame.px(x), frame.py(_held(y, frame.y)), e) for x, e in points if (y := value(e, score)[0]) is not None]
    taken = [(x - 6, y - 6, x + 6, y + 6) for x, y, _ in places]
    drawn = []
    for x, y, entry in places:
        told = short(entry.subject.model, 22)
        for dx, dy, anchor in SIDES:
            left = x + dx - {"start": 0.0, "end": 1.0, "middle": 0.5}[anchor] * LETTER * len(told)
            box = (left, y + dy - 9, left + LETTER * len(told), y + dy + 2)
            inside = frame.left <= box[0] and box[2] <= frame.right + 8 and frame.top - 6 <= box[1] <= frame.bottom - 14
            if inside and not any(_meet(box, other) for other in taken):
                taken.append(box)
                drawn.append(text(x + dx, y + dy, told, "named", anchor))
                break
    return drawn


def _meet(a: tuple[float, float, float, float], b: tuple[float, float, float, float]) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def names_at_ends(frame: Frame, ends: Sequence[tuple[StudyEntry, float]], hues: Hues) -> list[Markup]:
    """Names at the ends of lines, pushed apart, each with a thread to its line."""
    order = sorted(ends, key=lambda end: -end[1])
    wanted = [frame.py(_held(y, frame.y)) for _, y in order]
    placed = _apart(wanted, frame.top + 4, frame.bottom)
    drawn = []
    for (entry, _), at, y in zip(order, wanted, placed, strict=True):
        thread = f"M{number(frame.right + 3)} {number(at)}L{number(frame.right + 13)} {number(y)}"
        drawn.append(tag("g", tag("path", d=thread, class_="thread"), class_=hues(entry)))
        drawn.append(text(frame.right + 17, y + 4, short(entry.subject.model, 20), "named"))
    return drawn


def _apart(wanted: Sequence[float], low: float, high: float) -> list[float]:
    """Positions in order, at least a line from each other, as near to where they are wanted as goes."""
    if not wanted:
        return []
    gap = min(LINE, (high - low) / max(len(wanted) - 1, 1))
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


def spread(places: Sequence[float], least: float) -> list[int]:
    """Which of some places keep a distance from the one before; the last always does."""
    kept: list[int] = []
    for i, place in enumerate(places):
        if not kept or place - places[kept[-1]] >= least:
            kept.append(i)
        elif i == len(places) - 1 and len(kept) > 1:
            kept[-1] = i
    return kept


def short(name: str, most: int) -> str:
    return name if len(name) <= most else name[: most - 1] + "\u2026"


def _held(v: float, ends: tuple[float, float]) -> float:
    return float(np.clip(v, *ends))


def or_nan(v: float | None) -> float:
    return np.nan if v is None else v
