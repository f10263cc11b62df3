"""The whole window without a screen, with fake engines or with real ones."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from pytestqt.qtbot import QtBot
from qtpy import PYQT6
from qtpy.QtCore import Qt
from qtpy.QtGui import QKeySequence
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QWidget

from rtalign.core.session import Session
from rtalign.engine.commands import Command, Stop
from rtalign.engine.process.client import EngineStarter
from rtalign.engine.process.word_list import WordList
from rtalign.engine.snapshot import RecordingStatus, Snapshot, empty_snapshot
from rtalign_monitor.main_window import MonitorWindow
from rtalign_monitor.widgets.fields import suffix_of
from tests.helpers import snapshots

ONSETS = np.arange(1.0, 249.0, 0.5)
WORD_LIST = WordList(ONSETS, tuple(snapshots.STORY[i % len(snapshots.STORY)] for i in range(len(ONSETS))))
POSITION_S = 41.2
PATIENCE_MS = 120_000


class FakeEngine:
    """An engine client that records commands, and whose snapshots a test sets.

    obeys_stop : whether it ends when it is told to stop.
    """

    def __init__(self, session: Session) -> None:
        self.session = session
        self.newest = empty_snapshot("loading", "loading the language model")
        self.word_list: WordList | None = None
        self.recording: RecordingStatus | None = None
        self.alive, self.pid, self.status = True, 1, 0
        self.sent: list[Command] = []
        self.obeys_stop = True

    def send(self, command: Command) -> None:
        self.sent.append(command)
        if command == Stop() and self.obeys_stop:
            self.newest, self.alive = dataclasses.replace(self.newest, phase="ended"), False

    def wait(self, timeout_s: float | None = None) -> int:
        return self.status

    def crash(self) -> None:
        self.alive, self.status = False, -9

    kill = crash


class FakeDialogs:
    """In place of file dialogs: the user always chooses `path`."""

    path: Path | None = None

    def file(self, title: str, at: Path | None, kinds: str) -> Path | None:
        return self.path

    def folder(self, title: str, at: Path | None) -> Path | None:
        return self.path

    def new_file(self, title: str, at: Path, kinds: str) -> Path | None:
        return self.path and self.path.with_suffix(suffix_of(kinds.split(";;")[0]))


class Scene:
    """A window with fake engines, one after the other.

    now : what the clock of the engine link shows.    opened : files that were opened for the user.
    """

    def __init__(self, qtbot: QtBot, folder: Path) -> None:
        self.qtbot, self.folder = qtbot, folder
        self.engines: list[FakeEngine] = []
        self.opened: list[Path] = []
        self.dialogs = FakeDialogs()
        self.now = 0.0
        self.window = self.open()

    def open(self) -> MonitorWindow:
        window = MonitorWindow(self._begin, self.folder / "window.json")
        window.link._clock = lambda: self.now
        window.sessions._dialogs = window.exporter._dialogs = self.dialogs  # type: ignore[assignment]
        self.qtbot.addWidget(window, before_close_func=lambda w: w.close_now())
        window.resize(1280, 800)
        window.show()
        self.qtbot.waitActive(window).__enter__()
        window.activateWindow()
        self.qtbot.waitUntil(window.isActiveWindow)
        return window

    def _begin(self, session: Session) -> FakeEngine:
        self.engines.append(FakeEngine(session))
        return self.engines[-1]

    @property
    def engine(self) -> FakeEngine:
        return self.engines[-1]

    def replay(self, n: int = 300, **changed: Any) -> None:
        self.window.start(Session(recording=self.folder / "story", bank=self.folder / "bank"))
        self.window.tick()
        self.engine.word_list = WORD_LIST
        self.send(position_s=POSITION_S, end_s=250.0, speed=1.0, recording=None, n=n, **changed)

    def live(self, **changed: Any) -> None:
        self.window.start(Session(bank=self.folder / "bank"))
        self.window.tick()
        self.send(**changed)

    def send(self, n: int = 300, **changed: Any) -> Snapshot:
        self.engine.newest = snapshots.snapshot_after(n, **changed)
        self.window.tick()
        return self.engine.newest

    def change(self, **changed: Any) -> Snapshot:
        """Send the last snapshot again with some fields changed."""
        self.engine.newest = dataclasses.replace(self.engine.newest, **changed)
        self.window.tick()
        return self.engine.newest

    def press(self, key: str, on: QWidget | None = None) -> None:
        QTest.keySequence(on or self.window, QKeySequence(key))
        self.window.tick()

    def click(self, label: str) -> None:
        (button,) = (b for b in self.window.message_bar.buttons if b.text() == label)
        self.qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
        self.window.tick()

    @property
    def message(self) -> str:
        message = self.window.message_bar.message
        return message.text if message else ""

    @property
    def last_command(self) -> Command | None:
        return self.engine.sent[-1] if self.engine.sent else None

    def panel(self, name: str) -> Any:
        return self.window.grid.panels[name]


class RealWindow:
    """A window with real engines."""

    def __init__(self, qtbot: QtBot, live_setup: Path, folder: Path) -> None:
        self.qtbot, self.live_setup = qtbot, live_setup
        self.starter = EngineStarter()
        self.window = MonitorWindow(self.starter, folder / "window.json")
        qtbot.addWidget(self.window)
        self.window.resize(1280, 800)
        self.window.show()
        qtbot.waitExposed(self.window).__enter__()
        self.window.activateWindow()
        qtbot.waitUntil(self.window.isActiveWindow)

    def start(self, **settings: object) -> None:
        bank = {"bank": self.live_setup / "bank", "model": str(self.live_setup / "model")}
        self.window.start(Session.model_validate(bank | settings))

    def replay(self, speed: float) -> None:
        self.start(recording=self.live_setup / "listener", run="02", speed=speed)

    def until(self, wanted: Callable[[Snapshot], object]) -> Snapshot:
        self.qtbot.waitUntil(lambda: bool(wanted(self.window.link.newest)), timeout=PATIENCE_MS)
        self.window.tick()
        return self.window.link.newest

    def press(self, key: str) -> None:
        QTest.keySequence(self.window, QKeySequence(key))

    @property
    def pid(self) -> int:
        assert self.window.link.engine is not None
        return self.window.link.engine.pid

    def close(self) -> None:
        """Close without waiting, then end the engine."""
        engine = self.window.link.engine
        self.window.close_now()
        if engine is not None and engine.alive:
            engine.send(Stop())
            engine.wait(30)
        self.starter.close()


def delete(widget: QWidget) -> None:
    """Delete what Qt holds of a widget, now."""
    if PYQT6:
        from qtpy import sip

        sip.delete(widget)
    else:
        from qtpy import shiboken

        shiboken.delete(widget)
