"""The engine's own process: settings come in on standard input, snapshots leave on standard output, newest wins."""

from __future__ import annotations

import contextlib
import os
import queue
import sys
import threading
import time
from collections import deque
from dataclasses import dataclass, replace
from typing import Any, BinaryIO

import numpy as np
import psutil

from rtalign.core.session import Session
from rtalign.engine import commands, snapshot, take_snapshot
from rtalign.engine.command_executor import CommandExecutor
from rtalign.engine.commands import Command, Publish, Stop
from rtalign.engine.engine import Engine
from rtalign.engine.open_session import open_session
from rtalign.engine.process import wire, word_list
from rtalign.engine.recording.session_folder import Keeper
from rtalign.recordings.wav_file import Sound

SNAPSHOT_S = 0.1
STEP_S = 0.01


class Outbox:
    """One place for the newest frame and a thread that sends it: a viewer that is slow never slows the engine.

    What is sent rather than put is not replaced by what is newer; it goes out first.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._stream, self._frame = stream, b""
        self._letters: deque[bytes] = deque()
        self._last = False
        self._wake = threading.Condition()
        self._thread = threading.Thread(target=self._work, name="outbox", daemon=True)
        self._thread.start()

    def send(self, message: Any) -> None:
        """For what is said once in a session."""
        with self._wake:
            self._letters.append(wire.pack(message))
            self._wake.notify()

    def put(self, message: Any, last: bool = False) -> None:
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
                    while not self._frame and not self._letters:
                        self._wake.wait()
                    letters, self._letters = self._letters, deque()
                    frame, last, self._frame = self._frame, self._last and bool(self._frame), b""
                self._stream.write(b"".join(letters) + frame)
                self._stream.flush()
                if last:
                    return


@dataclass(frozen=True, slots=True)
class Unreadable:
    """What came where a command was expected, and is none."""

    reason: str


class CommandQueue:
    """The viewer's commands, read in a thread of their own; the end of its stream means stop."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._received: queue.SimpleQueue[Command | Unreadable] = queue.SimpleQueue()
        threading.Thread(target=self._work, name="commands", daemon=True).start()

    def take(self) -> list[Command | Unreadable]:
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
                    self._received.put(commands.from_message(message))
                except wire.NoFrame as error:
                    self._received.put(Unreadable(str(error)))
                    begun = wire.skip_to_frame(self._stream)
                except ValueError as error:
                    self._received.put(Unreadable(str(error)))
        self._received.put(Stop())


class Host:
    """Runs one engine until it is told to stop."""

    def __init__(self, session: Session, outbox: Outbox, commands: CommandQueue) -> None:
        self._session, self._outbox, self._commands = session, outbox, commands
        self._sequence, self._looked = 0, 0.0
        self._cpu = psutil.Process()
        self._load = 0.0
        self._sounds: tuple[Sound, ...] = ()
        self._started = time.monotonic()

    def run(self) -> None:
        opened = open_session(self._session, self._say)
        self._sounds = opened.sounds
        keeper = Keeper(self._session, opened)
        engine = Engine(
            opened.decoding, opened.source, opened.following,
            allow_missing=self._session.allow_missing, adapt=self._session.adapt, last_words=self._session.last_words,
            patient=opened.recording is not None, sink=keeper, chosen=opened.chosen,
        )  # fmt: skip
        executor = CommandExecutor(self._session, opened, engine, keeper)
        if self._session.publish:
            executor.execute(Publish(True))
        if opened.recording is not None:
            self._outbox.send(word_list.to_message(word_list.WordList.of(opened.recording.words)))
        try:
            failure = self._loop(engine, keeper, executor)
            self._finish(engine, keeper)
            self._look(engine, keeper, executor, "ended", last=failure is None)
            if failure is not None:
                raise failure
        finally:
            keeper.close()
            engine.close()

    def _loop(self, engine: Engine, keeper: Keeper, executor: CommandExecutor) -> Exception | None:
        """Until somebody says stop, or something fails: what was found until then is written first."""
        try:
            while not executor.stopped:
                engine.step(STEP_S)
                self._execute(executor)
                if (notice := keeper.look()) is not None:
                    engine.say(replace(notice, time=engine.intake.time_s))
                if time.monotonic() - self._looked > SNAPSHOT_S:
                    self._look(engine, keeper, executor)
            return None
        except Exception as failure:  # the boundary of the engine's thread: raised again when the results are safe
            return failure

    def _execute(self, executor: CommandExecutor) -> None:
        """What the viewer asked for since the last call; nothing that came after a stop."""
        for received in self._commands.take():
            match received:
                case Unreadable(reason):
                    executor.refuse(reason)
                case _:
                    executor.execute(received)
            if executor.stopped:
                return

    def _finish(self, engine: Engine, keeper: Keeper) -> None:
        """Whatever ends the session, what it found is written before anything else can go wrong."""
        engine.finish()
        keeper.finish(engine, time.monotonic() - self._started, self._cpu.memory_info().rss / 2**20)

    def _say(self, text: str) -> None:
        self._outbox.put(snapshot.to_message(snapshot.empty_snapshot("loading", text)))

    def _look(
        self,
        engine: Engine,
        keeper: Keeper,
        executor: CommandExecutor,
        phase: snapshot.Phase | None = None,
        last: bool = False,
    ) -> None:
        self._looked = time.monotonic()
        self._sequence += 1
        seen = take_snapshot.of(engine, self._sequence, self._work(engine), keeper.state())
        seen = replace(seen, phase=phase or seen.phase, bank=executor.bank, sounds=self._sounds)
        seen = replace(seen, report=keeper.report_status)
        self._outbox.put(snapshot.to_message(seen), last)

    def _work(self, engine: Engine) -> snapshot.Work:
        self._load += 0.2 * (self._cpu.cpu_percent() / 100 - self._load)
        latencies = np.array(engine.latencies_s)
        some = len(latencies) > 0
        return snapshot.Work(
            load=self._load,
            rss_mb=self._cpu.memory_info().rss / 2**20,
            language_ms=1000 * float(np.median(engine.language_s)) if engine.language_s else None,
            language_backlog=engine.following.backlog,
            latency_median_s=float(np.median(latencies)) if some else None,
            latency_p99_s=float(np.percentile(latencies, 99)) if some else None,
            n_solved=engine.n_solved,
            shedding=engine.shedding,
        )


def main() -> int:
    """Frames go out on what was standard output; whatever a library prints goes to standard error instead."""
    frames = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    os.environ.setdefault("MNE_LOGGING_LEVEL", "ERROR")
    # Unbuffered: a thread that still waits for input when the process ends must hold no lock of the interpreter's.
    outbox, commands_in = Outbox(frames), os.fdopen(os.dup(0), "rb", buffering=0)
    try:
        session = Session.model_validate(wire.read(commands_in))
        _threads()
        Host(session, outbox, CommandQueue(commands_in)).run()
    except Exception as error:  # the boundary of the process: the viewer tells its user
        if os.environ.get("RTALIGN_DEBUG"):
            raise
        known = isinstance(error, (ValueError, OSError, MemoryError))
        why = str(error) if known else f"unexpected {type(error).__name__}: {error}"
        outbox.put(snapshot.to_message(snapshot.empty_snapshot("failed", why)), last=True)
        outbox.close()
        return 1
    outbox.close()
    return 0


def _threads() -> None:
    """One thread a library: acquisition, language model and scoring run side by side already."""
    import torch
    from threadpoolctl import threadpool_limits

    torch.set_num_threads(1)
    threadpool_limits(1)


if __name__ == "__main__":
    sys.exit(main())
