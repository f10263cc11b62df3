"""The message bar: the most important message of the window, with a button for each fix."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from qtpy.QtCore import QEvent, QObject, Qt, QTimer
from qtpy.QtWidgets import QFrame, QHBoxLayout, QLabel, QProgressBar, QPushButton, QSizePolicy

from rtalign_monitor.bars.status import StatusBar

Tone = Literal["quiet", "stale", "lost", "live"]
"""Colour role of a message: plain information, a warning, an error, or a success."""
Fix = tuple[str, Callable[[], object]]
"""Label of a button, and what it does."""
SYMBOLS: dict[Tone, str] = {"quiet": "", "live": "●", "stale": "▲", "lost": "■"}
BRIEFLY_S = 8.0
QUESTION = "reset"
"""Key of the one message that is a question: Esc answers it with no, and visitors do not see it."""
MARGIN_PX = 3
"""Between the message and the edge of the status bar."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message to the user.

    Attributes
    ----------
    key : str
        Subject of the message; a new message replaces the one with the same key.
    text : str
        The fact, and the fix in words where no button does it.
    tone : {"quiet", "stale", "lost", "live"}
        Colour role.
    fixes : tuple of (str, callable)
        Buttons: their labels and what they do.
    busy : bool
        Whether work is in progress, shown as a moving bar.
    """

    key: str
    text: str
    tone: Tone = "quiet"
    fixes: tuple[Fix, ...] = ()
    busy: bool = False


class MessageBar(QFrame):
    """Shows the most important of the posted messages over its place in the status bar; hidden while there is none.

    Why over the status bar: a row of its own would move all panels with every message, or be empty most of the time.
    A text of more lines than fit covers what is below, and moves nothing either.

    Parameters
    ----------
    order : sequence of str
        Keys of all messages, the most important first.
    status : StatusBar
        Says where a message may stand.
    """

    def __init__(self, order: Sequence[str], status: StatusBar) -> None:
        super().__init__(status.parentWidget())
        self._status = status
        status.installEventFilter(self)
        self.setObjectName("message_bar")
        self._order, self._posted = tuple(order), dict[str, Message]()
        self._shown: Message | None = None
        self._brief: Message | None = None
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._dismiss_brief)
        self._symbol, self._text = QLabel(), QLabel()
        self._symbol.setObjectName("symbol")
        self._text.setWordWrap(True)
        self._text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._text.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self._busy = QProgressBar()
        self._busy.setRange(0, 0)
        self._busy.setFixedSize(120, 6)
        self._busy.setTextVisible(False)
        self._fixes = QHBoxLayout()
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 2, 8, 2)
        row.setSpacing(10)
        for widget in (self._symbol, self._text, self._busy):
            row.addWidget(widget, 1 if widget is self._text else 0)
        row.addLayout(self._fixes)
        self.hide()

    @property
    def message(self) -> Message | None:
        """The message that is shown."""
        return self._shown

    @property
    def buttons(self) -> list[QPushButton]:
        """The buttons of the message that is shown."""
        items = (self._fixes.itemAt(i) for i in range(self._fixes.count()))
        return [widget for item in items if item and isinstance(widget := item.widget(), QPushButton)]

    def post(self, message: Message) -> None:
        """Show a message until it is dismissed, as soon as no more important one is left."""
        if self._posted.get(message.key) != message:
            self._posted[message.key] = message
            self._update()

    def post_briefly(self, message: Message, seconds: float = BRIEFLY_S) -> None:
        """Post a message and dismiss it after some seconds, unless it has been replaced; one message at a time."""
        self.post(message)
        self._brief = message
        self._timer.start(round(1000 * seconds))

    def dismiss(self, key: str) -> None:
        """Withdraw the message with a key, if there is one."""
        if self._posted.pop(key, None) is not None:
            self._update()

    def place(self) -> None:
        """Stand where the status bar leaves room for a message."""
        if self._shown is None:
            return
        room = self._status.message_room().translated(self._status.pos())
        height = max(self.heightForWidth(room.width()), room.height() - 2 * MARGIN_PX)
        top = room.top() + max((room.height() - height) // 2, MARGIN_PX)
        self.setGeometry(room.left(), top, room.width(), height)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Follow the status bar."""
        if event is not None and event.type() in (QEvent.Type.Resize, QEvent.Type.Move):
            self.place()
        return super().eventFilter(watched, event)

    def _dismiss_brief(self) -> None:
        if self._brief is not None and self._posted.get(self._brief.key) == self._brief:
            self.dismiss(self._brief.key)

    def _update(self) -> None:
        keys = [key for key in self._order if key in self._posted]
        message = self._posted[keys[0]] if keys else None
        if message == self._shown:
            return
        before, self._shown = self._shown, message
        self.setVisible(message is not None)
        if message is None:
            return
        for part in (self, self._symbol):
            part.setProperty("tone", message.tone)
        self._symbol.setText(SYMBOLS[message.tone])
        self._symbol.setVisible(message.tone != "quiet")
        self._text.setText(message.text)
        self.setAccessibleName(message.text)
        self._busy.setVisible(message.busy)
        if before is None or [label for label, _ in before.fixes] != [label for label, _ in message.fixes]:
            self._make_buttons(message.fixes)
        for widget in (self, self._symbol, self._text):
            style = widget.style()
            if style is not None:  # the stylesheet depends on the tone, which Qt does not evaluate again by itself
                style.unpolish(widget)
                style.polish(widget)
        self.raise_()
        self.place()

    def _make_buttons(self, fixes: Sequence[Fix]) -> None:
        while (item := self._fixes.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        for label, _ in fixes:
            button = QPushButton(label)
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            button.clicked.connect(lambda _=False, label=label: self._apply_fix(label))
            self._fixes.addWidget(button)

    def _apply_fix(self, label: str) -> None:
        for name, handler in self._shown.fixes if self._shown else ():
            if name == label:
                handler()
                return
