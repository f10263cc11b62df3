"""The line of a recording's time: position, where words are dense, gaps and bookmarks; drag to scrub."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

import numpy as np
from PyQt6.QtCore import QPointF, QRectF, Qt, pyqtSignal
from PyQt6.QtGui import QMouseEvent, QPainter, QPaintEvent, QPen, QPixmap, QPolygonF, QResizeEvent
from PyQt6.QtWidgets import QSizePolicy, QWidget

from rtalign.core.time_format import position_time
from rtalign.engine.process.word_list import WordList
from rtalign.engine.snapshot import Snapshot
from rtalign_monitor.widgets import theme as themes
from rtalign_monitor.widgets.theme import Theme

BIN_PX = 4
SNAP_PX = 5
"""A click this near to a bookmark means it."""


class Timeline(QWidget):
    """What does not move is painted once; knows the words when it has been told the word list."""

    sought = pyqtSignal(float)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.theme = Theme.of("dark")
        self.position, self.end = 0.0, 0.0
        self.word_list: WordList | None = None
        self.gaps: set[float] = set()
        self.bookmarks: tuple[float, ...] = ()
        self._folded: list[str] = []
        self._plate: QPixmap | None = None
        self._drag: float | None = None
        self.setMinimumSize(200, 28)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setAccessibleName("Timeline of the recording")
        self.setToolTip("Where the recording stands; bars are words, flags are bookmarks (M). Drag to move.")

    def forget(self) -> None:
        """Another recording."""
        self.word_list, self.gaps, self.bookmarks, self._folded = None, set(), (), []
        self.renew()

    def tell(self, word_list: WordList | None) -> None:
        """All words of the recording."""
        if word_list is not None and word_list is not self.word_list:
            self.word_list, self._folded = word_list, [text.casefold() for text in word_list.texts]
            self.renew()

    def mark(self, times: Sequence[float]) -> None:
        if tuple(times) != self.bookmarks:
            self.bookmarks = tuple(times)
            self.renew()

    def set_theme(self, theme: Theme) -> None:
        self.theme = theme
        self.renew()

    def draw(self, seen: Snapshot) -> None:
        gaps = self.gaps | {notice.time for notice in seen.notices if notice.kind == "gap"}
        if gaps != self.gaps or seen.end_s != self.end:
            self.gaps, self.end = gaps, seen.end_s or 0.0
            self.renew()
        before = self._x()
        self.position = seen.position_s or 0.0
        if round(2 * before) != round(2 * self._x()):
            self.update()

    def said(self, text: str) -> float | None:
        """Where a word is next said, beginning behind the position and going round; its beginning is enough."""
        wanted = text.strip().casefold()
        if not wanted or self.word_list is None:
            return None
        first = bisect_left(self.word_list.onsets, self.position + 0.05)
        order = [*range(first, len(self._folded)), *range(first)]
        return next((float(self.word_list.onsets[i]) for i in order if self._folded[i].startswith(wanted)), None)

    def renew(self) -> None:
        self._plate = None
        self.update()

    def resizeEvent(self, event: QResizeEvent | None) -> None:  # noqa: ARG002
        self.renew()

    def paintEvent(self, event: QPaintEvent | None) -> None:  # noqa: ARG002
        painter = QPainter(self)
        device = painter.device()
        ratio = device.devicePixelRatioF() if device else 1.0
        if self._plate is None or self._plate.devicePixelRatioF() != ratio:
            self._plate = self._painted(ratio)
        painter.drawPixmap(0, 0, self._plate)
        if self.end <= 0:
            return
        x, box = self._x(), self._box()
        painter.fillRect(QRectF(box.left(), box.bottom() - 3, x - box.left(), 3), self.theme.colour("accent"))
        painter.setPen(QPen(self.theme.colour("accent"), 2))
        painter.drawLine(round(x), 1, round(x), self.height() - 1)
        if self._drag is not None:
            painter.setFont(themes.font(12, True))
            text, left = position_time(self._drag), x > self.width() - 60
            beside = QRectF(x - 65 if left else x + 5, 0, 60, self.height())
            side = Qt.AlignmentFlag.AlignRight if left else Qt.AlignmentFlag.AlignLeft
            painter.drawText(beside, side | Qt.AlignmentFlag.AlignVCenter, text)

    def _painted(self, ratio: float) -> QPixmap:
        plate = QPixmap((self.size().toSizeF() * ratio).toSize())
        plate.setDevicePixelRatio(ratio)
        plate.fill(Qt.GlobalColor.transparent)
        painter, theme, box = QPainter(plate), self.theme, self._box()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(theme.colour("faint", 0.6))
        painter.setBrush(theme.colour("panel"))
        painter.drawRoundedRect(box.adjusted(0.5, 0.5, -0.5, -0.5), 4, 4)
        if self.end > 0:
            self._paint_words(painter, box)
            painter.setPen(QPen(theme.colour("stale"), 1, Qt.PenStyle.DashLine))
            for gap in self.gaps:
                painter.drawLine(round(self._at(gap)), round(box.top()), round(self._at(gap)), round(box.bottom()))
            for mark in self.bookmarks:
                self._paint_flag(painter, self._at(mark), box)
        painter.end()
        return plate

    def _paint_flag(self, painter: QPainter, x: float, box: QRectF) -> None:
        painter.setPen(QPen(self.theme.colour("live"), 1.5))
        painter.drawLine(QPointF(x, box.top() - 2), QPointF(x, box.bottom()))
        painter.setBrush(self.theme.colour("live"))
        top = box.top() - 2
        painter.drawPolygon(QPolygonF([QPointF(x, top), QPointF(x + 7, top + 3.5), QPointF(x, top + 7)]))

    def _paint_words(self, painter: QPainter, box: QRectF) -> None:
        if self.word_list is None or not len(self.word_list.onsets):
            return
        edges = np.arange(box.left(), box.right() + BIN_PX, BIN_PX)
        counts, _ = np.histogram([self._at(float(onset)) for onset in self.word_list.onsets], edges)
        for x, n in zip(edges, counts, strict=False):
            height = (box.height() - 7) * n / max(counts.max(), 1)
            bar = QRectF(float(x), box.bottom() - 4 - height, BIN_PX - 1, height)
            painter.fillRect(bar, self.theme.colour("muted", 0.55))

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
            self.update()

    def _box(self) -> QRectF:
        return QRectF(self.rect()).adjusted(1, 3, -1, -3)

    def _x(self) -> float:
        return self._at(self._drag if self._drag is not None else self.position)

    def _at(self, time_s: float) -> float:
        return 1 + (self.width() - 2) * min(max(time_s / self.end, 0.0), 1.0) if self.end > 0 else 1.0

    def _back(self, x: float) -> float:
        near = [mark for mark in self.bookmarks if abs(self._at(mark) - x) <= SNAP_PX]
        return near[0] if near else min(max((x - 1) / max(self.width() - 2, 1), 0.0), 1.0) * self.end
