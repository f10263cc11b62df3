"""The second bank on the ladder: hollow rungs, a thin line through them, and by how much the first comes later."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PyQt6.QtCore import QLineF, QPointF, QRectF, Qt
from PyQt6.QtGui import QPainter, QPen

from rtalign.engine.snapshot import Snapshot
from rtalign.scoring.peaks import Peak
from rtalign_monitor.engines.two_banks import SecondBank, later_ms
from rtalign_monitor.panels.axes import counted, ms
from rtalign_monitor.widgets import theme as themes

if TYPE_CHECKING:
    from rtalign_monitor.panels.ladder import LadderView

COLUMN = 64.0
"""Width of the column of differences."""


def headline(view: LadderView, painter: QPainter, beside: SecondBank) -> None:
    """Both scores, and below them which bank is which."""
    box = view.inner()
    top = box.top() + view.px(22)
    x, half = box.left(), box.width() / 2
    for name, seen, bank, filled in zip("AB", (view.seen, beside.snapshot), beside.names, (True, False), strict=True):
        upper = QRectF(x + view.px(18), top, half - view.px(22), view.px(21))
        _mark(view, painter, QPointF(x + view.px(6), upper.center().y()), filled)
        trend = seen.temporal if seen else None
        said = f"{name} r = {trend.r:.2f}".replace("-", "−") if trend else f"{name} r = –"
        view.write(painter, upper, said, "text" if trend else "muted", 19, filled)
        lower = QRectF(upper.left(), top + view.px(21), upper.width(), view.px(15))
        short = themes.shortened(bank, view.type_px(12), False, int(lower.width()))
        view.write_parts(painter, lower, [short, counted(seen.n_assessed if seen else 0)], "muted")
        x += half


def draw(view: LadderView, painter: QPainter, beside: SecondBank) -> None:
    """On the plate, under the first bank's dots."""
    there = [rung for rung in beside.snapshot.peaks if rung.peak_s is not None and rung.layer in view.layers]
    _fit_line(view, painter, beside.snapshot, there)
    rows, axis = view.rows(), view.axis()
    own = {rung.layer: rung.peak_s for rung in (view.seen.peaks if view.seen else ()) if rung.peak_s is not None}
    for rung in there:
        assert rung.peak_s is not None
        y = rows.middle(rows.layers.index(rung.layer))
        if rung.layer in own:
            painter.setPen(QPen(view.theme.colour("muted", 0.5), view.px(1)))
            painter.drawLine(QLineF(axis.at(own[rung.layer]), y, axis.at(rung.peak_s), y))
        painter.setPen(QPen(view.theme.depth(rung.depth), view.px(1.6)))
        painter.setBrush(view.theme.colour("panel"))
        painter.drawEllipse(QPointF(axis.at(rung.peak_s), y), view.dot(), view.dot())
    _differences(view, painter, beside)


def told(view: LadderView, beside: SecondBank, layer: int) -> str:
    """The second bank's part of a rung's tooltip."""
    rung = next((rung for rung in beside.snapshot.peaks if rung.layer == layer), None)
    if rung is None or rung.peak_s is None:
        return f"\nB: {'no peak' if rung else 'not in this bank'}"
    by = later_ms(view.seen.peaks if view.seen else (), beside.snapshot.peaks).get(layer)
    return f"\nB: peak at {ms(rung.peak_s)} ms" + ("" if by is None else f"   A − B {ms(by / 1000)} ms")


def _fit_line(view: LadderView, painter: QPainter, seen: Snapshot, there: list[Peak]) -> None:
    """Through the rungs' middle with the slope that the second engine found."""
    if seen.temporal is None or len(there) < 3:
        return
    depth, peak = np.array([r.depth for r in there]), np.array([r.peak_s for r in there], float)
    slope = seen.temporal.slope_ms / 1000 / (np.ptp(depth) or 1.0)
    rows, axis = view.rows(), view.axis()
    ends = [
        QPointF(axis.at(float(peak.mean() + slope * (r.depth - depth.mean()))), rows.middle(rows.layers.index(r.layer)))
        for r in (there[0], there[-1])
    ]
    painter.setPen(QPen(view.theme.colour("text", 0.55), view.px(1.4), Qt.PenStyle.DashLine))
    painter.drawLine(ends[0], ends[1])


def _differences(view: LadderView, painter: QPainter, beside: SecondBank) -> None:
    """A column at the right, as many rows as bear a label."""
    by = later_ms(view.seen.peaks if view.seen else (), beside.snapshot.peaks)
    rows, field = view.rows(), view.field()
    left, width = field.right() + view.px(4), view.px(COLUMN - 10)
    for row in rows.labelled(view.px(11) * 1.25):
        if (value := by.get(rows.layers[row])) is not None:
            box = QRectF(left, rows.middle(row) - view.px(10), width, view.px(20))
            view.write(painter, box, ms(value / 1000), "muted", 11, align="right")
    head = QRectF(left - view.px(20), field.bottom() + view.px(19), width + view.px(20), view.px(17))
    view.write(painter, head, "A − B, ms", "muted", 11, align="right")


def _mark(view: LadderView, painter: QPainter, place: QPointF, filled: bool) -> None:
    painter.setPen(QPen(view.theme.colour("text"), view.px(1.6)))
    painter.setBrush(view.theme.colour("text" if filled else "panel"))
    painter.drawEllipse(place, view.px(4.5), view.px(4.5))
