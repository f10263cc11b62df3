"""A demo to try: a simulated listener with her bank, made by the command line in a process of its own."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from PyQt6.QtCore import QObject, QProcess

from rtalign.core.cache import cache_folder
from rtalign.core.session import Session
from rtalign_monitor.bars.message_bar import Message, MessageBar

FRESH_RUN = "06"
"""The run of the demo's listener that its bank has not seen."""


class Trying(QObject):
    """Says in the message bar how far it is, then begins a session that replays what the bank has not seen."""

    def __init__(self, message_bar: MessageBar, begin: Callable[[Session], object], out: Path | None = None) -> None:
        super().__init__(message_bar)
        self._message_bar, self._begin_session = message_bar, begin
        self._out = out or cache_folder() / "demo"
        self._process = QProcess(self)
        self._process.readyReadStandardError.connect(self._hear)
        self._process.finished.connect(self._finished)
        self._cancelled = False
        self._last = ""

    def begin(self) -> None:
        """What an earlier try has made is used again."""
        if self._process.state() == QProcess.ProcessState.NotRunning:
            self._cancelled = False
            self._say("a few minutes the first time")
            self._process.start(sys.executable, ["-m", "rtalign_cli", "demo", "--prepare", "--out", str(self._out)])

    def cancel(self) -> None:
        self._cancelled = True
        self._message_bar.dismiss("demo")
        self._process.terminate()

    def _say(self, text: str) -> None:
        told = f"Making a listener and her bank: {text}"
        self._message_bar.post(Message("demo", told, "quiet", (("Cancel", self.cancel),), True))

    def _hear(self) -> None:
        text = bytes(self._process.readAllStandardError().data()).decode("utf-8", "replace")
        lines = [" ".join(line.split()) for line in text.splitlines() if line.strip()]
        if lines and not self._cancelled:
            self._last = lines[-1]
            self._say(self._last)

    def _finished(self, status: int) -> None:
        self._message_bar.dismiss("demo")
        if self._cancelled:
            return
        if status:
            again = (("Try again", self.begin),)
            self._message_bar.post(Message("demo", f"The demo could not be made: {self._last}", "lost", again))
            return
        self._begin_session(Session(recording=self._out / "listener", run=FRESH_RUN, bank=self._out / "bank"))
