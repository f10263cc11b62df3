"""The viewer's end of the recorder's process: starts it, starts it again where it is lost, and knows how it does."""

from __future__ import annotations

import contextlib
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from rtalign.core.session import Session
from rtalign.engine.commands import SetAnnotations, Stop, to_message
from rtalign.engine.process import wire
from rtalign.engine.process.environment import environment
from rtalign.engine.process.restarts import RestartPauses
from rtalign.engine.snapshot import RecordingStatus

SILENT_S = 3.0
"""A recorder that has not reported for so long does not count as recording; it reports four times a second."""
STOP_S = 20.0
"""How long its end may take: a disk may be slow."""
LOSS_S = 10.0
"""How long a loss is shown once the recorder runs again."""
_ADAPTER: TypeAdapter[RecordingStatus] = TypeAdapter(RecordingStatus)


class RecorderClient:
    """Runs the recorder of a live session; no call but `wait` ever waits.

    The recorder goes on where engines come and go, and where this process is killed.

    Parameters
    ----------
    session : Session
        The settings, with a folder to record under.

    Attributes
    ----------
    streams : tuple
        The settings that say what is recorded where; a session of which they are the same needs no other recorder.
    losses : list of str
        Of each recorder that was lost: how it ended, and where its recording is.
    """

    def __init__(self, session: Session) -> None:
        self.streams = streams_of(session)
        self.losses: list[str] = []
        self._settings = wire.pack(session.model_dump(mode="json"))
        self._status = RecordingStatus("", 0.0, None, 0, None)
        self._heard = time.monotonic()
        self._loss: str | None = None
        self._loss_until = 0.0
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._watcher: Callable[[Path], None] | None = None
        self._annotated: tuple[SetAnnotations, float] | None = None
        self._outgoing: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._process = self._start()
        threading.Thread(target=self._write, name="recorder orders", daemon=True).start()
        self._thread = threading.Thread(target=self._supervise, name="recorder", daemon=True)
        self._thread.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def status(self) -> RecordingStatus:
        """How the recording goes, also where the recorder says nothing any more."""
        status, silent_s = self._status, time.monotonic() - self._heard
        if self._loss is not None and time.monotonic() < self._loss_until:
            return replace(status, problem=self._loss)
        if silent_s > SILENT_S and self._thread.is_alive():
            return replace(status, problem=f"the recorder has not answered for {silent_s:.0f} s")
        return status

    def watch(self, on_folder: Callable[[Path], None] | None) -> None:
        """Have a function called, on another thread, with the session's folder: now if there is one, and each new."""
        with self._lock:
            self._watcher = on_folder
            if on_folder is not None and self._status.folder:
                on_folder(Path(self._status.folder))

    def stop(self) -> None:
        """Have the recording end; returns at once."""
        self._stop.set()
        self._send(Stop())

    def annotate(self, annotations: SetAnnotations) -> None:
        """Have what the operator wrote recorded, also by the next recorder where this one is lost."""
        self._annotated = annotations, time.monotonic()
        self._send(annotations)

    def wait(self, timeout_s: float = STOP_S) -> None:
        """Wait for the end of a recording that was told to; a recorder that does not end is killed."""
        self._thread.join(timeout_s)
        if self._thread.is_alive():
            self._process.kill()
            self._thread.join(5)

    def _start(self) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [sys.executable, "-m", "rtalign.engine.process.recorder_server"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0, env=environment(),
            start_new_session=True,  # neither Ctrl-C nor the end of a terminal ends it
        )  # fmt: skip
        assert process.stdin is not None
        with contextlib.suppress(OSError):  # it has ended already, which its output says
            process.stdin.write(self._settings)
        return process

    def _supervise(self) -> None:
        pauses = RestartPauses()
        while True:
            started = time.monotonic()
            self._read()
            status = self._process.wait()
            wire.close_pipes(self._process)
            if self._stop.is_set():
                return
            pause = pauses.next(time.monotonic() - started)
            self._lose(status, pause)
            if self._stop.wait(pause):
                return
            self._process = self._start()
            if self._annotated is not None:
                annotations, at = self._annotated
                self._send(replace(annotations, now_s=annotations.now_s + time.monotonic() - at))
            if self._stop.is_set():  # meanwhile
                self._send(Stop())

    def _send(self, command: Stop | SetAnnotations) -> None:
        self._outgoing.put(wire.pack(to_message(command)))

    def _write(self) -> None:
        """On a thread of its own, as a recorder that hangs reads nothing."""
        while True:
            message = self._outgoing.get()
            with contextlib.suppress(OSError, ValueError):  # it has ended already
                assert self._process.stdin is not None
                self._process.stdin.write(message)

    def _lose(self, status: int, pause: float) -> None:
        kept = f"; what it recorded is in {self._status.folder}" if self._status.folder else ""
        text = f"the recorder ended unexpectedly with status {status}{kept}"
        self.losses.append(text)
        self._loss = f"{text} - it is started again{f' in {pause:g} s' if pause else ''}"
        self._loss_until = time.monotonic() + pause + LOSS_S

    def _read(self) -> None:
        """Until the recorder ends, or sends what is no status."""
        assert self._process.stdout is not None
        try:
            while (message := wire.read(self._process.stdout)) is not None:
                self._take(message)
        except (OSError, ValueError):
            self._process.kill()

    def _take(self, message: Any) -> None:
        status = _ADAPTER.validate_python(message)
        with self._lock:
            is_new = bool(status.folder) and status.folder != self._status.folder
            self._status, self._heard = status, time.monotonic()
            if is_new and self._watcher is not None:
                self._watcher(Path(status.folder))


def streams_of(session: Session) -> tuple[object, ...]:
    """The settings that say what is recorded where."""
    return session.record, session.meg, session.words, session.trigger, session.label
