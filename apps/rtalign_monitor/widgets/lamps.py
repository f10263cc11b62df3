"""Lamps: every state of a stream as a colour, a shape and a word."""

from __future__ import annotations

from PyQt6.QtCore import QPointF, QRectF
from PyQt6.QtGui import QPainter, QPen, QPolygonF

from rtalign_monitor.widgets.theme import Theme

ROLE = {
    "flowing": "live", "ended": "muted", "paused": "accent", "found": "stale", "stale": "stale", "searching": "stale",
    "lost": "lost", "unknown": "stale",
}  # fmt: skip
SHAPE = {"flowing": "circle", "ended": "ring", "paused": "bars", "found": "triangle", "stale": "triangle",
         "searching": "ring", "lost": "square", "unknown": "triangle"}  # fmt: skip


def lamp(painter: QPainter, theme: Theme, state: str, box: QRectF) -> None:
    """Fills the box's largest square."""
    colour, side = theme.colour(ROLE.get(state, "stale")), min(box.width(), box.height())
    place = QRectF(box.center().x() - side / 2, box.center().y() - side / 2, side, side)
    shape = SHAPE.get(state, "ring")
    painter.setPen(QPen(colour, side / 6) if shape == "ring" else theme.colour("panel", 0))
    painter.setBrush(theme.colour("panel", 0) if shape == "ring" else colour)
    if shape == "circle":
        painter.drawEllipse(place)
    elif shape == "ring":
        painter.drawEllipse(place.adjusted(side / 10, side / 10, -side / 10, -side / 10))
    elif shape == "square":
        painter.drawRect(place)
    elif shape == "bars":
        painter.drawRect(QRectF(place.left(), place.top(), side * 0.36, side))
        painter.drawRect(QRectF(place.right() - side * 0.36, place.top(), side * 0.36, side))
    else:
        corners = (place.bottomLeft(), place.bottomRight(), QPointF(place.center().x(), place.top()))
        painter.drawPolygon(QPolygonF(corners))
