"""The engine's process: settings and commands come in on standard input, snapshots leave on standard output."""

from __future__ import annotations

import contextlib
import os
import queue
import sys
import threading
import time
from dataclasses import dataclass, replace
from typing import BinaryIO

import numpy as np
import psutil

from rtalign.core.session import Session
from rtalign.engine import commands, snapshot
from rtalign.engine.command_executor import CommandExecutor
from rtalign.engine.commands import Begin, EngineCommand, Publish, Stop
from rtalign.engine.open_session import SessionParts
from rtalign.engine.process import wire, word_list
from rtalign.engine.process.held_source import HeldSource
from rtalign.engine.process.outbox import Outbox
from rtalign.engine.process.standby import BEHIND
from rtalign.engine.recording.session_folder import SessionFolder
from rtalign.engine.take_snapshot import snapshot_of

SNAPSHOT_S = 0.1
STEP_S = 0.01
HELD_S = 15.0
"""What a standby holds: the longest warm-up of the filters, and the windows of some words."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """What came in place of a command."""

    reason: str


class CommandQueue:
    """Reads the viewer's commands on a thread of its own.

    What is no command is handed on as such, and reading goes on behind it; the end of the stream means stop.

    Parameters
    ----------
    stream : binary file
        The pipe from the viewer.

    Attributes
    ----------
    session : Session or None
        What the engine was told to begin with.
    begun : threading.Event
        Set with it, or at the end of a stream on which it never came.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.session: Session | None = None
        self.begun = threading.Event()
        self._received: queue.SimpleQueue[EngineCommand | Unreadable] = queue.SimpleQueue()
        threading.Thread(target=self._work, name="commands", daemon=True).start()

    def take(self) -> list[EngineCommand | Unreadable]:
        """All that came since the last call."""
        taken = []
        while not self._received.empty():
            taken.append(self._received.get())
        return taken

    def _work(self) -> None:
        begun = b""
        with contextlib.suppress(OSError):
            while True:
                head, begun = begun, b""
                try:
                    if (message := wire.read(self._stream, head)) is None:
                        break
                    self._take(commands.from_message(message))
                except wire.NoFrame as error:
                    self._received.put(Unreadable(str(error)))
                    begun = wire.skip_to_frame(self._stream)
                except ValueError as error:
                    self._received.put(Unreadable(str(error)))
        self._received.put(Stop())
        self.begun.set()

    def _take(self, command: EngineCommand) -> None:
        if isinstance(command, Begin) and self.session is None:
            self.session = command.session
            self.begun.set()
        else:
            self._received.put(command)


class EngineServer:
    """Opens a session, and runs its engine from when it is told to begin until it is told to stop.

    Parameters
    ----------
    session : Session
        The settings that say what is loaded and received.
    outbox : Outbox
        Where snapshots go.
    commands : CommandQueue
        What the viewer asks for.
    behind : bool
        As for `SessionParts.open`.
    """

    def __init__(self, session: Session, outbox: Outbox, commands: CommandQueue, behind: bool = False) -> None:
        self._outbox, self._commands = outbox, commands
        self._process, self._load = psutil.Process(), 0.0
        self._sequence, self._sent_at = 0, 0.0
        self._started = time.monotonic()
        parts = SessionParts.open(session, self._send_progress, behind)
        self._parts = parts = held_until_begun(parts, commands)
        session = commands.session or session
        self._folder = SessionFolder(session, self._parts)
        self._engine = self._parts.make_engine(session, self._folder)
        self._executor = CommandExecutor(session, self._engine, self._folder)
        if session.publish:
            self._executor.execute(Publish(True))
        if self._parts.recording is not None:
            outbox.send_once(word_list.to_message(word_list.WordList.of(self._parts.recording.words)))

    def run(self) -> None:
        """Until a stop, or until something fails; the results so far are written in either case."""
        try:
            failure = self._loop()
            self._engine.finish()
            rss_mb = self._process.memory_info().rss / 2**20
            self._folder.finish(self._engine, time.monotonic() - self._started, rss_mb)
            self._send_snapshot("ended", last=failure is None)
            if failure is not None:
                raise failure
        finally:
            self._folder.close()
            self._engine.close()

    def _loop(self) -> Exception | None:
        try:
            while not self._executor.stopped:
                self._engine.step(STEP_S)
                self._execute_commands()
                if (notice := self._folder.take_notice()) is not None:
                    self._engine.notify(replace(notice, time=self._engine.intake.time_s))
                if time.monotonic() - self._sent_at > SNAPSHOT_S:
                    self._send_snapshot()
            return None
        except Exception as failure:  # the boundary of the engine's thread: raised again when the results are safe
            return failure

    def _execute_commands(self) -> None:
        """Those that came since the last call, but none behind a stop."""
        for received in self._commands.take():
            match received:
                case Unreadable(reason):
                    self._executor.refuse(reason)
                case _:
                    self._executor.execute(received)
            if self._executor.stopped:
                return

    def _send_progress(self, text: str) -> None:
        self._outbox.send_newest(snapshot.to_message(snapshot.empty_snapshot("loading", text)))

    def _send_snapshot(self, phase: snapshot.Phase | None = None, last: bool = False) -> None:
        self._sent_at = time.monotonic()
        self._sequence += 1
        current = snapshot_of(self._engine, self._sequence, self._measure_work())
        current = replace(
            current,
            phase=phase or current.phase,
            bank=self._executor.bank,
            report=self._folder.report_status,
            sounds=self._parts.sounds,
        )
        self._outbox.send_newest(snapshot.to_message(current), last)

    def _measure_work(self) -> snapshot.Work:
        engine = self._engine
        self._load += 0.2 * (self._process.cpu_percent() / 100 - self._load)
        latencies = np.array(engine.latencies_s)
        any_scored = len(latencies) > 0
        return snapshot.Work(
            load=self._load,
            rss_mb=self._process.memory_info().rss / 2**20,
            language_ms=1000 * float(np.median(engine.reading_s)) if engine.reading_s else None,
            language_backlog=engine.reader.backlog,
            latency_median_s=float(np.median(latencies)) if any_scored else None,
            latency_p99_s=float(np.percentile(latencies, 99)) if any_scored else None,
            n_solved=engine.n_solved,
            shedding=engine.shedding,
        )


def held_until_begun(parts: SessionParts, commands: CommandQueue) -> SessionParts:
    """The parts once the engine is told to begin; of live streams, what comes meanwhile is held for it."""
    if parts.recording is not None:
        commands.begun.wait()
        return parts
    source = HeldSource(parts.source, HELD_S)
    while not commands.begun.is_set():
        source.hold(SNAPSHOT_S)
    return replace(parts, source=source)


def main() -> int:
    """Serve the viewer on the other end of the pipes until it says stop, or is gone."""
    frames, commands_in = wire.own_pipes()
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    os.environ.setdefault("MNE_LOGGING_LEVEL", "ERROR")
    outbox = Outbox(frames)
    try:
        session = Session.model_validate(wire.read(commands_in))
        _limit_threads()
        EngineServer(session, outbox, CommandQueue(commands_in), behind=BEHIND in sys.argv[1:]).run()
    except Exception as error:  # the boundary of the process: the viewer shows it to the user
        if os.environ.get("RTALIGN_DEBUG"):
            raise
        known = isinstance(error, (ValueError, OSError, MemoryError))
        reason = str(error) if known else f"unexpected {type(error).__name__}: {error}"
        outbox.send_newest(snapshot.to_message(snapshot.empty_snapshot("failed", reason)), last=True)
        outbox.close()
        return 1
    outbox.close()
    return 0


def _limit_threads() -> None:
    """Limit each library to one thread: acquisition, language model and scoring run side by side already."""
    import torch
    from threadpoolctl import threadpool_limits

    torch.set_num_threads(1)
    threadpool_limits(1)


if __name__ == "__main__":
    sys.exit(main())
