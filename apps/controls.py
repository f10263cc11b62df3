"""Controls: a box to tick and a box to choose from, painted in the theme's own colours."""

from __future__ import annotations

from PyQt6.QtCore import QPointF, QRectF, QSize, Qt
from PyQt6.QtGui import QPainter, QPaintEvent, QPen, QPolygonF
from PyQt6.QtWidgets import QCheckBox, QComboBox, QWidget

from apps.theme import Theme, font

SIDE, GAP = 16, 8


class Tick(QCheckBox):
    """Why painted: a stylesheet can colour a box and cannot draw the tick in it without a file for every theme."""

    def __init__(self, text: str, tip: str = "") -> None:
        super().__init__(text)
        self.theme = Theme.of("dark")
        self.setToolTip(tip)

    def set_theme(self, theme: Theme) -> None:
        self.theme = theme
        self.update()

    def sizeHint(self) -> QSize:
        metrics = self.fontMetrics()
        wide = metrics.size(int(Qt.TextFlag.TextShowMnemonic), self.text()).width()
        return QSize(SIDE + GAP + wide + 4, max(SIDE, metrics.height()) + 8)

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    def hitButton(self, pos: object) -> bool:  # noqa: ARG002
        return True

    def paintEvent(self, event: QPaintEvent | None) -> None:  # noqa: ARG002
        painter, theme = QPainter(self), self.theme
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box = QRectF(1.5, (self.height() - SIDE) / 2 + 0.5, SIDE - 1, SIDE - 1)
        role = "accent" if self.isChecked() and self.isEnabled() else "muted" if self.isChecked() else "panel"
        painter.setBrush(theme.colour(role))
        edge = "accent" if self.hasFocus() or self.underMouse() else role if self.isChecked() else "muted"
        painter.setPen(QPen(theme.colour(edge), 2 if self.hasFocus() else 1))
        painter.drawRoundedRect(box, 4, 4)
        if self.isChecked():
            pen = QPen(theme.colour("on_accent"), 2)
            pen.setCapStyle(Qt.PenCapStyle.RoundCap)
            painter.setPen(pen)
            corners = ((0.25, 0.52), (0.43, 0.70), (0.76, 0.32))
            places = [QPointF(box.left() + box.width() * x, box.top() + box.height() * y) for x, y in corners]
            painter.drawPolyline(QPolygonF(places))
        painter.setFont(font(13))
        painter.setPen(theme.colour("text" if self.isEnabled() else "muted"))
        flags = Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextShowMnemonic
        painter.drawText(self.rect().adjusted(SIDE + GAP, 0, 0, 0), int(flags), self.text())
        painter.end()


class Choice(QComboBox):
    """With an arrow that says that there is a list."""

    def __init__(self, name: str, editable: bool = False, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.theme = Theme.of("dark")
        self.setAccessibleName(name)
        self.setEditable(editable)
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setMinimumContentsLength(8)
        if editable:
            self.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)

    def set_theme(self, theme: Theme) -> None:
        self.theme = theme
        self.update()

    def paintEvent(self, event: QPaintEvent | None) -> None:
        super().paintEvent(event)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(self.theme.colour("muted"), 1.6))
        x, y = self.width() - 16.0, self.height() / 2
        painter.drawPolyline(QPolygonF([QPointF(x - 4, y - 2), QPointF(x, y + 2), QPointF(x + 4, y - 2)]))
        painter.end()
