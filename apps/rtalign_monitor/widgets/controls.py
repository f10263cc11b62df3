"""Controls: boxes to tick and to choose one or several from, painted in the theme's own colours."""

from __future__ import annotations

from collections.abc import Sequence

from PyQt6.QtCore import QEvent, QModelIndex, QObject, QPointF, QRectF, QSize, Qt, pyqtSignal
from PyQt6.QtGui import QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QPolygonF
from PyQt6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QListView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionComboBox,
    QStyleOptionViewItem,
    QWidget,
)

from rtalign_monitor.widgets.theme import Theme, font

SIDE, GAP = 16, 8
ALL = "all"
MOST_SAID = 4
"""Labels that a closed box says one by one."""


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
        filled = "accent" if self.isEnabled() else "muted"
        edge = "accent" if self.hasFocus() or self.underMouse() else filled if self.isChecked() else "muted"
        painter.setPen(QPen(theme.colour(edge), 2 if self.hasFocus() else 1))
        tick(painter, theme, box, self.isChecked(), filled)
        painter.setFont(font(13))
        painter.setPen(theme.colour("text" if self.isEnabled() else "muted"))
        flags = Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextShowMnemonic
        painter.drawText(self.rect().adjusted(SIDE + GAP, 0, 0, 0), int(flags), self.text())
        painter.end()


def tick(painter: QPainter, theme: Theme, box: QRectF, on: bool, filled: str = "accent") -> None:
    """A box with the painter's pen around it, and the tick in it where it is on."""
    painter.setBrush(theme.colour(filled if on else "panel"))
    painter.drawRoundedRect(box, 4, 4)
    if on:
        pen = QPen(theme.colour("on_accent"), 2)
        pen.setCapStyle(Qt.PenCapStyle.RoundCap)
        painter.setPen(pen)
        corners = ((0.25, 0.52), (0.43, 0.70), (0.76, 0.32))
        places = [QPointF(box.left() + box.width() * x, box.top() + box.height() * y) for x, y in corners]
        painter.drawPolyline(QPolygonF(places))


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


class Several(Choice):
    """All of its labels, or those that are ticked in its list.

    A click or Space ticks; a label that is typed while the list is closed is chosen alone, as in any box.
    """

    ticked_anew = pyqtSignal()
    """By a person."""

    def __init__(self, name: str) -> None:
        self.ticked: tuple[str, ...] = ()  # before Qt asks for it, which it does at once
        super().__init__(name)
        view = QListView()
        self.setView(view)
        self.setItemDelegate(_Row(self))
        for part in (view, view.viewport()):
            if part is not None:
                part.installEventFilter(self)
        self.activated.connect(self._alone)

    @property
    def labels(self) -> tuple[str, ...]:
        return tuple(self.itemText(i) for i in range(1, self.count()))

    def offer(self, labels: Sequence[str], ticked: Sequence[str]) -> None:
        """Silently.  Whatever is ticked is offered."""
        if self.labels != tuple(labels) or not self.count():
            self.clear()
            self.addItems([ALL, *labels])
        self._tick(ticked)

    def said(self) -> str:
        """What stands in the closed box."""
        few = len(self.ticked) <= MOST_SAID
        return (", ".join(self.ticked) if few else f"{len(self.ticked)} of {len(self.labels)}") if self.ticked else ALL

    def initStyleOption(self, option: QStyleOptionComboBox | None) -> None:
        super().initStyleOption(option)
        if option is not None:
            option.currentText = self.said()

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        if isinstance(event, QMouseEvent) and event.type() == QEvent.Type.MouseButtonRelease:
            view = self.view()
            row = view.indexAt(event.position().toPoint()).row() if view is not None else -1
            if row >= 0:
                self._turn(row)
            return True
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            if event.key() == Qt.Key.Key_Space:
                self._turn(self.view().currentIndex().row())  # type: ignore[union-attr]
                return True
            if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
                self.hidePopup()
                return True
        return super().eventFilter(watched, event)

    def _turn(self, row: int) -> None:
        """Tick or untick a row; the first stands for all of them, and so do all of them."""
        now = set() if row == 0 else {*self.ticked} ^ {self.itemText(row)}
        self._tick([] if now == {*self.labels} else [label for label in self.labels if label in now])
        self.ticked_anew.emit()

    def _alone(self, row: int) -> None:
        self._tick([self.itemText(row)] if row > 0 else [])
        self.ticked_anew.emit()

    def _tick(self, ticked: Sequence[str]) -> None:
        self.ticked = tuple(ticked)
        for row in range(self.count()):
            on = self.itemText(row) in self.ticked if row else not self.ticked
            state = Qt.CheckState.Checked if on else Qt.CheckState.Unchecked
            self.setItemData(row, state, Qt.ItemDataRole.CheckStateRole)
        self.setToolTip(", ".join(self.ticked))
        self.update()


class _Row(QStyledItemDelegate):
    """A label of a list with its tick before it."""

    def __init__(self, owner: Several) -> None:
        super().__init__(owner)
        self._owner = owner

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex) -> QSize:  # noqa: ARG002
        return QSize(100, SIDE + GAP)

    def paint(self, painter: QPainter | None, option: QStyleOptionViewItem, index: QModelIndex) -> None:
        if painter is None:
            return
        theme, row = self._owner.theme, QRectF(option.rect)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        here = bool(option.state & (QStyle.StateFlag.State_Selected | QStyle.StateFlag.State_MouseOver))
        painter.fillRect(row, theme.colour("accent", 0.16 if here else 0.0))
        painter.setPen(QPen(theme.colour("accent" if here else "muted"), 1))
        box = QRectF(row.left() + GAP, row.center().y() - SIDE / 2 + 0.5, SIDE - 1, SIDE - 1)
        tick(painter, theme, box, Qt.CheckState(index.data(Qt.ItemDataRole.CheckStateRole)) == Qt.CheckState.Checked)
        painter.setFont(font(13))
        painter.setPen(theme.colour("text"))
        text = row.adjusted(SIDE + 2 * GAP, 0, -GAP, 0)
        painter.drawText(text, int(Qt.AlignmentFlag.AlignVCenter), str(index.data()))
        painter.restore()
