"""The row that steers: play, speed, timeline and jump of a recording, and how many words are scored."""

from __future__ import annotations

from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtWidgets import QHBoxLayout, QLabel, QLineEdit, QSlider, QToolButton, QWidget

from rtalign.core.time_format import position_time
from rtalign.engine.commands import Pause, Play, ReplayCommand, ScoreLastWords, Seek, SetSpeed, Step
from rtalign.engine.snapshot import Snapshot
from rtalign_monitor.actions.registry import ActionRegistry
from rtalign_monitor.bars.timeline import Timeline
from rtalign_monitor.widgets.controls import Choice
from rtalign_monitor.widgets.theme import Theme

SPEEDS: tuple[float | None, ...] = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, None)
SKIP_S = 10.0
FEWEST_LAST, MOST_LAST, LAST_STEP = 100, 2000, 100


class Transport(QWidget):
    """Says what it wants through `asked`; shows what the snapshot says, not what was asked for."""

    asked = pyqtSignal(object)
    missed = pyqtSignal(str)

    def __init__(self, actions: ActionRegistry, last_words: int) -> None:
        super().__init__()
        self.seen: Snapshot | None = None
        self.timeline = Timeline()
        self.speed, self.place, self.word = Choice("Speed"), QLabel("0:00"), QLineEdit()
        self.last, self._fill = QSlider(Qt.Orientation.Horizontal), QWidget()
        self._actions = actions
        self._speeds: tuple[float | None, ...] = ()
        self.play, self.record = _button(actions, "play", "Pause"), _button(actions, "record", "Record")
        self.window_words = _button(actions, "window", "All words")
        self._replay = [self.play, self.speed, self.timeline, self.place, self.word]
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        for widget in self._replay:
            row.addWidget(widget, 1 if widget is self.timeline else 0)
        for widget in (self.record, self._fill, self.last, self.window_words):
            row.addWidget(widget, 1 if widget is self._fill else 0)
        for name, text in (("freeze", "Freeze"), ("reset", "Reset")):
            row.addWidget(_button(actions, name, text))
        self._set_up(last_words)

    def _set_up(self, last_words: int) -> None:
        self._offer(1.0)
        self.speed.setToolTip("Speed of the recording, times real time  ([ and ])")
        self.speed.setMinimumContentsLength(4)
        self.speed.activated.connect(lambda i: self.asked.emit(SetSpeed(self._speeds[i])))
        self.timeline.sought.connect(lambda to: self.asked.emit(Seek(to)))
        self.word.setPlaceholderText("jump to word")
        self.word.setFixedWidth(120)
        self.word.setAccessibleName("Jump to a word")
        self.word.setToolTip("Type how a word begins; Enter jumps to where it is next said  (/)")
        self.word.returnPressed.connect(self.jump)
        self.last.setRange(FEWEST_LAST, MOST_LAST)
        self.last.setSingleStep(LAST_STEP)
        self.last.setPageStep(LAST_STEP)
        self.last.setValue(last_words)
        self.last.setFixedWidth(96)
        self.last.setAccessibleName("How many of the last words are scored")
        self.last.setToolTip("How many of the newest words are scored  (Shift+W fewer, Ctrl+W more)")
        self.last.valueChanged.connect(self.scope)
        self.place.setMinimumWidth(88)
        self.play.setMinimumWidth(64)
        self.window_words.setMinimumWidth(88)
        self.scope()
        for widget in (self.speed, self.last, self.timeline):
            widget.setFocusPolicy(Qt.FocusPolicy.TabFocus)

    def set_theme(self, theme: Theme) -> None:
        self.timeline.set_theme(theme)
        self.speed.set_theme(theme)

    def draw(self, seen: Snapshot) -> None:
        self.seen = seen
        replay = seen.position_s is not None and seen.end_s is not None
        for widget in self._replay:
            widget.setVisible(replay)
        self.record.setVisible(not replay)
        self._fill.setVisible(not replay)
        if not replay:
            return
        self.timeline.draw(seen)
        self.place.setText(f"{position_time(seen.position_s or 0)} of {position_time(seen.end_s or 0)}")
        self._actions["play"].setIconText("Play" if seen.paused or seen.phase == "ended" else "Pause")
        if not self.speed.hasFocus():
            self._offer(seen.speed)

    def _offer(self, speed: float | None) -> None:
        """A speed that is not in the list is put there while it lasts."""
        speeds = tuple(sorted({*SPEEDS, speed}, key=lambda s: s or float("inf")))
        if speeds != self._speeds:
            self._speeds = speeds
            self.speed.clear()
            self.speed.addItems(["max" if s is None else f"{s:g}×" for s in speeds])
        self.speed.setCurrentIndex(speeds.index(speed))

    def switch(self) -> None:
        self._ask(Play() if self.seen and self.seen.paused else Pause())

    def gear(self, step: int) -> None:
        """Half or twice the speed."""
        now = self.seen.speed if self.seen else 1.0
        near = min(range(len(SPEEDS)), key=lambda i: abs((SPEEDS[i] or 64.0) - (now or 64.0)))
        self._ask(SetSpeed(SPEEDS[min(max(near + step, 0), len(SPEEDS) - 1)]))

    def skip(self, seconds: float) -> None:
        self._ask(Seek(max(self.timeline.position + seconds, 0.0)))

    def step(self, by: int) -> None:
        self._ask(Step(by))

    def jump(self) -> None:
        to = self.timeline.said(self.word.text())
        if to is None:
            self.missed.emit(self.word.text().strip())
            self.word.selectAll()
            return
        self._ask(Seek(to))
        self.word.clear()
        self.word.clearFocus()

    def follow(self, last_words: int | None) -> None:
        """What a session begins with."""
        self.last.blockSignals(True)
        self.last.setValue(last_words or self.last.value())
        self.last.blockSignals(False)
        self._actions["window"].setChecked(last_words is not None)
        self._show_scope()

    def more(self, by: int) -> None:
        """A longer or shorter window of words."""
        self.last.setValue(self.last.value() + by * LAST_STEP)

    def scope(self) -> None:
        alone = self._actions["window"].isChecked()
        self._show_scope()
        self.asked.emit(ScoreLastWords(self.last.value() if alone else None))

    def _show_scope(self) -> None:
        """Slider and switch say one thing together."""
        alone = self._actions["window"].isChecked()
        self.last.setVisible(alone)
        self._actions["window"].setIconText(f"Last {self.last.value():,}" if alone else "All words")

    def _ask(self, command: ReplayCommand) -> None:
        if self.seen is not None and self.seen.position_s is not None:
            self.asked.emit(command)


def _button(actions: ActionRegistry, name: str, text: str) -> QToolButton:
    button = QToolButton()
    button.setDefaultAction(actions[name])
    actions[name].setIconText(text)
    button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    return button
