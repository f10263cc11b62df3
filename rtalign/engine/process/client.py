"""The viewer's end of the engine's process: starts it, sends commands, keeps the newest snapshot."""

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
    """Starts an engine in a process of its own; no call but `stop` and `wait` ever waits for it.

    Parameters
    ----------
    session : Session
        The settings.

    Attributes
    ----------
    newest : Snapshot
        The newest that came.
    word_list : WordList or None
        Every word of a recording, from when it is open.

    Examples
    --------
    >>> client = Client(Session(bank="bank", recording="listener"))
    >>> client.send(Seek(60.0))
    >>> client.stop().n_scored
    """

    def __init__(self, session: Session) -> None:
        self.newest = snapshot.empty_snapshot("loading", "starting")
        self.word_list: WordList | None = None
        self._process = subprocess.Popen(
            [sys.executable, "-m", "rtalign.engine.process.server"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=_environment(),
            start_new_session=True,  # Ctrl-C goes to the viewer, which asks the engine to stop and to keep what it has
        )  # fmt: skip
        self._outgoing: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        threading.Thread(target=self._write, name="commands", daemon=True).start()
        self._put(session.model_dump(mode="json"))
        self._reader = threading.Thread(target=self._read, name="snapshots", daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether the process runs, or its last messages are still on their way."""
        return self._process.poll() is None or self._reader.is_alive()

    def send(self, command: Command) -> None:
        """Have the engine execute a command.  Returns at once, also where the engine no longer reads."""
        self._put(commands.to_message(command))

    def stop(self, timeout_s: float = 60.0) -> Snapshot:
        """Have the engine end the session and write its results; returns the last snapshot."""
        self.send(Stop())
        self.wait(timeout_s)
        return self.newest

    def wait(self, timeout_s: float | None = None) -> int:
        """Wait for the engine's end, and kill it at the timeout; returns its exit status."""
        try:
            self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self._outgoing.put(b"")
        self._reader.join(timeout=5)
        for pipe in (self._process.stdin, self._process.stdout):
            with contextlib.suppress(OSError):  # commands still on their way reach nobody
                if pipe is not None:
                    pipe.close()
        with contextlib.suppress(subprocess.TimeoutExpired):  # one that waits for a dead disk cannot even be killed
            return self._process.wait(5)
        return -signal.SIGKILL

    def kill(self) -> None:
        """End it at once, whatever it is doing; what it recorded is on disk."""
        self._process.kill()

    def _put(self, message: Any) -> None:
        self._outgoing.put(wire.pack(message))

    def _write(self) -> None:
        """Ends with the engine, when the pipe breaks."""
        assert self._process.stdin is not None
        with contextlib.suppress(OSError, ValueError):
            while message := self._outgoing.get():
                self._process.stdin.write(message)
                self._process.stdin.flush()

    def _read(self) -> None:
        assert self._process.stdout is not None
        try:
            while (message := wire.read(self._process.stdout)) is not None:
                self._take(message)
        except (OSError, ValueError) as error:  # it is not a working engine: have it end, and ignore the rest
            self.newest = snapshot.empty_snapshot("failed", f"what the engine sent cannot be read: {error}")
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
