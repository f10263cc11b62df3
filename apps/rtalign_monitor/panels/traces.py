"""TracesPanel: the newest seconds of some sensors in their own units, with the words over them."""

from __future__ import annotations

import math
from collections.abc import Hashable

import numpy as np
from qtpy.QtCore import QRectF, QSize
from qtpy.QtGui import QPainter
from qtpy.QtWidgets import QWidget

from rtalign.core.text.time_format import clock_time
from rtalign.core.text.translation import tr
from rtalign.engine.snapshot import Snapshot, Traces
from rtalign_monitor.panels import empty_state
from rtalign_monitor.panels.axes import line_through, ticks
from rtalign_monitor.panels.panel import PanelSpec
from rtalign_monitor.panels.plot import PlotPanel, Range, rounded
from rtalign_monitor.panels.tables import ShownTable, trace_table

SPAN_S = 6.0
ROUND_NUMBERS = (1, 2, 5)
ROW_PERCENTILE = 90
"""Per cent of all values that lie within a row; the peaks of the strongest sensors reach into the rows beside."""
RESCALE_EVERY = 5
"""Snapshots from one check of the scales to the next."""


class TracesPanel(PlotPanel):
    """Signals over the seconds of their own clock_time; gaps are hatched.

    Attributes
    ----------
    half_row : dict of str to float
        By unit: the amplitude of half a row.
    """

    spec = PanelSpec("traces", tr("MEG traces"), "Ctrl+4", place="lower", columns=4, in_turns=False, in_demo=False)
    title = "MEG"
    description = tr("Some sensors over the last seconds; each kind has its own scale; hatched: no samples")
    minimum_size = QSize(220, 120)
    left_axis_px, bottom_axis_px = 62.0, 28.0

    def __init__(self, parent: QWidget | None = None) -> None:
        self.half_row: dict[str, float] = {}
        self._rescaled = -RESCALE_EVERY
        super().__init__(parent)

    def draw(self, snapshot: Snapshot) -> None:
        before, self.snapshot = self.snapshot, snapshot
        if before is not None and before.sequence == snapshot.sequence and snapshot.sequence:
            return
        if snapshot.traces is not None and snapshot.sequence - self._rescaled >= RESCALE_EVERY:
            self._rescaled = snapshot.sequence
            self._rescale(snapshot.traces)
        self.invalidate()

    def field(self) -> QRectF:
        left, top, foot = self.px(66), self.px(52), self.px(30)
        return rounded(QRectF(left, top, self.width() - left - self.px(24), self.height() - top - foot))

    def home(self) -> tuple[Range, Range]:
        return (-SPAN_S, 0.0), (-0.5, max(len(self._names), 1) - 0.5)

    def has_plot(self) -> bool:
        return bool(self._names)

    def table(self) -> ShownTable | None:
        return trace_table(self.snapshot) if self.snapshot is not None else None

    def tick_values(self, side: str, low: float, high: float, size: float) -> list[float]:
        if side == "bottom":
            return ticks(low, high, max(int(size / self.px(56)), 1))
        every = max(math.ceil(self.px(12.5) / (size / (high - low))), 1)
        return [float(len(self._names) - 1 - row) for row in range(0, len(self._names), every)]

    def tick_text(self, side: str, value: float) -> str:
        if side == "left":
            return self._names[len(self._names) - 1 - round(value)]
        return tr("now") if abs(value) < 1e-9 else tr("−{abs:g} s", abs=abs(value))

    @property
    def _names(self) -> tuple[str, ...]:
        traces = self.snapshot.traces if self.snapshot else None
        return traces.names if traces is not None and len(traces.data) else ()

    def now(self) -> float:
        """Signal time at this moment; while a stream is silent, time goes on without samples."""
        assert self.snapshot is not None
        meg = self.snapshot.health.meg
        silent = meg.age_s if meg.state in ("stale", "lost") and meg.age_s is not None else 0.0
        return self.snapshot.time_s + silent

    def background_key(self) -> Hashable:
        traces = self.snapshot.traces if self.snapshot else None
        return self.zoom_note(), None if traces is None else (traces.units, tuple(sorted(self.half_row.items())))

    def paint_background(self, painter: QPainter) -> None:
        self.write_title(painter, self.zoom_note() or self._note(self.snapshot.traces if self.snapshot else None))

    def paint_content(self, painter: QPainter) -> None:
        if self.snapshot is None or not self._names:
            self.write_placeholder(painter, QRectF(self.rect()), *empty_state.signal(self.snapshot))
            return
        self._write_words(painter, self.snapshot, self.now())

    def paint_plot(self, painter: QPainter) -> None:
        traces = self.snapshot.traces if self.snapshot else None
        if self.snapshot is None or traces is None or not len(traces.data):
            return
        now = self.now()
        self._gaps(painter, traces, now)
        self._word_lines(painter, self.snapshot, now)
        self._signals(painter, traces, now)
        self._silence(painter, traces, now)

    def _note(self, traces: Traces | None) -> str:
        if traces is None:
            return ""
        rows = [
            tr("a row is {number} {unit}", number=_number(2 * self.half_row.get(unit, 1)), unit=unit)
            for unit in dict.fromkeys(traces.units)
        ]
        return "   ".join(rows)

    def _signals(self, painter: QPainter, traces: Traces, now: float) -> None:
        field, axis, data = self.field(), self.axis(), traces.data
        x = axis.to_pixels(traces.start + np.arange(len(data)) / traces.rate - now)
        inside = (x >= field.left()) & (x <= field.right())
        data, x = data[inside], x[inside]
        if not len(x):
            return
        up, n = self.up(), len(traces.names)
        pitch = up.to_pixel(0) - up.to_pixel(1)
        scale = np.array([pitch / 2 / self.half_row.get(unit, 1.0) for unit in traces.units])
        middle = np.median(data[::4], axis=0) if np.isfinite(data).all() else _medians(data)
        y = up.to_pixels(n - 1.0 - np.arange(n)) - (data - middle) * scale
        for row in range(n):
            self.thin_line(painter, line_through(x, y[:, row]), self.theme.mixed("text", 0.8), steep=True)

    def _gaps(self, painter: QPainter, traces: Traces, now: float) -> None:
        """Hatch where no sensor has a sample."""
        missing = ~np.isfinite(traces.data).any(axis=1)
        if not missing.any():
            return
        edges = np.flatnonzero(np.diff(np.concatenate([[False], missing, [False]]).astype(np.int8)))
        for first, last in edges.reshape(-1, 2):
            self._hatch(painter, traces.start + first / traces.rate - now, traces.start + last / traces.rate - now)

    def _silence(self, painter: QPainter, traces: Traces, now: float) -> None:
        """Hatch from the last sample to now, where a stream has fallen silent."""
        assert self.snapshot is not None
        end, meg, field = traces.start + len(traces.data) / traces.rate - now, self.snapshot.health.meg, self.field()
        if meg.state not in ("stale", "lost"):
            return
        self._hatch(painter, end, 0.0)
        since = clock_time(meg.since_s)
        text = tr("LOST {since}", since=since) if meg.state == "lost" else tr("stale {since}", since=since)
        width = self.text_width(text, 13, True) + self.px(16)
        middle = (max(self.axis().to_pixel(end), field.left()) + field.right()) / 2
        box = QRectF(middle - width / 2, field.center().y() - self.px(11), width, self.px(22))
        box.moveRight(min(box.right(), field.right()))
        painter.fillRect(box, self.theme.colour("panel"))
        self.write(painter, box, text, meg.state, 13, True, "centre")

    def _hatch(self, painter: QPainter, start: float, stop: float) -> None:
        axis, field = self.axis(), self.field()
        left, right = axis.to_pixel(max(start, -SPAN_S)), axis.to_pixel(min(stop, 0.0))
        if right > left:
            self.hatch(painter, QRectF(left, field.top(), right - left, field.height()))

    def _word_lines(self, painter: QPainter, snapshot: Snapshot, now: float) -> None:
        field, axis, colour = self.field(), self.axis(), self.theme.mixed("accent", 0.45)
        for entry in snapshot.words:
            if axis.low <= entry.word.onset - now <= axis.high:
                x = axis.to_pixel(entry.word.onset - now)
                self.vertical_line(painter, x, field.top(), field.bottom(), colour)

    def _write_words(self, painter: QPainter, snapshot: Snapshot, now: float) -> None:
        """Over their lines, as many as there is room for."""
        field, axis, free = self.field(), self.axis(), -1.0
        for entry in snapshot.words:
            if not axis.low <= entry.word.onset - now <= min(axis.high, 0.0):
                continue
            x, width = axis.to_pixel(entry.word.onset - now), self.text_width(entry.word.text, 11)
            if x >= free and x + width < self.width() - self.px(6):
                box = QRectF(x, field.top() - self.px(20), width + 2, self.px(15))
                self.write(painter, box, entry.word.text, "muted", 11)
                free = x + width + self.px(6)

    def _rescale(self, traces: Traces) -> None:
        """Fit the rows to the amplitudes: larger at once, smaller only when most of a row is empty."""
        for unit in set(traces.units):
            data = traces.data[:, [u == unit for u in traces.units]]
            if not np.isfinite(data).any():
                continue
            wanted = float(np.nanpercentile(np.abs(data - _medians(data)), ROW_PERCENTILE)) or 1.0
            present = self.half_row.get(unit, 0.0)
            if wanted > present or wanted < 0.3 * present:
                self.half_row[unit] = round_up(1.15 * wanted)


def _medians(data: np.ndarray) -> np.ndarray:
    """(sensor,) medians of the finite values; 0 where there are none."""
    finite = np.isfinite(data)
    return np.array([np.median(data[rows, i]) if rows.any() else 0.0 for i, rows in enumerate(finite.T)])


def round_up(value: float) -> float:
    """The next round number above."""
    unit = 10.0 ** np.floor(np.log10(value))
    return float(next((unit * r for r in (*ROUND_NUMBERS, 10) if unit * r >= value), 10 * unit))


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"
