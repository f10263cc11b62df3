"""Glancing: a recording looked at by another process, as its readers are too heavy for the window's."""

from __future__ import annotations

import json
import sys
import time
from typing import Any

from PyQt6.QtCore import QObject, QProcess, QTimer, pyqtSignal

from rtalign.core.session import Session

SETTLE_MS = 250
"""A path that is being typed is not looked at letter by letter."""


class Glancing(QObject):
    """One recording at a time, the newest that was asked for.

    labels : what a BIDS folder can be narrowed by, from early on.    seen : see rtalign.glance.look.
    given_up : nobody wants to wait for it.
    """

    changed = pyqtSignal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(SETTLE_MS)
        self._timer.timeout.connect(self._start)
        self._process: QProcess | None = None
        self._session: Session | None = None
        self.labels: dict[str, list[str]] = {}
        self.seen: dict[str, Any] | None = None
        self.error = ""
        self.given_up = False
        self._began = 0.0

    @property
    def seconds(self) -> float:
        """How long it has been looked at."""
        return time.monotonic() - self._began if self.busy else 0.0

    def stop(self) -> None:
        """Do without what would be seen."""
        self._end()
        self.given_up = True
        self.changed.emit()

    @property
    def busy(self) -> bool:
        return self._timer.isActive() or self._process is not None

    def look(self, session: Session | None) -> None:
        """None: at nothing."""
        if session == self._session:
            return
        same = session and self._session and session.recording == self._session.recording
        self._session = session
        self._end()
        self.labels, self.seen, self.error = self.labels if same else {}, None, ""
        self.given_up, self._began = False, time.monotonic()
        if session is not None:
            self._timer.start()
        self.changed.emit()

    def look_again(self) -> None:
        """What could not be opened may have been mended meanwhile."""
        if self.error and not self.busy:
            self._timer.start()

    def close(self) -> None:
        self._timer.stop()
        self._end()

    def _start(self) -> None:
        assert self._session is not None
        self.error = ""
        process = QProcess(self)
        process.readyReadStandardOutput.connect(self._read)
        process.finished.connect(self._finished)
        process.errorOccurred.connect(self._finished)
        self._process = process
        process.start(sys.executable, ["-m", "rtalign.engine.process.preview"])
        process.write(self._session.model_dump_json().encode())
        process.closeWriteChannel()

    def _read(self) -> None:
        process = self._process
        while process is not None and process.canReadLine():
            told = json.loads(bytes(process.readLine().data()))
            self.labels = told.get("labels", self.labels)
            self.seen = told.get("preview", self.seen)
            self.error = told.get("error", self.error)
        self.changed.emit()

    def _finished(self) -> None:
        process = self._process
        if process is None:
            return
        self._read()
        if self.seen is None and not self.error:
            said = bytes(process.readAllStandardError().data()).decode("utf-8", "replace").strip()
            self.error = f"it could not be looked at: {said.splitlines()[-1] if said else process.errorString()}"
        self._end()
        self.changed.emit()

    def _end(self) -> None:
        self._timer.stop()
        process, self._process = self._process, None
        if process is not None:
            process.blockSignals(True)
            if process.state() != QProcess.ProcessState.NotRunning:
                process.kill()
                process.waitForFinished(1000)
            process.deleteLater()
