"""The noise ceiling in the report: how reproducible each sensor's response to a repeated sound is."""

from __future__ import annotations

import numpy as np

from rtalign.report.figures.svg import Frame, figure, side_title, text, ticks, x_axis, y_axis
from rtalign.report.html import Markup, join, number, prose, tag
from rtalign.report.read import PersonCeiling, Results
from rtalign.report.tables import Cell, table
from rtalign.report.text import DASH, signed

WIDTH, HEIGHT = 650, 250
CLEAR = 2.0
"""Standard errors above zero from which a sensor counts as responding."""

HOW = (
    "Parts of the sound were played repeatedly. Each repetition went through the filters of the training, and the "
    "signal of every sensor was correlated between two repetitions, averaged over all pairs; the standard error is "
    "jackknifed over repetitions. The response to the sound is reproduced, noise is not: no model of the sound, "
    "however good, can predict a single repetition at a sensor better than the square root of this correlation."
)
BOUNDS = (
    "It is a ceiling on the prediction of one sensor. R in this report goes the other way, from all sensors to the "
    "language model, and is not bounded by these numbers; but where they are near zero, the recording holds little "
    "that repeats, and a low R says little about the model."
)
COLUMNS: tuple[Cell, ...] = (
    ("subject", "l"),
    ("repetitions", ""),
    ("compared (s)", ""),
    ("median r", ""),
    ("best sensor", "l"),
    ("r there", ""),
    ("√r there", ""),
    ("responding sensors", ""),
)


def noise_ceiling(results: Results) -> Markup | None:
    """A curve and a table row for each person; None where no sound was repeated."""
    people = [one for one in (results.ceilings.people if results.ceilings else []) if np.isfinite(_r(one)).any()]
    if not people:
        return None
    method = f"{HOW} Shown for every sensor, best first; grey: two standard errors."
    caption = tag("figcaption", tag("b", "How well repeated sounds are reproduced."), " ", prose(method))
    drawn = [tag("div", _curve(one, several=len(people) > 1), class_="one scroll") for one in people]
    rows = tag("div", table(COLUMNS, [_row(one) for one in people]), class_="panel long")
    note = tag("p", tag("b", "What it bounds. "), BOUNDS, class_="note")
    return join(tag("h2", "Noise ceiling"), tag("figure", caption, drawn), rows, note)


def _r(one: PersonCeiling) -> np.ndarray:
    return np.array([np.nan if value is None else value for value in one.r], float)


def _error(one: PersonCeiling) -> np.ndarray:
    """(sensor,) standard errors; missing where there were only two repetitions."""
    return np.array([np.nan if value is None else value for value in one.error or [None] * len(one.r)], float)


def _row(one: PersonCeiling) -> list[Cell]:
    r, error = _r(one), _error(one)
    top = int(np.nanargmax(r))
    known = np.isfinite(error)
    answer = f"{int((r > CLEAR * error)[known].sum())} of {len(r)}" if known.any() else DASH
    broken = f" ({one.n_broken} broken off)" if one.n_broken else ""
    height = f"{signed(float(r[top]), 3)} ± {error[top]:.3f}" if known[top] else signed(float(r[top]), 3)
    return [
        (one.subject, "l"),
        (f"{one.n_repeats}{broken}", ""),
        (f"{one.seconds:.1f}", ""),
        (signed(float(np.nanmedian(r)), 3), ""),
        (one.sensors[top], "l"),
        (height, ""),
        (signed(float(np.sqrt(max(r[top], 0.0))), 2), ""),
        (answer, ""),
    ]


def _curve(one: PersonCeiling, several: bool) -> Markup:
    """r over sensors, best first, with a band of two standard errors."""
    r, error = _r(one), _error(one)
    order = np.argsort(-np.where(np.isfinite(r), r, -np.inf))
    r, error = r[order], 2 * error[order]
    places = np.arange(1.0, len(r) + 1)
    ends = np.concatenate([r - np.nan_to_num(error), r + np.nan_to_num(error), [0.0, 0.05]])
    low, high = float(np.nanmin(ends)), float(np.nanmax(ends))
    frame = Frame(66, 18, WIDTH - 66 - 24, HEIGHT - 18 - 46, (0.5, len(r) + 0.5), (low, high + 0.05 * (high - low)))
    level = tag("path", d=f"M{number(frame.left)} {number(frame.py(0.0))}H{number(frame.right)}", class_="zero")
    dots = [
        tag("circle", tag("title", f"{one.sensors[i]}: {signed(v, 3)}"), cx=frame.px(x), cy=frame.py(v), r=2.2,
            fill="currentColor")
        for x, v, i in zip(places.tolist(), r.tolist(), order, strict=True) if np.isfinite(v)
    ]  # fmt: skip
    return figure(
        WIDTH, HEIGHT, "Correlation between two repetitions, sensor by sensor",
        y_axis(frame, ticks(frame.y, 5), ""),
        side_title(16, frame.top + frame.height / 2, "r of two repetitions"),
        x_axis(frame, np.array([v for v in ticks(frame.x, 8) if v >= 1 and v == int(v)]), "sensors, best first"),
        level,
        tag("path", d=frame.band(places, r - error, r + error), class_="null"),
        dots,
        text(frame.right, frame.top + 4, f"subject {one.subject}", "panel", "end") if several else None,
    )  # fmt: skip
