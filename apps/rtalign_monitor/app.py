"""The Qt application: shows a session in the window until it is closed."""

from __future__ import annotations

import contextlib
import signal
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from qtpy.QtCore import QMessageLogContext, QTimer, QtMsgType, qInstallMessageHandler
from qtpy.QtWidgets import QApplication

from rtalign.core.session import Session
from rtalign.engine.process.client import EngineStarter
from rtalign.engine.snapshot import Snapshot
from rtalign_monitor import memory
from rtalign_monitor.engines import recorded
from rtalign_monitor.engines.link import EngineClient, without_engine
from rtalign_monitor.export.screenshots import Screenshots
from rtalign_monitor.main_window import MonitorWindow
from rtalign_monitor.memory import ViewName
from rtalign_monitor.start.sessions import DemoBuilder

POLL_MS = 100
WRITE_TIMEOUT_S = 60.0
"""How long an engine may still write its results after the window has closed."""


@dataclass(frozen=True, slots=True)
class DisplayOptions:
    """How a session is shown.

    Attributes
    ----------
    view : {"operator", "demo"} or None
        The view; None: the one that was shown last.
    is_over : callable or None
        Tells from a snapshot whether nothing more will come; the engine is then asked to stop.
    pictures : Path or None
        Folder for pictures of the window; the window then closes by itself when the engine has stopped.
    """

    view: ViewName | None = None
    is_over: Callable[[Snapshot], bool] | None = None
    pictures: Path | None = None


def run(session: Session | None, options: DisplayOptions | None = None) -> Snapshot | None:
    """Show the window until it is closed.

    Parameters
    ----------
    session : Session or None
        The session to start; None: the user chooses one.
    options : DisplayOptions or None
        How to show it.

    Returns
    -------
    Snapshot or None
        The last snapshot that was shown.
    """
    options = options or DisplayOptions()
    qInstallMessageHandler(_print_qt_message)
    app = QApplication.instance() or QApplication(sys.argv[:1])
    app.setProperty("applicationName", "rtalign")
    starter = EngineStarter()
    window = MonitorWindow(or_recorded(starter), memory.default_path())
    if options.view:
        window.set_view(options.view)
    window.listener_requested.connect(DemoBuilder(window.message_bar, window.start).start)
    pictures = Screenshots(options.pictures) if options.pictures else None
    window.show()
    QTimer.singleShot(0, lambda: window.start(absolute(session)) if session is not None else window.start_dialog())
    timer = QTimer()
    timer.timeout.connect(lambda: poll(window, options, pictures))
    timer.start(POLL_MS)
    before = {
        number: signal.signal(number, lambda *_: _interrupt(window)) for number in (signal.SIGINT, signal.SIGTERM)
    }
    hook, sys.excepthook = sys.excepthook, _print_exception
    try:
        app.exec()
    finally:
        sys.excepthook = hook
        for number, handler in before.items():
            signal.signal(number, handler)
        timer.stop()
        window.replay_extras.close()
        if window.link.engine:
            window.link.engine.wait(WRITE_TIMEOUT_S)
        starter.close()
    return last_snapshot(window)


def last_snapshot(window: MonitorWindow) -> Snapshot | None:
    """What the window drew last; that of an engine which was lost says so."""
    if window.drawn is not None and window.link.state == "lost":
        return without_engine(window.drawn)
    return window.drawn


def absolute(session: Session) -> Session:
    """The session with absolute paths, because the window may remember it and start it from another folder."""
    paths = {name: value.absolute() for name, value in session if isinstance(value, Path)}
    return session.model_copy(update=paths)


def poll(window: MonitorWindow, options: DisplayOptions, pictures: Screenshots | None) -> None:
    """Stop a session that is over, and take pictures.

    Why a timer calls it even without either: Python handles Ctrl-C only when the interpreter runs.
    """
    state = window.link.state
    if state == "running" and options.is_over and options.is_over(window.link.newest):
        window.link.stop()
    if pictures:
        if (window.link.stopping_s or 0.0) > WRITE_TIMEOUT_S:  # nobody is there to press "End it now"
            window.link.kill()
        done = state in ("ended", "failed") or (state == "lost" and window.link.restarts_in_s is None)
        pictures.update(window, window.drawn, last=done)
        if done:
            window.close()


def _interrupt(window: MonitorWindow) -> None:
    """Close the window; on the second interrupt, without waiting for the engine."""
    if window.closing:
        window.close_now()
    else:
        window.close()


def or_recorded(start_engine: Callable[[Session], EngineClient]) -> Callable[[Session], EngineClient]:
    """What starts an engine for a session, or plays a recorded session without one.

    A file that only looks like a recorded session goes to an engine all the same, which says what is wrong with it.
    """

    def start(session: Session) -> EngineClient:
        if session.recording is not None and session.recording.suffix == recorded.SUFFIX:
            with contextlib.suppress(ValueError):
                return recorded.RecordedEngine(recorded.RecordedSession(session.recording), session.speed)
        return start_engine(session)

    return start


def _print_qt_message(_kind: QtMsgType, _where: QMessageLogContext, text: str | None) -> None:
    """Print Qt's messages, except the one that a window without a screen causes at every resize."""
    if text and "propagateSizeHints" not in text:
        sys.stderr.write(f"{text}\n")


def _print_exception(kind: type[BaseException], error: BaseException, where: TracebackType | None) -> None:
    """Print an exception of a slot; without this hook Qt would end the program."""
    traceback.print_exception(kind, error, where)
