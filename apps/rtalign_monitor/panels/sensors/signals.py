"""The signals of the last seconds: a butterfly of each region, or a row for each sensor."""

from __future__ import annotations

import math

import numpy as np
from qtpy.QtCore import QPointF, QRectF
from qtpy.QtGui import QColor, QPainter

from rtalign.core.records import DISPLAY_UNITS
from rtalign.core.text.translation import tr
from rtalign.engine.snapshot import SensorsView
from rtalign.signal.envelope import SPAN_S
from rtalign_monitor.panels.axes import line_through, ticks
from rtalign_monitor.panels.coverage import coloured, cover
from rtalign_monitor.panels.plot import Range
from rtalign_monitor.panels.sensors.rows import number_text
from rtalign_monitor.panels.sensors.view import RowsPlot

SMALLEST_ROW_PX = 6.0
"""Lines of lower rows reach into the rows beside, as if the rows were so high."""
FEW = 12
"""Lines of one colour that are drawn one by one; more go into the image."""


class ButterflyPlot(RowsPlot):
    """The signals of a region over each other in one row."""

    tab = tr("Butterfly")

    def across(self) -> Range:
        return -SPAN_S, 0.0

    def tick_values(self, side: str, low: float, high: float, size: float) -> list[float]:
        if side == "bottom":
            return ticks(low, high, max(int(size / self.panel.px(56)), 1))
        return self.row_ticks(low, high, size)

    def tick_text(self, side: str, value: float) -> str:
        if side == "left":
            return self.row_text(value)
        return tr("now") if abs(value) < 1e-9 else tr("−{abs:g} s", abs=abs(value))

    def scale_note(self, view: SensorsView) -> str:
        half_row, gain = self.panel.amplitudes.half_row, self.panel.gain
        units = dict.fromkeys(DISPLAY_UNITS[kind] for kind in view.kinds)
        heights = {unit: number_text(2 * half_row.get(unit, 1) / gain) for unit in units}
        return ", ".join(tr("a row is {height} {unit}", height=height, unit=unit) for unit, height in heights.items())

    def paint(self, painter: QPainter, view: SensorsView) -> None:
        if not len(view.low):
            return
        panel = self.panel
        field, axis, now = panel.field(), panel.axis(), panel.now
        top, bottom = self._edges(view)
        height = max(round(field.height() * panel.pixel_ratio), 1)
        rows = [(edge - field.top()) * panel.pixel_ratio for edge in (top, bottom)]
        groups = [(some, role) for some, role in _groups(view) if role == "text" or some.sum() > FEW]
        layers = [
            (cover(np.compress(some, rows[0], axis=1), np.compress(some, rows[1], axis=1), height), role)
            for some, role in groups
        ]
        left = axis.to_pixel(view.start - now)
        right = axis.to_pixel(view.start - now + len(view.low) * view.column_s)
        image = coloured(layers, panel.theme, self._is_bad(view))
        painter.drawImage(QRectF(left, field.top(), right - left, field.height()), image)
        for some, role in _groups(view)[1:]:
            for i in np.flatnonzero(some) if some.sum() <= FEW else ():
                self._line(painter, view, (top[:, i], bottom[:, i]), panel.theme.colour(role))

    def paint_pointed(self, painter: QPainter, view: SensorsView, i: int) -> None:
        if len(view.low):
            top, bottom = self._edges(view)
            self._line(painter, view, (top[:, i], bottom[:, i]), self.panel.theme.colour("accent"))

    def away(self, view: SensorsView, at: QPointF) -> np.ndarray:
        centres, in_row = self._in_row(at)
        if not len(view.low):
            return np.where(in_row, np.abs(centres - at.y()), np.inf)
        column = int((self.panel.axis().to_value(at.x()) - view.start + self.panel.now) / view.column_s)
        top, bottom = (edge[min(max(column, 0), len(edge) - 1)] for edge in self._edges(view))
        return np.where(in_row, np.maximum(np.maximum(top - at.y(), at.y() - bottom), 0.0), np.inf)

    def _in_row(self, at: QPointF) -> tuple[np.ndarray, np.ndarray]:
        """(sensor,) middles of the rows, and whether the pointer is in them."""
        centres, pitch = self.centres()
        return centres, np.abs(centres - at.y()) <= pitch / 2

    def _line(self, painter: QPainter, view: SensorsView, edges: tuple[np.ndarray, np.ndarray], colour: QColor) -> None:
        """Draw one sensor up and down between its edges (column,)."""
        times = view.start - self.panel.now + (np.arange(len(edges[0])) + 0.5) * view.column_s
        x, y = np.repeat(self.panel.axis().to_pixels(times), 2), np.column_stack(edges).ravel().astype(float)
        self.panel.thin_line(painter, line_through(x, y), colour, True)

    def _is_bad(self, view: SensorsView) -> np.ndarray:
        """(column,): which of them the operator called bad."""
        assert self.panel.snapshot is not None
        bad = np.zeros(len(view.low), bool)
        times = view.start + np.arange(len(view.low)) * view.column_s
        for mark in self.panel.snapshot.marks:
            if not mark.sensor:
                bad |= (times >= mark.start) & (times <= (np.inf if mark.stop is None else mark.stop))
        return bad

    def _edges(self, view: SensorsView) -> tuple[np.ndarray, np.ndarray]:
        """(column, sensor) upper and lower edges of the lines, in pixels of the panel."""
        centres, pitch = self.centres()
        pitch = max(pitch, self.panel.px(SMALLEST_ROW_PX))
        units, half_row = [DISPLAY_UNITS[kind] for kind in view.kinds], self.panel.amplitudes.half_row
        scale = np.array([self.panel.gain * pitch / 2 / half_row.get(unit, 1.0) for unit in units], np.float32)
        middle = centres.astype(np.float32)
        return middle - view.high * scale, middle - view.low * scale


class AllPlot(ButterflyPlot):
    """A row for each sensor, whose name is shown where there is room for it, else that of its region."""

    tab = tr("All")
    takes_any_distance = True

    def _names_of_rows(self) -> tuple[str, ...]:
        return self.panel.rows_of_sensors.names

    def row_of(self) -> np.ndarray:
        return self.panel.rows_of_sensors.row_of

    def row_ticks(self, low: float, high: float, size: float) -> list[float]:
        room = size / max(high - low, 1e-9)
        if room >= self.panel.px(11):
            return super().row_ticks(low, high, size)
        return self._region_ticks(max(math.ceil(low), 0), min(math.floor(high), self.n_rows - 1),
                                  self.panel.px(12.5) / room)  # fmt: skip

    def _region_ticks(self, first: int, last: int, apart: float) -> list[float]:
        """The middle row of each region that is in sight; of two that are too near to each other, the upper one."""
        rows = self.panel.rows_of_sensors
        middles = [rows.row_of[rows.region_of == i].mean() for i in range(len(rows.regions))]
        found: list[float] = []
        for y in (float(self.n_rows - 1 - round(row)) for row in middles):
            if first <= y <= last and (not found or found[-1] - y >= apart):
                found.append(y)
        return found

    def row_text(self, value: float) -> str:
        rows, up = self.panel.rows_of_sensors, self.panel.up()
        sensor = int(np.flatnonzero(rows.row_of == self.n_rows - 1 - round(value))[0])
        is_dense = up.to_pixel(0) - up.to_pixel(1) < self.panel.px(11)
        return rows.regions[rows.region_of[sensor]] if is_dense else rows.names[sensor]

    def away(self, view: SensorsView, at: QPointF) -> np.ndarray:  # noqa: ARG002
        centres, in_row = self._in_row(at)
        return np.where(in_row, np.abs(centres - at.y()), np.inf)


def _groups(view: SensorsView) -> list[tuple[np.ndarray, str]]:
    """(sensor,) which sensors are fit, left out or faulty, and the colours of their lines."""
    out = np.array([bool(why) for why in view.left_out])
    faulty = np.array([bool(fault) for fault in view.faults]) & ~out
    return [(~out & ~faulty, "text"), (out, "faint"), (faulty, "lost")]
