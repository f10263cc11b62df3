"""The strip that says, in place, what has to be said, with its cure as a button."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from PyQt6.QtCore import Qt, QTimer
from PyQt6.QtWidgets import QFrame, QHBoxLayout, QLabel, QProgressBar, QPushButton, QSizePolicy, QWidget

Tone = Literal["quiet", "stale", "lost", "live"]
AWHILE_S = 8.0


@dataclass(frozen=True, slots=True)
class Message:
    """One thing to say.  key : what it is about; the same key is replaced.  busy : something goes on meanwhile."""

    key: str
    text: str
    tone: Tone = "quiet"
    fixes: tuple[tuple[str, Callable[[], object]], ...] = ()
    busy: bool = False


class MessageBar(QFrame):
    """Shows the message that matters most; no message, no strip."""

    def __init__(self, order: Sequence[str], parent: QWidget | None = None) -> None:
        """order : keys of messages, what matters most first."""
        super().__init__(parent)
        self.setObjectName("message_bar")
        self._order, self._said = tuple(order), dict[str, Message]()
        self._shown: Message | None = None
        self._passing: Message | None = None
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._pass)
        self._mark, self._text = QLabel(), QLabel()
        self._mark.setObjectName("mark")
        self._text.setWordWrap(True)
        self._text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._text.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self._bar = QProgressBar()
        self._bar.setRange(0, 0)
        self._bar.setFixedSize(120, 6)
        self._bar.setTextVisible(False)
        self._fix_buttons = QHBoxLayout()
        row = QHBoxLayout(self)
        row.setContentsMargins(14, 6, 10, 6)
        row.setSpacing(10)
        for widget in (self._mark, self._text, self._bar):
            row.addWidget(widget, 1 if widget is self._text else 0)
        row.addLayout(self._fix_buttons)
        self.hide()

    @property
    def message(self) -> Message | None:
        return self._shown

    @property
    def buttons(self) -> list[QPushButton]:
        found = (self._fix_buttons.itemAt(i) for i in range(self._fix_buttons.count()))
        return [widget for item in found if item and isinstance(widget := item.widget(), QPushButton)]

    def post(self, message: Message) -> None:
        if self._said.get(message.key) != message:
            self._said[message.key] = message
            self._show()

    def post_briefly(self, message: Message, seconds: float = AWHILE_S) -> None:
        """Gone by itself, unless something else is said about the same by then; one message at a time."""
        self.post(message)
        self._passing = message
        self._timer.start(round(1000 * seconds))

    def _pass(self) -> None:
        if self._passing is not None and self._said.get(self._passing.key) == self._passing:
            self.dismiss(self._passing.key)

    def said(self, key: str) -> Message | None:
        return self._said.get(key)

    def dismiss(self, key: str) -> None:
        if self._said.pop(key, None) is not None:
            self._show()

    def _show(self) -> None:
        keys = [key for key in self._order if key in self._said]
        message = self._said[keys[0]] if keys else None
        if message == self._shown:
            return
        before, self._shown = self._shown, message
        self.setVisible(message is not None)
        if message is None:
            return
        for part in (self, self._mark):
            part.setProperty("tone", message.tone)
        self._mark.setText({"quiet": "", "live": "●", "stale": "▲", "lost": "■"}[message.tone])
        self._mark.setVisible(message.tone != "quiet")
        self._text.setText(message.text)
        self.setAccessibleName(message.text)
        self._bar.setVisible(message.busy)
        if before is None or [c[0] for c in before.fixes] != [c[0] for c in message.fixes]:
            self._offer(message.fixes)
        for name in (self, self._mark, self._text):
            style = name.style()
            if style is not None:  # colours go by the tone, which Qt does not look at again by itself
                style.unpolish(name)
                style.polish(name)

    def _offer(self, cures: Sequence[tuple[str, Callable[[], object]]]) -> None:
        while (item := self._fix_buttons.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        for label, _ in cures:
            button = QPushButton(label)
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            button.clicked.connect(lambda _=False, label=label: self._cure(label))
            self._fix_buttons.addWidget(button)

    def _cure(self, label: str) -> None:
        for name, deed in self._shown.fixes if self._shown else ():
            if name == label:
                deed()
                return
