"""The row that steers: play, speed, timeline and jump of a recording, and how many words are scored."""

from __future__ import annotations

from typing import Any

from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QLineEdit, QSlider, QToolButton, QWidget

from apps.actions import Actions
from apps.theme import Theme
from apps.timeline import Timeline
from rtalign.minutes import place
from rtalign.snapshot import Snapshot

SPEEDS: tuple[float | None, ...] = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, None)
SKIP_S = 10.0


class Transport(QWidget):
    """Says what it wants through `asked`; shows what the snapshot says, not what was asked for."""

    asked = pyqtSignal(str, object)

    def __init__(self, actions: Actions, last_words: int) -> None:
        super().__init__()
        self.seen: Snapshot | None = None
        self.timeline = Timeline()
        self.speed, self.place, self.word = QComboBox(), QLabel("0:00"), QLineEdit()
        self.last, self.scope = QSlider(Qt.Orientation.Horizontal), QLabel("all words")
        self._actions = actions
        self._replay = [_button(actions, "play", "Play"), self.speed, self.timeline, self.place, self.word]
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        for widget in self._replay:
            row.addWidget(widget, 1 if widget is self.timeline else 0)
        for widget in (_button(actions, "window", "Last words"), self.last, self.scope):
            row.addWidget(widget)
        for name, text in (("freeze", "Freeze"), ("reset", "Reset"), ("record", "Record")):
            row.addWidget(_button(actions, name, text))
        self._set_up(last_words)

    def _set_up(self, last_words: int) -> None:
        for speed in SPEEDS:
            self.speed.addItem("max" if speed is None else f"{speed:g}×", speed)
        self.speed.setToolTip("Speed of the recording, times real time  ([ and ])")
        self.speed.setAccessibleName("Speed")
        self.speed.activated.connect(lambda i: self.asked.emit("speed", SPEEDS[i]))
        self.timeline.sought.connect(lambda to: self.asked.emit("seek", to))
        self.word.setPlaceholderText("jump to a word")
        self.word.setFixedWidth(130)
        self.word.setAccessibleName("Jump to a word")
        self.word.setToolTip("Type how a word begins; Enter jumps to where it is next said, of those met  (/)")
        self.word.returnPressed.connect(self.jump)
        self.last.setRange(100, 2000)
        self.last.setSingleStep(100)
        self.last.setPageStep(100)
        self.last.setValue(last_words)
        self.last.setFixedWidth(110)
        self.last.setAccessibleName("How many of the last words are scored")
        self.last.setToolTip("How many of the newest words are scored  (Shift+W fewer, Ctrl+W more)")
        self.last.valueChanged.connect(self._scope)
        self.place.setMinimumWidth(90)
        self.scope.setMinimumWidth(90)
        self._scope()
        for widget in (self.speed, self.last, self.timeline):
            widget.setFocusPolicy(Qt.FocusPolicy.TabFocus)

    def set_theme(self, theme: Theme) -> None:
        self.timeline.theme = theme
        self.timeline.update()

    def draw(self, seen: Snapshot) -> None:
        self.seen = seen
        replay = seen.position_s is not None and seen.end_s is not None
        for widget in self._replay:
            widget.setVisible(replay)
        if not replay:
            return
        self.timeline.draw(seen)
        self.place.setText(f"{place(seen.position_s or 0)} of {place(seen.end_s or 0)}")
        self._actions["play"].setText("Play" if seen.paused else "Pause")
        if not self.speed.hasFocus():
            self.speed.setCurrentIndex(SPEEDS.index(seen.speed) if seen.speed in SPEEDS else -1)

    def switch(self) -> None:
        self._ask("play" if self.seen and self.seen.paused else "pause")

    def gear(self, step: int) -> None:
        """Half or twice the speed."""
        now = self.seen.speed if self.seen else 1.0
        near = min(range(len(SPEEDS)), key=lambda i: abs((SPEEDS[i] or 64.0) - (now or 64.0)))
        self._ask("speed", SPEEDS[min(max(near + step, 0), len(SPEEDS) - 1)])

    def skip(self, seconds: float) -> None:
        self._ask("seek", max(self.timeline.position + seconds, 0.0))

    def step(self, by: int) -> None:
        """To the next word met before, or the one before; the recording waits there."""
        if (to := self.timeline.beside(by)) is not None:
            self._ask("pause")
            self._ask("seek", to)

    def jump(self) -> None:
        to = self.timeline.said(self.word.text())
        self.word.setProperty("missing", to is None)
        if to is None:
            self.word.setToolTip(f"“{self.word.text()}” has not been met in what was played so far")
            self.word.selectAll()
            return
        self._ask("seek", to)
        self.word.clear()
        self.word.clearFocus()

    def _ask(self, do: str, to: Any = None) -> None:
        if self.seen is not None and self.seen.position_s is not None:
            self.asked.emit(do, to)

    def _scope(self) -> None:
        """Slider and switch say one thing together."""
        alone = self._actions["window"].isChecked()
        self.last.setEnabled(alone)
        self.scope.setText(f"last {self.last.value():,} words" if alone else "all words")
        self.asked.emit("last words", self.last.value() if alone else None)

    def scope_changed(self) -> None:
        self._scope()


def _button(actions: Actions, name: str, text: str) -> QToolButton:
    button = QToolButton()
    button.setDefaultAction(actions[name])
    actions[name].setIconText(text)
    button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    return button
