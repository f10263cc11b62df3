"""The engine's process as the window sees it: its newest snapshot, its loss, its restart, its end."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Literal, Protocol

from rtalign.core.session import Session
from rtalign.engine import snapshot
from rtalign.engine.commands import Command, Publish, Record, ScoreLastWords, Seek, SetSpeed, Stop
from rtalign.engine.process.word_list import WordList
from rtalign.engine.snapshot import Snapshot

RESTART_S = 5.0
"""From an engine's death to its restart; long enough to say no."""
TOO_OFTEN_S = 60.0
"""A second death within this is not answered by a restart."""

ENDS_S = 10.0
"""After which an engine that was asked to end, and has not, is said to hang, perhaps."""
SILENT_S = 5.0
"""After which it is said that a running engine has sent nothing; it sends ten times a second."""

State = Literal["none", "running", "stopping", "ended", "failed", "lost"]


class EngineClient(Protocol):
    """What rtalign.engine.process.client.Client offers."""

    newest: Snapshot
    word_list: WordList | None

    @property
    def alive(self) -> bool: ...

    @property
    def pid(self) -> int: ...

    def send(self, command: Command) -> None: ...

    def wait(self, timeout_s: float | None = None) -> int: ...

    def kill(self) -> None: ...


class EngineLink:
    """At most one engine at a time.  Everything here returns at once; look() is called many times a second.

    loss : the last that was seen of an engine that died while it was asked to end, where another has begun since.
    given_up : the engine was ended because it did not end by itself.
    """

    def __init__(self, begin: Callable[[Session], EngineClient], clock: Callable[[], float] = time.monotonic) -> None:
        self._begin, self._clock = begin, clock
        self.session: Session | None = None
        self.engine: EngineClient | None = None
        self.state: State = "none"
        self.restart_at: float | None = None
        self.loss: Snapshot | None = None
        self.also: Callable[[Command], None] | None = None
        self._died = -float("inf")
        self._go_on: float | None = None
        self._next: Session | None = None
        self.given_up = False
        self._asked_at = 0.0
        self._heard: tuple[Snapshot | None, float] = None, 0.0

    @property
    def newest(self) -> Snapshot:
        return self.engine.newest if self.engine else snapshot.empty_snapshot("loading", snapshot.NO_SESSION)

    @property
    def word_list(self) -> WordList | None:
        return self.engine.word_list if self.engine else None

    @property
    def restarts_in_s(self) -> float | None:
        return None if self.restart_at is None else max(self.restart_at - self._clock(), 0.0)

    @property
    def stopping_s(self) -> float | None:
        """How long an engine that was asked to end has taken for it."""
        return self._clock() - self._asked_at if self.state == "stopping" else None

    @property
    def silent(self) -> bool:
        return self.silent_s > SILENT_S

    @property
    def hangs(self) -> bool:
        """Whether it should long have ended."""
        return (self.stopping_s or 0.0) > ENDS_S

    @property
    def silent_s(self) -> float:
        """How long ago a running engine was heard last, as look() found it."""
        told = self.state == "running" and self.newest.phase != "loading"
        return self._clock() - self._heard[1] if told else 0.0

    def start(self, session: Session) -> None:
        """Begin a session; one that runs is asked to stop first, and is waited for by look()."""
        self.restart_at = self._go_on = None
        if self.engine and self.engine.alive:
            self.stop()
            self._next = session
            return
        self._let_go()
        self._next, self.session, self.given_up = None, session, False
        self.engine, self.state = self._begin(session), "running"

    def restart(self, automatic: bool = False) -> None:
        """The same session again; a recording goes on from where it stood."""
        if self.session is None:
            return
        at = self.newest.position_s if self.state == "lost" else None
        self.start(self.session)
        self._go_on = at
        if not automatic:
            self._died = -float("inf")

    def stop(self) -> None:
        """Ask it to end; nothing follows."""
        self.restart_at = self._next = None
        if self.engine and self.engine.alive:
            if self.state != "stopping":
                self._asked_at = self._clock()
            self.state = "stopping"
            self.engine.send(Stop())

    def give_up(self) -> None:
        """End an engine that does not end by itself, whatever it has still to write."""
        if self.engine and self.state == "stopping":
            self.given_up = True
            self.engine.kill()

    def stay_stopped(self) -> None:
        self.restart_at = None

    def send(self, command: Command) -> None:
        """What changes a setting changes the session too, so that it outlives an engine."""
        if self.engine and self.state == "running":
            self.engine.send(command)
            if self.session is not None and (changed := _settings(command)):
                self.session = Session.model_validate(self.session.model_dump() | changed)
            if self.also is not None:
                self.also(command)

    def look(self) -> State:
        """How the engine does now."""
        engine = self.engine
        if engine is None:
            return self.state
        if engine.newest is not self._heard[0]:
            self._heard = engine.newest, self._clock()
        if engine.alive:
            if self._go_on is not None and engine.newest.phase == "running":
                engine.send(Seek(self._go_on))
                self._go_on = None
            return self.state
        if self._next is not None:
            known = self.given_up or engine.newest.phase == "failed" or ended(engine)
            self.loss = None if known else engine.newest
            self.start(self._next)
        elif self.state in ("running", "stopping"):
            self._gone(engine)
        elif self.state == "lost" and self.restart_at is not None and self._clock() >= self.restart_at:
            self.restart(automatic=True)
        return self.state

    def _gone(self, engine: EngineClient) -> None:
        """What an engine leaves as its last words tells an end from a death."""
        if engine.newest.phase == "failed":
            self.state = "failed"
            return
        if ended(engine):
            self.state = "ended"
            return
        asked, self.state, now = self.state == "stopping", "lost", self._clock()
        if not asked and now - self._died > TOO_OFTEN_S:
            self.restart_at = now + RESTART_S
        self._died = now

    def _let_go(self) -> None:
        if self.engine is not None and not self.engine.alive:
            self.engine.wait(1)


def _settings(command: Command) -> dict[str, Any]:
    """The settings of a session that a command changes."""
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


def without_engine(seen: Snapshot) -> Snapshot:
    """What is still true of the last snapshot of an engine that died: nobody sees its streams, nobody records."""
    return replace(without_streams(seen), phase="failed", reason="it ended unexpectedly", recording=None)


def without_streams(seen: Snapshot, state: Literal["ended", "unknown"] = "ended") -> Snapshot:
    """The last snapshot of an engine that is no more, or that says nothing: its streams neither flow nor are lost."""
    meg, words = (
        replace(stream, state=state, since_s=0.0, age_s=None)  # type: ignore[arg-type]
        for stream in (seen.health.meg, seen.health.words)
    )
    return replace(seen, health=replace(seen.health, meg=meg, words=words))


def ended(engine: EngineClient) -> bool:
    """Of one that is gone: a replay says so too when its recording is at its end, so its exit status counts as well."""
    return engine.newest.phase == "ended" and engine.wait(1) == 0
