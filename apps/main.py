"""From a session to a window."""

from __future__ import annotations

import sys
from pathlib import Path

from PyQt6.QtCore import QTimer
from PyQt6.QtWidgets import QApplication

from apps import remember
from apps.linking import Engine
from apps.window import MonitorWindow
from rtalign.session import Session

SHOTS = (1, 50, 300, 1000)
"""Words scored at which a picture is left."""


def run(session: Session | None, *, demo: bool = False, offscreen_shots: Path | None = None) -> int:
    """Show the window until it is closed; with a folder for pictures, until the session ends."""
    app = QApplication.instance() or QApplication(sys.argv[:1])
    window = MonitorWindow(_begin, remember.place())
    if demo:
        window.set_view("demo")
    window.show()
    if session is not None:
        QTimer.singleShot(0, lambda: window.start(session))
    timer = QTimer()
    if offscreen_shots is not None:
        offscreen_shots.mkdir(parents=True, exist_ok=True)
        timer.timeout.connect(lambda: _shoot(window, offscreen_shots))
        timer.start(200)
    return int(app.exec())


def _begin(session: Session) -> Engine:
    from rtalign.client import Client

    return Client(session)


def _shoot(window: MonitorWindow, folder: Path) -> None:
    seen = window.drawn
    if seen is None or window.closing:
        return
    for n in SHOTS:
        path = folder / f"words-{n}.png"
        if seen.n_scored >= n and not path.exists():
            window.grab().save(str(path))
    if seen.phase in ("ended", "failed") or window.link.state in ("ended", "failed"):
        window.grab().save(str(folder / "end.png"))
        window.close()
