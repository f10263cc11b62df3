"""The line of a recording's time: position, where words are dense, gaps and bookmarks; drag to scrub."""

from __future__ import annotations

from bisect import bisect_left, bisect_right

from PyQt6.QtCore import QRectF, Qt, pyqtSignal
from PyQt6.QtGui import QMouseEvent, QPainter, QPaintEvent, QPen
from PyQt6.QtWidgets import QSizePolicy, QWidget

from apps import theme as themes
from apps.theme import Theme
from rtalign.minutes import place
from rtalign.snapshot import Snapshot

BIN_PX = 4


class Timeline(QWidget):
    """Remembers words as they are met, since a snapshot holds the newest alone; knows all where it is told all."""

    sought = pyqtSignal(float)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.theme = Theme.of("dark")
        self.position, self.end = 0.0, 0.0
        self.words: dict[float, str] = {}
        self.gaps: set[float] = set()
        self.bookmarks: set[float] = set()
        self._onsets: list[float] = []
        self._drag: float | None = None
        self.setMinimumSize(120, 26)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setAccessibleName("Timeline of the recording")
        self.setToolTip("Where the recording stands; bars are words. Drag to move.")

    def forget(self) -> None:
        """Another recording."""
        self.words, self.gaps, self.bookmarks, self._onsets = {}, set(), set(), []
        self.update()

    def draw(self, seen: Snapshot) -> None:
        for entry in seen.words:
            self.words.setdefault(round(entry.word.onset, 4), entry.word.text)
        if len(self.words) != len(self._onsets):
            self._onsets = sorted(self.words)
        self.gaps |= {notice.time for notice in seen.notices if notice.kind == "gap"}
        self.position, self.end = seen.position_s or 0.0, seen.end_s or 0.0
        self.update()

    def beside(self, step: int) -> float | None:
        """The onset of the next word (+1) or the one before (-1); None where none is known."""
        if step > 0:
            i = bisect_right(self._onsets, self.position + 0.01)
        else:
            i = bisect_left(self._onsets, self.position - 0.15) - 1
        return self._onsets[i] if 0 <= i < len(self._onsets) else None

    def said(self, text: str) -> float | None:
        """Where a word is next said, beginning behind the position and going round; its beginning is enough."""
        wanted = text.strip().casefold()
        later = [t for t in self._onsets if t > self.position + 0.01]
        order = [*later, *(t for t in self._onsets if t <= self.position + 0.01)]
        return next((t for t in order if wanted and self.words[t].casefold().startswith(wanted)), None)

    def paintEvent(self, event: QPaintEvent | None) -> None:  # noqa: ARG002
        painter, theme = QPainter(self), self.theme
        box = QRectF(self.rect()).adjusted(1, 4, -1, -4)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.colour("faint", 0.35))
        painter.drawRoundedRect(box, 3, 3)
        if self.end <= 0:
            return
        self._paint_words(painter, box)
        x = self._at(self._drag if self._drag is not None else self.position)
        painter.fillRect(QRectF(box.left(), box.bottom() - 3, x - box.left(), 3), theme.colour("accent"))
        painter.setPen(QPen(theme.colour("stale"), 1, Qt.PenStyle.DashLine))
        for gap in self.gaps:
            painter.drawLine(round(self._at(gap)), round(box.top()), round(self._at(gap)), round(box.bottom()))
        painter.setPen(QPen(theme.colour("live"), 2))
        for mark in self.bookmarks:
            painter.drawLine(round(self._at(mark)), round(box.top()), round(self._at(mark)), round(box.top()) + 7)
        painter.setPen(QPen(theme.colour("accent"), 2))
        painter.drawLine(round(x), 1, round(x), self.height() - 1)
        if self._drag is not None:
            painter.setFont(themes.font(11, True))
            painter.drawText(QRectF(x + 5, 0, 80, self.height()), Qt.AlignmentFlag.AlignVCenter, place(self._drag))

    def _paint_words(self, painter: QPainter, box: QRectF) -> None:
        counts: dict[int, int] = {}
        for onset in self._onsets:
            column = int(self._at(onset) // BIN_PX)
            counts[column] = counts.get(column, 0) + 1
        most = max(counts.values(), default=1)
        for column, n in counts.items():
            height = (box.height() - 5) * n / most
            place = QRectF(column * BIN_PX, box.bottom() - 4 - height, BIN_PX - 1, height)
            painter.fillRect(place, self.theme.colour("muted", 0.55))

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        if event is not None and event.button() == Qt.MouseButton.LeftButton and self.end > 0:
            self._drag = self._back(event.position().x())
            self.update()

    def mouseMoveEvent(self, event: QMouseEvent | None) -> None:
        if event is not None and self._drag is not None:
            self._drag = self._back(event.position().x())
            self.update()

    def mouseReleaseEvent(self, event: QMouseEvent | None) -> None:
        """One seek for a whole drag: each one makes the filters settle anew."""
        if event is not None and self._drag is not None:
            to, self._drag = self._back(event.position().x()), None
            self.sought.emit(to)

    def _at(self, time_s: float) -> float:
        return 1 + (self.width() - 2) * min(max(time_s / self.end, 0.0), 1.0)

    def _back(self, x: float) -> float:
        return min(max((x - 1) / max(self.width() - 2, 1), 0.0), 1.0) * self.end
