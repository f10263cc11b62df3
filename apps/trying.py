"""A demo to try: a simulated listener and her bank, made by the command line in a process of its own."""

from __future__ import annotations

import sys
from pathlib import Path

from PyQt6.QtCore import QObject, QProcess, pyqtSignal

from rtalign.cache import folder
from rtalign.session import Session

FRESH_RUN = "06"
"""The run of the demo's listener that its bank has not seen."""


class Trying(QObject):
    """Says how far it is, then hands over a session that replays what the bank has not seen."""

    said = pyqtSignal(str)
    ready = pyqtSignal(object)
    failed = pyqtSignal(str)

    def __init__(self, parent: QObject | None = None, out: Path | None = None) -> None:
        super().__init__(parent)
        self._out = out or folder() / "demo"
        self._process = QProcess(self)
        self._process.readyReadStandardError.connect(self._hear)
        self._process.finished.connect(self._finished)
        self._cancelled = False
        self._last = ""

    def begin(self) -> None:
        self._cancelled = False
        self._process.start(sys.executable, ["-m", "offline.cli", "demo", "--prepare", "--out", str(self._out)])

    def cancel(self) -> None:
        """What was finished is used by the next try."""
        self._cancelled = True
        self._process.terminate()

    def _hear(self) -> None:
        text = bytes(self._process.readAllStandardError().data()).decode("utf-8", "replace")
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        if lines:
            self._last = lines[-1]
            self.said.emit(self._last)

    def _finished(self, status: int) -> None:
        if self._cancelled:
            return
        if status:
            self.failed.emit(f"the demo could not be made: {self._last}")
            return
        out = self._out
        self.ready.emit(Session(recording=out / "listener", run=FRESH_RUN, bank=out / "bank"))
