"""CurvesView: R over lags, a curve a layer coloured by depth, over the band that mismatched words give."""

from __future__ import annotations

from collections.abc import Hashable

import numpy as np
import pyqtgraph as pg  # type: ignore[import-untyped]
from PyQt6.QtCore import QRectF, QSize, Qt
from PyQt6.QtGui import QColor, QMouseEvent, QPainter, QPainterPath, QPen, QPolygonF
from PyQt6.QtWidgets import QWidget

from rtalign.engine.snapshot import Snapshot
from rtalign_monitor.panels import empty_state
from rtalign_monitor.panels.axes import Axis, ms
from rtalign_monitor.panels.lag_map import alike
from rtalign_monitor.panels.panel import Panel


class CurvesView(Panel):
    """The pointed layer is strong, with its own null band; else all layers, with the band of all."""

    title = "Decoding over time"
    says = "Correlation r by lag from word onset (ms), a curve a layer; grey: what mismatched words give"
    fewest = QSize(220, 120)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.seen: Snapshot | None = None
        self.lag: float | None = None
        self.top, self.bottom = 0.02, -0.01

    def draw(self, snapshot: Snapshot) -> None:
        before, self.seen = self.seen, snapshot
        if before is not None and _same(before, snapshot):
            return
        if snapshot.r is not None and np.isfinite(snapshot.r).any():
            high, low = float(np.nanmax(snapshot.r)), float(np.nanmin(snapshot.r))
            if high > 0.97 * self.top or high < 0.5 * self.top:
                self.top = max(1.2 * high, 0.005)
            if low < self.bottom or low > 0.3 * self.bottom:
                self.bottom = min(1.2 * low, -0.1 * self.top)
        self.renew()

    def point_lag(self, lag_s: float | None) -> None:
        if lag_s != self.lag:
            self.lag = lag_s
            self.update()

    def field(self) -> QRectF:
        left, top, foot = self.px(60), self.px(40), self.px(40)
        return QRectF(left, top, max(self.width() - left - self.px(24), 10), max(self.height() - top - foot, 10))

    def grounds(self) -> Hashable:
        if not self._decoded() or self.seen is None or self.seen.lags_s is None:
            return None
        lags = self.seen.lags_s
        return self.top, self.bottom, float(lags[0]), float(lags[-1]), self.seen.layers, self.seen.null_hi is None

    def ground(self, painter: QPainter) -> None:
        note = "a curve a layer"
        if self._decoded() and self.seen is not None:
            note += "" if self.seen.null_hi is None else "   grey: null band"
            self._legend(painter)
            self._grid(painter)
        self.write_title(painter, note, self.px(130) if self._decoded() else 0)

    def plate(self, painter: QPainter) -> None:
        seen = self.seen
        if not self._decoded() or seen is None or seen.r is None or seen.lags_s is None:
            self.await_(painter, QRectF(self.rect()), *empty_state.scores(seen))
            return
        if seen.null_hi is not None and seen.null_lo is not None:
            self._band(painter, seen.null_lo.min(axis=0), seen.null_hi.max(axis=0), 0.14)
        axis, up = self._axes()
        x, y = axis.at_all(seen.lags_s), up.at_all(seen.r)
        for row in range(len(seen.layers)):
            self.strokes(painter, line_of(x, y[row]), self._colour(row, 1.0))

    def _decoded(self) -> bool:
        r = self.seen.r if self.seen else None
        return r is not None and self.seen is not None and self.seen.lags_s is not None and bool(np.isfinite(r).any())

    def _legend(self, painter: QPainter) -> None:
        """Which colour is which depth."""
        assert self.seen is not None
        layers, box = self.seen.layers, self.inner()
        bar = QRectF(box.right() - self.px(72), box.top() + self.px(8), self.px(48), self.px(5))
        for i in range(24):
            part = QRectF(bar.left() + i * bar.width() / 24, bar.top(), bar.width() / 24 + 0.5, bar.height())
            painter.fillRect(part, self.theme.depth(i / 23))
        line = QRectF(box.left(), box.top(), box.width(), self.px(20))
        self.write(painter, line, str(layers[-1]), "muted", 11, align="right")
        line.setRight(bar.left() - self.px(6))
        self.write(painter, line, f"layer {layers[0]}", "muted", 11, align="right")

    def over(self, painter: QPainter) -> None:
        seen = self.seen
        if seen is None or seen.r is None or seen.lags_s is None:
            return
        axis, field = self._axes()[0], self.field()
        if self.layer in seen.layers:
            self._strong(painter, seen.layers.index(self.layer))
        if self.lag is not None and axis.lo <= self.lag <= axis.hi:
            self.upright(painter, axis.at(self.lag), field.top(), field.bottom(), self.theme.colour("accent"))

    def mouseMoveEvent(self, event: QMouseEvent | None) -> None:
        """The nearest curve under the pointer."""
        seen = self.seen
        if event is None or seen is None or seen.r is None or seen.lags_s is None:
            return
        axis, up = self._axes()
        place = event.position()
        col = int(np.argmin(np.abs(axis.at_all(seen.lags_s) - place.x())))
        away = np.abs(up.at_all(seen.r[:, col]) - place.y())
        near = np.isfinite(away).any() and np.nanmin(away) < self.px(14)
        layer = seen.layers[int(np.nanargmin(away))] if near else None
        self.point(layer)
        self.pointed.emit(layer)
        self.lag_pointed.emit(axis.back(place.x()) if self.field().contains(place) else None)

    def _axes(self) -> tuple[Axis, Axis]:
        assert self.seen is not None
        assert self.seen.lags_s is not None
        field, lags = self.field(), self.seen.lags_s
        across = Axis(float(lags[0]), float(lags[-1]), field.left(), field.right())
        return across, Axis(self.bottom, self.top, field.bottom(), field.top())

    def _grid(self, painter: QPainter) -> None:
        (axis, up), field = self._axes(), self.field()
        for tick in up.ticks(self.px(24)):
            y = up.at(tick)
            self.level(painter, y, field.left(), field.right(), self.theme.colour("muted" if tick == 0 else "edge"))
            box = QRectF(0, y - self.px(9), field.left() - self.px(8), self.px(18))
            self.write(painter, box, f"{tick:.3g}".replace("-", "−"), "muted", 11, align="right")
        for tick in axis.ticks(self.px(64)):
            x = axis.at(tick)
            self.upright(painter, x, field.top(), field.bottom(), self.theme.colour("muted" if tick == 0 else "edge"))
            box = QRectF(x - self.px(30), field.bottom() + self.px(3), self.px(60), self.px(16))
            self.write(painter, box, ms(tick), "muted", 11, align="centre")
        beside = QRectF(self.px(8), field.center().y() - self.px(16), self.px(8), self.px(16))
        self.write(painter, beside, "r", "muted", 11)
        below = QRectF(field.left(), field.bottom() + self.px(18), field.width(), self.px(16))
        self.write(painter, below, "lag from word onset, ms", "muted", 11, align="centre")

    def _band(self, painter: QPainter, low: np.ndarray, high: np.ndarray, alpha: float) -> None:
        path = self._path(high)
        path.connectPath(self._path(low).toReversed())
        painter.save()
        painter.setClipRect(self.field())
        painter.fillPath(path, self.theme.colour("muted", alpha))
        painter.restore()

    def _strong(self, painter: QPainter, row: int) -> None:
        assert self.seen is not None
        assert self.seen.r is not None
        painter.fillRect(self.field(), self.theme.colour("panel", 0.6))
        if self.seen.null_hi is not None and self.seen.null_lo is not None:
            self._band(painter, self.seen.null_lo[row], self.seen.null_hi[row], 0.22)
        path = self._path(self.seen.r[row])
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(self._colour(row, 1.0), self.px(2.5)))
        painter.drawPath(path)
        box = self.field()
        box = QRectF(box.left(), box.top() - self.px(1), box.width() - self.px(4), self.px(18))
        self.write(painter, box, f"layer {self.layer}", self._colour(row, 1.0), 12, True, "right")

    def _path(self, values: np.ndarray) -> QPainterPath:
        axis, up = self._axes()
        assert self.seen is not None
        assert self.seen.lags_s is not None
        return pg.functions.arrayToQPath(axis.at_all(self.seen.lags_s), up.at_all(values), connect="finite")

    def _colour(self, row: int, alpha: float) -> QColor:
        assert self.seen is not None
        return self.theme.depth(row / max(len(self.seen.layers) - 1, 1), alpha)


def line_of(x: np.ndarray, y: np.ndarray) -> QPolygonF | QPainterPath:
    """Through all that is known; a polygon where that is everything, as it is made and drawn in less time."""
    if np.isfinite(y).all():
        return pg.functions.arrayToQPolygonF(x, y)
    return pg.functions.arrayToQPath(x, y, connect="finite")


def _same(one: Snapshot, other: Snapshot) -> bool:
    if (one.r is None or other.r is None) and empty_state.scores(one) != empty_state.scores(other):
        return False
    return one.layers == other.layers and alike(one.r, other.r) and alike(one.null_hi, other.null_hi)
