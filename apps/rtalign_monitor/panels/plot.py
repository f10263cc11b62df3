"""PlotPanel: a card with a pyqtgraph plot in it, whose axes, zoom, pan and links are pyqtgraph's.

What is plotted are graphics items in the coordinates of the panel: they use `axis()` and `rows()`, which follow the
range of the plot's ViewBox, and keep what they painted until it changes.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any

import numpy as np
import pyqtgraph as pg  # type: ignore[import-untyped]
from qtpy.QtCore import QEvent, QPoint, QPointF, QRect, QRectF, Qt
from qtpy.QtGui import QKeyEvent, QMouseEvent, QPainter, QPen, QPixmap, QRegion, QResizeEvent
from qtpy.QtWidgets import QFrame, QWidget

from rtalign.core.text.time_format import signed_ms
from rtalign.core.text.translation import tr
from rtalign.scoring.findings import TWIN, UNIQUE
from rtalign_monitor.panels.axes import Axis, Rows, ticks
from rtalign_monitor.panels.panel import Panel
from rtalign_monitor.widgets import theme as themes
from rtalign_monitor.widgets.painted import SEPARATOR, is_vector
from rtalign_monitor.widgets.theme import Theme

Range = tuple[float, float]
CONTROLS = {
    "": "",
    UNIQUE: SEPARATOR.join((tr("unique R"), tr("timing and word form taken out"))),
    TWIN: SEPARATOR.join((tr("static twin"), tr("timing and word form alone"))),
}
"""Whose scores are shown, in the words of the header, which says nothing where they are those of all."""
LAST_TICK_PX, TOP_TICK_PX = 20.0, 5.0
"""Room for half of a tick's text, right of the field and above it."""
LABEL_MARGIN_PX = 3
"""Around the text of an axis' label."""
PAN, ZOOM = 0.1, 0.8
"""What one key press pans and zooms by, as a share of what is seen."""
PAN_BY_ARROW: dict[int, tuple[float, float]] = {
    Qt.Key.Key_Left: (-PAN, 0.0), Qt.Key.Key_Right: (PAN, 0.0), Qt.Key.Key_Down: (0.0, -PAN), Qt.Key.Key_Up: (0.0, PAN),
}  # fmt: skip
ZOOM_BY_KEY: dict[int, float] = {Qt.Key.Key_Plus: ZOOM, Qt.Key.Key_Equal: ZOOM, Qt.Key.Key_Minus: 1 / ZOOM}
SPARE = 0.5
"""How far beyond the whole range of values one may pan and zoom out, as a share of it."""


class PlotAxis(pg.AxisItem):
    """An axis with the panel's ticks.

    Parameters
    ----------
    side : {"left", "bottom"}
    panel : PlotPanel
    """

    def __init__(self, side: str, panel: PlotPanel) -> None:
        super().__init__(side)
        self._panel = panel
        self.enableAutoSIPrefix(False)
        self.setStyle(
            tickLength=4 if side == "bottom" else 0, autoExpandTextSpace=False, autoReduceTextSpace=False,
            maxTickLevel=0,
        )  # fmt: skip

    def tickValues(self, minVal: float, maxVal: float, size: float) -> list[tuple[float, list[float]]]:
        values = self._panel.tick_values(self.orientation, minVal, maxVal, size)
        near = 1e-6 * (maxVal - minVal)
        return [(1.0, [min(max(v, minVal), maxVal) for v in values if minVal - near <= v <= maxVal + near])]

    def tickStrings(self, values: list[float], scale: float, spacing: float) -> list[str]:  # noqa: ARG002
        return [self._panel.tick_text(self.orientation, value) for value in values]

    def resizeEvent(self, ev: Any = None) -> None:
        """Put the label below the ticks inside of the axis, where pyqtgraph lets it reach over the edge."""
        super().resizeEvent(ev)
        if self.orientation == "bottom" and self.label is not None:
            self.label.setY(self.size().height() - self.label.boundingRect().height() + LABEL_MARGIN_PX)

    def set_look(self, theme: Theme, font_px: int, label: str, over: int) -> None:
        """Colours, font and label; over : pixels that the first and the last text may reach over the ends."""
        self.setStyle(tickFont=themes.font(font_px), tickTextOffset=round(0.3 * font_px), hideOverlappingLabels=over)
        self.setPen(theme.colour("faint"))
        self.setTextPen(theme.colour("muted"))
        self.showLabel(bool(label))
        if label:
            self.setLabel(label, color=theme.muted, **{"font-size": f"{font_px}px", "font-family": themes.family()})


class PlotBox(pg.ViewBox):
    """A ViewBox of which the panel has the menu, and which shows everything again after a double click."""

    def __init__(self, panel: PlotPanel) -> None:
        super().__init__(enableMenu=False)
        self._panel = panel
        self.disableAutoRange()

    def mouseClickEvent(self, ev: Any) -> None:
        if ev.button() == Qt.MouseButton.RightButton:
            ev.accept()
            self._panel.show_menu(ev.screenPos().toPoint())
        elif ev.button() == Qt.MouseButton.LeftButton and ev.double():
            ev.accept()
            self._panel.view_all()


class PlotLayer(pg.GraphicsObject):
    """Something painted over the whole plot, in the coordinates of the panel.

    Parameters
    ----------
    panel : PlotPanel
    paint : callable
        Paints it.
    kept : bool
        Whether it fills the field and stays until `invalidate`; else it is painted with every paint, and may reach over
        the axis at the left.
    """

    def __init__(self, panel: PlotPanel, paint: Callable[[QPainter], None], kept: bool) -> None:
        super().__init__(panel.plot)
        self._panel, self._paint, self._is_kept = panel, paint, kept
        self._pixmap: QPixmap | None = None
        self.setZValue(1 if kept else 2)
        self.setAcceptedMouseButtons(Qt.MouseButton.NoButton)

    def boundingRect(self) -> QRectF:
        field = self._panel.field().translated(-QPointF(self._panel.view.pos()))
        return field if self._is_kept else field.adjusted(-field.left(), -field.top(), 0, 0)

    def invalidate(self) -> None:
        """Have it painted again."""
        self._pixmap = None
        self.update()

    def replace_box(self) -> None:
        """Follow the field to another place."""
        self.prepareGeometryChange()
        self.invalidate()

    def paint(self, painter: QPainter, *_: Any) -> None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        ratio, box = painter.deviceTransform().m11(), self.boundingRect()
        if not self._is_kept or is_vector(painter):
            self._paint_in_panel(painter, ratio)
            return
        if self._pixmap is None or self._pixmap.devicePixelRatioF() != ratio:
            self._pixmap = QPixmap((box.size() * ratio).toSize())
            self._pixmap.setDevicePixelRatio(ratio)
            self._pixmap.fill(self._panel.theme.colour("panel"))
            own = QPainter(self._pixmap)
            own.setRenderHint(QPainter.RenderHint.Antialiasing)
            own.translate(-box.topLeft())
            self._paint_in_panel(own, ratio)
            own.end()
        painter.drawPixmap(box.topLeft(), self._pixmap)

    def _paint_in_panel(self, painter: QPainter, ratio: float) -> None:
        self._panel.set_pixel_ratio(ratio)
        painter.translate(-QPointF(self._panel.view.pos()))
        if self._is_kept:
            painter.setClipRect(self._panel.field(), Qt.ClipOperation.IntersectClip)
        self._paint(painter)


class PlotPanel(Panel):
    """A panel with a plot.  A subclass paints the header as any panel, and the plot in `paint_plot`, `paint_marks`.

    The plot follows `home` until the user zooms or pans, and again after `view_all`.

    Attributes
    ----------
    box : PlotBox
        The plot's ViewBox: seconds across; what a row or a value is, up.
    plot : PlotItem
        The plot.
    follows : bool
        Whether the plot shows all there is, rather than what the user has chosen.
    right_spare_px : float
        Room right of the field for half of the last tick's text, in pixels at scale 1.
    """

    abstract = True
    left_label = bottom_label = ""
    left_axis_px, bottom_axis_px = 50.0, 38.0
    names_layers = False
    """Whether the pointer over it means a layer and a lag."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.follows = True
        self.right_spare_px = LAST_TICK_PX
        self._home: tuple[Range, Range] | None = None
        self._looks: Hashable = None
        self._layers: list[PlotLayer] = []
        self.view = pg.GraphicsView(self, background=None)
        self.view.setFrameShape(QFrame.Shape.NoFrame)
        self.view.setCacheMode(self.view.CacheModeFlag.CacheNone)  # a drawing in SVG would hold the kept background
        self.view.viewport().setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.view.viewport().setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.view.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.view.setAccessibleName("")
        self.box = PlotBox(self)
        self.axes = {side: PlotAxis(side, self) for side in ("left", "bottom")}
        self.plot = pg.PlotItem(viewBox=self.box, axisItems=self.axes, enableMenu=False)
        self.plot.hideButtons()
        self.plot.layout.setContentsMargins(0, 0, 0, 0)
        self.view.setCentralItem(self.plot)
        self._layers = [PlotLayer(self, self.paint_plot, True), PlotLayer(self, self.paint_marks, False)]
        self.box.sigRangeChanged.connect(lambda *_: self._range_changed())
        self.box.sigRangeChangedManually.connect(lambda *_: self._zoomed_by_user())
        self.view.scene().sigMouseMoved.connect(lambda at: self.point_at(at + QPointF(self.view.pos())))
        self.partners: list[tuple[PlotPanel, str]] = []

    def home(self) -> tuple[Range, Range]:
        """The ranges across and up that show everything."""
        raise NotImplementedError

    def field(self) -> QRectF:
        """The box of the plot without its axes, in pixels of the panel."""
        raise NotImplementedError

    def paint_plot(self, painter: QPainter) -> None:
        """Paint what stays until `invalidate`."""

    def paint_marks(self, painter: QPainter) -> None:
        """Paint what moves."""

    def point_at(self, position: QPointF) -> None:
        """Follow the pointer, in pixels of the panel."""

    def has_plot(self) -> bool:
        """Whether there is anything on axes; else the axes are hidden."""
        return True

    def tick_values(self, side: str, low: float, high: float, size: float) -> list[float]:  # noqa: ARG002
        """Values of the ticks of one axis; seconds by default."""
        return ticks(low, high, max(int(size / self.px(54)), 1))

    def tick_text(self, side: str, value: float) -> str:  # noqa: ARG002
        """Text of a tick: milliseconds by default."""
        return signed_ms(value)

    # Ranges

    def axis(self) -> Axis:
        """The axis across, in seconds, as it is zoomed."""
        (low, high), field = self.box.viewRange()[0], self.field()
        return Axis(low, high, field.left(), field.right())

    def up(self) -> Axis:
        """The axis upwards, as it is zoomed."""
        (low, high), field = self.box.viewRange()[1], self.field()
        return Axis(low, high, field.bottom(), field.top())

    def go_home(self) -> None:
        """Show everything, unless the user has chosen what to see."""
        home = self.home()
        if home != self._home:
            self._home = home
            (left, right), (low, high) = home
            across, height = SPARE * (right - left), SPARE * (high - low)
            self.box.setLimits(xMin=left - across, xMax=right + across, yMin=low - height, yMax=high + height)
        if self.follows and [list(r) for r in home] != self.box.viewRange():
            self.box.setRange(xRange=home[0], yRange=home[1], padding=0, disableAutoRange=False)

    def view_all(self) -> None:
        """Show everything again, here and where axes are linked."""
        for panel in (self, *(partner for partner, _ in self.partners)):
            panel.follows = True
            panel.go_home()
            panel.invalidate()

    def link(self, other: PlotPanel, axis: str) -> None:
        """Zoom and pan two panels together along "x" or "y"."""
        self.partners.append((other, axis))
        other.partners.append((self, axis))

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """+ and - zoom about the middle, Alt with an arrow pans: what wheel and drag do."""
        if event is None:
            return
        across, up = (high - low for low, high in self.box.viewRange())
        step = PAN_BY_ARROW.get(event.key()) if event.modifiers() & Qt.KeyboardModifier.AltModifier else None
        if step is not None:
            self.box.translateBy(x=step[0] * across, y=step[1] * up)
        elif event.key() in ZOOM_BY_KEY:
            self.box.scaleBy([ZOOM_BY_KEY[event.key()]] * 2)
        else:
            super().keyPressEvent(event)
            return
        self._zoomed_by_user()

    def _zoomed_by_user(self) -> None:
        self.follows = False
        for partner, axis in self.partners:
            partner.follows = False
            shown = self.box.viewRange()["xy".index(axis)]
            partner.box.setRange(**{f"{axis}Range": shown}, padding=0, disableAutoRange=False)
            partner.invalidate()
        self.invalidate()

    def _range_changed(self) -> None:
        for layer in self._layers:
            layer.invalidate()

    # Painting

    def invalidate(self) -> None:
        """Have header and plot painted again, not the axes; of the panel only what the plot does not cover."""
        self._content = None
        self.update(QRegion(self.rect()) - QRegion(self.view.geometry() if self.view.isVisible() else QRect()))
        self.place()
        self._layers[0].invalidate()
        if self.layer is not None:
            self.update_marks()

    def update_marks(self) -> None:
        """Paint what moves again, and nothing else."""
        self._layers[1].update()

    def set_pixel_ratio(self, ratio: float) -> None:
        self._pixel_ratio = ratio

    def point_layer(self, layer: int | None) -> None:
        before = self.layer
        super().point_layer(layer)
        if layer != before:
            self.update_marks()

    def point_lag(self, lag_s: float | None) -> None:
        before = self.lag
        super().point_lag(lag_s)
        if lag_s != before:
            self.update_marks()

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        super().resizeEvent(event)
        self.place()

    def place(self) -> None:
        """Put the plot where the field is, with its axes beside it, in the present colours and sizes."""
        field, shown = self.field(), self.has_plot()
        left, bottom = round(self.px(self.left_axis_px)), round(self.px(self.bottom_axis_px))
        right, top = round(self.px(self.right_spare_px)), round(self.px(TOP_TICK_PX))
        over = round(self.px(LAST_TICK_PX))
        looks = self.theme.name, self.scale, shown, right
        if looks != self._looks:
            self._looks = looks
            self.view.setBackground(self.theme.colour("panel"))
            for side, label in (("left", self.left_label), ("bottom", self.bottom_label)):
                self.axes[side].set_look(self.theme, self.font_px(11), label, over)
            self.axes["left"].setWidth(left)
            self.axes["bottom"].setHeight(bottom)
            self.plot.layout.setContentsMargins(0, top, right, 0)
            self.view.setVisible(shown)
        box = QRect(
            round(field.left()) - left, round(field.top()) - top, round(field.width()) + left + right,
            round(field.height()) + top + bottom,
        )  # fmt: skip
        if box != self.view.geometry():
            self.view.setGeometry(box)
            for layer in self._layers:
                layer.replace_box()
        self.go_home()

    # Pointer

    def mouseMoveEvent(self, event: QMouseEvent | None) -> None:
        if event is not None:
            self.point_at(event.position())

    def leaveEvent(self, event: QEvent | None) -> None:  # noqa: ARG002
        if self.names_layers:
            self.point_layer(None)
            self.point_lag(None)
            self.layer_pointed.emit(None)
            self.lag_pointed.emit(None)

    def menu_entries(self) -> dict[str, Callable[[], object]]:
        return {tr("View all"): self.view_all, **super().menu_entries()}

    def zoom_note(self) -> str:
        """For the header: that not all is shown, and what shows it."""
        return "" if self.follows else tr("zoomed: double click shows all")

    def control_note(self) -> str:
        """For the header: whose scores are shown, where these are not those of all."""
        return CONTROLS.get(self.snapshot.control, "") if self.snapshot else ""

    def show_menu(self, at: QPoint) -> None:
        """Show the panel's menu."""
        self.make_menu().popup(at)


HEADER_PX, AXIS_PX = 80.0, 40.0
"""Heights above the rows and of the axis below them; all panels with rows share them, so that the rows are in line."""


class LayeredPanel(PlotPanel):
    """A panel with a row for each layer over an axis of lags.  All of one height have their rows in line.

    Attributes
    ----------
    layers : tuple of int
        The layer of each row, the first at the bottom.
    left_margin, right_margin : float
        Beside the rows, in pixels at scale 1.
    """

    abstract = True
    left_margin = 62.0
    right_margin = 22.0
    left_label = tr("layer  →  deeper")
    left_axis_px, bottom_axis_px = 56.0, AXIS_PX - 2
    names_layers = True

    def __init__(self, parent: QWidget | None = None) -> None:
        self.layers: tuple[int, ...] = ()
        super().__init__(parent)

    def field(self) -> QRectF:
        """The box of rows by lags."""
        left, right = self.px(self.left_margin), self.px(self.right_margin)
        top, bottom = self.px(HEADER_PX), self.px(AXIS_PX)
        return rounded(QRectF(left, top, self.width() - left - right, self.height() - top - bottom))

    def lag_range(self) -> Range:
        """The whole axis across."""
        raise NotImplementedError

    def home(self) -> tuple[Range, Range]:
        return self.lag_range(), (-0.5, max(len(self.layers), 1) - 0.5)

    def rows(self) -> Rows:
        """The rows of all layers, also of those that the user has zoomed out of sight."""
        up, n = self.up(), max(len(self.layers), 1)
        return Rows(self.layers, up.to_pixel(n - 0.5), up.to_pixel(-0.5))

    def tick_values(self, side: str, low: float, high: float, size: float) -> list[float]:
        if side == "bottom":
            return super().tick_values(side, low, high, size)
        return [float(row) for row in self.rows().labelled(1.25 * self.font_px(11))]

    def tick_text(self, side: str, value: float) -> str:
        return super().tick_text(side, value) if side == "bottom" else str(self.layers[round(value)])

    def highlight_row(self, painter: QPainter, filled: bool = True) -> None:
        """Highlight the row of the layer that is pointed at, with a tint or with an outline."""
        if self.layer not in self.layers:
            return
        rows, field = self.rows(), self.field()
        height, centre = max(rows.height, self.px(3)), rows.centre(self.layers.index(self.layer))
        if not field.top() <= centre <= field.bottom():
            return
        strip = QRectF(field.left(), centre - height / 2, field.width(), height)
        if filled:
            painter.fillRect(strip, self.theme.colour("accent", 0.16))
        else:
            painter.setPen(QPen(self.theme.colour("accent"), self.px(1.5)))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(strip)
        right, width = field.left() - self.px(4), self.px(26)
        label = QRectF(right - width, centre - self.px(9), width, self.px(18))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self.theme.colour("accent"))
        painter.drawRoundedRect(label, self.px(4), self.px(4))
        self.write(painter, label, str(self.layer), "on_accent", 11, True, "centre")

    def point_at(self, position: QPointF) -> None:
        field = self.field()
        layer = self.rows().layer_at(position.y()) if field.top() <= position.y() <= field.bottom() else None
        inside = field.left() <= position.x() <= field.right() and layer is not None
        self.point_lag(self.axis().to_value(position.x()) if inside else None)
        self.point_layer(layer)
        self.layer_pointed.emit(layer)
        self.lag_pointed.emit(self.lag)


def lag_cells(lags_s: np.ndarray | None) -> Range:
    """The whole axis of lags: from the edge of the first cell to that of the last."""
    if lags_s is None or len(lags_s) < 2:
        return -0.2, 0.8
    half = (lags_s[1] - lags_s[0]) / 2
    return float(lags_s[0] - half), float(lags_s[-1] + half)


def rounded(box: QRectF) -> QRectF:
    """A box on whole pixels, as widgets have them."""
    return QRectF(round(box.left()), round(box.top()), max(round(box.width()), 10), max(round(box.height()), 10))
