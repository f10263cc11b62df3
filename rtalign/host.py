"""The engine's own process: settings come in on standard input, snapshots leave on standard output, newest wins."""

from __future__ import annotations

import contextlib
import os
import queue
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import psutil

from rtalign import looking, snapshot, wire
from rtalign.bank import DecoderBank
from rtalign.decoding import Decoding
from rtalign.engine import Engine
from rtalign.keeping import Keeper, keep_results
from rtalign.opening import Opened, open_session
from rtalign.scoreboard import FEWEST_WORDS
from rtalign.session import Session
from rtalign.sources.events import Notice
from rtalign.sources.replaying import ReplaySource
from rtalign.sources.storysound import Sound

SNAPSHOT_S = 0.1
STEP_S = 0.01


class Outbox:
    """One place for the newest frame and a thread that sends it: a viewer that is slow never slows the engine."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream, self._frame = stream, b""
        self._last = False
        self._wake = threading.Condition()
        self._thread = threading.Thread(target=self._work, name="outbox", daemon=True)
        self._thread.start()

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
                    while not self._frame:
                        self._wake.wait()
                    frame, last, self._frame = self._frame, self._last, b""
                self._stream.write(frame)
                self._stream.flush()
                if last:
                    return


class Commands:
    """What the viewer asks for; the end of its stream means stop."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._asked: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        threading.Thread(target=self._work, name="commands", daemon=True).start()

    def take(self) -> list[dict[str, Any]]:
        taken = []
        while not self._asked.empty():
            taken.append(self._asked.get())
        return taken

    def _work(self) -> None:
        try:
            while (asked := wire.read(self._stream)) is not None:
                if isinstance(asked, dict):
                    self._asked.put(asked)
        except (OSError, ValueError):  # a viewer that speaks no sense is treated as one that went away
            pass
        self._asked.put({"do": "stop"})


class Host:
    """Runs one engine until it is told to stop."""

    def __init__(self, session: Session, outbox: Outbox, commands: Commands) -> None:
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
            patient=opened.recording is not None, sink=keeper, publish=publisher(self._session, opened),
            chosen=opened.chosen,
        )  # fmt: skip
        try:
            failure = self._loop(engine, keeper)
            self._finish(engine, keeper, failure is None)
            if failure is not None:
                raise failure
        finally:
            keeper.close()
            engine.close()

    def _loop(self, engine: Engine, keeper: Keeper) -> Exception | None:
        """Until somebody says stop, or something fails: what was found until then is written first."""
        try:
            while True:
                engine.step(STEP_S)
                for asked in self._commands.take():
                    if asked.get("do") == "stop":
                        return None
                    _obey(engine, keeper, asked)
                if time.monotonic() - self._looked > SNAPSHOT_S:
                    self._look(engine, keeper)
        except Exception as failure:  # the boundary of the engine's thread: raised again when the results are safe
            return failure

    def _finish(self, engine: Engine, keeper: Keeper, last: bool) -> None:
        """Whatever ends the session, what it found is written before anything else can go wrong."""
        engine.finish()
        keep_results(engine, keeper, time.monotonic() - self._started, self._cpu.memory_info().rss / 2**20)
        self._look(engine, keeper, "ended", last=last)

    def _say(self, text: str) -> None:
        self._outbox.put(snapshot.to_message(snapshot.empty("loading", text)))

    def _look(self, engine: Engine, keeper: Keeper, phase: snapshot.Phase | None = None, last: bool = False) -> None:
        self._looked = time.monotonic()
        self._sequence += 1
        seen = looking.of(engine, self._sequence, self._work(engine), keeper.state())
        seen = replace(seen, sounds=self._sounds)
        self._outbox.put(snapshot.to_message(replace(seen, phase=phase) if phase else seen), last)

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


def publisher(session: Session, opened: Opened) -> Any:
    """Sends R(layer, lag) out over LSL, stamped with the word that changed it; None where nobody asked for it."""
    if not session.publish:
        return None
    from rtalign.sources.lsl import LabelledOutlet

    d = opened.decoding
    labels = [f"layer {layer} lag {lag:+.3f} s" for layer in d.layers for lag in d.lags_s]
    outlet = LabelledOutlet("rtalign-scores", "Scores", labels, 0.0)
    to_local = getattr(opened.source, "to_local", lambda time_s: time_s)
    return lambda time_s, r: outlet.push(np.asarray(r, np.float32).reshape(1, -1), to_local(time_s))


def _obey(engine: Engine, keeper: Keeper, asked: Mapping[str, Any]) -> None:
    """Do what a viewer asks; what makes no sense is said, and changes nothing."""
    try:
        _do(engine, keeper, str(asked.get("do")), asked.get("to"))
    except (ValueError, TypeError, AttributeError, OSError) as error:
        engine.say(Notice("warning", "command", f"{asked.get('do')}: {error}", engine.time_s))


def _do(engine: Engine, keeper: Keeper, what: str, to: Any) -> None:
    match what:
        case "pause" | "play" | "seek" | "speed" | "until":
            _move(engine.source, what, to)
        case "last words":
            engine.last_words = None if to is None else max(int(to), FEWEST_WORDS)
        case "inspect":
            engine.inspected = None if to is None else int(to)
        case "reset":
            engine.reset()
        case "bank":
            engine.switch(Decoding.of(DecoderBank.load(Path(str(to)))))
        case "record":
            keeper.record(None if to is None else Path(str(to)))
        case _:
            raise ValueError("nothing of that name can be asked for")


def _move(source: Any, what: str, to: Any) -> None:
    if not isinstance(source, ReplaySource):
        raise ValueError("only a recording can be paused, moved or slowed; this is live")
    match what:
        case "pause":
            source.pause()
        case "play":
            source.play()
        case "seek":
            source.seek(float(to))
        case "speed":
            source.set_speed(None if to is None else float(to))
        case "until":
            source.wait_at(None if to is None else float(to))


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
        Host(session, outbox, Commands(commands_in)).run()
    except Exception as error:  # the boundary of the process: the viewer tells its user
        if os.environ.get("RTALIGN_DEBUG"):
            raise
        known = isinstance(error, (ValueError, OSError, MemoryError))
        why = str(error) if known else f"unexpected {type(error).__name__}: {error}"
        outbox.put(snapshot.to_message(snapshot.empty("failed", why)), last=True)
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
