"""SensorsPanel: every sensor as it comes, in one of four views."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Literal

import numpy as np
from qtpy.QtCore import QEvent, QObject, QPointF, QRectF, QSize, Qt, Signal
from qtpy.QtGui import QMouseEvent, QPainter, QWheelEvent
from qtpy.QtWidgets import QWidget

from rtalign.core.records import DISPLAY_UNITS
from rtalign.core.text.translation import tr
from rtalign.engine.snapshot import SensorsView, Snapshot
from rtalign.signal.envelope import SPAN_S
from rtalign_monitor.panels import empty_state
from rtalign_monitor.panels.panel import PanelSpec
from rtalign_monitor.panels.plot import Range, rounded
from rtalign_monitor.panels.sensors.noise import NoisePlot
from rtalign_monitor.panels.sensors.rows import SensorRows, fault_text, sensor_text
from rtalign_monitor.panels.sensors.signals import AllPlot, ButterflyPlot
from rtalign_monitor.panels.sensors.spectrum import SpectrumPlot
from rtalign_monitor.panels.sensors.view import RowsPlot, SensorPlot, SensorsField
from rtalign_monitor.panels.tables import ShownTable

View = Literal["butterfly", "all", "noise", "spectrum"]
PLOTS: dict[View, type[SensorPlot]] = {
    "butterfly": ButterflyPlot, "all": AllPlot, "noise": NoisePlot, "spectrum": SpectrumPlot,
}  # fmt: skip
"""The views, in the order of their tabs; a new view is one line here and one in `View`."""
TABS: dict[View, str] = {name: plot.tab for name, plot in PLOTS.items()}
READABLE_ROWS = 24
"""Rows that the wheel shows when all of them were shown."""
GAIN_STEP, ZOOM_STEP, SCROLL_SHARE = 1.25, 1.25, 0.15
RESCALE_EVERY = 5
"""Snapshots from one check of the scales to the next, which looks at one of so many columns."""
NEAR_PX = 14.0
"""A sensor further away from the pointer is not meant."""


class SensorsPanel(SensorsField):
    """Four views of every sensor; a click marks the one that is pointed at as bad, or as good again.

    Attributes
    ----------
    shown : {"butterfly", "all", "noise", "spectrum"}
        The view.
    plots : dict of str to SensorPlot
        What paints each view.
    pointed : int or None
        The sensor under the pointer.
    """

    spec = PanelSpec("sensors", tr("Sensors"), "Ctrl+7", place="side", columns=5, in_turns=True, in_demo=False)
    title = tr("Sensors")
    description = tr("Every sensor; wheel: scroll, with Ctrl: gain, with Shift: fewer rows; click: mark as bad or good")
    minimum_size = QSize(320, 200)
    left_axis_px, bottom_axis_px = 66.0, 28.0
    sensor_clicked = Signal(str)
    visibility_changed = Signal(bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        self.shown: View = "butterfly"
        self.plots = {name: plot(self) for name, plot in PLOTS.items()}
        self.pointed: int | None = None
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

    @property
    def _spectrum(self) -> SpectrumPlot:
        found = self.plots["spectrum"]
        assert isinstance(found, SpectrumPlot)
        return found

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
            self.amplitudes.fit(view, RESCALE_EVERY)
        self.invalidate()

    def show_view(self, shown: View) -> None:
        """Show another of the views; the spectrum once more: of the next kind of sensors."""
        again = shown == self.shown == "spectrum"
        self._spectrum.kind_index = self._spectrum.kind_index + 1 if again else 0
        self.shown, self.pointed, self.follows = shown, None, True
        self.invalidate()

    def show_next(self) -> None:
        """Show the next view, or the spectrum of the next kind of sensors."""
        views = list(TABS)
        kinds = {*self.sensors.kinds} if self.sensors is not None else set()
        if self.shown == "spectrum" and self._spectrum.kind_index + 1 < len(kinds):
            self.show_view("spectrum")
            return
        self.show_view(views[(views.index(self.shown) + 1) % len(views)])

    def change_gain(self, steps: float) -> None:
        """Make all amplitudes larger (positive) or smaller."""
        self.gain = min(max(self.gain * GAIN_STEP**steps, 0.01), 100.0)
        self.invalidate()

    def menu_entries(self) -> dict[str, Callable[[], object]]:
        views = {
            tr("Show {text}", text=text.lower()): lambda view=view: self.show_view(view) for view, text in TABS.items()
        }
        return {**views, tr("Larger"): lambda: self.change_gain(1), tr("Smaller"): lambda: self.change_gain(-1),
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
        view = self.sensors
        if view is None or self._rows is None:
            return (-SPAN_S, 0.0), (-0.5, 0.5)
        return self.plots[self.shown].home(view)

    def has_plot(self) -> bool:
        return self._rows is not None

    def tick_values(self, side: str, low: float, high: float, size: float) -> list[float]:
        return self.plots[self.shown].tick_values(side, low, high, size)

    def tick_text(self, side: str, value: float) -> str:
        return self.plots[self.shown].tick_text(side, value)

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
            return tr("the check needs a second of signal")
        n_fit = sum(not fault for fault in view.faults)
        n_out = sum(bool(why) for why in view.left_out)
        out = tr("   {n_out} left out", n_out=n_out) if n_out else ""
        return tr(
            "{n_fit} of {n} fit by {seconds:.0f} s of signal{out}",
            n_fit=n_fit,
            n=len(view.names),
            seconds=min(view.seconds, 99),
            out=out,
        )

    def _readout(self) -> str:
        """Of the sensor that is pointed at; else what is wrong."""
        view = self.sensors
        if view is None:
            return ""
        if self.pointed is not None:
            return sensor_text(view, self.pointed)
        wrong = [i for i in range(len(view.names)) if view.faults[i] or view.left_out[i]]
        more = [tr("and {n} more", n=len(wrong) - 3)] if len(wrong) > 3 else []
        said = [fault_text(view, i) for i in wrong[:3]] + more
        return "   ".join([self.zoom_note() or self._scale_note(), *said])

    def _scale_note(self) -> str:
        """What a row or an axis is."""
        view = self.sensors
        return "" if view is None else self.plots[self.shown].scale_note(view)

    # Plot

    def paint_content(self, painter: QPainter) -> None:
        if self._rows is None:
            self.write_placeholder(painter, QRectF(self.rect()), *empty_state.signal(self.snapshot))

    def paint_plot(self, painter: QPainter) -> None:
        if self.sensors is not None and self._rows is not None:
            self.plots[self.shown].paint(painter, self.sensors)

    def paint_marks(self, painter: QPainter) -> None:
        if self.sensors is None or self.pointed is None or self._rows is None:
            return
        painter.setClipRect(self.field())
        self.plots[self.shown].paint_pointed(painter, self.sensors, self.pointed)

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
        plot = self.plots[self.shown]
        away = plot.away(view, at)
        i = int(np.argmin(np.where(np.isnan(away), np.inf, away)))
        return i if away[i] < self.px(NEAR_PX) or plot.takes_any_distance else None

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
        plot = self.plots[self.shown]
        if isinstance(event, QWheelEvent) and self._rows is not None and isinstance(plot, RowsPlot):
            self._wheel(event, plot.n_rows)
            return True
        return bool(super().eventFilter(watched, event))

    def _wheel(self, event: QWheelEvent, n_rows: int) -> None:
        steps = (event.angleDelta().y() or event.angleDelta().x()) / 120
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self.change_gain(steps)
            return
        low, high = self.box.viewRange()[1]
        at = self.up().to_value(event.position().y() + self.view.y())
        if event.modifiers() & Qt.KeyboardModifier.ShiftModifier or self.follows:
            wanted = min(READABLE_ROWS, n_rows) if self.follows else (high - low) * ZOOM_STEP**-steps
            self._see(at - (at - low) / (high - low) * wanted, wanted, n_rows)
        else:
            self._see(low + steps * SCROLL_SHARE * (high - low), high - low, n_rows)

    def _see(self, low: float, n: float, n_rows: int) -> None:
        """See n rows from a height on, as far as there are rows."""
        n = min(max(n, 1.0), n_rows)
        low = min(max(low, -0.5), n_rows - 0.5 - n)
        self.follows = n >= n_rows
        self.box.setRange(yRange=(low, low + n), padding=0, disableAutoRange=False)
        self.invalidate()

    def showEvent(self, event: object) -> None:  # noqa: ARG002
        self.visibility_changed.emit(True)

    def hideEvent(self, event: object) -> None:  # noqa: ARG002
        self.visibility_changed.emit(False)
