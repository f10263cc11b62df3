"""Figures of an onset audit: delay over a run, and field strength over lag."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from rtalign.report.markup import Markup, join, number, tag
from rtalign.report.plot import Frame, figure, text, ticks, x_axis, y_axis
from rtalign.report.style import figure_css

if TYPE_CHECKING:
    from offline.audit import Found

WIDTH, HEIGHT = 650, 330
EXPECTED_S = (0.05, 0.6)
"""When fields answer a word that was heard: from the first cortical response to the last of those to its meaning."""


def write(folder: Path, found: Sequence[Found], planted: Sequence[float] = ()) -> list[Path]:
    """delays.svg where sounds were compared, answers.svg where words were; no file where there is nothing to show."""
    drawn = {"delays.svg": delays(found), "answers.svg": answers(found, planted)}
    paths = []
    for name, drawing in drawn.items():
        if drawing is not None:
            paths.append(folder / name)
            paths[-1].write_text(drawing, encoding="utf-8")
    return paths


def delays(found: Sequence[Found]) -> Markup | None:
    """Delay of every window over the time in its run: a level line is a constant, a slope is a drift."""
    lags = [one.lag for one in found if one.lag]
    if not lags:
        return None
    values = np.concatenate([lag.delays for lag in lags])
    room = max(0.2 * float(np.ptp(values)), 0.002)
    end = max(float(lag.times.max()) for lag in lags)
    frame = _frame((0.0, end * 1.05), (float(values.min()) - room, float(values.max()) + room))
    return figure(
        WIDTH, HEIGHT, "Delay of the recorded sound over the time in the run",
        tag("style", Markup(figure_css())),
        x_axis(frame, ticks(frame.x, 6), "time in the run (s)"),
        y_axis(frame, ticks(frame.y, 5), "delay (ms)", 1000),
        [_points(frame, lag.times, lag.delays) for lag in lags],
    )  # fmt: skip


def answers(found: Sequence[Found], planted: Sequence[float] = ()) -> Markup | None:
    """Word-locked field strength over lag, one line a run, words at 0; shaded, where an answer is planted or expected.

    planted : latencies that a simulation tells, s.
    """
    locked = [one.locked for one in found if one.locked]
    if not locked:
        return None
    top = max(float(one.strength.max()) for one in locked)
    frame = _frame((float(locked[0].lags[0]), float(locked[0].lags[-1])), (0.0, 1.1 * top))
    zero = tag("path", d=f"M{number(frame.px(0.0))} {number(frame.top)}V{number(frame.bottom)}", class_="level")
    return figure(
        WIDTH, HEIGHT, "Strength of the field that follows words, over lag",
        tag("style", Markup(figure_css())),
        x_axis(frame, ticks(frame.x, 8), "lag after word onset (ms)", 1000),
        y_axis(frame, ticks(frame.y, 5), "field over its standard error"),
        _where(frame, planted),
        zero,
        [_curve(frame, one.lags, one.strength) for one in locked],
        text(frame.px(0.0) + 4, frame.top + 12, "word", "legend"),
    )  # fmt: skip


def _where(frame: Frame, planted: Sequence[float]) -> Markup:
    """A band over the lags at which a sound alignment answers; a peak outside it tells of a wrong one."""
    first, last = (min(planted), max(planted)) if planted else EXPECTED_S
    left, right = (frame.px(min(max(s, frame.x[0]), frame.x[1])) for s in (first, last))
    band = tag("rect", x=left, y=frame.top, width=max(right - left, 2.0), height=frame.height, class_="interval")
    return join(band, text(right + 4, frame.top + 28, "planted" if planted else "expected", "legend"))


def _frame(x: tuple[float, float], y: tuple[float, float]) -> Frame:
    return Frame(66, 18, WIDTH - 66 - 24, HEIGHT - 18 - 46, x, y)


def _points(frame: Frame, xs: np.ndarray, ys: np.ndarray) -> list[Markup]:
    dots = [
        tag("circle", cx=number(frame.px(x)), cy=number(frame.py(y)), r="2.5", fill="currentColor")
        for x, y in zip(xs, ys, strict=True)
    ]
    return [*dots, _curve(frame, xs, ys)]


def _curve(frame: Frame, xs: np.ndarray, ys: np.ndarray) -> Markup:
    return tag("path", d=frame.line(xs, ys), fill="none", stroke="currentColor", stroke_width="1.5", opacity="0.7")
