"""Controls: a check box, a list to choose one from, and one to choose several from, in the theme's own colours."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtCore import QEvent, QModelIndex, QObject, QPointF, QRectF, QSize, Qt, Signal
from qtpy.QtGui import QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QPolygonF
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QListView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionComboBox,
    QStyleOptionViewItem,
    QWidget,
)

from rtalign.core.text.translation import tr
from rtalign_monitor.widgets.theme import Theme, font

SIDE, GAP = 16, 8
ALL = tr("all")
MAX_LISTED = 4
"""Labels that a closed box lists one by one."""


class CheckBox(QCheckBox):
    """A check box.

    Why painted: a stylesheet can colour a box but cannot draw the tick in it without an image file for every theme.

    Parameters
    ----------
    text : str
        Its label; a letter after "&" toggles it together with Alt.
    tip : str
        Its tooltip.
    """

    def __init__(self, text: str, tip: str = "") -> None:
        super().__init__(text)
        self.theme = Theme.of("dark")
        self.setToolTip(tip)

    def set_theme(self, theme: Theme) -> None:
        self.theme = theme
        self.update()

    def sizeHint(self) -> QSize:
        metrics = self.fontMetrics()
        text_width = metrics.size(int(Qt.TextFlag.TextShowMnemonic), self.text()).width()
        return QSize(SIDE + GAP + text_width + 4, max(SIDE, metrics.height()) + 8)

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
        paint_check_box(painter, theme, box, self.isChecked(), filled)
        painter.setFont(font(13))
        painter.setPen(theme.colour("text" if self.isEnabled() else "muted"))
        flags = Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextShowMnemonic
        painter.drawText(self.rect().adjusted(SIDE + GAP, 0, 0, 0), int(flags), self.text())
        painter.end()


def paint_check_box(painter: QPainter, theme: Theme, box: QRectF, on: bool, filled: str = "accent") -> None:
    """Paint a box with the painter's pen around it, and a tick in it where it is on."""
    painter.setBrush(theme.colour(filled if on else "panel"))
    painter.drawRoundedRect(box, 4, 4)
    if on:
        pen = QPen(theme.colour("on_accent"), 2)
        pen.setCapStyle(Qt.PenCapStyle.RoundCap)
        painter.setPen(pen)
        corners = ((0.25, 0.52), (0.43, 0.70), (0.76, 0.32))
        points = [QPointF(box.left() + box.width() * x, box.top() + box.height() * y) for x, y in corners]
        painter.drawPolyline(QPolygonF(points))


class ComboBox(QComboBox):
    """A combo box with an arrow, which the stylesheet would hide.

    Parameters
    ----------
    name : str
        For screen readers.
    editable : bool
        Whether any text can be typed.
    parent : QWidget or None
        The Qt parent.
    """

    def __init__(self, name: str, editable: bool = False, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.theme = Theme.of("dark")
        self.setAccessibleName(name)
        self.setEditable(editable)
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setMinimumContentsLength(8)
        if editable:
            self.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
            line = self.lineEdit()
            assert line is not None
            line.setAccessibleName(name)

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


class MultiComboBox(ComboBox):
    """A combo box to choose all labels, or some.

    A click or Space checks a label in the list; a label that is typed while the list is closed is chosen alone.

    Parameters
    ----------
    name : str
        For screen readers.

    Attributes
    ----------
    checked : tuple of str
        The labels that are chosen; empty for all of them.
    edited : signal
        The user has changed the choice.
    """

    edited = Signal()

    def __init__(self, name: str) -> None:
        self.checked: tuple[str, ...] = ()  # first, as Qt asks for it at once
        super().__init__(name)
        view = QListView()
        self.setView(view)
        self.setItemDelegate(_CheckDelegate(self))
        for part in (view, view.viewport()):
            if part is not None:
                part.installEventFilter(self)
        self.activated.connect(self._check_alone)

    @property
    def labels(self) -> tuple[str, ...]:
        return tuple(self.itemText(i) for i in range(1, self.count()))

    def set_labels(self, labels: Sequence[str], checked: Sequence[str]) -> None:
        """Offer labels, without emitting `edited`.

        Parameters
        ----------
        labels : sequence of str
            What can be chosen.
        checked : sequence of str
            Those of them that are chosen; empty for all.
        """
        if self.labels != tuple(labels) or not self.count():
            self.clear()
            self.addItems([ALL, *labels])
        self._check(checked)

    def summary(self) -> str:
        """The text of the closed box."""
        if not self.checked:
            return ALL
        few = len(self.checked) <= MAX_LISTED
        return (
            ", ".join(self.checked) if few else tr("{n} of {n_labels}", n=len(self.checked), n_labels=len(self.labels))
        )

    def initStyleOption(self, option: QStyleOptionComboBox | None) -> None:
        super().initStyleOption(option)
        if option is not None:
            option.currentText = self.summary()

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        if isinstance(event, QMouseEvent) and event.type() == QEvent.Type.MouseButtonRelease:
            view = self.view()
            row = view.indexAt(event.position().toPoint()).row() if view is not None else -1
            if row >= 0:
                self._toggle(row)
            return True
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            if event.key() == Qt.Key.Key_Space:
                self._toggle(self.view().currentIndex().row())  # type: ignore[union-attr]
                return True
            if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
                self.hidePopup()
                return True
        return super().eventFilter(watched, event)

    def _toggle(self, row: int) -> None:
        """Check or uncheck a row; the first row means all labels, and so does checking every one of them."""
        checked = set() if row == 0 else {*self.checked} ^ {self.itemText(row)}
        self._check([] if checked == {*self.labels} else [label for label in self.labels if label in checked])
        self.edited.emit()

    def _check_alone(self, row: int) -> None:
        self._check([self.itemText(row)] if row > 0 else [])
        self.edited.emit()

    def _check(self, checked: Sequence[str]) -> None:
        self.checked = tuple(checked)
        for row in range(self.count()):
            on = self.itemText(row) in self.checked if row else not self.checked
            state = Qt.CheckState.Checked if on else Qt.CheckState.Unchecked
            self.setItemData(row, state, Qt.ItemDataRole.CheckStateRole)
        self.setToolTip(", ".join(self.checked))
        self.update()


class _CheckDelegate(QStyledItemDelegate):
    """A label of a list with a check box before it."""

    def __init__(self, owner: MultiComboBox) -> None:
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
        highlighted = bool(option.state & (QStyle.StateFlag.State_Selected | QStyle.StateFlag.State_MouseOver))
        painter.fillRect(row, theme.colour("accent", 0.16 if highlighted else 0.0))
        painter.setPen(QPen(theme.colour("accent" if highlighted else "muted"), 1))
        box = QRectF(row.left() + GAP, row.center().y() - SIDE / 2 + 0.5, SIDE - 1, SIDE - 1)
        on = Qt.CheckState(index.data(Qt.ItemDataRole.CheckStateRole)) == Qt.CheckState.Checked
        paint_check_box(painter, theme, box, on)
        painter.setFont(font(13))
        painter.setPen(theme.colour("text"))
        text = row.adjusted(SIDE + 2 * GAP, 0, -GAP, 0)
        painter.drawText(text, int(Qt.AlignmentFlag.AlignVCenter), str(index.data()))
        painter.restore()
