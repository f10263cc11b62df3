"""StatusView: the bar on top that says what is running, for how long, and whether it is live."""

from __future__ import annotations

from PyQt6.QtCore import QRectF, QSize
from PyQt6.QtGui import QPainter
from PyQt6.QtWidgets import QWidget

from rtalign.core.time_format import clock_time
from rtalign.engine.snapshot import NO_SESSION, Snapshot
from rtalign_monitor.widgets.lamps import ROLE, lamp
from rtalign_monitor.widgets.painted import PaintedWidget


class StatusView(PaintedWidget):
    """The lamp is the worst of both streams."""

    title = "rtalign"
    description = "What is running and whether it is live"
    minimum_size = QSize(320, 44)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.seen: Snapshot | None = None
        self.said: tuple[str, str, str, str] = ("searching", "Starting", "", "")
        self._began: float | None = None

    def sizeHint(self) -> QSize:
        return QSize(1200, round(self.px(44)))

    def set_scale(self, factor: float) -> None:
        super().set_scale(factor)
        self.setFixedHeight(round(self.px(44)))

    def draw(self, snapshot: Snapshot) -> None:
        self.seen = snapshot
        if snapshot.phase == "loading":
            self._began = None
        elif self._began is None and snapshot.time_s:  # live time counts from the first sample, not from zero
            self._began = snapshot.time_s
        said = (*headline(snapshot), self._what(snapshot), self._when(snapshot))
        if said != self.said:
            self.said = said
            self.setAccessibleDescription(", ".join(part for part in said[1:] if part))
            self.invalidate()

    def paint_content(self, painter: QPainter) -> None:
        state, word, what, when = self.said
        height, margin = float(self.height()), self.px(16)
        side = self.px(18)
        lamp(painter, self.theme, state, QRectF(margin, (height - side) / 2, side, side))
        x = margin + side + self.px(10)
        role = ROLE.get(state, "text")
        used = self.write(painter, QRectF(x, 0, self.width() * 0.4, height), word, role, 18, True)
        x += used + self.px(22)
        wide = self.text_width(when, 16, True)
        self.write(
            painter, QRectF(self.width() - margin - wide - 2, 0, wide + 2, height), when, "text", 16, True, "right"
        )
        room = self.width() - margin - wide - x - self.px(20)
        used = self.write(painter, QRectF(x, 0, max(room, 0), height), "rtalign", "text", 14, True)
        self.write(
            painter, QRectF(x + used + self.px(14), 0, max(room - used - self.px(14), 0), height), what, "muted", 13
        )

    def _what(self, seen: Snapshot) -> str:
        kind, _, size = seen.context.partition(":")
        context = f"context {kind} to {int(size):,} words" if kind == "growing" and size.isdigit() else (
            f"context of {size} words" if size else "")  # fmt: skip
        parts = [seen.model.rsplit("/", 1)[-1], context, f"{len(seen.layers)} layers"]
        return "   ".join(part for part in parts if part) if seen.model else seen.reason or ""

    def _when(self, seen: Snapshot) -> str:
        if seen.position_s is not None and seen.end_s is not None:
            speed = "paused" if seen.paused else "max" if seen.speed is None else f"{seen.speed:g}×"
            return f"{clock_time(seen.position_s)} / {clock_time(seen.end_s)}   {speed}"
        return f"running {clock_time(seen.time_s - self._began)}" if self._began is not None else ""


def headline(seen: Snapshot) -> tuple[str, str]:
    """The lamp's state and the word beside it."""
    meg, words = seen.health.meg, seen.health.words
    if seen.phase == "failed":
        return "lost", "Failed"
    if seen.phase == "refused":
        return "lost", "Refused"
    if seen.phase == "ended":
        return "ended", "Ended"
    if seen.phase == "loading":
        return ("ended", "No session") if seen.reason == NO_SESSION else ("searching", "Starting")
    if meg.state == "lost":
        return "lost", f"LOST {clock_time(meg.since_s)}"
    if words.state == "lost":
        return "lost", f"WORDS LOST {clock_time(words.since_s)}"
    if seen.paused:
        return "paused", "Paused"
    names = {"flowing": "Replay" if seen.position_s is not None else "Live", "searching": "Searching", "found": "Found",
             "stale": "Stale", "paused": "Paused", "ended": "Ending", "unknown": "No answer"}  # fmt: skip
    return meg.state, names.get(meg.state, meg.state)
