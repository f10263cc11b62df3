"""TranscriptView: the words as they are heard, the current one strong, over a ruler of their onsets."""

from __future__ import annotations

import math
from dataclasses import dataclass

from PyQt6.QtCore import QPointF, QRectF, QSize, pyqtSignal
from PyQt6.QtGui import QMouseEvent, QPainter, QPen
from PyQt6.QtWidgets import QWidget

from rtalign.engine.ledger import Entry
from rtalign.engine.snapshot import Snapshot
from rtalign_monitor.panels import empty_state
from rtalign_monitor.panels.axes import Axis
from rtalign_monitor.panels.panel import Panel

RULER_S = 20.0
MOST_BITS = 16.0
"""Surprisal at which an underline is thickest."""


@dataclass(frozen=True, slots=True)
class Placed:
    """A word on the panel."""

    entry: Entry
    box: QRectF


class TranscriptView(Panel):
    """Lines stay where they are; when the last one is full, the first one goes, as in subtitles."""

    picked = pyqtSignal(int)
    title = "Words"
    says = "The words as heard; underline: surprisal; struck through: skipped; a click looks at a word"
    fewest = QSize(320, 92)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.seen: Snapshot | None = None
        self.chosen: int | None = None
        self.hovered: int | None = None
        self._first: int | None = None
        self.placed: list[Placed] = []

    def draw(self, snapshot: Snapshot) -> None:
        before, self.seen = self.seen, snapshot
        chosen = snapshot.inspected.entry.word.index if snapshot.inspected else self.chosen
        same = before is not None and before.words == snapshot.words and chosen == self.chosen
        self.chosen = chosen
        if same and before is not None and current(before) == current(snapshot) and self._states(before):
            self.update(self._ruler_box().toAlignedRect())
            return
        newest = next((entry for entry in snapshot.words if entry.word.index == current(snapshot)), None)
        self.setAccessibleDescription(told(newest) if newest else ", ".join(empty_state.words(snapshot)))
        self.renew()

    def _states(self, before: Snapshot) -> bool:
        """Whether what is awaited has not changed."""
        return bool(before.words) or empty_state.words(before) == empty_state.words(self.seen)

    def ground(self, painter: QPainter) -> None:
        axis, y = self._seconds()
        self.level(painter, y, axis.start, axis.stop, self.theme.colour("faint"))
        for tick in axis.ticks(self.px(110)):
            label = QRectF(axis.at(tick) - self.px(30), y + self.px(1), self.px(60), self.px(15))
            said = "now" if tick == 0 else f"−{abs(tick):g} s"
            self.write(painter, label, said, "muted", 11, align="centre")

    def plate(self, painter: QPainter) -> None:
        self.write_title(painter, self._note(), self.px(250))
        self._context(painter)
        self.placed = self._place()
        if not self.placed:
            what, when = empty_state.words(self.seen)
            box = self._lines()
            used = self.write(painter, box, what, "text", 16)
            self.write(painter, box.adjusted(used + self.px(8), 0, 0, 0), when, "muted", 16)
            return
        now = current(self.seen) if self.seen else None
        for age, placed in enumerate(reversed(self.placed)):
            self._word(painter, placed, placed.entry.word.index == now, age)

    def over(self, painter: QPainter) -> None:
        self._ruler(painter)
        for placed in self.placed:
            if placed.entry.word.index == self.hovered:
                painter.setPen(QPen(self.theme.colour("accent"), 1))
                painter.setBrush(self.theme.colour("accent", 0.10))
                painter.drawRoundedRect(placed.box.adjusted(-4, 0, 4, 0), 4, 4)

    def mouseMoveEvent(self, event: QMouseEvent | None) -> None:
        found = self._at(event.position()) if event else None
        hovered = found.word.index if found else None
        if hovered != self.hovered:
            self.hovered = hovered
            self.setToolTip(told(found) if found else self.says)
            self.update()

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        found = self._at(event.position()) if event else None
        if found:
            self.chosen = found.word.index
            self.picked.emit(found.word.index)
            self.renew()

    def leaveEvent(self, event) -> None:  # type: ignore[no-untyped-def]  # noqa: ARG002
        self.hovered = None
        self.update()

    def _at(self, place: QPointF) -> Entry | None:
        return next((p.entry for p in self.placed if p.box.adjusted(-3, -2, 3, 2).contains(place)), None)

    def _lines(self) -> QRectF:
        box = self.inner()
        return QRectF(box.left(), box.top() + self.px(24), box.width(), box.height() - self.px(24 + 28))

    def _place(self) -> list[Placed]:
        """Boxes of the words from the first one of the top line on; moves the top line on when there is no room."""
        if self.seen is None or not self.seen.words:
            return []
        words = self.seen.words
        indices = [entry.word.index for entry in words]
        start = indices.index(self._first) if self._first in indices else max(len(words) - 40, 0)
        box = self._lines()
        pitch = max(min(self.px(30), box.height()), self.px(20))
        most = max(int(box.height() // pitch), 1)
        lines = self._broken(words[start:], box.width())
        if most == 1 and len(lines) > 1:  # a single line keeps its newer half, or it would begin empty
            lines = self._broken(words[-max(len(lines[0]) // 2, 1) :], box.width())
        lines = lines[-most:]
        self._first = lines[0][0][0].word.index
        top = box.top() + max((box.height() - most * pitch) / 2, 0)
        return [
            Placed(entry, QRectF(box.left() + x, top + n * pitch, width, pitch))
            for n, line in enumerate(lines)
            for entry, x, width in line
        ]

    def _broken(self, words: tuple[Entry, ...], most: float) -> list[list[tuple[Entry, float, float]]]:
        """Lines hold their words even when bold, so that a word that is current never changes its line."""
        lines: list[list[tuple[Entry, float, float]]] = [[]]
        x, space, now = 0.0, self.px(12), current(self.seen) if self.seen else None
        for entry in words:
            bold = self.width_of(entry.word.text, 20, True)
            width = bold if entry.word.index == now else self.width_of(entry.word.text, 20)
            if lines[-1] and x + bold > most:
                lines.append([])
                x = 0.0
            lines[-1].append((entry, x, min(width, most)))
            x += width + space
        return lines

    def _word(self, painter: QPainter, placed: Placed, now: bool, age: int) -> None:
        box, entry = placed.box, placed.entry
        if now or entry.word.index == self.chosen:
            pill = box.adjusted(-self.px(5), 0, self.px(5), -self.px(3))
            painter.setPen(QPen(self.theme.colour("accent"), self.px(1.5)))
            painter.setBrush(self.theme.colour("accent", 1.0 if now else 0.0))
            painter.drawRoundedRect(pill, self.px(6), self.px(6))
        text = self.theme.colour("on_accent" if now else "text" if age < 6 else "muted")
        line = box.adjusted(0, 0, 0, -self.px(4))
        self.write(painter, line, entry.word.text, text, 20, now)
        if entry.status == "skipped":
            y = line.center().y() + self.px(1)
            colour = self.theme.colour("on_accent" if now else "muted")
            self.level(painter, y, box.left(), box.right(), colour, self.px(1.2))
        elif entry.surprisal is not None and not now:
            self._underline(painter, QRectF(box.left(), line.center().y() + self.px(11), box.width(), 0), bits(entry))

    def _underline(self, painter: QPainter, at: QRectF, surprisal: float) -> None:
        thick = self.px(0.6 + 4.4 * min(surprisal / MOST_BITS, 1.0))
        painter.fillRect(QRectF(at.left(), at.top(), at.width(), thick), self.theme.colour("accent", 0.75))

    def _note(self) -> str:
        if self.seen is None or not self.seen.n_received:
            return ""
        return f"{self.seen.n_received:,} heard   underline: surprisal   struck: skipped"

    def _context(self, painter: QPainter) -> None:
        """How much of its context the language model has in use, as far as that can be said."""
        if self.seen is None or not self.seen.context:
            return
        kind, _, size = self.seen.context.partition(":")
        most = int(size) if size.isdigit() else 0
        used, full = min(self.seen.n_received, most), self.seen.n_received > most
        said = f"context {used:,} of {most:,} words"
        if kind == "growing" and full:
            said, used = f"context {most // 2:,} to {most:,} words", most  # begun again with its newer half when full
        box, known = self.inner(), most > 0
        line = QRectF(box.right() - self.px(330), box.top(), self.px(240 if known else 330), self.px(20))
        self.write(painter, line, said if known else f"context {kind}", "muted", 12, align="right")
        if known:
            bar = QRectF(box.right() - self.px(80), box.top() + self.px(7), self.px(80), self.px(6))
            painter.fillRect(bar, self.theme.colour("faint"))
            painter.fillRect(QRectF(bar.left(), bar.top(), bar.width() * used / most, bar.height()),
                             self.theme.colour("accent"))  # fmt: skip

    def _seconds(self) -> tuple[Axis, float]:
        """The ruler's axis, and the height at which it lies."""
        box = self.inner()
        return Axis(-RULER_S, 0.0, box.left() + self.px(22), box.right() - self.px(22)), box.bottom() - self.px(15)

    def _ruler_box(self) -> QRectF:
        axis, y = self._seconds()
        return QRectF(axis.start - self.px(4), y - self.px(12), axis.stop - axis.start + self.px(8), self.px(15))

    def _ruler(self, painter: QPainter) -> None:
        """Onsets over the last seconds, in sample time."""
        if self.seen is None:
            return
        (axis, y), marked = self._seconds(), (current(self.seen), self.hovered, self.chosen)
        places: dict[str, list[float]] = {"muted": [], "faint": [], "accent": []}
        for entry in self.seen.words:
            away = entry.word.onset - self.seen.time_s
            if -RULER_S <= away <= 0:
                role = "accent" if entry.word.index in marked else "faint" if entry.status == "skipped" else "muted"
                places[role].append(axis.at(away))
        for role, at in places.items():
            high, wide = (9, 3.0) if role == "accent" else (6, 1.5)
            self.uprights(painter, at, y - self.px(high), y, self.theme.colour(role), self.px(wide))


def current(seen: Snapshot) -> int | None:
    """The newest word that has begun."""
    return next((entry.word.index for entry in reversed(seen.words) if entry.word.onset <= seen.time_s), None)


def bits(entry: Entry) -> float:
    return max((entry.surprisal or 0.0) / math.log(2), 0.0)


def told(entry: Entry) -> str:
    """One word in words."""
    parts = [f"“{entry.word.text}” at {entry.word.onset:.3f} s", entry.status]
    if entry.reason:
        parts[-1] += f": {entry.reason}"
    if entry.surprisal is not None:
        parts.append(f"surprisal {bits(entry):.1f} bits")
    return ", ".join(parts)
