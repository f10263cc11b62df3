"""Panel: one card of the window, painted onto a plate that is kept until something on it changes."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from PyQt6.QtCore import QPointF, QRectF, QSize, Qt, pyqtSignal
from PyQt6.QtGui import (
    QColor,
    QEnterEvent,
    QFocusEvent,
    QPaintEngine,
    QPainter,
    QPainterPath,
    QPaintEvent,
    QPen,
    QPixmap,
    QPolygonF,
    QResizeEvent,
)  # fmt: skip
from PyQt6.QtWidgets import QWidget

from rtalign.engine.snapshot import Snapshot
from rtalign_monitor.widgets import theme as themes
from rtalign_monitor.widgets.theme import Theme

RADIUS = 6.0
HEAD = 76.0
"""Height of the part above the rows: the ladder and the map share it, so that their rows are in line."""
FOOT = 40.0
"""Height of the axis below the rows."""
FAR, FAR_TYPE = 1.5, 13.0
"""From this scale on the panel is read from afar, and nothing is set smaller than this times the scale."""
GAP = "   "
"""Between parts of a line."""
BY_KEY = (Qt.FocusReason.TabFocusReason, Qt.FocusReason.BacktabFocusReason)


class Panel(QWidget):
    """A view paints three things, each over the one before and each more often: ground, plate, and what moves."""

    pointed = pyqtSignal(object)
    lag_pointed = pyqtSignal(object)
    entered = pyqtSignal()
    title = ""
    says = ""
    fewest = QSize(160, 90)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.theme = Theme.of("dark")
        self.scale = 1.0
        self.layer: int | None = None
        self._ground: tuple[Hashable, QPixmap] | None = None
        self._plate: QPixmap | None = None
        self._ratio, self._ringed = 1.0, False
        self.setMouseTracking(True)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)  # nothing behind a card is painted in vain
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setAccessibleName(self.title)
        self.setAccessibleDescription(self.says)
        self.setToolTip(self.says)
        self.setMinimumSize(self.fewest)

    def draw(self, snapshot: Snapshot) -> None:
        raise NotImplementedError

    def grounds(self) -> Hashable:
        """What the ground depends on besides size, theme and scale."""
        return None

    def ground(self, painter: QPainter) -> None:
        """Titles, axes, labels: what stays until grounds() changes."""

    def plate(self, painter: QPainter) -> None:
        """What stays until renew()."""

    def over(self, painter: QPainter) -> None:
        """What moves."""

    def set_theme(self, theme: Theme) -> None:
        self.theme = theme
        self.renew()

    def set_scale(self, factor: float) -> None:
        self.scale = factor
        self.renew()

    def point(self, layer: int | None) -> None:
        """Light up a layer."""
        if layer != self.layer:
            self.layer = layer
            self.update()

    def renew(self) -> None:
        self._plate = None
        self.update()

    @property
    def stale(self) -> bool:
        """Whether its plate will be made anew."""
        return self._plate is None

    def px(self, length: float) -> float:
        return length * self.scale

    def type_px(self, size: float) -> int:
        """Pixels of a type size."""
        return max(round(self.px(max(size, FAR_TYPE) if self.scale >= FAR else size)), 6)

    def snap(self, pixel: float) -> float:
        """The nearest edge between two pixels of the screen."""
        return round(pixel * self._ratio) / self._ratio

    def inner(self, margin: float = 14.0) -> QRectF:
        m = self.px(margin)
        return QRectF(self.rect()).adjusted(m, self.px(10), -m, -self.px(8))

    def write(
        self, painter: QPainter, box: QRectF, text: str, role: str | QColor = "text", size: float = 13,
        bold: bool = False, align: str = "left",
    ) -> float:  # fmt: skip
        """One line of text in a box, shortened with an ellipsis where it is too long; returns its width."""
        pixels, width = self.type_px(size), themes.advance(text, self.type_px(size), bold)
        if width > box.width() + 1:
            text = themes.shortened(text, pixels, bold, int(box.width() + 1))
            width = themes.advance(text, pixels, bold)
        painter.setFont(themes.font(pixels, bold))
        painter.setPen(self.theme.colour(role) if isinstance(role, str) else role)
        painter.drawText(box, _ALIGN[align] | Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextDontClip, text)
        return width

    def width_of(self, text: str, size: float = 13, bold: bool = False) -> float:
        return themes.advance(text, self.type_px(size), bold)

    def write_title(self, painter: QPainter, note: str = "", room: float = 0.0) -> None:
        """The panel's name with a note beside it, leaving room at the right."""
        box = self.inner().adjusted(0, 0, -room, 0)
        box.setHeight(self.px(20))
        used = self.write(painter, box, self.title, size=14, bold=True)
        self.write_parts(painter, box.adjusted(used + self.px(10), 0, 0, 0), note.split(GAP), "muted")

    def write_parts(self, painter: QPainter, box: QRectF, parts: Sequence[str], role: str = "text") -> None:
        """As many as there is room for: a part is whole or not there."""
        said = ""
        for part in parts:
            longer = f"{said}{GAP}{part}" if said else part
            if self.width_of(longer, 12) > box.width() + 1:
                break
            said = longer
        self.write(painter, box, said, role, 12)

    def await_(self, painter: QPainter, box: QRectF, what: str, when: str = "") -> None:
        """An empty panel says in the middle what it waits for, and when it will come."""
        wide = max(self.width_of(what, 13), self.width_of(when, 12)) + self.px(28)
        back = QRectF(0, 0, min(wide, box.width()), self.px(56 if when else 34))
        back.moveCenter(box.center())
        painter.fillRect(back, self.theme.colour("panel"))
        upper = QRectF(back.left(), back.top() + self.px(8), back.width(), self.px(19))
        self.write(painter, upper, what, "text", 13, align="centre")
        self.write(painter, upper.translated(0, self.px(20)), when, "muted", 12, align="centre")

    def upright(
        self, painter: QPainter, x: float, top: float, bottom: float, colour: QColor, wide: float = 1.0
    ) -> None:
        """A line down the panel, on whole pixels of the screen: crisp, and cheaper than a smoothed one."""
        width = max(self.snap(wide), 1 / self._ratio)
        top = self.snap(top)
        painter.fillRect(QRectF(self.snap(x - width / 2), top, width, max(self.snap(bottom) - top, 0.0)), colour)

    def uprights(
        self, painter: QPainter, places: Sequence[float], top: float, bottom: float, colour: QColor, wide: float = 1.0
    ) -> None:
        """Many of them, drawn at once."""
        if not places:
            return
        width, top = max(self.snap(wide), 1 / self._ratio), self.snap(top)
        height = max(self.snap(bottom) - top, 0.0)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour)
        painter.drawRects(*(QRectF(self.snap(x - width / 2), top, width, height) for x in places))
        painter.restore()

    def level(self, painter: QPainter, y: float, left: float, right: float, colour: QColor, wide: float = 1.0) -> None:
        """A line across the panel."""
        height = max(self.snap(wide), 1 / self._ratio)
        left = self.snap(left)
        painter.fillRect(QRectF(left, self.snap(y - height / 2), max(self.snap(right) - left, 0.0), height), colour)

    def hatch(self, painter: QPainter, box: QRectF) -> None:
        """Nothing is known here.  Not one of Qt's patterns: those grow finer with the screen until they vanish."""
        painter.save()
        painter.setClipRect(box)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        pitch, height = self.px(7), box.height()
        first, n = box.left() - height - (box.left() + box.bottom()) % pitch, int((box.width() + height) / pitch) + 2
        starts = [QPointF(first + i * pitch, box.bottom()) for i in range(n)]
        for start in starts:
            self.strokes(painter, QPolygonF([start, start + QPointF(height, -height)]), self.theme.colour("faint"))
        painter.restore()

    def strokes(self, painter: QPainter, line: QPolygonF | QPainterPath, colour: QColor, steep: bool = False) -> None:
        """A fine line of many pieces.

        Why pixel by pixel: Qt draws a line of one pixel of the screen twenty times as fast as one of two, so that on a
        fine screen two beside each other, or one over the other, are the cheaper way to the same width.
        """
        pen = QPen(colour, 1)
        pen.setCosmetic(True)
        painter.setPen(pen)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        step = 1 / self._ratio
        for i in range(max(round(self._ratio), 1)):
            place = QPointF(i * step, 0) if steep else QPointF(0, i * step)
            painter.translate(place)
            if isinstance(line, QPolygonF):
                painter.drawPolyline(line)
            else:
                painter.drawPath(line)
            painter.translate(-place)

    def enterEvent(self, event: QEnterEvent | None) -> None:  # noqa: ARG002
        self.entered.emit()

    def paintEvent(self, event: QPaintEvent | None) -> None:  # noqa: ARG002
        """A plate is made for the screen; to a file everything is painted anew, in lines and letters."""
        painter = QPainter(self)
        engine = painter.paintEngine()
        if engine is not None and engine.type() == QPaintEngine.Type.SVG:
            self._ratio = 1.0
            self._card(painter)
            self.plate(painter)
        else:
            # Not the device's own ratio: a picture of the panel at twice its size has that in its transform.
            ratio = painter.deviceTransform().m11()
            if self._plate is None or self._plate.devicePixelRatioF() != ratio:
                self._ratio = ratio
                self._plate = self._painted(ratio)
            painter.drawPixmap(0, 0, self._plate)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self.over(painter)
        if self._ringed:
            painter.setPen(QPen(self.theme.colour("accent"), 2))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(1, 1, -1, -1), RADIUS, RADIUS)
        painter.end()

    def resizeEvent(self, event: QResizeEvent | None) -> None:  # noqa: ARG002
        self.renew()

    def focusInEvent(self, event: QFocusEvent | None) -> None:
        """A ring for whoever comes by key; a mouse is seen anyway."""
        self._ringed = event is not None and event.reason() in BY_KEY
        self.update()

    def focusOutEvent(self, event: QFocusEvent | None) -> None:  # noqa: ARG002
        self._ringed = False
        self.update()

    def _painted(self, ratio: float) -> QPixmap:
        key = ratio, self.width(), self.height(), self.theme.name, self.scale, self.grounds()
        if self._ground is None or self._ground[0] != key:
            ground = QPixmap((self.size().toSizeF() * ratio).toSize().expandedTo(QSize(1, 1)))
            ground.setDevicePixelRatio(ratio)
            painter = QPainter(ground)
            self._card(painter)
            painter.end()
            self._ground = key, ground
        plate = QPixmap(self._ground[1])
        painter = QPainter(plate)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self.plate(painter)
        painter.end()
        return plate

    def _card(self, painter: QPainter) -> None:
        painter.fillRect(self.rect(), self.theme.colour("window"))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(self.theme.colour("edge"))
        painter.setBrush(self.theme.colour("panel"))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), RADIUS, RADIUS)
        self.ground(painter)


_ALIGN = {
    "left": Qt.AlignmentFlag.AlignLeft, "right": Qt.AlignmentFlag.AlignRight, "centre": Qt.AlignmentFlag.AlignHCenter,
}  # fmt: skip
