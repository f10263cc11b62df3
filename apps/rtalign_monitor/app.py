"""From a session to a window."""

from __future__ import annotations

import signal
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from PyQt6.QtCore import QMessageLogContext, QTimer, QtMsgType, qInstallMessageHandler
from PyQt6.QtWidgets import QApplication

from rtalign.core.session import Session
from rtalign.engine.snapshot import Snapshot
from rtalign_monitor import memory
from rtalign_monitor.engines.link import EngineClient
from rtalign_monitor.export.screenshots import Pictures
from rtalign_monitor.main_window import MonitorWindow
from rtalign_monitor.memory import ViewName
from rtalign_monitor.start.demo import Trying

LOOK_MS = 100
ENGINE_ENDS_S = 60.0
"""How long an engine may still write after its window is gone."""


@dataclass(frozen=True, slots=True)
class DisplayOptions:
    """How a session is shown.  over : says when there is nothing more to come, whereupon the engine is asked to stop.

    pictures : a folder for pictures, which are left there on the way; the window then closes by itself at the end.
    """

    view: ViewName | None = None
    over: Callable[[Snapshot], bool] | None = None
    pictures: Path | None = None


def run(session: Session | None, showing: DisplayOptions | None = None) -> Snapshot | None:
    """Show the window until it is closed; without a session it asks for one.  The last that was seen of it."""
    showing = showing or DisplayOptions()
    qInstallMessageHandler(_told)
    app = QApplication.instance() or QApplication(sys.argv[:1])
    app.setProperty("applicationName", "rtalign")
    window = MonitorWindow(_begin, memory.default_path())
    if showing.view:
        window.set_view(showing.view)
    window.demo_wanted.connect(Trying(window.message_bar, window.start).begin)
    pictures = Pictures(showing.pictures) if showing.pictures else None
    window.show()
    QTimer.singleShot(0, lambda: window.start(whole(session)) if session is not None else window.start_dialog())
    timer = QTimer()
    timer.timeout.connect(lambda: _look(window, showing, pictures))
    timer.start(LOOK_MS)
    before = {
        number: signal.signal(number, lambda *_: _asked_to_go(window)) for number in (signal.SIGINT, signal.SIGTERM)
    }
    hook, sys.excepthook = sys.excepthook, _said
    try:
        app.exec()
    finally:
        sys.excepthook = hook
        for number, handler in before.items():
            signal.signal(number, handler)
        timer.stop()
        window.replay_extras.close()
        if window.link.engine:
            window.link.engine.wait(ENGINE_ENDS_S)
    return window.drawn


def whole(session: Session) -> Session:
    """With its paths from the root on: what is remembered is read in another folder."""
    paths = {name: value.absolute() for name, value in session if isinstance(value, Path)}
    return session.model_copy(update=paths)


def _look(window: MonitorWindow, showing: DisplayOptions, pictures: Pictures | None) -> None:
    """Runs also so that the interpreter gets its turn, and with it Ctrl-C."""
    state = window.link.state
    if state == "running" and showing.over and showing.over(window.link.newest):
        window.link.stop()
    if pictures:
        if (window.link.stopping_s or 0.0) > ENGINE_ENDS_S:  # nobody is there to give it up
            window.link.give_up()
        done = state in ("ended", "failed", "lost")
        pictures.look(window, last=done)
        if done:
            window.close()


def _asked_to_go(window: MonitorWindow) -> None:
    """Whoever asks twice does not want to wait for the engine."""
    if window.closing:
        window.leave_now()
    else:
        window.close()


def _begin(session: Session) -> EngineClient:
    from rtalign.engine.process.client import Client

    return Client(session)


def _told(_kind: QtMsgType, _where: QMessageLogContext, text: str | None) -> None:
    """Qt's own remarks, but for the one that a window without a screen draws at every resize."""
    if text and "propagateSizeHints" not in text:
        sys.stderr.write(f"{text}\n")


def _said(kind: type[BaseException], error: BaseException, where: TracebackType | None) -> None:
    """The boundary of Qt's own loop, which would end the whole program at an error in a slot."""
    traceback.print_exception(kind, error, where)
