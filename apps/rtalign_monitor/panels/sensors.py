"""SensorsPanel: every sensor as it comes, beside the others of its region; its noise and its spectrum."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from qtpy.QtCore import QEvent, QObject, QPointF, QRectF, QSize, Qt, Signal
from qtpy.QtGui import QColor, QMouseEvent, QPainter, QPen, QPolygonF, QWheelEvent
from qtpy.QtWidgets import QWidget

from rtalign.core.bad_marks import MARKED
from rtalign.core.records import DISPLAY_UNITS
from rtalign.engine.snapshot import SensorsView, Snapshot
from rtalign.signal.envelope import SPAN_S
from rtalign_monitor.panels import empty_state
from rtalign_monitor.panels.axes import line_through, log_ticks, ticks
from rtalign_monitor.panels.coverage import coloured, cover
from rtalign_monitor.panels.panel import PanelSpec
from rtalign_monitor.panels.plot import PlotPanel, Range, rounded
from rtalign_monitor.panels.tables import ShownTable
from rtalign_monitor.panels.traces import round_up

View = Literal["butterfly", "all", "noise", "spectrum"]
TABS: dict[View, str] = {"butterfly": "Butterfly", "all": "All", "noise": "Noise", "spectrum": "Spectrum"}
READABLE_ROWS = 24
"""Rows that the wheel shows when all of them were shown."""
GAIN_STEP, ZOOM_STEP, SCROLL_SHARE = 1.25, 1.25, 0.15
ROW_PERCENTILE = 95
"""Per cent of all values that lie within a row."""
RESCALE_EVERY = 5
"""Snapshots from one check of the scales to the next."""
NOISE_RANGE = 0.05, 20.0
"""Times the median of the kind."""
NEAR_PX = 14.0
SMALLEST_ROW_PX = 6.0
"""Lines of lower rows reach into the rows beside, as if the rows were so high."""
MOST_NAMED = 8
FEW = 12
"""Lines of one colour that are drawn one by one; more go into the image."""
ELSEWHERE = "other"


@dataclass(frozen=True, slots=True, eq=False)
class SensorRows:
    """Where each sensor is: the sensors of a region lie together, regions in the order in which they come.

    Attributes
    ----------
    names : tuple of str
        Of the sensors, as the engine has them.
    regions : tuple of str
        From the top to the bottom.
    region_of : ndarray of int, shape (sensor,)
        Index of each sensor's region.
    row_of : ndarray of int, shape (sensor,)
        Each sensor's row where every sensor has one, from the top.
    """

    names: tuple[str, ...]
    regions: tuple[str, ...]
    region_of: np.ndarray
    row_of: np.ndarray

    @classmethod
    def of(cls, view: SensorsView) -> SensorRows:
        named = [region or ELSEWHERE for region in view.regions]
        regions = tuple(dict.fromkeys(named))
        region_of = np.array([regions.index(region) for region in named], int)
        row_of = np.empty(len(named), int)
        row_of[np.argsort(region_of, kind="stable")] = np.arange(len(named))
        return cls(view.names, regions, region_of, row_of)


class SensorsPanel(PlotPanel):
    """Four views of every sensor; a click marks the one that is pointed at as bad, or as good again.

    Attributes
    ----------
    shown : {"butterfly", "all", "noise", "spectrum"}
        The view.
    gain : float
        Factor of all amplitudes.
    pointed : int or None
        The sensor under the pointer.
    """

    spec = PanelSpec("sensors", "Sensors", "Ctrl+7", place="side", columns=5, in_turns=True, in_demo=False)
    title = "Sensors"
    description = "Every sensor; wheel: scroll, with Ctrl: gain, with Shift: fewer rows; click: mark as bad or good"
    minimum_size = QSize(320, 200)
    left_axis_px, bottom_axis_px = 66.0, 28.0
    sensor_clicked = Signal(str)
    visibility_changed = Signal(bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        self.shown: View = "butterfly"
        self.gain, self._kind = 1.0, 0
        self.pointed: int | None = None
        self._rows: SensorRows | None = None
        self._half_row: dict[str, float] = {}
        self._rescaled = -RESCALE_EVERY
        self._tabs: dict[View, QRectF] = {}
        super().__init__(parent)
        self.box.setMouseEnabled(x=False, y=True)
        viewport = self.view.viewport()
        assert viewport is not None
        viewport.installEventFilter(self)
        self.view.scene().sigMouseClicked.connect(self._clicked)

    @property
    def sensors(self) -> SensorsView | None:
        return self.snapshot.sensors if self.snapshot else None

    def draw(self, snapshot: Snapshot) -> None:
        before, self.snapshot = self.snapshot, snapshot
        if before is not None and before.sequence == snapshot.sequence and snapshot.sequence:
            return
        view = snapshot.sensors
        if view is None:
            self._rows = None
        elif self._rows is None or self._rows.names != view.names:
            self._rows, self.pointed = SensorRows.of(view), None
        if view is not None and snapshot.sequence - self._rescaled >= RESCALE_EVERY:
            self._rescaled = snapshot.sequence
            self._rescale(view)
        self.invalidate()

    def show_view(self, shown: View) -> None:
        """Show another of the views; the spectrum once more: of the next kind of sensors."""
        self._kind = self._kind + 1 if shown == self.shown == "spectrum" else 0
        self.shown, self.pointed, self.follows = shown, None, True
        self.invalidate()

    def show_next(self) -> None:
        """Show the next view, or the spectrum of the next kind of sensors."""
        views = list(TABS)
        if self.shown == "spectrum" and self.sensors is not None and self._kind + 1 < len({*self.sensors.kinds}):
            self.show_view("spectrum")
            return
        self.show_view(views[(views.index(self.shown) + 1) % len(views)])

    def change_gain(self, steps: float) -> None:
        """Make all amplitudes larger (positive) or smaller."""
        self.gain = min(max(self.gain * GAIN_STEP**steps, 0.01), 100.0)
        self.invalidate()

    def menu_entries(self) -> dict[str, Callable[[], object]]:
        views = {f"Show {text.lower()}": lambda view=view: self.show_view(view) for view, text in TABS.items()}
        return {**views, "Larger": lambda: self.change_gain(1), "Smaller": lambda: self.change_gain(-1),
                **super().menu_entries()}  # fmt: skip

    def table(self) -> ShownTable | None:
        view = self.sensors
        if view is None:
            return None
        rows = zip(view.names, view.kinds, view.regions, view.density.tolist(), view.faults, view.left_out, strict=True)
        return ShownTable(
            ("sensor", "kind", "region", "density", "unit", "fault", "left_out"),
            [(n, kind, r, f"{d:.4g}", f"{DISPLAY_UNITS[kind]}/rHz", fault, out) for n, kind, r, d, fault, out in rows],
        )

    # Geometry

    def field(self) -> QRectF:
        left, top, foot = self.px(70), self.px(78), self.px(30)
        return rounded(QRectF(left, top, self.width() - left - self.px(24), self.height() - top - foot))

    def home(self) -> tuple[Range, Range]:
        view, rows = self.sensors, self._rows
        if view is None or rows is None:
            return (-SPAN_S, 0.0), (-0.5, 0.5)
        if self.shown == "spectrum":
            return self._spectrum_range(view)
        across = (math.log10(NOISE_RANGE[0]), math.log10(NOISE_RANGE[1])) if self.shown == "noise" else (-SPAN_S, 0.0)
        return across, (-0.5, self._n_rows - 0.5)

    def has_plot(self) -> bool:
        return self._rows is not None

    @property
    def _n_rows(self) -> int:
        assert self._rows is not None
        return max(len(self._rows.names) if self.shown == "all" else len(self._rows.regions), 1)

    def _row(self) -> np.ndarray:
        """(sensor,): the row of each, from the top."""
        assert self._rows is not None
        return self._rows.row_of if self.shown == "all" else self._rows.region_of

    def _centres(self) -> tuple[np.ndarray, float]:
        """(sensor,) middles of the rows, and the height of a row, in pixels of the panel."""
        up = self.up()
        return up.to_pixels(self._n_rows - 1.0 - self._row()), up.to_pixel(0) - up.to_pixel(1)

    def tick_values(self, side: str, low: float, high: float, size: float) -> list[float]:
        if side == "bottom":
            if self.shown in ("noise", "spectrum"):
                return log_ticks(low, high, max(int(size / self.px(44)), 2))
            return ticks(low, high, max(int(size / self.px(56)), 1))
        if self.shown == "spectrum":
            return log_ticks(low, high, max(int(size / self.px(26)), 2))
        first, last = max(math.ceil(low), 0), min(math.floor(high), self._n_rows - 1)
        room = size / max(high - low, 1e-9)
        if self.shown == "all" and room < self.px(11):
            return self._region_ticks(first, last, self.px(12.5) / room)
        every = max(math.ceil(self.px(12.5) / room), 1)
        return [float(row) for row in range(last, first - 1, -every)]

    def _region_ticks(self, first: int, last: int, apart: float) -> list[float]:
        """The middle row of each region that is in sight; of two that are too near to each other, the upper one."""
        assert self._rows is not None
        middles = [self._rows.row_of[self._rows.region_of == i].mean() for i in range(len(self._rows.regions))]
        found: list[float] = []
        for y in (float(self._n_rows - 1 - round(row)) for row in middles):
            if first <= y <= last and (not found or found[-1] - y >= apart):
                found.append(y)
        return found

    def tick_text(self, side: str, value: float) -> str:
        if side == "left" and self.shown != "spectrum":
            return self._row_text(self._n_rows - 1 - round(value))
        if self.shown in ("noise", "spectrum"):
            return number_text(10**value) + ("×" if self.shown == "noise" else "")
        return "now" if abs(value) < 1e-9 else f"−{abs(value):g} s"

    def _row_text(self, row: int) -> str:
        assert self._rows is not None
        if self.shown != "all":
            return self._rows.regions[row]
        up = self.up()
        sensor = int(np.flatnonzero(self._rows.row_of == row)[0])
        is_dense = up.to_pixel(0) - up.to_pixel(1) < self.px(11)
        return self._rows.regions[self._rows.region_of[sensor]] if is_dense else self._rows.names[sensor]

    # Header

    def background_key(self) -> Hashable:
        view = self.sensors
        state = (view.faults, view.left_out, int(view.seconds)) if view is not None else None
        return self.shown, state, self.pointed, self._scale_note(), self.zoom_note()

    def paint_background(self, painter: QPainter) -> None:
        self.write_title(painter, self._verdict())
        box = self.inner_box()
        line = QRectF(box.left(), box.top() + self.px(23), box.width(), self.px(18))
        self.write_parts(painter, line, self._readout().split("   "), "muted", 11)
        self._write_tabs(painter, line.translated(0, self.px(19)))

    def _write_tabs(self, painter: QPainter, line: QRectF) -> None:
        self._tabs, x = {}, line.left()
        for view, text in TABS.items():
            width = self.text_width(text, 12, True)
            chosen = view == self.shown
            self.write(painter, QRectF(x, line.top(), width, line.height()), text, "accent" if chosen else "muted", 12,
                       chosen)  # fmt: skip
            self._tabs[view] = QRectF(x - self.px(4), line.top(), width + self.px(8), line.height())
            if chosen:
                self.horizontal_line(painter, line.bottom(), x, x + width, self.theme.colour("accent"), 2)
            x += width + self.px(16)

    def _verdict(self) -> str:
        """How many sensors are fit, and by how much signal."""
        view = self.sensors
        if view is None:
            return ""
        if not view.seconds:
            return "the check needs a second of signal"
        n_fit = sum(not fault for fault in view.faults)
        n_out = sum(bool(why) for why in view.left_out)
        out = f"   {n_out} left out" if n_out else ""
        return f"{n_fit} of {len(view.names)} fit by {min(view.seconds, 99):.0f} s of signal{out}"

    def _readout(self) -> str:
        """Of the sensor that is pointed at; else what is wrong."""
        view = self.sensors
        if view is None:
            return ""
        if self.pointed is not None:
            return sensor_text(view, self.pointed)
        wrong = [i for i in range(len(view.names)) if view.faults[i] or view.left_out[i]]
        more = [f"and {len(wrong) - 3} more"] if len(wrong) > 3 else []
        said = [fault_text(view, i) for i in wrong[:3]] + more
        return "   ".join([self.zoom_note() or self._scale_note(), *said])

    def _scale_note(self) -> str:
        """What a row or an axis is."""
        view = self.sensors
        if view is None:
            return ""
        if self.shown == "noise":
            return "noise, times the median of its kind"
        if self.shown == "spectrum":
            kind = self._spectrum_kind()
            return f"{kind}: median and 90 % of sensors, {DISPLAY_UNITS[kind]}/rHz over Hz"
        units = dict.fromkeys(DISPLAY_UNITS[kind] for kind in view.kinds)
        heights = {unit: number_text(2 * self._half_row.get(unit, 1) / self.gain) for unit in units}
        return ", ".join(f"a row is {height} {unit}" for unit, height in heights.items())

    # Plot

    def paint_content(self, painter: QPainter) -> None:
        if self._rows is None:
            self.write_placeholder(painter, QRectF(self.rect()), *empty_state.signal(self.snapshot))

    def paint_plot(self, painter: QPainter) -> None:
        view = self.sensors
        if view is None or self._rows is None:
            return
        if self.shown == "noise":
            self._paint_noise(painter, view)
        elif self.shown == "spectrum":
            self._paint_spectrum(painter, view)
        else:
            self._paint_signals(painter, view)

    def _paint_signals(self, painter: QPainter, view: SensorsView) -> None:
        if not len(view.low):
            return
        field, axis = self.field(), self.axis()
        assert self.snapshot is not None
        now = self.snapshot.time_s
        top, bottom = self._edges(view)
        height = max(round(field.height() * self._pixel_ratio), 1)
        rows = [(edge - field.top()) * self._pixel_ratio for edge in (top, bottom)]
        groups = [(some, role) for some, role in self._groups(view) if role == "text" or some.sum() > FEW]
        layers = [
            (cover(np.compress(some, rows[0], axis=1), np.compress(some, rows[1], axis=1), height), role)
            for some, role in groups
        ]
        left = axis.to_pixel(view.start - now)
        right = axis.to_pixel(view.start - now + len(view.low) * view.column_s)
        image = coloured(layers, self.theme, self._is_bad(view))
        painter.drawImage(QRectF(left, field.top(), right - left, field.height()), image)
        for some, role in self._groups(view)[1:]:
            for i in np.flatnonzero(some) if some.sum() <= FEW else ():
                self._line(painter, view, (top[:, i], bottom[:, i]), self.theme.colour(role))

    def _groups(self, view: SensorsView) -> list[tuple[np.ndarray, str]]:
        """(sensor,) which sensors are fit, left out or faulty, and the colours of their lines."""
        out = np.array([bool(why) for why in view.left_out])
        faulty = np.array([bool(fault) for fault in view.faults]) & ~out
        return [(~out & ~faulty, "text"), (out, "faint"), (faulty, "lost")]

    def _line(self, painter: QPainter, view: SensorsView, edges: tuple[np.ndarray, np.ndarray], colour: QColor) -> None:
        """Draw one sensor up and down between its edges (column,)."""
        assert self.snapshot is not None
        times = view.start - self.snapshot.time_s + (np.arange(len(edges[0])) + 0.5) * view.column_s
        x, y = np.repeat(self.axis().to_pixels(times), 2), np.column_stack(edges).ravel().astype(float)
        self.thin_line(painter, line_through(x, y), colour, True)

    def _is_bad(self, view: SensorsView) -> np.ndarray:
        """(column,): which of them the operator called bad."""
        assert self.snapshot is not None
        bad = np.zeros(len(view.low), bool)
        times = view.start + np.arange(len(view.low)) * view.column_s
        for mark in self.snapshot.marks:
            if not mark.sensor:
                bad |= (times >= mark.start) & (times <= (np.inf if mark.stop is None else mark.stop))
        return bad

    def _edges(self, view: SensorsView) -> tuple[np.ndarray, np.ndarray]:
        """(column, sensor) upper and lower edges of the lines, in pixels of the panel."""
        centres, pitch = self._centres()
        pitch = max(pitch, self.px(SMALLEST_ROW_PX))
        units = [DISPLAY_UNITS[kind] for kind in view.kinds]
        scale = np.array([self.gain * pitch / 2 / self._half_row.get(unit, 1.0) for unit in units], np.float32)
        middle = centres.astype(np.float32)
        return middle - view.high * scale, middle - view.low * scale

    def _paint_bad(self, painter: QPainter, now: float) -> None:
        """Tint the time that the operator called bad."""
        assert self.snapshot is not None
        field, axis = self.field(), self.axis()
        for mark in self.snapshot.marks:
            stop = now if mark.stop is None else mark.stop
            if not mark.sensor and stop >= now - SPAN_S:
                left, right = axis.to_pixel(max(mark.start - now, axis.low)), axis.to_pixel(stop - now)
                painter.fillRect(QRectF(left, field.top(), max(right - left, self.px(1)), field.height()),
                                 self.theme.colour("lost", 0.22))  # fmt: skip

    def _paint_noise(self, painter: QPainter, view: SensorsView) -> None:
        """A dot a sensor in the row of its region; faults are squares with a name."""
        field, x, y = self.field(), self._noise_x(view), self._centres()[0]
        self.vertical_line(painter, self.axis().to_pixel(0.0), field.top(), field.bottom(), self.theme.colour("faint"))
        good = np.array([not fault and not why for fault, why in zip(view.faults, view.left_out, strict=True)])
        pen = QPen(self.theme.mixed("text", 0.7), self.px(4.5))
        pen.setCapStyle(Qt.PenCapStyle.RoundCap)
        painter.setPen(pen)
        painter.drawPoints(QPolygonF([QPointF(a, b) for a, b in zip(x[good], y[good], strict=True)]))
        free: dict[float, float] = {}
        for i in sorted(np.flatnonzero(~good).tolist(), key=lambda i: x[i]):
            role = "muted" if view.left_out[i] else "lost"
            side = self.px(7)
            painter.fillRect(QRectF(x[i] - side / 2, y[i] - side / 2, side, side), self.theme.colour(role))
            width = self.text_width(view.names[i], 11)
            left = min(x[i] + self.px(5), field.right() - width)
            if left >= free.get(y[i], -1.0):
                self.write(painter, QRectF(left, y[i] - self.px(18), width + 2, self.px(16)), view.names[i], role, 11)
                free[y[i]] = left + width + self.px(4)

    def _noise_x(self, view: SensorsView) -> np.ndarray:
        """(sensor,) where each sensor's noise is, in pixels of the panel."""
        kinds = np.array(view.kinds)
        usual = np.empty(len(kinds))
        for kind in dict.fromkeys(view.kinds):
            usual[kinds == kind] = np.nanmedian(view.density[kinds == kind]) if view.seconds else 1.0
        ratio = np.clip(np.nan_to_num(view.density / np.maximum(usual, 1e-30)), *NOISE_RANGE)
        return self.axis().to_pixels(np.log10(ratio))

    def _paint_spectrum(self, painter: QPainter, view: SensorsView) -> None:
        """The middle 90 % of the sensors of one kind, their median, and those that are not fit."""
        if not view.seconds:
            return
        x, y = self._spectrum_lines(view)
        own = np.flatnonzero(np.array(view.kinds) == self._spectrum_kind())
        low, middle, high = np.nanpercentile(y[:, own], (5, 50, 95), axis=1)
        self._grid(painter)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self.theme.mixed("accent", 0.22))
        edge = [*zip(x, low, strict=True), *zip(x[::-1], high[::-1], strict=True)]
        painter.drawPolygon(QPolygonF([QPointF(a, b) for a, b in edge]))
        self.thin_line(painter, line_through(x, middle), self.theme.colour("accent"))
        for i in [i for i in own if view.faults[i]][:MOST_NAMED]:
            self.thin_line(painter, line_through(x, y[:, i]), self.theme.colour("lost"))
            self.write(painter, QRectF(x[-1] - self.px(70), y[-1, i] - self.px(15), self.px(68), self.px(14)),
                       view.names[i], "lost", 11, align="right")  # fmt: skip

    def _grid(self, painter: QPainter) -> None:
        field, faint = self.field(), self.theme.mixed("faint", 0.5)
        axis, up = self.axis(), self.up()
        for value in self.tick_values("bottom", axis.low, axis.high, field.width()):
            self.vertical_line(painter, axis.to_pixel(value), field.top(), field.bottom(), faint)
        for value in self.tick_values("left", up.low, up.high, field.height()):
            self.horizontal_line(painter, up.to_pixel(value), field.left(), field.right(), faint)

    def _spectrum_lines(self, view: SensorsView) -> tuple[np.ndarray, np.ndarray]:
        """(bin,) and (bin, sensor), in pixels of the panel."""
        x = self.axis().to_pixels(np.log10(view.hz))
        return x, self.up().to_pixels(np.log10(np.maximum(view.spectra, 1e-9)))

    def _spectrum_kind(self) -> str:
        view = self.sensors
        assert view is not None
        kinds = list(dict.fromkeys(view.kinds))
        return kinds[self._kind % len(kinds)]

    def _spectrum_range(self, view: SensorsView) -> tuple[Range, Range]:
        across = (math.log10(view.hz[0]), math.log10(view.hz[-1]))
        own = view.spectra[:, np.array(view.kinds) == self._spectrum_kind()]
        if not view.seconds or not (own > 0).any():
            return across, (0.0, 3.0)
        middle = np.median(own, axis=1)
        low, high = math.log10(max(middle.min(), 1e-6)), math.log10(max(own.max(), 1e-6))
        return across, (math.floor(2 * low - 0.4) / 2, math.ceil(2 * min(high, low + 4) + 0.2) / 2)

    def paint_marks(self, painter: QPainter) -> None:
        view, i = self.sensors, self.pointed
        if view is None or i is None or self._rows is None:
            return
        painter.setClipRect(self.field())
        colour = self.theme.colour("accent")
        if self.shown == "spectrum" and view.seconds:
            x, y = self._spectrum_lines(view)
            self.thin_line(painter, line_through(x, y[:, i]), self.theme.colour("text"))
        elif self.shown == "noise":
            painter.setPen(QPen(colour, self.px(1.5)))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawEllipse(QPointF(self._noise_x(view)[i], self._centres()[0][i]), self.px(6), self.px(6))
        elif len(view.low):
            top, bottom = self._edges(view)
            self._line(painter, view, (top[:, i], bottom[:, i]), colour)

    # Pointer

    def point_at(self, position: QPointF) -> None:
        before, self.pointed = self.pointed, self._nearest(position)
        if self.pointed != before:
            self.update_marks()
            self.update()

    def _nearest(self, at: QPointF) -> int | None:
        """The sensor that is nearest to the pointer, in its row; None where none is near."""
        view = self.sensors
        if view is None or self._rows is None or not self.field().contains(at):
            return None
        if self.shown == "spectrum":
            x, y = self._spectrum_lines(view)
            away = np.abs(y[int(np.argmin(np.abs(x - at.x())))] - at.y())
            away = np.where(np.array(view.kinds) == self._spectrum_kind(), away, np.inf)
        elif self.shown == "noise":
            away = np.hypot(self._noise_x(view) - at.x(), self._centres()[0] - at.y())
        else:
            away = self._away(view, at)
        i = int(np.argmin(np.where(np.isnan(away), np.inf, away)))
        return i if away[i] < self.px(NEAR_PX) or self.shown == "all" else None

    def _away(self, view: SensorsView, at: QPointF) -> np.ndarray:
        """(sensor,): how far each line is from the pointer, in pixels; infinite in other rows."""
        assert self.snapshot is not None
        centres, pitch = self._centres()
        in_row = np.abs(centres - at.y()) <= pitch / 2
        if self.shown == "all" or not len(view.low):
            return np.where(in_row, np.abs(centres - at.y()), np.inf)
        column = int((self.axis().to_value(at.x()) - view.start + self.snapshot.time_s) / view.column_s)
        top, bottom = (edge[min(max(column, 0), len(edge) - 1)] for edge in self._edges(view))
        return np.where(in_row, np.maximum(np.maximum(top - at.y(), at.y() - bottom), 0.0), np.inf)

    def _clicked(self, event: object) -> None:
        """A left click on the plot means the sensor that is pointed at."""
        if event.button() == Qt.MouseButton.LeftButton:  # type: ignore[attr-defined]
            self.point_at(event.scenePos() + QPointF(self.view.pos()))  # type: ignore[attr-defined]
            if self.pointed is not None and self._rows is not None:
                self.sensor_clicked.emit(self._rows.names[self.pointed])

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        """A press on the name of a view shows it."""
        if event is not None:
            for view, box in self._tabs.items():
                if box.contains(event.position()):
                    self.show_view(view)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """The wheel scrolls; with Ctrl it changes the gain, with Shift how many rows are seen."""
        if isinstance(event, QWheelEvent) and self._rows is not None and self.shown != "spectrum":
            self._wheel(event)
            return True
        return bool(super().eventFilter(watched, event))

    def _wheel(self, event: QWheelEvent) -> None:
        steps = (event.angleDelta().y() or event.angleDelta().x()) / 120
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self.change_gain(steps)
            return
        low, high = self.box.viewRange()[1]
        at = self.up().to_value(event.position().y() + self.view.y())
        if event.modifiers() & Qt.KeyboardModifier.ShiftModifier or self.follows:
            wanted = min(READABLE_ROWS, self._n_rows) if self.follows else (high - low) * ZOOM_STEP**-steps
            self._see(at - (at - low) / (high - low) * wanted, wanted)
        else:
            self._see(low + steps * SCROLL_SHARE * (high - low), high - low)

    def _see(self, low: float, n: float) -> None:
        """See so many rows from a height on, as far as there are rows."""
        n = min(max(n, 1.0), self._n_rows)
        low = min(max(low, -0.5), self._n_rows - 0.5 - n)
        self.follows = n >= self._n_rows
        self.box.setRange(yRange=(low, low + n), padding=0, disableAutoRange=False)
        self.invalidate()

    def showEvent(self, event: object) -> None:  # noqa: ARG002
        self.visibility_changed.emit(True)

    def hideEvent(self, event: object) -> None:  # noqa: ARG002
        self.visibility_changed.emit(False)

    def _rescale(self, view: SensorsView) -> None:
        """Fit the rows to the amplitudes: larger at once, smaller only when most of a row is empty."""
        fit = [not fault and not why for fault, why in zip(view.faults, view.left_out, strict=True)]
        units = np.where(fit, [DISPLAY_UNITS[kind] for kind in view.kinds], "")
        size = np.fmax(view.high, -view.low)[::RESCALE_EVERY]
        for unit in {*units.tolist()} - {""}:
            own = size[:, units == unit]
            own = own[np.isfinite(own)]
            if not len(own):
                continue
            wanted, present = float(np.percentile(own, ROW_PERCENTILE)) or 1.0, self._half_row.get(unit, 0.0)
            if wanted > present or wanted < 0.3 * present:
                self._half_row[unit] = round_up(1.15 * wanted)


def number_text(value: float) -> str:
    """Three digits, without an exponent."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def sensor_text(view: SensorsView, i: int) -> str:
    """What is known of a sensor, and what a click does, in parts."""
    unit = DISPLAY_UNITS[view.kinds[i]]
    density = f"{view.density[i]:.3g} {unit}/rHz" if view.seconds else "not judged yet"
    parts = [view.names[i], density]
    if view.faults[i]:
        parts.append(view.faults[i].split(": ")[0].removeprefix(f"{view.names[i]} "))
    if view.left_out[i]:
        parts.append(f"left out: {view.left_out[i]}")
    return "   ".join([*parts, "click: good again" if view.left_out[i] == MARKED else "click: mark as bad"])


def fault_text(view: SensorsView, i: int) -> str:
    """A sensor with its fault, in few words."""
    fault = view.faults[i].split(": ")[0].split(",")[0].removeprefix(f"{view.names[i]} ")
    return f"{view.names[i]} {view.left_out[i] or fault}"
