"""Writing: a file made by a thread, which can be called off until it is whole."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from pathlib import Path

from PyQt6.QtCore import QObject, pyqtSignal


class Writing(QObject):
    """The file bears its name only when it is whole.  `ended` comes in the window's own thread, unless called off.

    A thread that the program waits for: a window that is closed meanwhile leaves whole files behind.
    """

    ended = pyqtSignal(object)
    """None, or the error."""

    def __init__(self, path: Path, write: Callable[[Path], None], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.path, self._write = path, write
        self._partial = path.with_name(f".{path.stem}.partial{path.suffix}")
        self._called_off, self._lock = False, threading.Lock()
        self._thread = threading.Thread(target=self._run, name="writing")

    def begin(self) -> None:
        self._thread.start()

    def call_off(self) -> None:
        with self._lock:
            self._called_off = True

    def _run(self) -> None:
        error: Exception | None = None
        try:
            self._write(self._partial)
            with self._lock:
                if not self._called_off:
                    self._partial.replace(self.path)
        except (ValueError, OSError) as why:
            error = why
        with contextlib.suppress(OSError):
            self._partial.unlink(missing_ok=True)
        with self._lock, contextlib.suppress(RuntimeError):  # the window may be gone
            if not self._called_off:
                self.ended.emit(error)
