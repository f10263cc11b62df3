"""Panel: one card of the window's grid, which states what the window must know of it."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
from PyQt6.QtCore import QEvent, QRectF, Qt, pyqtSignal
from PyQt6.QtGui import QEnterEvent, QMouseEvent, QPainter, QPen
from PyQt6.QtWidgets import QWidget

from rtalign.core.time_format import signed_ms
from rtalign.engine.snapshot import Snapshot
from rtalign_monitor.engines.two_banks import SecondBank
from rtalign_monitor.panels.axes import Axis, Rows
from rtalign_monitor.widgets.painted import PaintedWidget

HEADER_PX, AXIS_PX = 76.0, 40.0
"""Heights above the rows and of the axis below them; all panels with rows share them, so that the rows are in line."""

Place = Literal["upper", "lower", "bottom", "side"]


@dataclass(frozen=True, slots=True)
class PanelSpec:
    """What the window must know of a panel.  Nothing has a default, so that nothing is forgotten.

    Attributes
    ----------
    name : str
        Key of the panel in settings and actions; "map" is shown and hidden by the action "show-map".
    menu_text : str
        Its entry in the View menu.
    shortcut : str or None
        The key that shows and hides it; None for a panel without a menu entry, which is shown while a word is picked.
    place : {"upper", "lower", "bottom", "side"}
        Row of the grid, in the order of the panels; "side" is the column at the right.
    columns : int
        Width in its row, of the twelve columns of the grid.
    in_turns : bool
        Whether only one such panel is drawn at a time, as new scores change all of them at once.
    in_demo : bool
        Whether the demo view shows it.
    """

    name: str
    menu_text: str
    shortcut: str | None
    place: Place
    columns: int
    in_turns: bool
    in_demo: bool


class Panel(PaintedWidget):
    """A panel of the grid: a class with a `spec`, listed in `grid.PANELS`.

    Attributes
    ----------
    spec : PanelSpec
        What the window must know of it; a panel class without one is refused when it is defined.
    snapshot : Snapshot or None
        The newest that was drawn.
    layer : int or None
        The layer that is pointed at, in whatever panel.
    lag : float or None
        The lag that is pointed at, in seconds.
    """

    spec: ClassVar[PanelSpec]
    layer_pointed = pyqtSignal(object)
    lag_pointed = pyqtSignal(object)
    entered = pyqtSignal()

    def __init_subclass__(cls, abstract: bool = False, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if not abstract and "spec" not in vars(cls):
            raise TypeError(f"{cls.__name__} has no spec: state a PanelSpec, as the other panels do")

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.snapshot: Snapshot | None = None
        self.layer: int | None = None
        self.lag: float | None = None

    def draw(self, snapshot: Snapshot) -> None:
        """Show a snapshot."""
        raise NotImplementedError

    def point_layer(self, layer: int | None) -> None:
        """Highlight a layer."""
        if layer != self.layer:
            self.layer = layer
            self.update()

    def point_lag(self, lag_s: float | None) -> None:
        """Mark a lag, in seconds."""
        if lag_s != self.lag:
            self.lag = lag_s
            self.update()

    def freeze(self, on: bool) -> None:
        """Hold what follows the data slowly, such as colour limits, while the picture is frozen."""

    def set_second_bank(self, second: SecondBank | None) -> None:
        """Show a second bank beside the first, or none."""

    def enterEvent(self, event: QEnterEvent | None) -> None:  # noqa: ARG002
        self.entered.emit()


class LayeredPanel(Panel, abstract=True):
    """A panel with a row for each layer over an axis of lags.  All of one height have their rows in line.

    Attributes
    ----------
    layers : tuple of int
        The layer of each row, the first at the bottom.
    left_margin, right_margin : float
        Beside the rows, in pixels at scale 1.
    """

    left_margin = 62.0
    right_margin = 18.0

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.layers: tuple[int, ...] = ()

    def field(self) -> QRectF:
        """The box of rows by lags."""
        left, right = self.px(self.left_margin), self.px(self.right_margin)
        top, bottom = self.px(HEADER_PX), self.px(AXIS_PX)
        return QRectF(left, top, max(self.width() - left - right, 10), max(self.height() - top - bottom, 10))

    def rows(self) -> Rows:
        field = self.field()
        return Rows(self.layers, field.top(), field.bottom())

    def axis(self) -> Axis:
        """The axis of lags, in seconds."""
        raise NotImplementedError

    def background_key(self) -> Hashable:
        axis = self.axis()
        return self.layers, axis.low, axis.high, self.right_margin

    def write_row_labels(self, painter: QPainter) -> None:
        rows, field = self.rows(), self.field()
        for row in rows.labelled(1.25 * self.font_px(11)):
            box = QRectF(0, rows.centre(row) - self.px(10), field.left() - self.px(10), self.px(20))
            self.write(painter, box, str(rows.layers[row]), "muted", 11, align="right")
        painter.save()
        painter.translate(self.px(15), field.center().y())
        painter.rotate(-90)
        box = QRectF(-self.px(80), -self.px(9), self.px(160), self.px(18))
        self.write(painter, box, "layer  →  deeper", "muted", 11, align="centre")
        painter.restore()

    def write_lag_axis(self, painter: QPainter, label: str, grid: bool) -> None:
        axis, field = self.axis(), self.field()
        colour = self.theme.colour("edge" if grid else "faint")
        for tick in axis.ticks(self.px(54)):
            x = axis.to_pixel(tick)
            self.vertical_line(painter, x, field.top() if grid else field.bottom(), field.bottom() + self.px(4), colour)
            box = QRectF(x - self.px(30), field.bottom() + self.px(4), self.px(60), self.px(16))
            self.write(painter, box, signed_ms(tick), "muted", 11, align="centre")
        below = QRectF(field.left(), field.bottom() + self.px(20), field.width(), self.px(17))
        self.write(painter, below, label, "muted", 11, align="centre")

    def highlight_row(self, painter: QPainter, filled: bool = True) -> None:
        """Highlight the row of the layer that is pointed at, with a tint or with an outline."""
        if self.layer not in self.layers:
            return
        rows, field = self.rows(), self.field()
        height = max(rows.height, self.px(3))
        y = rows.centre(self.layers.index(self.layer)) - height / 2
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
        position, field = event.position(), self.field()
        layer = self.rows().layer_at(position.y()) if field.top() <= position.y() <= field.bottom() else None
        inside = field.left() <= position.x() <= field.right() and layer is not None
        self.point_lag(self.axis().to_value(position.x()) if inside else None)
        self.point_layer(layer)
        self.layer_pointed.emit(layer)
        self.lag_pointed.emit(self.lag)

    def leaveEvent(self, event: QEvent | None) -> None:  # noqa: ARG002
        self.point_layer(None)
        self.point_lag(None)
        self.layer_pointed.emit(None)
        self.lag_pointed.emit(None)


def same_values(a: np.ndarray | None, b: np.ndarray | None) -> bool:
    """Whether two arrays hold the same numbers; each snapshot arrives with new arrays."""
    if a is None or b is None:
        return a is b
    return a is b or np.array_equal(a, b, equal_nan=True)
