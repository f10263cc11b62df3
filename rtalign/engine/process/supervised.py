"""An engine that is started again when its process is lost, for sessions that nobody watches."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

from rtalign.core.session import Session
from rtalign.engine.process.client import EngineStarter
from rtalign.engine.process.restarts import RestartPauses
from rtalign.engine.snapshot import RecordingStatus, Snapshot, with_recording

MOST_REPLAYS = 3
"""A replay is begun anew so often at most: it meets the same again, while live streams go on."""


class SupervisableClient(Protocol):
    """What is needed of a Client."""

    newest: Snapshot

    @property
    def alive(self) -> bool: ...

    @property
    def recording(self) -> RecordingStatus | None: ...

    @property
    def recorder_losses(self) -> list[str]: ...

    def stop(self, timeout_s: float = 60.0) -> Snapshot: ...

    def wait(self, timeout_s: float | None = None) -> int: ...


class SupervisedEngine:
    """Runs a session's engine, and another one when it is lost; `poll` is called a few times a second.

    An engine that is lost ended without having been asked to, or failed after it had begun to run.  One that fails
    before that would fail again, and is not restarted.

    Parameters
    ----------
    session : Session
        The settings.
    connect : callable
        Starts an engine.
    clock : callable
        Monotonic time, s.

    Attributes
    ----------
    losses : list of str
        Of each engine or recorder that was lost: how it ended, and where the recording is.
    """

    def __init__(
        self,
        session: Session,
        connect: Callable[[Session], SupervisableClient] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._session, self._connect, self._clock = session, connect or EngineStarter(), clock
        self.losses: list[str] = []
        self._n_replays = self._n_recorders = 0
        self._pauses = RestartPauses()
        self._restart_at: float | None = None
        self._start()

    @property
    def newest(self) -> Snapshot:
        """The newest snapshot; while an engine is waited for, the last of the one before."""
        return with_recording(self._client.newest, self._client.recording)

    @property
    def alive(self) -> bool:
        """Whether the session goes on: an engine runs, or will run."""
        return self._client.alive or self._restart_at is not None

    @property
    def status(self) -> int | None:
        """Exit status of the newest engine; None while it runs."""
        return None if self._client.alive else self._client.wait(1)

    def poll(self) -> str | None:
        """Start the engine again where it is time; returns a sentence where one, or its recorder, was lost."""
        losses = [text for text in (self._poll_engine(), self._take_recorder_loss()) if text is not None]
        return "; ".join(losses) or None

    def _poll_engine(self) -> str | None:
        if self._client.alive:
            self._has_run |= self._client.newest.phase in ("running", "refused")
            return None
        if self._restart_at is None:
            return self._take_loss()
        if self._clock() >= self._restart_at:
            self._start()
        return None

    def stop(self) -> Snapshot:
        """End the session; returns the last snapshot."""
        self._restart_at = None
        return with_recording(self._client.stop(), self._client.recording)

    def _start(self) -> None:
        self._restart_at, self._has_run, self._started = None, False, self._clock()
        self._client = self._connect(self._session)

    def _take_loss(self) -> str | None:
        last, status = self._client.newest, self._client.wait(1)
        failed = last.phase == "failed"
        if (last.phase == "ended" and status == 0) or (failed and not self._has_run):
            return None
        is_replay = self._session.recording is not None
        if is_replay and (failed or self._n_replays >= MOST_REPLAYS):
            return None
        self._n_replays += 1
        pause = self._pauses.next(self._clock() - self._started)
        self._restart_at = self._clock() + pause
        recording = self.newest.recording
        kept = f"; what was recorded is in {recording.folder}" if recording and recording.folder else ""
        reason = f": {last.reason}" if failed and last.reason else ""
        text = f"the engine ended unexpectedly with status {status}{reason}{kept}"
        self.losses.append(text)
        return f"{text} - it is started again{f' in {pause:g} s' if pause else ''}"

    def _take_recorder_loss(self) -> str | None:
        losses = self._client.recorder_losses
        if len(losses) <= self._n_recorders:
            return None
        text = losses[self._n_recorders]
        self._n_recorders += 1
        self.losses.append(text)
        return f"{text} - it is started again"
