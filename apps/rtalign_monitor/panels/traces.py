"""TracesView: the newest seconds of some sensors in their own units, with the words over them."""

from __future__ import annotations

import math
from collections.abc import Hashable

import numpy as np
from PyQt6.QtCore import QRectF, QSize
from PyQt6.QtGui import QPainter
from PyQt6.QtWidgets import QWidget

from rtalign.core.time_format import clock_time
from rtalign.engine.snapshot import Snapshot, Traces
from rtalign_monitor.panels import empty_state
from rtalign_monitor.panels.axes import Axis
from rtalign_monitor.panels.curves import line_of
from rtalign_monitor.panels.panel import Panel

SPAN_S = 6.0
ROUND = (1, 2, 5)
USUAL = 90
"""Per cent of all values that lie within a row; the strongest sensors' peaks reach into their neighbours'."""
FOLLOW_EVERY = 5
"""Snapshots from one look at the scale to the next."""


class TracesView(Panel):
    """Seconds are those of the signal's clock; where nothing came, nothing is drawn."""

    title = "MEG"
    says = "Some sensors over the last seconds; each kind has its own scale; hatched: nothing came"
    fewest = QSize(220, 120)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.seen: Snapshot | None = None
        self.spread: dict[str, float] = {}
        self._followed = -FOLLOW_EVERY

    def draw(self, snapshot: Snapshot) -> None:
        before, self.seen = self.seen, snapshot
        if before is not None and before.sequence == snapshot.sequence and snapshot.sequence:
            return
        if snapshot.traces is not None and snapshot.sequence - self._followed >= FOLLOW_EVERY:
            self._followed = snapshot.sequence
            self._follow(snapshot.traces)
        self.renew()

    def field(self) -> QRectF:
        left, top, foot = self.px(66), self.px(52), self.px(30)
        return QRectF(left, top, max(self.width() - left - self.px(16), 10), max(self.height() - top - foot, 10))

    def axis(self) -> Axis:
        field = self.field()
        return Axis(-SPAN_S, 0.0, field.left(), field.right())

    def now(self) -> float:
        """Signal time at this moment: while a stream is silent, time goes on without samples."""
        assert self.seen is not None
        meg = self.seen.health.meg
        silent = meg.age_s if meg.state in ("stale", "lost") and meg.age_s is not None else 0.0
        return self.seen.time_s + silent

    def grounds(self) -> Hashable:
        traces = self.seen.traces if self.seen else None
        return None if traces is None else (traces.names, traces.units, tuple(sorted(self.spread.items())))

    def ground(self, painter: QPainter) -> None:
        traces = self.seen.traces if self.seen else None
        self.write_title(painter, self._note(traces))
        self._seconds(painter)
        if traces is None or not traces.names:
            return
        field, n = self.field(), len(traces.names)
        pitch = field.height() / n
        for row in range(0, n, max(math.ceil(self.px(12.5) / pitch), 1)):
            box = QRectF(0, field.top() + (row + 0.5) * pitch - self.px(8), field.left() - self.px(8), self.px(16))
            self.write(painter, box, traces.names[row], "muted", 11, align="right")

    def plate(self, painter: QPainter) -> None:
        traces = self.seen.traces if self.seen else None
        if self.seen is None or traces is None or not len(traces.data):
            self.await_(painter, QRectF(self.rect()), *empty_state.signal(self.seen))
            return
        now = self.now()
        self._holes(painter, traces, now)
        self._words(painter, self.seen, now)
        self._stack(painter, traces, now)
        self._silence(painter, traces, now)

    def _note(self, traces: Traces | None) -> str:
        if traces is None:
            return ""
        rows = [f"a row is {_number(2 * self.spread.get(unit, 1))} {unit}" for unit in dict.fromkeys(traces.units)]
        return "   ".join(rows)

    def _stack(self, painter: QPainter, traces: Traces, now: float) -> None:
        field, axis, data = self.field(), self.axis(), traces.data
        x = axis.at_all(traces.start + np.arange(len(data)) / traces.rate - now)
        data, x = data[x >= field.left()], x[x >= field.left()]
        if not len(x):
            return
        pitch, n = field.height() / len(traces.names), len(traces.names)
        scale = np.array([pitch / 2 / self.spread.get(unit, 1.0) for unit in traces.units])
        middle = np.median(data[::4], axis=0) if np.isfinite(data).all() else _middles(data)
        y = field.top() + (np.arange(n) + 0.5) * pitch - (data - middle) * scale
        painter.save()
        painter.setClipRect(field.adjusted(0, -2, 0, 2))
        for row in range(n):
            self.strokes(painter, line_of(x, y[:, row]), self.theme.mixed("text", 0.8), steep=True)
        painter.restore()

    def _holes(self, painter: QPainter, traces: Traces, now: float) -> None:
        """Where no sensor has anything, hatched."""
        missing = ~np.isfinite(traces.data).any(axis=1)
        if not missing.any():
            return
        edges = np.flatnonzero(np.diff(np.concatenate([[False], missing, [False]]).astype(np.int8)))
        for first, last in edges.reshape(-1, 2):
            self._hatch(painter, traces.start + first / traces.rate - now, traces.start + last / traces.rate - now)

    def _silence(self, painter: QPainter, traces: Traces, now: float) -> None:
        """From the last sample to now, when a stream has fallen silent."""
        assert self.seen is not None
        end, meg, field = traces.start + len(traces.data) / traces.rate - now, self.seen.health.meg, self.field()
        if meg.state not in ("stale", "lost"):
            return
        self._hatch(painter, end, 0.0)
        said = f"{'LOST' if meg.state == 'lost' else 'stale'} {clock_time(meg.since_s)}"
        wide = self.width_of(said, 13, True) + self.px(16)
        middle = (max(self.axis().at(end), field.left()) + field.right()) / 2
        box = QRectF(middle - wide / 2, field.center().y() - self.px(11), wide, self.px(22))
        box.moveRight(min(box.right(), field.right()))
        painter.fillRect(box, self.theme.colour("panel"))
        self.write(painter, box, said, meg.state, 13, True, "centre")

    def _hatch(self, painter: QPainter, start: float, stop: float) -> None:
        axis, field = self.axis(), self.field()
        left, right = axis.at(max(start, -SPAN_S)), axis.at(min(stop, 0.0))
        if right > left:
            self.hatch(painter, QRectF(left, field.top(), right - left, field.height()))

    def _words(self, painter: QPainter, seen: Snapshot, now: float) -> None:
        field, axis, free = self.field(), self.axis(), -1.0
        colour = self.theme.mixed("accent", 0.45)
        for entry in seen.words:
            away = entry.word.onset - now
            if not -SPAN_S <= away <= 0:
                continue
            x = axis.at(away)
            self.upright(painter, x, field.top() - self.px(4), field.bottom(), colour)
            wide = self.width_of(entry.word.text, 11)
            if x >= free and x + wide < self.width() - self.px(6):
                box = QRectF(x, field.top() - self.px(20), wide + 2, self.px(15))
                self.write(painter, box, entry.word.text, "muted", 11)
                free = x + wide + self.px(6)

    def _seconds(self, painter: QPainter) -> None:
        field, axis = self.field(), self.axis()
        for tick in axis.ticks(self.px(56)):
            x = axis.at(tick)
            self.upright(painter, x, field.bottom(), field.bottom() + self.px(4), self.theme.colour("faint"))
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
            wanted = float(np.nanpercentile(np.abs(data - _middles(data)), USUAL)) or 1.0
            held = self.spread.get(unit, 0.0)
            if wanted > held or wanted < 0.3 * held:
                self.spread[unit] = rounded(1.15 * wanted)


def _middles(data: np.ndarray) -> np.ndarray:
    """(sensor,): its median, 0 where nothing is known."""
    seen = np.isfinite(data)
    return np.array([np.median(data[there, i]) if there.any() else 0.0 for i, there in enumerate(seen.T)])


def rounded(value: float) -> float:
    """The next round number above."""
    unit = 10.0 ** np.floor(np.log10(value))
    return float(next((unit * r for r in (*ROUND, 10) if unit * r >= value), 10 * unit))


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"
