"""The status bar at the top: what is running, for how long, and whether it is live."""

from __future__ import annotations

from qtpy.QtCore import QRect, QRectF, QSize, Qt
from qtpy.QtGui import QPainter, QPen
from qtpy.QtWidgets import QWidget

from rtalign.core.text.time_format import clock_time
from rtalign.core.text.translation import tr
from rtalign.engine.snapshot import NO_SESSION, Snapshot
from rtalign_monitor.widgets.lamps import ROLE, paint_lamp
from rtalign_monitor.widgets.painted import SEPARATOR, PaintedWidget

LABELS = {
    "searching": tr("Searching"), "found": tr("Found"), "stale": tr("Stale"), "paused": tr("Paused"),
    "ended": tr("Stopping…"),
    "unknown": tr("No answer"),
}  # fmt: skip
MESSAGE_PX = 560
"""Width that a message needs beside the time."""


class StatusBar(PaintedWidget):
    """A lamp with the worst state of both streams, the model and its context, and the time.

    Attributes
    ----------
    snapshot : Snapshot or None
        The newest that was drawn.
    label : str
        Participant and session, beside what is running.
    source : str
        Where the signal comes from if not from a person, in a frame.
    parts : (str, str, str, str, str)
        What is shown: state of the lamp, its label, what is running, the time, and in a frame what must not be missed.
    """

    title = "rtalign"
    description = tr("What is running and whether it is live")
    minimum_size = QSize(320, 44)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.snapshot: Snapshot | None = None
        self.parts: tuple[str, str, str, str, str] = ("searching", tr("Starting"), "", "", "")
        self.label = self.source = ""
        self._started_s: float | None = None

    def sizeHint(self) -> QSize:
        return QSize(1200, round(self.px(44)))

    def set_scale(self, factor: float) -> None:
        super().set_scale(factor)
        self.setFixedHeight(round(self.px(44)))

    def draw(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        if snapshot.phase == "loading":
            self._started_s = None
        elif self._started_s is None and snapshot.time_s:  # the time of live streams does not start at zero
            self._started_s = snapshot.time_s
        what = SEPARATOR.join(part for part in (self.label.replace("_", " "), _what_runs(snapshot)) if part)
        overlap = (
            tr("No evidence: {training_overlap}", training_overlap=snapshot.training_overlap)
            if snapshot.training_overlap
            else ""
        )
        badge = "   ".join(part for part in (self.source, overlap) if part)
        parts = (*lamp_state(snapshot), what, self._time(snapshot), badge)
        if parts != self.parts:
            self.parts = parts
            self.setAccessibleDescription(", ".join(part for part in parts[1:] if part))
            self.invalidate()

    def message_room(self) -> QRect:
        """Where a message may stand: between the lamp with its label and, unless that is too little, the time."""
        left = self.px(60) + self.text_width(self.parts[1], 18, True)
        right = self.width() - self.px(32) - self.text_width(self.parts[3], 16, True)
        right = right if right - left >= MESSAGE_PX * self.scale else self.width() - self.px(4)
        return QRect(round(left), 0, max(round(right - left), 1), self.height())

    def paint_content(self, painter: QPainter) -> None:
        state, label, what, time, badge = self.parts
        height, margin = float(self.height()), self.px(16)
        side = self.px(18)
        paint_lamp(painter, self.theme, state, QRectF(margin, (height - side) / 2, side, side))
        x = margin + side + self.px(10)
        role = ROLE.get(state, "text")
        used = self.write(painter, QRectF(x, 0, self.width() * 0.4, height), label, role, 18, True)
        x += used + self.px(22)
        time_width = self.text_width(time, 16, True)
        self.write(
            painter,
            QRectF(self.width() - margin - time_width - 2, 0, time_width + 2, height),
            time,
            "text",
            16,
            True,
            "right",
        )
        room = self.width() - margin - time_width - x - self.px(20)
        if badge:
            shown = self._badge(painter, QRectF(x, 0, max(room, 0), height), badge)
            x, room = x + shown, room - shown
        used = self.write(painter, QRectF(x, 0, max(room, 0), height), "rtalign", "text", 14, True)
        beside = QRectF(x + used + self.px(14), 0, max(room - used - self.px(14), 0), height)
        self.write_parts(painter, beside, what.split(SEPARATOR), "muted", 13)

    def _badge(self, painter: QPainter, box: QRectF, text: str) -> float:
        """A frame around a text; returns the width that it takes, with the gap behind it."""
        pad = self.px(8)
        width = min(self.text_width(text, 13, True) + 2 * pad, box.width())
        frame = QRectF(box.left(), box.center().y() - self.px(12), width, self.px(24))
        painter.setPen(QPen(self.theme.colour("stale"), self.px(1.5)))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRoundedRect(frame, self.px(5), self.px(5))
        self.write(painter, frame.adjusted(pad, 0, -pad + 2, 0), text, "stale", 13, True)
        return width + self.px(18)

    def _time(self, snapshot: Snapshot) -> str:
        if snapshot.position_s is not None and snapshot.end_s is not None:
            speed = tr("paused") if snapshot.paused else tr("max") if snapshot.speed is None else f"{snapshot.speed:g}×"
            return f"{clock_time(snapshot.position_s)} / {clock_time(snapshot.end_s)}   {speed}"
        return (
            tr("running {started_s}", started_s=clock_time(snapshot.time_s - self._started_s))
            if self._started_s is not None
            else ""
        )


def _what_runs(snapshot: Snapshot) -> str:
    """The model, its context and its number of layers; without a model, why there is none."""
    if not snapshot.model:
        return snapshot.reason or ""
    kind, _, size = snapshot.context.partition(":")
    context = tr("context of {size} words", size=size) if size else ""
    if kind == "growing" and size.isdigit():
        context = tr("context growing to {size:,} words", size=int(size))
    parts = [snapshot.model.rsplit("/", 1)[-1], context, tr("{n} layers", n=len(snapshot.layers))]
    return "   ".join(part for part in parts if part)


def lamp_state(snapshot: Snapshot) -> tuple[str, str]:
    """State of the lamp, and its label.

    Parameters
    ----------
    snapshot : Snapshot
        The newest snapshot, with the states of its streams corrected if the engine sends none any more.

    Returns
    -------
    (str, str)
        State of the lamp, as `widgets.lamps` knows it, and the label beside it.
    """
    meg, words = snapshot.health.meg, snapshot.health.words
    if snapshot.phase == "failed":
        return "lost", tr("Failed")
    if snapshot.phase == "refused":
        return "lost", tr("Refused")
    if snapshot.phase == "ended":
        return "ended", tr("Ended")
    if snapshot.phase == "loading":
        return ("ended", tr("No session")) if snapshot.reason == NO_SESSION else ("searching", tr("Starting"))
    if meg.state == "lost":
        return "lost", tr("LOST {since}", since=clock_time(meg.since_s))
    if words.state == "lost":
        return "lost", tr("WORDS LOST {since}", since=clock_time(words.since_s))
    if snapshot.paused:
        return "paused", tr("Paused")
    flowing = tr("Replay") if snapshot.position_s is not None else tr("Live")
    return meg.state, {"flowing": flowing, **LABELS}.get(meg.state, meg.state)
