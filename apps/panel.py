"""Panel: one card of the window, painted onto a plate that is kept until something on it changes."""

from __future__ import annotations

from PyQt6.QtCore import QRectF, QSize, Qt, pyqtSignal
from PyQt6.QtGui import QColor, QEnterEvent, QPaintEngine, QPainter, QPaintEvent, QPixmap, QResizeEvent
from PyQt6.QtWidgets import QWidget

from apps import theme as themes
from apps.theme import Theme
from rtalign.snapshot import Snapshot

RADIUS = 6.0
HEAD = 76.0
"""Height of the part above the rows: the ladder and the map share it, so that their rows are in line."""
FOOT = 40.0
"""Height of the axis below the rows."""


class Panel(QWidget):
    """A view paints what stands on its plate, and over it what moves; it gets its snapshot through draw."""

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
        self._plate: QPixmap | None = None
        self.setMouseTracking(True)
        self.setAccessibleName(self.title)
        self.setAccessibleDescription(self.says)
        self.setToolTip(self.says)
        self.setMinimumSize(self.fewest)

    def draw(self, snapshot: Snapshot) -> None:
        raise NotImplementedError

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

    def px(self, length: float) -> float:
        return length * self.scale

    def inner(self, margin: float = 14.0) -> QRectF:
        m = self.px(margin)
        return QRectF(self.rect()).adjusted(m, self.px(10), -m, -self.px(8))

    def write(
        self, painter: QPainter, box: QRectF, text: str, role: str | QColor = "text", size: float = 13,
        bold: bool = False, align: str = "left",
    ) -> float:  # fmt: skip
        """One line of text in a box, shortened with an ellipsis where it is too long; returns its width."""
        painter.setFont(themes.font(self.px(size), bold))
        shown = painter.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, int(box.width() + 1))
        painter.setPen(self.theme.colour(role) if isinstance(role, str) else role)
        painter.drawText(box, _ALIGN[align] | Qt.AlignmentFlag.AlignVCenter, shown)
        return float(painter.fontMetrics().horizontalAdvance(shown))

    def width_of(self, painter: QPainter, text: str, size: float = 13, bold: bool = False) -> float:
        painter.setFont(themes.font(self.px(size), bold))
        return float(painter.fontMetrics().horizontalAdvance(text))

    def write_title(self, painter: QPainter, note: str = "") -> None:
        box = self.inner()
        box.setHeight(self.px(20))
        used = self.write(painter, box, self.title, size=14, bold=True)
        if note:
            self.write(painter, box.adjusted(used + self.px(10), 0, 0, 0), note, "muted", 12)

    def enterEvent(self, event: QEnterEvent | None) -> None:  # noqa: ARG002
        self.entered.emit()

    def paintEvent(self, event: QPaintEvent | None) -> None:  # noqa: ARG002
        """A plate is made for the screen; to a file everything is painted anew, in lines and letters."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        ratio = self.devicePixelRatioF()
        if _leaves(painter, ratio):
            self._paint(painter)
        else:
            if self._plate is None or self._plate.devicePixelRatioF() != ratio:
                self._plate = self._painted(ratio)
            painter.drawPixmap(0, 0, self._plate)
        self.over(painter)
        painter.end()

    def resizeEvent(self, event: QResizeEvent | None) -> None:  # noqa: ARG002
        self.renew()

    def _painted(self, ratio: float) -> QPixmap:
        plate = QPixmap((self.size().toSizeF() * ratio).toSize().expandedTo(QSize(1, 1)))
        plate.setDevicePixelRatio(ratio)
        painter = QPainter(plate)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._paint(painter)
        painter.end()
        return plate

    def _paint(self, painter: QPainter) -> None:
        painter.fillRect(self.rect(), self.theme.colour("window"))
        painter.setPen(self.theme.colour("edge"))
        painter.setBrush(self.theme.colour("panel"))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), RADIUS, RADIUS)
        self.plate(painter)


def _leaves(painter: QPainter, ratio: float) -> bool:
    """Whether what is painted is no screen: a drawing, or a picture of another sharpness."""
    engine = painter.paintEngine()
    drawing = engine is not None and engine.type() == QPaintEngine.Type.SVG
    return drawing or abs(painter.deviceTransform().m11() - ratio) > 0.01


_ALIGN = {
    "left": Qt.AlignmentFlag.AlignLeft, "right": Qt.AlignmentFlag.AlignRight, "centre": Qt.AlignmentFlag.AlignHCenter,
}  # fmt: skip
