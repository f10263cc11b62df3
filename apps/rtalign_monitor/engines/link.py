"""The link to an engine in a process of its own: start, restart, stop, and how the engine is doing."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Literal, Protocol

from rtalign.core.session import Session
from rtalign.core.text.translation import tr
from rtalign.engine import snapshot
from rtalign.engine.commands import Command, Publish, Record, ScoreLastWords, Seek, SetAnnotations, SetSpeed, Stop
from rtalign.engine.process.restarts import RestartPauses
from rtalign.engine.process.word_list import WordList
from rtalign.engine.snapshot import RecordingStatus, Snapshot

RESTART_DELAY_S = 5.0
"""From the loss of the engine of a replay to its automatic restart: long enough for the user to decline."""
RESTART_INTERVAL_S = 60.0
"""One that is lost again within this time is not restarted automatically; live streams go on, so that theirs is."""

STOP_TIMEOUT_S = 10.0
"""An engine that has not stopped this long after it was asked to counts as hanging."""
SILENCE_TIMEOUT_S = 5.0
"""A running engine that has sent no snapshot for this long counts as silent; normally ten arrive each second."""

EngineState = Literal["none", "running", "stopping", "ended", "failed", "lost"]


class EngineClient(Protocol):
    """The window's end of one engine process, as rtalign.engine.process.client.Client implements it.

    Attributes
    ----------
    newest : Snapshot
        The newest snapshot; reading it never blocks.
    word_list : WordList or None
        All words of a recording, once the engine has opened it.
    """

    @property
    def newest(self) -> Snapshot: ...

    @property
    def word_list(self) -> WordList | None: ...

    @property
    def recording(self) -> RecordingStatus | None:
        """How the recorder does, whatever the engine does; None while nothing is recorded."""
        ...

    @property
    def alive(self) -> bool:
        """Whether the process runs, or its last snapshots are still arriving."""
        ...

    @property
    def pid(self) -> int: ...

    def send(self, command: Command) -> None:
        """Have the engine execute a command; returns at once."""
        ...

    def wait(self, timeout_s: float | None = None) -> int:
        """Wait for the end of the process, kill it after the timeout, and return its exit status."""
        ...

    def kill(self) -> None:
        """End the process at once."""
        ...


class EngineLink:
    """Runs at most one engine at a time.  No method blocks; `poll` is called many times a second.

    Parameters
    ----------
    connect : callable
        Starts an engine for a session and returns its client.
    clock : callable
        Monotonic time in seconds.

    Attributes
    ----------
    session : Session or None
        Settings of the current session, including what commands changed since it started.
    engine : EngineClient or None
        The current engine, or the last one.
    state : {"none", "running", "stopping", "ended", "failed", "lost"}
        State of the engine at the last `poll`.  "failed": the engine reported an error and ended; "lost": its process
        ended unexpectedly.
    killed : bool
        Whether the engine was killed because it did not stop by itself.
    previous_loss : Snapshot or None
        Last snapshot of the engine before, if that engine was lost while it was stopping, or while it scored live
        streams, which the present one goes on with.
    goes_on : bool
        Whether the present engine goes on with the session of that one.
    on_command : callable or None
        Called with each command after it was sent.
    """

    def __init__(self, connect: Callable[[Session], EngineClient], clock: Callable[[], float] = time.monotonic) -> None:
        self._connect, self._clock = connect, clock
        self.session: Session | None = None
        self.engine: EngineClient | None = None
        self.state: EngineState = "none"
        self.killed = False
        self.previous_loss: Snapshot | None = None
        self.goes_on = False
        self.on_command: Callable[[Command], None] | None = None
        self._next_session: Session | None = None
        self._restart_at: float | None = None
        self._resume_at_s: float | None = None
        self._lost_at = -float("inf")
        self._pauses, self._started_at = RestartPauses(), 0.0
        self._stop_requested_at = 0.0
        self._last_received: tuple[Snapshot | None, float] = None, 0.0
        nothing = snapshot.empty_snapshot()
        self._merged: tuple[Snapshot, RecordingStatus | None, Snapshot] = nothing, None, nothing

    @property
    def newest(self) -> Snapshot:
        """The newest snapshot, with how the recorder does now, or an empty one without an engine."""
        if self.engine is None:
            return snapshot.empty_snapshot("loading", snapshot.NO_SESSION)
        parts = self.engine.newest, self.engine.recording
        if parts[0] is not self._merged[0] or parts[1] != self._merged[1]:
            self._merged = *parts, snapshot.with_recording(*parts)
        return self._merged[2]

    @property
    def time_s(self) -> float | None:
        """Signal time now: the position of a replay, or of live streams what their next sample will have."""
        newest = self.newest
        if newest.position_s is not None or not newest.time_s:
            return newest.position_s
        since_s = self._clock() - self._last_received[1]
        return newest.time_s + (newest.health.meg.age_s or 0.0) + since_s

    @property
    def word_list(self) -> WordList | None:
        """All words of the recording, once the engine has opened it."""
        return self.engine.word_list if self.engine else None

    @property
    def restarts_in_s(self) -> float | None:
        """Seconds until the automatic restart of a lost engine; None if there will be none."""
        return None if self._restart_at is None else max(self._restart_at - self._clock(), 0.0)

    @property
    def stopping_s(self) -> float | None:
        """Seconds since the engine was asked to stop; None if it was not."""
        return self._clock() - self._stop_requested_at if self.state == "stopping" else None

    @property
    def hangs(self) -> bool:
        """Whether the engine should have stopped long ago."""
        return (self.stopping_s or 0.0) > STOP_TIMEOUT_S

    @property
    def silent_s(self) -> float:
        """Seconds since the newest snapshot of a running engine, as of the last `poll`; 0 while it loads."""
        expected = self.state == "running" and self.newest.phase != "loading"
        return self._clock() - self._last_received[1] if expected else 0.0

    @property
    def silent(self) -> bool:
        """Whether a running engine has sent nothing for too long."""
        return self.silent_s > SILENCE_TIMEOUT_S

    def start(self, session: Session) -> None:
        """Start a session.  A running engine is asked to stop first; `poll` then starts the new one."""
        self._restart_at = self._resume_at_s = None
        if self.engine and self.engine.alive:
            self.stop()
            self._next_session = session
            return
        if self.engine is not None:
            self.engine.wait(1)
        self._next_session, self.session, self.killed = None, session, False
        self.engine, self.state, self._started_at = self._connect(session), "running", self._clock()

    def restart(self, automatic: bool = False) -> None:
        """Start the same session again; the replay of a lost engine resumes at its last position."""
        if self.session is None:
            return
        position_s = self.newest.position_s if self.state == "lost" else None
        if automatic and self.session.recording is None:
            self.previous_loss, self.goes_on = self.newest, True
        self.start(self.session)
        self._resume_at_s = position_s
        if not automatic:
            self._lost_at = -float("inf")

    def stop(self) -> None:
        """Ask the engine to stop, and cancel whatever was to start after it."""
        self._restart_at = self._next_session = None
        if self.engine and self.engine.alive:
            if self.state != "stopping":
                self._stop_requested_at = self._clock()
            self.state = "stopping"
            self.engine.send(Stop())

    def kill(self) -> None:
        """Kill an engine that does not stop by itself; results that it has not written are lost."""
        if self.engine and self.state == "stopping":
            self.killed = True
            self.engine.kill()

    def cancel_restart(self) -> None:
        """Do not restart a lost engine automatically."""
        self._restart_at = None

    def dismiss_loss(self) -> None:
        """Forget the loss of the engine before."""
        self.previous_loss = None

    def send(self, command: Command) -> None:
        """Send a command to a running engine; settings that it changes are kept in the session for the next engine.

        What the operator writes goes to the recorder too, which outlives its engine.
        """
        if self.engine and (self.state == "running" or isinstance(command, SetAnnotations)):
            self.engine.send(command)
            if self.session is not None and (changed := _changed_settings(command)):
                self.session = Session.model_validate(self.session.model_dump() | changed)
            if self.on_command is not None:
                self.on_command(command)

    def poll(self) -> EngineState:
        """Update the state; start the next session, or restart a lost engine, when it is time."""
        engine = self.engine
        if engine is None:
            return self.state
        if engine.newest is not self._last_received[0]:
            self._last_received = engine.newest, self._clock()
        if engine.alive:
            if self._resume_at_s is not None and engine.newest.phase == "running":
                engine.send(Seek(self._resume_at_s))
                self._resume_at_s = None
            return self.state
        if self._next_session is not None:
            expected = self.killed or engine.newest.phase == "failed" or ended_normally(engine)
            self.previous_loss, self.goes_on = None if expected else self.newest, False
            self.start(self._next_session)
        elif self.state in ("running", "stopping"):
            self._set_final_state(engine)
        elif self.state == "lost" and self._restart_at is not None and self._clock() >= self._restart_at:
            self.restart(automatic=True)
        return self.state

    def _set_final_state(self, engine: EngineClient) -> None:
        """The last snapshot of an engine tells whether it ended, failed or was lost."""
        if engine.newest.phase == "failed":
            self.state = "failed"
            return
        if ended_normally(engine):
            self.state = "ended"
            return
        was_stopping, self.state, now = self.state == "stopping", "lost", self._clock()
        if not was_stopping:
            self._restart_at = self._restart_time(now)
        self._lost_at = now

    def _restart_time(self, now: float) -> float | None:
        """When a lost engine is restarted: with live streams at once, and where that does not last, after a pause."""
        if self.session is not None and self.session.recording is None:
            return now + self._pauses.next(now - self._started_at)
        return now + RESTART_DELAY_S if now - self._lost_at > RESTART_INTERVAL_S else None


def ended_normally(engine: EngineClient) -> bool:
    """Whether an engine whose process is gone wrote its results before.

    Why the exit status counts too: snapshots of a replay say "ended" as soon as the recording is at its end.
    """
    return engine.newest.phase == "ended" and engine.wait(1) == 0


def without_engine(last: Snapshot) -> Snapshot:
    """The last snapshot of a lost engine, corrected: the engine failed, it receives no stream; the recorder goes on."""
    return replace(without_streams(last), phase="failed", reason=tr("it ended unexpectedly"))


def without_streams(last: Snapshot, state: Literal["ended", "unknown"] = "ended") -> Snapshot:
    """The last snapshot of an engine that is stopping, has ended or is silent, with the state of its streams corrected.

    Parameters
    ----------
    last : Snapshot
        Last snapshot of the engine.
    state : {"ended", "unknown"}
        State to show for both streams.

    Returns
    -------
    Snapshot
        The snapshot with both streams in that state.
    """
    meg, words = (
        replace(stream, state=state, since_s=0.0, age_s=None)  # type: ignore[arg-type]
        for stream in (last.health.meg, last.health.words)
    )
    return replace(last, health=replace(last.health, meg=meg, words=words))


def _changed_settings(command: Command) -> dict[str, Any]:
    """The settings of the session that a command changes."""
    match command:
        case ScoreLastWords(n_words):
            return {"last_words": n_words}
        case SetSpeed(factor):
            return {"speed": factor}
        case Publish(on):
            return {"publish": on}
        case Record(folder):
            return {"record": folder}
        case _:
            return {}
