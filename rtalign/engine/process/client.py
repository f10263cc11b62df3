"""A viewer's end of the engine's process: settings and commands go in, the newest snapshot is at hand."""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import subprocess
import sys
import threading
from typing import Any

from rtalign.core.session import Session
from rtalign.engine import commands, snapshot
from rtalign.engine.commands import Command, Stop
from rtalign.engine.process import wire, word_list
from rtalign.engine.process.word_list import WordList
from rtalign.engine.snapshot import Snapshot


class Client:
    """Starts an engine in a process of its own.  `newest` is never waited for; it changes when there is news.

    word_list : every word of a recording, as soon as it is open.
    """

    def __init__(self, session: Session) -> None:
        self.newest = snapshot.empty_snapshot("loading", "starting")
        self.word_list: WordList | None = None
        self._process = subprocess.Popen(
            [sys.executable, "-m", "rtalign.engine.process.server"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=_environment(),
            start_new_session=True,  # Ctrl-C goes to the viewer, which asks the engine to stop and to keep what it has
        )  # fmt: skip
        self._orders: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        threading.Thread(target=self._write, name="orders", daemon=True).start()
        self._put(session.model_dump(mode="json"))
        self._reader = threading.Thread(target=self._read, name="snapshots", daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Also while its last words are still on their way."""
        return self._process.poll() is None or self._reader.is_alive()

    def send(self, command: Command) -> None:
        """Have the engine execute a command.  Returns at once, also where the engine no longer reads."""
        self._put(commands.to_message(command))

    def stop(self, timeout_s: float = 60.0) -> Snapshot:
        """Ask the engine to end the session and to write what it found; the last snapshot."""
        self.send(Stop())
        self.wait(timeout_s)
        return self.newest

    def wait(self, timeout_s: float | None = None) -> int:
        """Wait for the engine's end; one that does not come is brought about.  Returns its exit status."""
        try:
            self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self._orders.put(b"")
        self._reader.join(timeout=5)
        for pipe in (self._process.stdin, self._process.stdout):
            with contextlib.suppress(OSError):  # what was still on its way in finds nobody
                if pipe is not None:
                    pipe.close()
        with contextlib.suppress(subprocess.TimeoutExpired):  # one that waits for a dead disk cannot even be killed
            return self._process.wait(5)
        return -signal.SIGKILL

    def kill(self) -> None:
        """At once, whatever it is about; what it recorded is on disk."""
        self._process.kill()

    def _put(self, message: Any) -> None:
        self._orders.put(wire.pack(message))

    def _write(self) -> None:
        """Until the engine is gone, which is seen by its silence."""
        assert self._process.stdin is not None
        with contextlib.suppress(OSError, ValueError):
            while order := self._orders.get():
                self._process.stdin.write(order)
                self._process.stdin.flush()

    def _read(self) -> None:
        assert self._process.stdout is not None
        try:
            while (message := wire.read(self._process.stdout)) is not None:
                self._take(message)
        except (OSError, ValueError) as error:  # no engine speaks like this; it is asked to end, and not listened to
            self.newest = snapshot.empty_snapshot("failed", f"what the engine says cannot be read: {error}")
            self.send(Stop())
            with contextlib.suppress(OSError, ValueError):
                while self._process.stdout.read(1 << 16):
                    pass

    def _take(self, message: Any) -> None:
        if word_list.is_word_list(message):
            self.word_list = word_list.from_message(message)
        else:
            self.newest = snapshot.from_message(message)


def _environment() -> dict[str, str]:
    """One thread for every numerical library, unless the user has said otherwise."""
    return {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", **os.environ}
