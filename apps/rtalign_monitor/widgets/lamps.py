"""Lamps: every state of a stream as a colour, a shape and a word."""

from __future__ import annotations

from qtpy.QtCore import QPointF, QRectF
from qtpy.QtGui import QPainter, QPaintEvent, QPen, QPolygonF
from qtpy.QtWidgets import QWidget

from rtalign_monitor.widgets.theme import Theme

ROLE = {
    "flowing": "live", "ended": "muted", "paused": "accent", "found": "stale", "stale": "stale", "searching": "stale",
    "lost": "lost", "unknown": "stale",
}  # fmt: skip
"""Colour of each state, by its role in the theme."""
SHAPE = {"flowing": "circle", "ended": "ring", "paused": "bars", "found": "triangle", "stale": "triangle",
         "searching": "ring", "lost": "square", "unknown": "triangle"}  # fmt: skip
"""Shape of each state, so that it is not left to colour alone."""


def paint_lamp(painter: QPainter, theme: Theme, state: str, box: QRectF) -> None:
    """Paint the lamp of a state, as large as the box allows."""
    colour, side = theme.colour(ROLE.get(state, "stale")), min(box.width(), box.height())
    square = QRectF(box.center().x() - side / 2, box.center().y() - side / 2, side, side)
    shape = SHAPE.get(state, "ring")
    painter.setPen(QPen(colour, side / 6) if shape == "ring" else theme.colour("panel", 0))
    painter.setBrush(theme.colour("panel", 0) if shape == "ring" else colour)
    if shape == "circle":
        painter.drawEllipse(square)
    elif shape == "ring":
        painter.drawEllipse(square.adjusted(side / 10, side / 10, -side / 10, -side / 10))
    elif shape == "square":
        painter.drawRect(square)
    elif shape == "bars":
        painter.drawRect(QRectF(square.left(), square.top(), side * 0.36, side))
        painter.drawRect(QRectF(square.right() - side * 0.36, square.top(), side * 0.36, side))
    else:
        corners = (square.bottomLeft(), square.bottomRight(), QPointF(square.center().x(), square.top()))
        painter.drawPolygon(QPolygonF(corners))


class LampWidget(QWidget):
    """One lamp.

    Attributes
    ----------
    state : str
        What it shows.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.theme, self.state = Theme.of("dark"), "searching"
        self.setFixedSize(14, 14)

    def set_theme(self, theme: Theme) -> None:
        self.theme = theme
        self.update()

    def set_state(self, state: str) -> None:
        if state != self.state:
            self.state = state
            self.update()

    def paintEvent(self, event: QPaintEvent | None) -> None:  # noqa: ARG002
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        paint_lamp(painter, self.theme, self.state, QRectF(self.rect()).adjusted(1, 1, -1, -1))
        painter.end()
