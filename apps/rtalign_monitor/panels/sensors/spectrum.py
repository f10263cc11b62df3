"""The spectrum of the sensors of one kind."""

from __future__ import annotations

import math

import numpy as np
from qtpy.QtCore import QPointF, QRectF, Qt
from qtpy.QtGui import QPainter, QPolygonF

from rtalign.core.records import DISPLAY_UNITS
from rtalign.core.text.translation import tr
from rtalign.engine.snapshot import SensorsView
from rtalign_monitor.panels.axes import line_through, log_ticks
from rtalign_monitor.panels.plot import Range
from rtalign_monitor.panels.sensors.rows import number_text
from rtalign_monitor.panels.sensors.view import SensorPlot

MOST_NAMED = 8


class SpectrumPlot(SensorPlot):
    """The middle 90 % of the sensors of one kind, their median, and those that are not fit.

    Attributes
    ----------
    kind_index : int
        Which of the kinds of sensors is shown, counted on and on.
    """

    tab = tr("Spectrum")
    kind_index = 0

    def kind(self, view: SensorsView) -> str:
        kinds = list(dict.fromkeys(view.kinds))
        return kinds[self.kind_index % len(kinds)]

    def home(self, view: SensorsView) -> tuple[Range, Range]:
        across = (math.log10(view.hz[0]), math.log10(view.hz[-1]))
        own = view.spectra[:, np.array(view.kinds) == self.kind(view)]
        if not view.seconds or not (own > 0).any():
            return across, (0.0, 3.0)
        middle = np.median(own, axis=1)
        low, high = math.log10(max(middle.min(), 1e-6)), math.log10(max(own.max(), 1e-6))
        return across, (math.floor(2 * low - 0.4) / 2, math.ceil(2 * min(high, low + 4) + 0.2) / 2)

    def tick_values(self, side: str, low: float, high: float, size: float) -> list[float]:
        apart = self.panel.px(44 if side == "bottom" else 26)
        return log_ticks(low, high, max(int(size / apart), 2))

    def tick_text(self, side: str, value: float) -> str:  # noqa: ARG002
        return number_text(10**value)

    def scale_note(self, view: SensorsView) -> str:
        kind = self.kind(view)
        return tr(
            "{kind}: median and 90 % of sensors, {unit}/rHz over Hz",
            kind=kind,
            unit=DISPLAY_UNITS[kind],
        )

    def paint(self, painter: QPainter, view: SensorsView) -> None:
        if not view.seconds:
            return
        panel, theme = self.panel, self.panel.theme
        x, y = self._lines(view)
        own = np.flatnonzero(np.array(view.kinds) == self.kind(view))
        low, middle, high = np.nanpercentile(y[:, own], (5, 50, 95), axis=1)
        self._paint_grid(painter)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.mixed("accent", 0.22))
        edge = [*zip(x, low, strict=True), *zip(x[::-1], high[::-1], strict=True)]
        painter.drawPolygon(QPolygonF([QPointF(a, b) for a, b in edge]))
        panel.thin_line(painter, line_through(x, middle), theme.colour("accent"))
        named = sorted([i for i in own if view.faults[i]][:MOST_NAMED], key=lambda i: y[-1, i])
        for i in named:
            panel.thin_line(painter, line_through(x, y[:, i]), theme.colour("lost"))
        self._write_names(painter, [view.names[i] for i in named], x[-1], [float(y[-1, i]) for i in named])

    def _write_names(self, painter: QPainter, names: list[str], right: float, ends: list[float]) -> None:
        """Names above the ends of their lines, one below the other where these are close."""
        panel, height = self.panel, self.panel.px(14)
        below = panel.field().top()
        for name, end in zip(names, ends, strict=True):
            top = max(end - height - panel.px(1), below)
            width = panel.text_width(name, 11)
            box = QRectF(right - width - panel.px(3), top, width + panel.px(2), height)
            painter.fillRect(box, panel.theme.colour("panel"))
            panel.write(painter, box, name, "lost", 11, align="right")
            below = top + height

    def _paint_grid(self, painter: QPainter) -> None:
        panel = self.panel
        field, faint = panel.field(), panel.theme.mixed("faint", 0.5)
        axis, up = panel.axis(), panel.up()
        for value in self.tick_values("bottom", axis.low, axis.high, field.width()):
            panel.vertical_line(painter, axis.to_pixel(value), field.top(), field.bottom(), faint)
        for value in self.tick_values("left", up.low, up.high, field.height()):
            panel.horizontal_line(painter, up.to_pixel(value), field.left(), field.right(), faint)

    def paint_pointed(self, painter: QPainter, view: SensorsView, i: int) -> None:
        if view.seconds:
            x, y = self._lines(view)
            self.panel.thin_line(painter, line_through(x, y[:, i]), self.panel.theme.colour("text"))

    def away(self, view: SensorsView, at: QPointF) -> np.ndarray:
        x, y = self._lines(view)
        away = np.abs(y[int(np.argmin(np.abs(x - at.x())))] - at.y())
        return np.where(np.array(view.kinds) == self.kind(view), away, np.inf)

    def _lines(self, view: SensorsView) -> tuple[np.ndarray, np.ndarray]:
        """(bin,) and (bin, sensor), in pixels of the panel."""
        x = self.panel.axis().to_pixels(np.log10(view.hz))
        return x, self.panel.up().to_pixels(np.log10(np.maximum(view.spectra, 1e-9)))
