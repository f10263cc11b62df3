"""The message bar: the most important message of the window, with a button for each fix."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from PyQt6.QtCore import Qt, QTimer
from PyQt6.QtWidgets import QFrame, QHBoxLayout, QLabel, QProgressBar, QPushButton, QSizePolicy, QWidget

Tone = Literal["quiet", "stale", "lost", "live"]
"""Colour role of a message: plain information, a warning, an error, or a success."""
Fix = tuple[str, Callable[[], object]]
"""Label of a button, and what it does."""
SYMBOLS: dict[Tone, str] = {"quiet": "", "live": "●", "stale": "▲", "lost": "■"}
BRIEFLY_S = 8.0


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
    """Shows the most important of the posted messages; hidden while there is none.

    Parameters
    ----------
    order : sequence of str
        Keys of all messages, the most important first.
    parent : QWidget or None
        Parent widget.
    """

    def __init__(self, order: Sequence[str], parent: QWidget | None = None) -> None:
        super().__init__(parent)
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
        row.setContentsMargins(14, 6, 10, 6)
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
