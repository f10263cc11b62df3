"""TracesView: the newest seconds of some sensors in their own units, with the words over them."""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg  # type: ignore[import-untyped]
from PyQt6.QtCore import QLineF, QRectF, QSize, Qt
from PyQt6.QtGui import QPainter, QPen
from PyQt6.QtWidgets import QWidget

from apps.axes import Axis
from apps.panel import Panel
from rtalign.snapshot import Snapshot, Traces

SPAN_S = 6.0
ROUND = (1, 2, 5)


class TracesView(Panel):
    """Seconds are those of the signal's clock; where nothing came, nothing is drawn."""

    title = "MEG"
    says = "Some sensors, seconds before now; each kind of sensor has its own scale"
    fewest = QSize(220, 120)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.seen: Snapshot | None = None
        self.spread: dict[str, float] = {}

    def draw(self, snapshot: Snapshot) -> None:
        before, self.seen = self.seen, snapshot
        if before is not None and before.sequence == snapshot.sequence and snapshot.sequence:
            return
        if snapshot.traces is not None:
            self._follow(snapshot.traces)
        self.renew()

    def field(self) -> QRectF:
        left, top, foot = self.px(66), self.px(52), self.px(30)
        return QRectF(left, top, max(self.width() - left - self.px(16), 10), max(self.height() - top - foot, 10))

    def axis(self) -> Axis:
        field = self.field()
        return Axis(-SPAN_S, 0.0, field.left(), field.right())

    def plate(self, painter: QPainter) -> None:
        traces = self.seen.traces if self.seen else None
        self.write_title(painter, self._note(traces))
        self._seconds(painter)
        if self.seen is None or traces is None or not len(traces.data):
            self.write(painter, self.field(), "no signal yet", "muted", align="centre")
            return
        self._words(painter, self.seen)
        self._stack(painter, traces, self.seen.time_s)

    def _note(self, traces: Traces | None) -> str:
        if traces is None:
            return ""
        return "   ".join(
            f"row = {_number(2 * self.spread.get(unit, 1))} {unit}" for unit in dict.fromkeys(traces.units)
        )

    def _stack(self, painter: QPainter, traces: Traces, now: float) -> None:
        field, axis, n = self.field(), self.axis(), len(traces.names)
        pitch, times = field.height() / n, traces.start + np.arange(len(traces.data)) / traces.rate - now
        step = max(round(self.px(14) / pitch), 1) if pitch < self.px(14) else 1
        painter.save()
        painter.setClipRect(field.adjusted(0, -2, 0, 2))
        painter.setPen(QPen(self.theme.colour("text", 0.8), 1))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        x = axis.at_all(times)
        for row in range(n):
            middle = field.top() + (row + 0.5) * pitch
            scale = pitch / 2 / self.spread.get(traces.units[row], 1.0)
            column = traces.data[:, row].astype(float)
            column = column - (np.nanmedian(column) if np.isfinite(column).any() else 0.0)
            painter.drawPath(pg.functions.arrayToQPath(x, middle - column * scale, connect="finite"))
        painter.restore()
        for row in range(0, n, step):
            box = QRectF(0, field.top() + (row + 0.5) * pitch - self.px(8), field.left() - self.px(8), self.px(16))
            self.write(painter, box, traces.names[row], "muted", 11, align="right")

    def _words(self, painter: QPainter, seen: Snapshot) -> None:
        field, axis, free = self.field(), self.axis(), -1.0
        for entry in seen.words:
            away = entry.word.onset - seen.time_s
            if not -SPAN_S <= away <= 0:
                continue
            x = axis.at(away)
            painter.setPen(QPen(self.theme.colour("accent", 0.45), 1))
            painter.drawLine(QLineF(x, field.top() - self.px(4), x, field.bottom()))
            wide = self.width_of(painter, entry.word.text, 11)
            if x >= free and x + wide < self.width() - self.px(6):
                box = QRectF(x, field.top() - self.px(20), wide + 2, self.px(15))
                self.write(painter, box, entry.word.text, "muted", 11)
                free = x + wide + self.px(6)

    def _seconds(self, painter: QPainter) -> None:
        field, axis = self.field(), self.axis()
        for tick in axis.ticks(self.px(56)):
            x = axis.at(tick)
            painter.setPen(QPen(self.theme.colour("faint"), 1))
            painter.drawLine(QLineF(x, field.bottom(), x, field.bottom() + self.px(4)))
            box = QRectF(x - self.px(28), field.bottom() + self.px(4), self.px(56), self.px(16))
            if tick == 0:
                box.moveRight(self.width() - self.px(6))
            said = "now" if tick == 0 else f"−{abs(tick):g} s"
            self.write(painter, box, said, "muted", 11, align="right" if tick == 0 else "centre")

    def _follow(self, traces: Traces) -> None:
        """Half a row holds this much of a unit: up at once, down only when most of a row lies empty."""
        for unit in set(traces.units):
            data = traces.data[:, [u == unit for u in traces.units]]
            if not np.isfinite(data).any():
                continue
            wanted = float(np.nanpercentile(np.abs(data - np.nanmedian(data, axis=0)), 99)) or 1.0
            held = self.spread.get(unit, 0.0)
            if wanted > held or wanted < 0.3 * held:
                self.spread[unit] = rounded(1.15 * wanted)


def rounded(value: float) -> float:
    """The next round number above."""
    unit = 10.0 ** np.floor(np.log10(value))
    return float(next((unit * r for r in (*ROUND, 10) if unit * r >= value), 10 * unit))


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"
