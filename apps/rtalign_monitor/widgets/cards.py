"""Cards: a list whose entries have a title, a state, details, and a verdict whether it fits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from qtpy.QtCore import QModelIndex, QPointF, QRect, QRectF, QSize, Qt, Signal
from qtpy.QtGui import QFontMetrics, QPainter, QPaintEvent, QPen, QPolygonF, QResizeEvent
from qtpy.QtWidgets import (
    QAbstractItemView,
    QListWidget,
    QListWidgetItem,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from rtalign_monitor.widgets.lamps import ROLE, paint_lamp
from rtalign_monitor.widgets.theme import Theme, font

Verdict = Literal["fits", "trained", "differs", "unknown", "gone"]
VERDICT_ROLE = {"fits": "live", "trained": "stale", "differs": "lost", "gone": "lost", "unknown": "muted"}
PAD, LEFT, GAP = 12, 34, 6
FIXED_LINES = 2
"""For verdict and problem, on cards of one height."""
CARD = Qt.ItemDataRole.UserRole
WRAP = int(Qt.TextFlag.TextWordWrap | Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop)


@dataclass(frozen=True, slots=True)
class Card:
    """One entry.

    Attributes
    ----------
    key : object
        What the entry stands for; equal for the same thing in a later list.
    title : str
        Its name.
    lamp : str
        A state of lamps.py.
    state : str
        The word beside the lamp.
    detail : str
        What it is.
    verdict : {"fits", "trained", "differs", "unknown", "gone"}
        Whether it can be used; "trained": it can, but the bank was trained on it.
    verdict_text : str
        The verdict as a sentence.
    problem : str
        What is wrong apart from that, and how to fix it.
    """

    key: object
    title: str
    lamp: str
    state: str
    detail: str
    verdict: Verdict = "unknown"
    verdict_text: str = ""
    problem: str = ""

    @property
    def accessible_text(self) -> str:
        """All of it, for screen readers."""
        parts = self.title, self.state, self.detail, self.verdict_text, self.problem
        return ", ".join(part for part in parts if part)


class CardList(QListWidget):
    """A list of cards that keeps its selection by key while cards come and go.

    Parameters
    ----------
    name : str
        For screen readers.
    fixed : bool
        Whether all cards have one height, whatever they say, so that none moves under the pointer; longer texts are
        cut, and whole in the tooltip.
    parent : QWidget or None
        The Qt parent.

    Attributes
    ----------
    cards : tuple of Card
        What is shown.
    picked : signal (object)
        The user selected a card, or none; its key.  `select` does not emit it.
    """

    picked = Signal(object)

    def __init__(self, name: str, fixed: bool = False, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.fixed = fixed
        self.theme = Theme.of("dark")
        self.cards: tuple[Card, ...] = ()
        self._empty = ("", "")
        self.setAccessibleName(name)
        self.setItemDelegate(_CardDelegate(self))
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setResizeMode(QListWidget.ResizeMode.Adjust)
        self.setSpacing(2)
        self.currentItemChanged.connect(self._emit_picked)

    @property
    def key(self) -> object | None:
        """Of the selected card."""
        item = self.currentItem()
        return item.data(CARD).key if item else None

    def show_cards(self, cards: Sequence[Card], empty: tuple[str, str] = ("", "")) -> None:
        """Show cards.

        Parameters
        ----------
        cards : sequence of Card
            In order.
        empty : (str, str)
            A headline and a text in their place where there are none.
        """
        cards = tuple(cards)
        if empty != self._empty:
            self._empty = empty
            self.setAccessibleDescription(" ".join(empty) if not cards else "")
            self._repaint()
        if cards == self.cards:
            return
        same = [card.key for card in cards] == [card.key for card in self.cards]
        self.cards = cards
        self.blockSignals(True)
        if same:
            for i, card in enumerate(cards):
                self._fill(self.item(i), card)
        else:
            self._rebuild(cards)
        self.blockSignals(False)
        self.scheduleDelayedItemsLayout()
        self._repaint()

    def select(self, key: object | None) -> None:
        """Select a card without emitting `picked`."""
        self.blockSignals(True)
        at = next((i for i, card in enumerate(self.cards) if card.key == key), -1)
        self._select_row(at)
        self.blockSignals(False)
        self._repaint()

    def set_theme(self, theme: Theme) -> None:
        self.theme = theme
        self._repaint()

    def paintEvent(self, event: QPaintEvent | None) -> None:
        super().paintEvent(event)
        viewport = self.viewport()
        if self.count() or viewport is None:
            return
        painter = QPainter(viewport)
        headline, text = self._empty
        box = viewport.rect().adjusted(18, 16, -18, -12)
        painter.setFont(font(14, True))
        painter.setPen(self.theme.colour("text"))
        painter.drawText(box, WRAP, headline)
        painter.setFont(font(13))
        painter.setPen(self.theme.colour("muted"))
        painter.drawText(box.adjusted(0, 28, 0, 0), WRAP, text)
        painter.end()

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        super().resizeEvent(event)
        self.scheduleDelayedItemsLayout()

    def _rebuild(self, cards: Sequence[Card]) -> None:
        key, focus, bar = self.key, self.hasFocus(), self.verticalScrollBar()
        place = bar.value() if bar is not None else 0
        self.clear()
        for card in cards:
            item = QListWidgetItem()
            self._fill(item, card)
            self.addItem(item)
        self._select_row(next((i for i, card in enumerate(cards) if card.key == key), -1))
        if bar is not None:
            self.executeDelayedItemsLayout()
            bar.setValue(place)
        if focus:
            self.setFocus()

    def _select_row(self, row: int) -> None:
        """Select without scrolling there: no card moves under a pointer that is about to click."""
        self.setAutoScroll(False)
        self.setCurrentRow(row)
        self.setAutoScroll(True)

    def _fill(self, item: QListWidgetItem | None, card: Card) -> None:
        if item is not None and item.data(CARD) != card:
            item.setData(CARD, card)
            item.setData(Qt.ItemDataRole.AccessibleTextRole, card.accessible_text)
            parts = card.title, card.detail, card.verdict_text, card.problem
            item.setToolTip("\n".join(part for part in parts if part))

    def _emit_picked(self, item: QListWidgetItem | None) -> None:
        self.picked.emit(item.data(CARD).key if item else None)

    def _repaint(self) -> None:
        viewport = self.viewport()
        if viewport is not None:
            viewport.update()


class _CardDelegate(QStyledItemDelegate):
    """Title and state on one line, details below, and then the verdict, wrapped."""

    def __init__(self, owner: CardList) -> None:
        super().__init__(owner)
        self._list = owner

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex) -> QSize:  # noqa: ARG002
        card: Card = index.data(CARD)
        viewport = self._list.viewport()
        width = (viewport.width() if viewport else 300) - 2 * self._list.spacing()
        room = width - LEFT - PAD
        if self._list.fixed:
            return QSize(width, PAD + 24 + (1 + FIXED_LINES) * _text_height("X", room) + GAP + PAD)
        below = _text_height(card.verdict_text, room - 20) + GAP if card.verdict_text else 0
        below += _text_height(card.problem, room) + GAP if card.problem else 0
        return QSize(width, PAD + 20 + 4 + _text_height(card.detail, room) + below + PAD)

    def paint(self, painter: QPainter | None, option: QStyleOptionViewItem, index: QModelIndex) -> None:
        if painter is None:
            return
        card: Card = index.data(CARD)
        theme, box = self._list.theme, option.rect
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        selected = bool(option.state & QStyle.StateFlag.State_Selected)
        focus = selected and self._list.hasFocus()
        painter.setPen(QPen(theme.colour("accent" if selected else "edge"), 2 if focus else 1))
        painter.setBrush(theme.colour("accent", 0.10) if selected else theme.colour("window", 0.45))
        painter.drawRoundedRect(QRectF(box).adjusted(1, 1, -1, -1), 6, 6)
        paint_lamp(painter, theme, card.lamp, QRectF(box.left() + PAD, box.top() + PAD + 4, 12, 12))
        self._text(painter, theme, card, box)
        painter.restore()

    def _text(self, painter: QPainter, theme: Theme, card: Card, box: QRect) -> None:
        line = QRect(box.left() + LEFT, box.top() + PAD, box.width() - LEFT - PAD, 20)
        painter.setFont(font(12, True))
        state_width = painter.fontMetrics().horizontalAdvance(card.state)
        painter.setPen(theme.colour(ROLE.get(card.lamp, "muted")))
        painter.drawText(line, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, card.state)
        painter.setFont(font(14, True))
        painter.setPen(theme.colour("text"))
        room = line.width() - state_width - 14
        title = painter.fontMetrics().elidedText(card.title, Qt.TextElideMode.ElideMiddle, room)
        painter.drawText(line, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, title)
        painter.setFont(font(12))
        if self._list.fixed:
            self._fixed_text(painter, theme, card, QRect(line.left(), line.bottom() + 5, line.width(), 0))
            return
        y = self._wrapped(painter, theme, card.detail, "muted", QRect(line.left(), line.bottom() + 5, line.width(), 0))
        if card.verdict_text:
            paint_verdict(painter, theme, card.verdict, QRectF(line.left(), y + 1, 13, 13))
            shift = 20 if card.verdict != "unknown" else 0
            text_box = QRect(line.left() + shift, y, line.width() - 20, 0)
            y = self._wrapped(painter, theme, card.verdict_text, VERDICT_ROLE[card.verdict], text_box)
        if card.problem:
            role = ROLE.get(card.lamp, "muted")
            self._wrapped(painter, theme, card.problem, role, QRect(line.left(), y, line.width(), 0))

    def _fixed_text(self, painter: QPainter, theme: Theme, card: Card, box: QRect) -> None:
        """Paint the details on one line, and verdict and problem on the lines that every card has."""
        metrics, height = painter.fontMetrics(), _text_height("X", box.width())
        box.setHeight(height)
        painter.setPen(theme.colour("muted"))
        detail = metrics.elidedText(card.detail, Qt.TextElideMode.ElideRight, box.width())
        painter.drawText(box, WRAP, detail)
        texts = [(card.problem, ROLE.get(card.lamp, "muted"), 0)] if card.problem else []
        if card.verdict_text:
            shift = 20 if card.verdict != "unknown" else 0
            texts.append((card.verdict_text, VERDICT_ROLE[card.verdict], shift))
        y, n = box.bottom() + 1 + GAP, FIXED_LINES // max(len(texts), 1)
        for text, role, shift in texts:
            if shift:
                paint_verdict(painter, theme, card.verdict, QRectF(box.left(), y + 1, 13, 13))
            painter.setPen(theme.colour(role))
            room = QRect(box.left() + shift, y, box.width() - shift, n * height)
            painter.drawText(room, WRAP, _cut(text, metrics, room, n))
            y += n * height

    def _wrapped(self, painter: QPainter, theme: Theme, text: str, role: str, box: QRect) -> int:
        """Paint a text, wrapped; returns the y of what comes below."""
        box.setHeight(_text_height(text, box.width()))
        painter.setPen(theme.colour(role))
        painter.drawText(box, WRAP, text)
        return box.bottom() + 1 + GAP


def _cut(text: str, metrics: QFontMetrics, box: QRect, n_lines: int) -> str:
    """A text that fits so many lines of a box, cut at a word."""
    words = text.split(" ")
    while len(words) > 1 and _text_height(" ".join(words), box.width()) > n_lines * _text_height("X", box.width()):
        words = [*words[:-2], f"{words[-2].rstrip(',;')}…"]
    return " ".join(words) if n_lines > 1 else metrics.elidedText(text, Qt.TextElideMode.ElideRight, box.width())


def paint_verdict(painter: QPainter, theme: Theme, verdict: Verdict, box: QRectF) -> None:
    """Paint a tick in a circle where it fits, a cross in a square where it does not, a triangle where it fits too well,
    nothing where it is unknown."""
    if verdict == "unknown":
        return
    if verdict == "trained":
        return paint_lamp(painter, theme, "stale", box)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(theme.colour(VERDICT_ROLE[verdict]))
    pen = QPen(theme.colour("panel"), box.width() / 7)
    pen.setCapStyle(Qt.PenCapStyle.RoundCap)
    x, y, w = box.left(), box.top(), box.width()
    if verdict == "fits":
        painter.drawEllipse(box)
        painter.setPen(pen)
        corners = [QPointF(x + w * a, y + w * b) for a, b in ((0.27, 0.53), (0.44, 0.70), (0.74, 0.34))]
        painter.drawPolyline(QPolygonF(corners))
        return
    painter.drawRect(box)
    painter.setPen(pen)
    painter.drawLine(QPointF(x + w * 0.3, y + w * 0.3), QPointF(x + w * 0.7, y + w * 0.7))
    painter.drawLine(QPointF(x + w * 0.7, y + w * 0.3), QPointF(x + w * 0.3, y + w * 0.7))


def _text_height(text: str, width: int) -> int:
    return QFontMetrics(font(12)).boundingRect(QRect(0, 0, max(width, 40), 10_000), WRAP, text).height() if text else 0
