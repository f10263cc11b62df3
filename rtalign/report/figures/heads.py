"""Topographies of the decoders' forward patterns: chosen layers down, chosen lags across."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from rtalign.core.head.shape import flatten_positions
from rtalign.report.colour import ramp_png
from rtalign.report.figures.svg import Frame, figure, label, text, ticks
from rtalign.report.html import Markup, join, number, tag
from rtalign.report.read import PassportSensor, Results
from rtalign.report.text import milliseconds

GRID = 96
REACH = 0.94
"""How far from the middle the outermost sensor lies, in a picture whose disc has radius 1."""


@dataclass(frozen=True, eq=False)
class Layout:
    """Where the sensors of one kind lie on the flat head.

    members : (place, sensor) 1 where a sensor stands at a place; points : (place, xy); operator : (pixel, place),
    values to picture; inside : (row, column) the pixels that are drawn.
    """

    members: np.ndarray
    points: np.ndarray
    operator: np.ndarray
    inside: np.ndarray

    def places(self, values: np.ndarray) -> np.ndarray:
        """Root of the sum of squares of the sensors of one place: a planar pair becomes the length of its gradient."""
        return np.sqrt(self.members @ np.square(values))

    def picture(self, values: np.ndarray) -> np.ndarray:
        """(sensor,) to (row, column), nose up; NaN outside.  Values are sizes, so what bends below 0 is 0."""
        full = np.clip(self.operator @ self.places(values), 0, None).reshape(self.inside.shape)
        return np.where(self.inside, full, np.nan)


def layout(positions: np.ndarray) -> Layout | None:
    """The layout of sensors of one kind, or None where their places do not span a head."""
    places, member_of = np.unique(np.round(positions, 3), axis=0, return_inverse=True)
    if len(places) < 8 or not np.isfinite(positions).all():
        return None
    members = np.zeros((len(places), len(positions)))
    members[member_of.ravel(), np.arange(len(positions))] = 1
    points = REACH * flatten_positions(places)
    if (
        len(np.unique(np.round(points, 3), axis=0)) < len(points)
        or np.linalg.matrix_rank(points - points.mean(0), 1e-3) < 2
    ):
        return None
    axis = (np.arange(GRID) + 0.5) / GRID * 2 - 1
    x, y = np.meshgrid(axis, -axis)
    pixels = np.column_stack([x.ravel(), y.ravel()])
    # A little beyond the disc, whose edge is cut where it is drawn.
    inside = np.hypot(x, y) <= 1.03
    # Solved once for unit values, so that every further picture is one product.
    from scipy.interpolate import RBFInterpolator  # takes most of a second to import

    operator = RBFInterpolator(points, np.eye(len(points)), kernel="thin_plate_spline", smoothing=1e-4)(pixels)
    return Layout(members, points, operator, inside)


FIXED_S = (0.0, 0.1, 0.2, 0.3, 0.4, 0.6)
CELL, LEFT, TOP = 132, 96, 36
CIRCLE = tag("circle", cx=0.5, cy=0.5, r=0.5)
KINDS = {"axial": "axial gradiometers", "mag": "magnetometers", "planar": "planar gradiometers", "eeg": "EEG"}


def chosen_layers(results: Results) -> list[int]:
    """First, middle and last layer with a peak; where none has one, of all."""
    rows = [i for i, layer in enumerate(results.summary.layers) if layer.ok] or list(range(len(results.summary.layers)))
    return sorted({rows[0], rows[len(rows) // 2], rows[-1]})


def chosen_lags(results: Results) -> list[int]:
    """Indices of the fixed lags that were read."""
    lags, step = results.lags, float(np.median(np.diff(results.lags)))
    nearest = [int(np.abs(lags - s).argmin()) for s in FIXED_S if lags[0] - step <= s <= lags[-1] + step]
    return sorted(set(nearest))


def heads(results: Results) -> Iterator[tuple[str, Markup]]:
    """One figure for each kind of sensor, with its name."""
    if results.patterns is None or results.passport is None:
        return
    if not all(np.isfinite(results.patterns[i]).all() for i in chosen_layers(results)):
        return
    sensors = results.passport.sensors
    for kind in dict.fromkeys(sensor.kind for sensor in sensors):
        rows = [i for i, sensor in enumerate(sensors) if sensor.kind == kind]
        place = layout(np.array([sensors[i].position for i in rows]))
        if place is not None:
            yield KINDS.get(kind, kind), _figure(results, place, rows, sensors[rows[0]])


def _figure(results: Results, place: Layout, rows: list[int], sensor: PassportSensor) -> Markup:
    """Layers down; across, the lag of each layer's own peak, then the fixed lags."""
    assert results.patterns is not None
    layers, fixed = chosen_layers(results), chosen_lags(results)
    first = [[_peak_lag(results, i)] if results.peaked else [] for i in layers]
    lags = [[*peak, *fixed] for peak in first]
    pictures = [
        [None if j is None else place.picture(np.asarray(results.patterns[i, j, :])[rows]) for j in columns]
        for i, columns in zip(layers, lags, strict=True)
    ]
    limits = _limits(pictures)
    width, height = LEFT + CELL * len(lags[0]) + 74, TOP + CELL * len(layers) + 4
    return figure(
        width, height, "Forward patterns over the head",
        tag("defs", tag("clipPath", CIRCLE, id="disc", clipPathUnits="objectBoundingBox")),
        _heading(results, fixed),
        [_side(results, i, TOP + CELL * (n + 0.5)) for n, i in enumerate(layers)],
        [
            _head(LEFT + CELL * (k + 0.5), TOP + CELL * (n + 0.5), picture, place.points, limits)
            for n, row in enumerate(pictures) for k, picture in enumerate(row)
        ],
        _bar(width - 62, TOP + 14, height - TOP - 28, limits, sensor.unit),
    )  # fmt: skip


def _heading(results: Results, fixed: list[int]) -> list[Markup]:
    names = [*(["at its peak"] if results.peaked else []), *(f"{milliseconds(results.lags[j])} ms" for j in fixed)]
    return [text(LEFT + CELL * (k + 0.5), 20, name, "panel", "middle") for k, name in enumerate(names)]


def _side(results: Results, i: int, y: float) -> Markup:
    """Beside a row: the layer, its depth, its peak as the table gives it, and the lag drawn for it where it differs."""
    layer, lag = results.summary.layers[i], _peak_lag(results, i)
    words = [f"{100 * layer.depth:.0f} % deep"]
    if lag is not None:
        peak, drawn = milliseconds(layer.peak_s), milliseconds(results.lags[lag])
        words += [f"peak {peak} ms"] + ([f"drawn {drawn} ms"] if drawn != peak else [])
    lines = [text(LEFT - 14, y + 9 + 16 * k, line, "legend", "end") for k, line in enumerate(words)]
    return join(text(LEFT - 14, y - 8, f"layer {layer.layer}", "panel", "end"), lines)


def _peak_lag(results: Results, i: int) -> int | None:
    layer = results.summary.layers[i]
    return int(np.abs(results.lags - layer.peak_s).argmin()) if layer.ok and layer.peak_s is not None else None


def _limits(pictures: list[list[np.ndarray | None]]) -> tuple[float, float]:
    """One colour scale for all, of magnitudes: from 0 to the strongest, or to twice the median: noise never glows."""
    shown = [picture for row in pictures for picture in row if picture is not None]
    high = max(*(float(np.nanmax(p)) for p in shown), 2 * float(np.nanmedian(shown)))
    return (0.0, high) if high > 0 else (0.0, 1.0)


def _head(x: float, y: float, picture: np.ndarray | None, points: np.ndarray, limits: tuple[float, float]) -> Markup:
    """A head seen from above around (x, y), nose up."""
    if picture is None:
        return text(x, y + 4, "no peak", "refused", "middle")
    radius = CELL / 2 - 13
    scaled = (picture - limits[0]) / (limits[1] - limits[0])
    dots = "".join(f"M{number(x + a * radius, 1)} {number(y - b * radius, 1)}h0" for a, b in points.tolist())
    return join(
        tag(
            "image", href=ramp_png(scaled), x=x - radius, y=y - radius, width=2 * radius, height=2 * radius,
            clip_path="url(#disc)",
        ),
        tag("path", d=dots, class_="sensors"),
        tag("path", d=_outline(x, y, radius), class_="skull"),
    )  # fmt: skip


def _outline(x: float, y: float, r: float) -> str:
    """Head, nose and ears."""
    n = number
    circle = f"M{n(x - r)} {n(y)}a{n(r)} {n(r)} 0 1 1 {n(2 * r)} 0a{n(r)} {n(r)} 0 1 1 {n(-2 * r)} 0"
    nose = f"M{n(x - 0.14 * r)} {n(y - 0.99 * r)}L{n(x)} {n(y - 1.14 * r)}L{n(x + 0.14 * r)} {n(y - 0.99 * r)}"
    ears = "".join(
        f"M{n(x + s * 0.98 * r)} {n(y - 0.17 * r)}q{n(s * 0.11 * r)} {n(-0.04 * r)} {n(s * 0.11 * r)} {n(0.17 * r)}"
        f"t{n(-s * 0.11 * r)} {n(0.17 * r)}"
        for s in (-1, 1)
    )
    return circle + nose + ears


def _bar(x: float, y: float, height: float, limits: tuple[float, float], unit: str) -> Markup:
    frame = Frame(x, y, 10, height, (0, 1), limits)
    ramp = tag(
        "image", href=ramp_png(np.linspace(1, 0, 128)[:, None]), x=x, y=y, width=10.0, height=height,
        preserveAspectRatio="none",
    )  # fmt: skip
    marks = [text(x + 16, frame.py(v) + 4, label(round(v, 6)), "tick") for v in ticks(limits, 5)]
    return join(ramp, marks, text(x - 2, y - 10, unit, "axis"))
