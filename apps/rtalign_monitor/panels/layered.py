"""Layered: a panel whose rows are layers, in line with every other such panel of the same height."""

from __future__ import annotations

from collections.abc import Hashable

from PyQt6.QtCore import QEvent, QRectF, Qt, pyqtSignal
from PyQt6.QtGui import QMouseEvent, QPainter, QPen
from PyQt6.QtWidgets import QWidget

from rtalign_monitor.panels.axes import Axis, Rows, ms
from rtalign_monitor.panels.panel import FOOT, HEAD, Panel


class Layered(Panel):
    """Rows, their labels, an axis of lags below, and what the pointer is on."""

    lag_pointed = pyqtSignal(object)
    gutter = 62.0
    margin = 18.0

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.layers: tuple[int, ...] = ()
        self.lag: float | None = None

    def field(self) -> QRectF:
        """Where rows and lags meet."""
        left, right = self.px(self.gutter), self.px(self.margin)
        top, bottom = self.px(HEAD), self.px(FOOT)
        return QRectF(left, top, max(self.width() - left - right, 10), max(self.height() - top - bottom, 10))

    def rows(self) -> Rows:
        field = self.field()
        return Rows(self.layers, field.top(), field.bottom())

    def axis(self) -> Axis:
        raise NotImplementedError

    def grounds(self) -> Hashable:
        axis = self.axis()
        return self.layers, axis.lo, axis.hi

    def point_lag(self, lag_s: float | None) -> None:
        if lag_s != self.lag:
            self.lag = lag_s
            self.update()

    def write_rows(self, painter: QPainter, word: str = "layer") -> None:
        rows, field = self.rows(), self.field()
        for row in rows.labelled(1.25 * self.type_px(11)):
            box = QRectF(0, rows.middle(row) - self.px(10), field.left() - self.px(10), self.px(20))
            self.write(painter, box, str(rows.layers[row]), "muted", 11, align="right")
        painter.save()
        painter.translate(self.px(15), field.center().y())
        painter.rotate(-90)
        box = QRectF(-self.px(80), -self.px(9), self.px(160), self.px(18))
        self.write(painter, box, f"{word}  →  deeper", "muted", 11, align="centre")
        painter.restore()

    def write_lags(self, painter: QPainter, word: str, grid: bool) -> None:
        axis, field = self.axis(), self.field()
        colour = self.theme.colour("edge" if grid else "faint")
        for tick in axis.ticks(self.px(54)):
            x = axis.at(tick)
            self.upright(painter, x, field.top() if grid else field.bottom(), field.bottom() + self.px(4), colour)
            box = QRectF(x - self.px(30), field.bottom() + self.px(4), self.px(60), self.px(16))
            self.write(painter, box, ms(tick), "muted", 11, align="centre")
        below = QRectF(field.left(), field.bottom() + self.px(20), field.width(), self.px(17))
        self.write(painter, below, word, "muted", 11, align="centre")

    def shade_row(self, painter: QPainter, filled: bool = True) -> None:
        """The layer that is lit up."""
        if self.layer not in self.layers:
            return
        rows, field = self.rows(), self.field()
        height = max(rows.height, self.px(3))
        y = rows.middle(self.layers.index(self.layer)) - height / 2
        strip = QRectF(field.left() - self.px(8), y, field.width() + self.px(14), height)
        if filled:
            painter.fillRect(strip, self.theme.colour("accent", 0.16))
        else:
            painter.setPen(QPen(self.theme.colour("accent"), self.px(1.5)))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(strip)
        right, width = field.left() - self.px(8), self.px(26)
        label = QRectF(right - width, y + height / 2 - self.px(9), width, self.px(18))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self.theme.colour("accent"))
        painter.drawRoundedRect(label, self.px(4), self.px(4))
        self.write(painter, label, str(self.layer), "on_accent", 11, True, "centre")

    def mouseMoveEvent(self, event: QMouseEvent | None) -> None:
        if event is None:
            return
        place, field = event.position(), self.field()
        layer = self.rows().layer_at(place.y()) if field.top() <= place.y() <= field.bottom() else None
        inside = field.left() <= place.x() <= field.right() and layer is not None
        self.point_lag(self.axis().back(place.x()) if inside else None)
        self.point(layer)
        self.pointed.emit(layer)
        self.lag_pointed.emit(self.lag)

    def leaveEvent(self, event: QEvent | None) -> None:  # noqa: ARG002
        self.point(None)
        self.point_lag(None)
        self.pointed.emit(None)
        self.lag_pointed.emit(None)
