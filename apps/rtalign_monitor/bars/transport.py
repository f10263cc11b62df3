"""The transport bar: play, speed, timeline and word search of a replay, and how many words are scored."""

from __future__ import annotations

from dataclasses import dataclass

from qtpy.QtCore import Qt, Signal
from qtpy.QtGui import QAction
from qtpy.QtWidgets import QHBoxLayout, QLabel, QLineEdit, QSlider, QToolButton, QWidget

from rtalign.core.text.time_format import position_time
from rtalign.core.text.translation import tr
from rtalign.engine.commands import Pause, Play, ReplayCommand, ScoreLastWords, Seek, SetSpeed, Step
from rtalign.engine.snapshot import Snapshot
from rtalign_monitor.bars.timeline import TimelineBar
from rtalign_monitor.widgets.controls import ComboBox
from rtalign_monitor.widgets.theme import Theme

SPEEDS: tuple[float | None, ...] = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, None)
"""Times real time; None is as fast as the machine can."""
SKIP_S = 10.0
ALL_WORDS = tr("Score: all words")
MIN_LAST_WORDS, MAX_LAST_WORDS, LAST_WORDS_STEP = 100, 2000, 100


@dataclass(frozen=True, slots=True)
class TransportActions:
    """The actions of the window that have a button in the transport bar.

    Attributes
    ----------
    play, record, last_words, freeze, reset : QAction
        Play or pause; record; score the last words only; freeze the display; reset the scores.
    """

    play: QAction
    record: QAction
    last_words: QAction
    freeze: QAction
    reset: QAction


class TransportBar(QWidget):
    """Emits commands for the engine, and shows what the snapshots say rather than what was commanded.

    Signals: `command_requested` with a command for the engine, `word_not_found` with a word that the recording does
    not contain.

    Parameters
    ----------
    actions : TransportActions
        Actions that have a button here.
    last_words : int
        How many of the newest words are scored when not all are.
    """

    command_requested = Signal(object)
    word_not_found = Signal(str)

    def __init__(self, actions: TransportActions, last_words: int) -> None:
        super().__init__()
        self.snapshot: Snapshot | None = None
        self.timeline = TimelineBar()
        self.speed, self.position, self.word = ComboBox(tr("Speed")), QLabel("0:00"), QLineEdit()
        self.last_words, self._spacer = QSlider(Qt.Orientation.Horizontal), QWidget()
        self._actions = actions
        self._speeds: tuple[float | None, ...] = ()
        play, self._record = _button(actions.play, tr("Pause")), _button(actions.record, tr("Record"))
        last_words_button = _button(actions.last_words, ALL_WORDS)
        self._replay_widgets = [play, self.speed, self.timeline, self.position, self.word]
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        for widget in self._replay_widgets:
            row.addWidget(widget, 1 if widget is self.timeline else 0)
        for widget in (self._record, self._spacer, self.last_words, last_words_button):
            row.addWidget(widget, 1 if widget is self._spacer else 0)
        for action, text in ((actions.freeze, tr("Freeze")), (actions.reset, tr("Reset"))):
            row.addWidget(_button(action, text))
        play.setMinimumWidth(64)
        last_words_button.setMinimumWidth(128)
        self._set_up_replay()
        self._set_up_last_words(last_words)

    def _set_up_replay(self) -> None:
        self._show_speed(1.0)
        self.speed.setToolTip(tr("Speed of the replay, times real time  ([ and ])"))
        self.speed.setMinimumContentsLength(4)
        self.speed.activated.connect(lambda i: self.command_requested.emit(SetSpeed(self._speeds[i])))
        self.timeline.seek_requested.connect(lambda time_s: self.command_requested.emit(Seek(time_s)))
        self.word.setPlaceholderText(tr("jump to word"))
        self.word.setFixedWidth(120)
        self.word.setAccessibleName(tr("Jump to a word"))
        self.word.setToolTip(tr("Type how a word begins; Enter jumps to where it is spoken next  (/)"))
        self.word.returnPressed.connect(self.jump_to_word)
        self.position.setMinimumWidth(88)
        for widget in (self.speed, self.timeline):
            widget.setFocusPolicy(Qt.FocusPolicy.TabFocus)

    def _set_up_last_words(self, last_words: int) -> None:
        self.last_words.setRange(MIN_LAST_WORDS, MAX_LAST_WORDS)
        self.last_words.setSingleStep(LAST_WORDS_STEP)
        self.last_words.setPageStep(LAST_WORDS_STEP)
        self.last_words.setValue(last_words)
        self.last_words.setFixedWidth(96)
        self.last_words.setAccessibleName(tr("How many of the last words are scored"))
        self.last_words.setToolTip(tr("How many of the newest words are scored  (Shift+W fewer, Ctrl+W more)"))
        self.last_words.valueChanged.connect(self.apply_last_words)
        self.last_words.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.apply_last_words()

    def set_theme(self, theme: Theme) -> None:
        self.timeline.set_theme(theme)
        self.speed.set_theme(theme)

    def draw(self, snapshot: Snapshot) -> None:
        """Show position and speed of a replay, or the controls of live streams."""
        self.snapshot = snapshot
        replay = snapshot.position_s is not None and snapshot.end_s is not None
        for widget in self._replay_widgets:
            widget.setVisible(replay)
        self._record.setVisible(not replay)
        self._spacer.setVisible(not replay)
        if not replay:
            return
        self.timeline.draw(snapshot)
        self.position.setText(
            tr(
                "{now} of {end}",
                now=position_time(snapshot.position_s or 0),
                end=position_time(snapshot.end_s or 0),
            )
        )
        self._actions.play.setIconText(tr("Play") if snapshot.paused or snapshot.phase == "ended" else tr("Pause"))
        if not self.speed.hasFocus():
            self._show_speed(snapshot.speed)

    def _show_speed(self, speed: float | None) -> None:
        """Show a speed; one that is not among the choices is added while it lasts."""
        speeds = tuple(sorted({*SPEEDS, speed}, key=lambda s: s or float("inf")))
        if speeds != self._speeds:
            self._speeds = speeds
            self.speed.clear()
            self.speed.addItems([tr("max") if s is None else f"{s:g}×" for s in speeds])
        self.speed.setCurrentIndex(speeds.index(speed))

    def toggle_play(self) -> None:
        """Play or pause."""
        self._request(Play() if self.snapshot and self.snapshot.paused else Pause())

    def change_speed(self, step: int) -> None:
        """Take the next higher (1) or lower (-1) of the standard speeds."""
        now = self.snapshot.speed if self.snapshot else 1.0
        nearest = min(range(len(SPEEDS)), key=lambda i: abs((SPEEDS[i] or 64.0) - (now or 64.0)))
        self._request(SetSpeed(SPEEDS[min(max(nearest + step, 0), len(SPEEDS) - 1)]))

    def skip(self, seconds: float) -> None:
        """Move by some seconds."""
        self._request(Seek(max(self.timeline.position + seconds, 0.0)))

    def step(self, words: int) -> None:
        """Move by some words, and pause there."""
        self._request(Step(words))

    def jump_to_word(self) -> None:
        """Seek to the next place of the word that was typed."""
        onset = self.timeline.find_word(self.word.text())
        if onset is None:
            self.word_not_found.emit(self.word.text().strip())
            self.word.selectAll()
            return
        self._request(Seek(onset))
        self.word.clear()
        self.word.clearFocus()

    def set_last_words(self, n_words: int | None) -> None:
        """Show how many of the last words a new session scores (None: all), without a command to the engine."""
        self.last_words.blockSignals(True)
        self.last_words.setValue(n_words or self.last_words.value())
        self.last_words.blockSignals(False)
        self._actions.last_words.setChecked(n_words is not None)
        self._show_last_words()

    def change_last_words(self, steps: int) -> None:
        """Score more (1) or fewer (-1) of the last words."""
        self.last_words.setValue(self.last_words.value() + steps * LAST_WORDS_STEP)

    def apply_last_words(self) -> None:
        """Have the engine score all words or the last ones only, as the action and the slider say."""
        self._show_last_words()
        limited = self._actions.last_words.isChecked()
        self.command_requested.emit(ScoreLastWords(self.last_words.value() if limited else None))

    def _show_last_words(self) -> None:
        """The slider is visible only while the action is on, and the button shows its value."""
        limited = self._actions.last_words.isChecked()
        self.last_words.setVisible(limited)
        self._actions.last_words.setIconText(
            tr("Score: last {n:,}", n=self.last_words.value()) if limited else ALL_WORDS
        )

    def _request(self, command: ReplayCommand) -> None:
        """Emit a command that only a replay understands."""
        if self.snapshot is not None and self.snapshot.position_s is not None:
            self.command_requested.emit(command)


def _button(action: QAction, text: str) -> QToolButton:
    button = QToolButton()
    button.setDefaultAction(action)
    action.setIconText(text)
    button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    return button
