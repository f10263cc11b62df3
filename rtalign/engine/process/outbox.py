"""Messages to a viewer, sent on a thread of their own."""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from typing import Any, BinaryIO

from rtalign.engine.process import wire


class Outbox:
    """Sends messages on a thread of its own, so that a slow viewer slows nobody.

    Of what is sent by `send_newest` only the newest is kept; what is sent by `send_once` always goes out, and first.

    Parameters
    ----------
    stream : binary file
        The pipe to the viewer.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._stream, self._frame = stream, b""
        self._kept: deque[bytes] = deque()
        self._last = False
        self._wake = threading.Condition()
        self._thread = threading.Thread(target=self._work, name="outbox", daemon=True)
        self._thread.start()

    def send_once(self, message: Any) -> None:
        """Send a message that no later one replaces."""
        with self._wake:
            self._kept.append(wire.pack(message))
            self._wake.notify()

    def send_newest(self, message: Any, last: bool = False) -> None:
        """Send a message that replaces the one before it, if that one is still waiting; nothing follows the last."""
        frame = wire.pack(message)
        with self._wake:
            self._frame, self._last = frame, last
            self._wake.notify()

    def close(self) -> None:
        """Wait until the last frame is out."""
        self._thread.join(timeout=10)

    def _work(self) -> None:
        with contextlib.suppress(OSError):  # the viewer is gone, which the end of its input says as well
            while True:
                with self._wake:
                    while not self._frame and not self._kept:
                        self._wake.wait()
                    kept, self._kept = self._kept, deque()
                    frame, last, self._frame = self._frame, self._last and bool(self._frame), b""
                self._stream.write(b"".join(kept) + frame)
                self._stream.flush()
                if last:
                    return
