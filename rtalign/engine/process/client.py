"""The viewer's end of the engine's process: starts it, sends commands, keeps the newest snapshot."""

from __future__ import annotations

import contextlib
import os
import queue
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

from rtalign.core.session import Session
from rtalign.engine import commands, snapshot
from rtalign.engine.commands import Command, Record, SetAnnotations, Stop, WriteTo
from rtalign.engine.process import wire, word_list
from rtalign.engine.process.recorder_client import RecorderClient, streams_of
from rtalign.engine.process.word_list import WordList
from rtalign.engine.snapshot import RecordingStatus, Snapshot

KILLED = -9
"""Exit status of an engine that was killed and has not gone yet, as `subprocess` writes it."""


class Client:
    """Starts an engine in a process of its own; no call but `stop` and `wait` ever waits for it.

    A live session that is recorded has a recorder beside it, which ends only where it is told to, and then after the
    engine: whatever an engine has used is in the recording.

    Parameters
    ----------
    session : Session
        The settings.
    recorder : RecorderClient or None
        That of an engine before; None starts one where the session is recorded.

    Attributes
    ----------
    newest : Snapshot
        The newest that came.
    recorder : RecorderClient or None
        None while nothing is recorded.
    word_list : WordList or None
        Every word of a recording, from when it is open.

    Examples
    --------
    >>> client = Client(Session(bank="bank", recording="listener"))
    >>> client.send(Seek(60.0))
    >>> client.stop().n_scored
    """

    def __init__(self, session: Session, recorder: RecorderClient | None = None) -> None:
        self._session = session
        self.newest = snapshot.empty_snapshot("loading", "starting")
        is_recorded = session.record is not None and session.recording is None
        self.recorder = recorder or (RecorderClient(session) if is_recorded else None)
        self._stopping = False
        self.word_list: WordList | None = None
        self._process = subprocess.Popen(
            [sys.executable, "-m", "rtalign.engine.process.server"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=_environment(),
            start_new_session=True,  # Ctrl-C goes to the viewer, which asks the engine to stop and to keep what it has
        )  # fmt: skip
        self._outgoing: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        threading.Thread(target=self._write, name="commands", daemon=True).start()
        self._put(session.model_dump(mode="json"))
        if self.recorder is not None:
            self.recorder.watch(self._write_to)
        self._reader = threading.Thread(target=self._read, name="snapshots", daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether the process runs, or its last messages are still on their way."""
        return self._process.poll() is None or self._reader.is_alive()

    @property
    def recording(self) -> RecordingStatus | None:
        """How the recorder does; None while nothing is recorded."""
        if self.recorder is None:
            return None
        status, scored = self.recorder.status, self.newest.health.meg
        found = self._session.meg is None and status.meg and scored.n_samples  # each by itself, as none was named
        if found and status.problem is None and status.meg != scored.name:
            problem = f"{status.meg} is recorded and {scored.name} is scored - name one of them as the MEG stream"
            return replace(status, problem=problem)
        return status

    @property
    def recorder_losses(self) -> list[str]:
        """Of each recorder that was lost: how it ended, and where its recording is."""
        return self.recorder.losses if self.recorder is not None else []

    def send(self, command: Command) -> None:
        """Have a command executed.  Returns at once, also where the engine no longer reads."""
        match command:
            case Record(folder):
                self._record(folder)
            case SetAnnotations():
                if self.recorder is not None:
                    self.recorder.annotate(command)
                self._put(commands.to_message(command))
            case _:
                self._stopping |= isinstance(command, Stop)
                self._put(commands.to_message(command))

    def stop(self, timeout_s: float = 60.0) -> Snapshot:
        """Have the engine end the session and write its results; returns the last snapshot."""
        self.send(Stop())
        self.wait(timeout_s)
        if self.recorder is not None:
            self.recorder.stop()
            self.recorder.wait()
        return self.newest

    def release_recorder(self) -> RecorderClient | None:
        """The recorder, for the next engine; None where there is none, or it ends with this session."""
        recorder = None if self._stopping else self.recorder
        if recorder is not None:
            recorder.watch(None)
            self.recorder = None
        return recorder

    def wait(self, timeout_s: float | None = None) -> int:
        """Wait for the engine's end, and kill it at the timeout; returns its exit status."""
        try:
            self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self._outgoing.put(b"")
        self._reader.join(timeout=5)
        wire.close_pipes(self._process)
        with contextlib.suppress(subprocess.TimeoutExpired):  # one that waits for a dead disk cannot even be killed
            return self._process.wait(5)
        return KILLED

    def kill(self) -> None:
        """End it at once, whatever it is doing; what it recorded is on disk."""
        self._process.kill()

    def _record(self, under: Path | None) -> None:
        """Begin or end the recording; in a replay the engine says why not."""
        if self._session.recording is not None:
            self._write_to(under)
        elif under is None and self.recorder is not None:
            self.recorder.watch(None)
            self.recorder.stop()
            self.recorder = None
            self._write_to(None)
        elif under is not None and self.recorder is None:
            self.recorder = RecorderClient(self._session.model_copy(update={"record": under}))
            self.recorder.watch(self._write_to)

    def _write_to(self, folder: Path | None) -> None:
        self._put(commands.to_message(WriteTo(folder)))

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
        if self._stopping and self.recorder is not None:
            self.recorder.stop()

    def _take(self, message: Any) -> None:
        if word_list.is_word_list(message):
            self.word_list = word_list.from_message(message)
        else:
            self.newest = snapshot.from_message(message)


class EngineStarter:
    """Starts the engines of a viewer, one after the other; the recorder goes on from a lost engine to the next."""

    def __init__(self) -> None:
        self._newest: Client | None = None

    def __call__(self, session: Session) -> Client:
        """Start an engine, with the recorder of the one before if that records the same."""
        recorder = self._newest.release_recorder() if self._newest is not None else None
        if recorder is not None and recorder.streams != streams_of(session):
            recorder.stop()
            recorder = None
        self._newest = Client(session, recorder)
        return self._newest

    def close(self) -> None:
        """End the recording where no engine is left to be stopped."""
        if self._newest is not None and self._newest.recorder is not None:
            self._newest.recorder.stop()
            self._newest.recorder.wait()


def _environment() -> dict[str, str]:
    """One thread for every numerical library, unless the user has said otherwise."""
    return {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", **os.environ}
