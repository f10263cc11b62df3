"""CurvesPanel: R by lag, one curve per layer coloured by depth, over what mismatched words reach."""

from __future__ import annotations

from collections.abc import Hashable

import numpy as np
import pyqtgraph as pg  # type: ignore[import-untyped]
from qtpy.QtCore import QPointF, QRectF, QSize, Qt
from qtpy.QtGui import QColor, QPainter, QPainterPath, QPen
from qtpy.QtWidgets import QWidget

from rtalign.core.text.translation import tr
from rtalign.engine.snapshot import Snapshot
from rtalign_monitor.panels import empty_state
from rtalign_monitor.panels.axes import line_through, stretches, ticks
from rtalign_monitor.panels.panel import PanelSpec, same_values
from rtalign_monitor.panels.plot import PlotPanel, Range, lag_cells, rounded
from rtalign_monitor.panels.tables import ShownTable, score_table

CHANCE = tr("faint: not above chance   grey: chance at each lag   dotted: chance anywhere (corrected)")
FAINT = 0.35
"""Opacity of a curve where it is not above chance."""


class CurvesPanel(PlotPanel):
    """All layers over the band of chance of all, faint where not above chance; the layer that is pointed at stands out.

    Attributes
    ----------
    low, high : float
        Ends of the axis of R, which change only when a curve leaves it or most of it is empty.
    """

    spec = PanelSpec("curves", tr("Curves"), "Ctrl+3", place="lower", columns=5, in_turns=True, in_demo=False)
    title = tr("Decoding over time")
    description = tr("R by lag from word onset (ms), a curve per layer, faint where not above chance; grey: chance")
    minimum_size = QSize(220, 120)
    left_label, bottom_label = "R", tr("lag from word onset, ms")
    left_axis_px, bottom_axis_px = 56.0, 38.0
    names_layers = True

    def __init__(self, parent: QWidget | None = None) -> None:
        self.low, self.high = -0.01, 0.02
        super().__init__(parent)

    def draw(self, snapshot: Snapshot) -> None:
        before, self.snapshot = self.snapshot, snapshot
        if before is not None and _same(before, snapshot):
            return
        if snapshot.r is not None and np.isfinite(snapshot.r).any():
            low, high = float(np.nanmin(snapshot.r)), float(np.nanmax(snapshot.r))
            if high > 0.97 * self.high or high < 0.5 * self.high:
                self.high = max(1.2 * high, 0.005)
            if low < self.low or low > 0.3 * self.low:
                self.low = min(1.2 * low, -0.1 * self.high)
        self.invalidate()

    def field(self) -> QRectF:
        left, top, foot = self.px(60), self.px(40), self.px(40)
        return rounded(QRectF(left, top, self.width() - left - self.px(24), self.height() - top - foot))

    def home(self) -> tuple[Range, Range]:
        return lag_cells(self.snapshot.lags_s if self.snapshot else None), (self.low, self.high)

    def has_plot(self) -> bool:
        return self._has_scores()

    def table(self) -> ShownTable | None:
        return score_table(self.snapshot) if self.snapshot is not None and self._has_scores() else None

    def tick_values(self, side: str, low: float, high: float, size: float) -> list[float]:
        return ticks(low, high, max(int(size / self.px(24 if side == "left" else 64)), 1))

    def tick_text(self, side: str, value: float) -> str:
        return f"{value:.3g}".replace("-", "−") if side == "left" else super().tick_text(side, value)

    def background_key(self) -> Hashable:
        snapshot = self.snapshot
        if not self._has_scores() or snapshot is None:
            return None
        return snapshot.layers, snapshot.map_hi is None, self.control_note(), self.zoom_note()

    def paint_background(self, painter: QPainter) -> None:
        note = ""
        if self._has_scores() and self.snapshot is not None:
            known = self.snapshot.map_hi is not None
            note = self.zoom_note() or self.control_note() or (CHANCE if known else tr("one curve per layer"))
            self._legend(painter)
        self.write_title(painter, note, self.px(130) if self._has_scores() else 0)

    def paint_content(self, painter: QPainter) -> None:
        if not self._has_scores():
            self.write_placeholder(painter, QRectF(self.rect()), *empty_state.scores(self.snapshot))

    def paint_plot(self, painter: QPainter) -> None:
        snapshot = self.snapshot
        if snapshot is None or snapshot.r is None or snapshot.lags_s is None:
            return
        self._grid(painter)
        if snapshot.null_hi is not None and snapshot.null_lo is not None:
            self._band(painter, snapshot.null_lo.min(axis=0), snapshot.null_hi.max(axis=0), 0.14)
        x, y = self.axis().to_pixels(snapshot.lags_s), self.up().to_pixels(snapshot.r)
        above = self._above_chance(snapshot.r)
        for strong in (False, True):
            for row in range(len(snapshot.layers)):
                colour = self._colour(row, 1.0 if strong else FAINT)
                for first, last in stretches(above[row] == strong):
                    part = slice(max(first - (not strong), 0), last + (not strong))  # up to where the other begins
                    self.thin_line(painter, line_through(x[part], y[row][part]), colour)

    def _above_chance(self, r: np.ndarray) -> np.ndarray:
        """(layer, lag): the points above what 95 % of null maps stay below everywhere."""
        limit = self.snapshot.map_hi if self.snapshot else None
        return np.zeros(r.shape, bool) if limit is None or limit.shape != r.shape else r > limit

    def _has_scores(self) -> bool:
        snapshot = self.snapshot
        if snapshot is None or snapshot.r is None or snapshot.lags_s is None:
            return False
        return bool(np.isfinite(snapshot.r).any())

    def _legend(self, painter: QPainter) -> None:
        """Write which colour stands for which depth."""
        assert self.snapshot is not None
        layers, box = self.snapshot.layers, self.inner_box()
        bar = QRectF(box.right() - self.px(72), box.top() + self.px(8), self.px(48), self.px(5))
        for i in range(24):
            part = QRectF(bar.left() + i * bar.width() / 24, bar.top(), bar.width() / 24 + 0.5, bar.height())
            painter.fillRect(part, self.theme.depth(i / 23))
        line = QRectF(box.left(), box.top(), box.width(), self.px(20))
        self.write(painter, line, str(layers[-1]), "muted", 11, align="right")
        line.setRight(bar.left() - self.px(6))
        self.write(painter, line, tr("layer {layer}", layer=layers[0]), "muted", 11, align="right")

    def paint_marks(self, painter: QPainter) -> None:
        snapshot = self.snapshot
        if snapshot is None or snapshot.r is None or snapshot.lags_s is None:
            return
        axis, field = self.axis(), self.field()
        painter.setClipRect(field)
        if self.layer in snapshot.layers:
            self._highlighted(painter, snapshot.layers.index(self.layer))
        if self.lag is not None and axis.low <= self.lag <= axis.high:
            self.vertical_line(
                painter, axis.to_pixel(self.lag), field.top(), field.bottom(), self.theme.colour("accent")
            )

    def point_at(self, position: QPointF) -> None:
        """Point at the nearest curve."""
        snapshot = self.snapshot
        if snapshot is None or snapshot.r is None or snapshot.lags_s is None:
            return
        axis, up = self.axis(), self.up()
        col = int(np.argmin(np.abs(axis.to_pixels(snapshot.lags_s) - position.x())))
        distance = np.abs(up.to_pixels(snapshot.r[:, col]) - position.y())
        near = np.isfinite(distance).any() and np.nanmin(distance) < self.px(14)
        layer = snapshot.layers[int(np.nanargmin(distance))] if near else None
        self.point_layer(layer)
        self.layer_pointed.emit(layer)
        self.lag_pointed.emit(axis.to_value(position.x()) if self.field().contains(position) else None)

    def _grid(self, painter: QPainter) -> None:
        axis, up, field = self.axis(), self.up(), self.field()
        for tick in self.tick_values("left", up.low, up.high, field.height()):
            role = "muted" if tick == 0 else "edge"
            self.horizontal_line(painter, up.to_pixel(tick), field.left(), field.right(), self.theme.colour(role))
        for tick in self.tick_values("bottom", axis.low, axis.high, field.width()):
            role = "muted" if tick == 0 else "edge"
            self.vertical_line(painter, axis.to_pixel(tick), field.top(), field.bottom(), self.theme.colour(role))

    def _band(self, painter: QPainter, low: np.ndarray, high: np.ndarray, alpha: float) -> None:
        path = self._path(high)
        path.connectPath(self._path(low).toReversed())
        painter.fillPath(path, self.theme.colour("muted", alpha))

    def _highlighted(self, painter: QPainter, row: int) -> None:
        assert self.snapshot is not None
        assert self.snapshot.r is not None
        painter.fillRect(self.field(), self.theme.colour("panel", 0.6))
        if self.snapshot.null_hi is not None and self.snapshot.null_lo is not None:
            self._band(painter, self.snapshot.null_lo[row], self.snapshot.null_hi[row], 0.22)
        if self.snapshot.map_hi is not None and self.snapshot.map_hi.shape == self.snapshot.r.shape:
            painter.setPen(QPen(self.theme.colour("muted"), self.px(1), Qt.PenStyle.DotLine))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawPath(self._path(self.snapshot.map_hi[row]))
        path = self._path(self.snapshot.r[row])
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(self._colour(row, 1.0), self.px(2.5)))
        painter.drawPath(path)
        box = self.field()
        box = QRectF(box.left(), box.top() - self.px(1), box.width() - self.px(4), self.px(18))
        self.write(painter, box, tr("layer {layer}", layer=self.layer), self._colour(row, 1.0), 12, True, "right")

    def _path(self, values: np.ndarray) -> QPainterPath:
        axis, up = self.axis(), self.up()
        assert self.snapshot is not None
        assert self.snapshot.lags_s is not None
        return pg.functions.arrayToQPath(axis.to_pixels(self.snapshot.lags_s), up.to_pixels(values), connect="finite")

    def _colour(self, row: int, alpha: float) -> QColor:
        assert self.snapshot is not None
        return self.theme.depth(row / max(len(self.snapshot.layers) - 1, 1), alpha)


def _same(a: Snapshot, b: Snapshot) -> bool:
    if (a.r is None or b.r is None) and empty_state.scores(a) != empty_state.scores(b):
        return False
    same = (a.layers, a.control) == (b.layers, b.control)
    return same and same_values(a.r, b.r) and same_values(a.map_hi, b.map_hi)
