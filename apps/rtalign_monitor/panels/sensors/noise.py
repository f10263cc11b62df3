"""The noise of every sensor, times the median of its kind."""

from __future__ import annotations

import math

import numpy as np
from qtpy.QtCore import QPointF, QRectF, Qt
from qtpy.QtGui import QPainter, QPen, QPolygonF

from rtalign.core.text.translation import tr
from rtalign.engine.snapshot import SensorsView
from rtalign_monitor.panels.axes import log_ticks
from rtalign_monitor.panels.plot import Range
from rtalign_monitor.panels.sensors.rows import number_text
from rtalign_monitor.panels.sensors.view import RowsPlot

NOISE_RANGE = 0.05, 20.0
"""Times the median of the kind."""


class NoisePlot(RowsPlot):
    """A dot a sensor in the row of its region; faults are squares with a name."""

    tab = tr("Noise")

    def across(self) -> Range:
        return math.log10(NOISE_RANGE[0]), math.log10(NOISE_RANGE[1])

    def tick_values(self, side: str, low: float, high: float, size: float) -> list[float]:
        if side == "bottom":
            return log_ticks(low, high, max(int(size / self.panel.px(44)), 2))
        return self.row_ticks(low, high, size)

    def tick_text(self, side: str, value: float) -> str:
        return self.row_text(value) if side == "left" else number_text(10**value) + "×"

    def scale_note(self, view: SensorsView) -> str:  # noqa: ARG002
        return tr("noise, times the median of its kind")

    def paint(self, painter: QPainter, view: SensorsView) -> None:
        panel = self.panel
        field, x, y = panel.field(), self.x(view), self.centres()[0]
        panel.vertical_line(painter, panel.axis().to_pixel(0.0), field.top(), field.bottom(),
                            panel.theme.colour("faint"))  # fmt: skip
        good = np.array([not fault and not why for fault, why in zip(view.faults, view.left_out, strict=True)])
        pen = QPen(panel.theme.mixed("text", 0.7), panel.px(4.5))
        pen.setCapStyle(Qt.PenCapStyle.RoundCap)
        painter.setPen(pen)
        painter.drawPoints(QPolygonF([QPointF(a, b) for a, b in zip(x[good], y[good], strict=True)]))
        self._paint_named(painter, view, np.flatnonzero(~good))

    def _paint_named(self, painter: QPainter, view: SensorsView, sensors: np.ndarray) -> None:
        """Squares of those that are not fit, and as many of their names as there is room for."""
        panel = self.panel
        field, x, y = panel.field(), self.x(view), self.centres()[0]
        free: dict[float, float] = {}
        for i in sorted(sensors.tolist(), key=lambda i: x[i]):
            role = "muted" if view.left_out[i] else "lost"
            side = panel.px(7)
            painter.fillRect(QRectF(x[i] - side / 2, y[i] - side / 2, side, side), panel.theme.colour(role))
            width = panel.text_width(view.names[i], 11)
            left = min(x[i] + panel.px(5), field.right() - width)
            if left >= free.get(y[i], -1.0):
                box = QRectF(left, y[i] - panel.px(18), width + 2, panel.px(16))
                panel.write(painter, box, view.names[i], role, 11)
                free[y[i]] = left + width + panel.px(4)

    def paint_pointed(self, painter: QPainter, view: SensorsView, i: int) -> None:
        painter.setPen(QPen(self.panel.theme.colour("accent"), self.panel.px(1.5)))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawEllipse(QPointF(self.x(view)[i], self.centres()[0][i]), self.panel.px(6), self.panel.px(6))

    def away(self, view: SensorsView, at: QPointF) -> np.ndarray:
        return np.hypot(self.x(view) - at.x(), self.centres()[0] - at.y())

    def x(self, view: SensorsView) -> np.ndarray:
        """(sensor,) where each sensor's noise is, in pixels of the panel."""
        kinds = np.array(view.kinds)
        usual = np.empty(len(kinds))
        for kind in dict.fromkeys(view.kinds):
            usual[kinds == kind] = np.nanmedian(view.density[kinds == kind]) if view.seconds else 1.0
        ratio = np.clip(np.nan_to_num(view.density / np.maximum(usual, 1e-30)), *NOISE_RANGE)
        return self.panel.axis().to_pixels(np.log10(ratio))
