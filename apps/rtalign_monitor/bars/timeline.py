"""The timeline of a recording: position, density of words, gaps, bookmarks and notes; drag to seek."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

import numpy as np
from qtpy.QtCore import QPointF, QRectF, Qt, Signal
from qtpy.QtGui import QMouseEvent, QPainter, QPaintEvent, QPen, QPixmap, QPolygonF, QResizeEvent
from qtpy.QtWidgets import QFrame, QSizePolicy, QWidget

from rtalign.core.records import Annotation
from rtalign.core.text.time_format import position_time
from rtalign.core.text.translation import tr
from rtalign.engine.process.word_list import WordList
from rtalign.engine.snapshot import Snapshot
from rtalign_monitor.widgets import theme as themes
from rtalign_monitor.widgets.theme import Theme

BIN_PX = 4
SNAP_PX = 5
"""A click this near to a flag goes to its time."""
TIP = tr("Position in the recording; bars are words, flags are bookmarks and notes. Click or drag to seek.")


class TimelineBar(QFrame):
    """Shows where a replay is, and emits `seek_requested` with a time in seconds when the user clicks or drags.

    What does not move is painted once, onto a pixmap.

    Attributes
    ----------
    position, end : float
        Position of the replay and end of the recording, in seconds.
    word_list : WordList or None
        All words of the recording, once they are known.
    gaps : set of float
        Times of the gaps in the signal that have been reported, in seconds.
    annotations : tuple of Annotation
        Bookmarks and notes.
    """

    seek_requested = Signal(float)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.theme = Theme.of("dark")
        self.position, self.end = 0.0, 0.0
        self.word_list: WordList | None = None
        self.gaps: set[float] = set()
        self.annotations: tuple[Annotation, ...] = ()
        self._casefolded: list[str] = []
        self._pixmap: QPixmap | None = None
        self._drag: float | None = None
        self.setMinimumSize(200, 28)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setAccessibleName(tr("Timeline of the recording"))
        self.setToolTip(TIP)
        self.setMouseTracking(True)

    def clear(self) -> None:
        """Forget the recording."""
        self.word_list, self.gaps, self.annotations, self._casefolded = None, set(), (), []
        self.invalidate()

    def set_words(self, word_list: WordList | None) -> None:
        """Take over the words of the recording, once they are known."""
        if word_list is not None and word_list is not self.word_list:
            self.word_list, self._casefolded = word_list, [text.casefold() for text in word_list.texts]
            self.invalidate()

    def set_annotations(self, annotations: Sequence[Annotation]) -> None:
        """Show flags at these times; the pointer shows their texts."""
        if tuple(annotations) != self.annotations:
            self.annotations = tuple(annotations)
            self.invalidate()

    def set_theme(self, theme: Theme) -> None:
        self.theme = theme
        self.invalidate()

    def draw(self, snapshot: Snapshot) -> None:
        """Show the position and the gaps of a snapshot."""
        gaps = self.gaps | {notice.time for notice in snapshot.notices if notice.kind == "gap"}
        if gaps != self.gaps or snapshot.end_s != self.end:
            self.gaps, self.end = gaps, snapshot.end_s or 0.0
            self.invalidate()
        before = self._position_x()
        self.position = snapshot.position_s or 0.0
        if round(2 * before) != round(2 * self._position_x()):
            self.update()

    def find_word(self, text: str) -> float | None:
        """Find where a word is spoken next.

        Parameters
        ----------
        text : str
            How the word begins; upper and lower case are the same.

        Returns
        -------
        float or None
            Onset in seconds of the next such word after the position, or else of the first one in the recording;
            None if there is none.
        """
        wanted = text.strip().casefold()
        if not wanted or self.word_list is None:
            return None
        first = bisect_left(self.word_list.onsets, self.position + 0.05)
        order = [*range(first, len(self._casefolded)), *range(first)]
        return next((float(self.word_list.onsets[i]) for i in order if self._casefolded[i].startswith(wanted)), None)

    def invalidate(self) -> None:
        """Paint everything again."""
        self._pixmap = None
        self.update()

    def resizeEvent(self, event: QResizeEvent | None) -> None:  # noqa: ARG002
        self.invalidate()

    def paintEvent(self, event: QPaintEvent | None) -> None:  # noqa: ARG002
        painter = QPainter(self)
        device = painter.device()
        ratio = device.devicePixelRatioF() if device else 1.0
        if self._pixmap is None or self._pixmap.devicePixelRatioF() != ratio:
            self._pixmap = self._paint_pixmap(ratio)
        painter.drawPixmap(0, 0, self._pixmap)
        if self.hasFocus():
            painter.setPen(QPen(self.theme.colour("accent"), 2))
            painter.drawRoundedRect(self._box(), 4, 4)
        if self.end <= 0:
            return
        x, box = self._position_x(), self._box()
        painter.fillRect(QRectF(box.left(), box.bottom() - 3, x - box.left(), 3), self.theme.colour("accent"))
        painter.setPen(QPen(self.theme.colour("accent"), 2))
        painter.drawLine(round(x), 1, round(x), self.height() - 1)
        if self._drag is not None:
            painter.setFont(themes.font(12, True))
            text, left = position_time(self._drag), x > self.width() - 60
            label = QRectF(x - 65 if left else x + 5, 0, 60, self.height())
            side = Qt.AlignmentFlag.AlignRight if left else Qt.AlignmentFlag.AlignLeft
            painter.drawText(label, side | Qt.AlignmentFlag.AlignVCenter, text)

    def _paint_pixmap(self, ratio: float) -> QPixmap:
        pixmap = QPixmap((self.size().toSizeF() * ratio).toSize())
        pixmap.setDevicePixelRatio(ratio)
        pixmap.fill(Qt.GlobalColor.transparent)
        painter, theme, box = QPainter(pixmap), self.theme, self._box()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(theme.colour("faint", 0.6))
        painter.setBrush(theme.colour("panel"))
        painter.drawRoundedRect(box.adjusted(0.5, 0.5, -0.5, -0.5), 4, 4)
        if self.end > 0:
            self._paint_words(painter, box)
            painter.setPen(QPen(theme.colour("stale"), 1, Qt.PenStyle.DashLine))
            for gap in self.gaps:
                painter.drawLine(round(self._x_of(gap)), round(box.top()), round(self._x_of(gap)), round(box.bottom()))
            for note in self.annotations:
                self._paint_flag(painter, self._x_of(note.time), box)
        painter.end()
        return pixmap

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
        counts, _ = np.histogram([self._x_of(float(onset)) for onset in self.word_list.onsets], edges)
        for x, n in zip(edges, counts, strict=False):
            height = (box.height() - 7) * n / max(counts.max(), 1)
            bar = QRectF(float(x), box.bottom() - 4 - height, BIN_PX - 1, height)
            painter.fillRect(bar, self.theme.colour("muted", 0.55))

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        if event is not None and event.button() == Qt.MouseButton.LeftButton and self.end > 0:
            self._drag = self._time_at(event.position().x())
            self.update()

    def mouseMoveEvent(self, event: QMouseEvent | None) -> None:
        if event is None:
            return
        if self._drag is not None:
            self._drag = self._time_at(event.position().x())
            self.update()
        elif near := self._near(event.position().x()):
            self.setToolTip(f"{position_time(near[0].time)}  {near[0].text or tr('Bookmark')}")
        else:
            self.setToolTip(TIP)

    def mouseReleaseEvent(self, event: QMouseEvent | None) -> None:
        """Seek once for a whole drag: after each seek the filters have to settle again."""
        if event is not None and self._drag is not None:
            to, self._drag = self._time_at(event.position().x()), None
            self.seek_requested.emit(to)
            self.update()

    def _box(self) -> QRectF:
        return QRectF(self.rect()).adjusted(1, 3, -1, -3)

    def _position_x(self) -> float:
        return self._x_of(self._drag if self._drag is not None else self.position)

    def _x_of(self, time_s: float) -> float:
        return 1 + (self.width() - 2) * min(max(time_s / self.end, 0.0), 1.0) if self.end > 0 else 1.0

    def _near(self, x: float) -> list[Annotation]:
        return [note for note in self.annotations if abs(self._x_of(note.time) - x) <= SNAP_PX]

    def _time_at(self, x: float) -> float:
        near = self._near(x)
        return near[0].time if near else min(max((x - 1) / max(self.width() - 2, 1), 0.0), 1.0) * self.end
