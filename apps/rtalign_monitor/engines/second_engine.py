"""A second engine that replays the same recording with another bank, synchronised with the first."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Literal

from rtalign.core.session import Session
from rtalign.core.text.time_format import position_time
from rtalign.core.text.translation import tr
from rtalign.decoding.bank import DecoderBank
from rtalign.engine.commands import Command, Pause, Play, Reset, ScoreLastWords, Seek, SetSpeed, Step, WaitAt
from rtalign.engine.snapshot import Snapshot
from rtalign_monitor.engines import link
from rtalign_monitor.engines.link import EngineClient, EngineLink
from rtalign_monitor.engines.two_banks import SecondBank, bank_names, mismatches

TOLERANCE_S = 0.8
"""By how many seconds of the recording one replay may be ahead of the other at 1x, and as much more at a higher speed:
snapshots arrive ten times a second."""
MAX_FACTOR = 8.0
"""Times the tolerance, where both replay as fast as they can."""
CATCH_UP_FACTOR = 5.0
"""Times the tolerance: if B falls further behind than this, it catches up, and A does not wait meanwhile."""
SEEK_FACTOR = 30.0
"""Times the tolerance: if B is further ahead than this, it has missed a seek of A, and seeks A's position.  More than
what a replay reads before the target of a seek."""
CATCH_UP_SPEED = 1000.0

EngineName = Literal["A", "B"]
AddressedCommand = tuple[EngineName, Command]


class ReplaySync:
    """Decides which commands keep two replays synchronised.

    B follows A: first it catches up, then each waits for the other.  Only A is controlled by the user.

    Attributes
    ----------
    in_step : bool
        Whether B has caught up with A.
    """

    def __init__(self) -> None:
        self.in_step = False
        self._sent: dict[tuple[EngineName, type[Command]], Command] = {}

    def update(self, a: Snapshot, b: Snapshot) -> list[AddressedCommand]:
        """The commands to send now; none that was sent already and still holds.

        Parameters
        ----------
        a, b : Snapshot
            The newest snapshots of the two engines.

        Returns
        -------
        list of (engine name, Command)
            The commands, in order.
        """
        a_s, b_s = a.position_s, b.position_s
        if a_s is None or b_s is None or "loading" in (a.phase, b.phase):
            return []
        tolerance = TOLERANCE_S * (MAX_FACTOR if a.speed is None else min(max(a.speed, 1.0), MAX_FACTOR))
        self.in_step = b_s >= a_s - (CATCH_UP_FACTOR * tolerance if self.in_step else tolerance)
        commands: list[AddressedCommand] = []
        if b_s > a_s + SEEK_FACTOR * max(tolerance, 1.0):
            commands.append(("B", Seek(a_s)))
        self._wait_at(commands, "A", b_s + tolerance if self.in_step else None)
        self._wait_at(commands, "B", a_s + tolerance)
        speed = a.speed if self.in_step else CATCH_UP_SPEED
        self._set_b(commands, SetSpeed(speed), b.speed == speed)
        paused = a.paused and self.in_step
        self._set_b(commands, Pause() if paused else Play(), b.paused == paused)
        return commands

    def release(self) -> list[AddressedCommand]:
        """The commands after which A no longer waits for B."""
        return [("A", WaitAt(None))]

    def _wait_at(self, commands: list[AddressedCommand], engine: EngineName, until_s: float | None) -> None:
        wait = WaitAt(until_s)
        if self._sent.get((engine, WaitAt), WaitAt(None)) != wait:
            self._sent[engine, WaitAt] = wait
            commands.append((engine, wait))

    def _set_b(self, commands: list[AddressedCommand], command: Command, reached: bool) -> None:
        """Send B a command once, and again if B has reached what it asks for and then left it."""
        key: tuple[EngineName, type[Command]] = "B", type(command)
        if reached:
            self._sent.pop(key, None)
        elif self._sent.get(key) != command:
            self._sent[key] = command
            commands.append(("B", command))


class BankComparison:
    """Compares the bank of the first engine with at most one second bank.

    Whatever happens to the second engine, the first one continues as if there had been no comparison.

    Parameters
    ----------
    first : EngineLink
        Link to the first engine.
    connect : callable
        Starts an engine for a session and returns its client.
    notify : callable
        Called with a text for the user, and with whether it describes something in progress.  An empty text
        withdraws the text before.

    Attributes
    ----------
    restartable : Path or None
        The second bank of a comparison that has ended by itself, if it can be compared again as things are now.
    """

    def __init__(
        self, first: EngineLink, connect: Callable[[Session], EngineClient], notify: Callable[[str, bool], None]
    ) -> None:
        self._first, self._notify = first, notify
        self._second = EngineLink(connect)
        self._sync: ReplaySync | None = None
        self._names = "A", "B"
        self._warned = False
        self._compared_engine: EngineClient | None = None
        self._first_bank: str | None = None
        self._second_bank: Path | None = None
        self.restartable: Path | None = None
        first.on_command = self._forward

    @property
    def active(self) -> bool:
        """Whether two banks are being compared."""
        return self._sync is not None

    @property
    def second_bank(self) -> SecondBank | None:
        """What the panels show of the second bank; None until there is something to show."""
        ready = self._sync is not None and self._second.state == "running"
        if not ready or not self._second.newest.layers:
            return None
        return SecondBank(self._second.newest, self._names)

    def begin(self, bank: Path) -> None:
        """Replay the recording of the session with a second bank, from its start until it has caught up."""
        session = self._first.session
        if session is None or session.recording is None:
            self._notify(tr("Only a replay can be compared. Open a recording first (Ctrl+O)."), False)
            return
        self.end()
        if self._first.state != "running":
            self._notify(tr("No comparison: no engine is running. Start a session first (Ctrl+N)."), False)
            return
        try:
            model = _shared_model(session, bank)
        except (ValueError, OSError) as error:
            self._notify(tr("No comparison: {error}.", error=error), False)
            return
        changes = {"bank": bank, "model": model, "record": None, "out": None, "publish": False, "speed": CATCH_UP_SPEED}
        self._second.start(session.model_copy(update=changes))
        self._sync, self._names, self._warned = ReplaySync(), bank_names(session.bank, bank), False
        self._compared_engine, self._first_bank = self._first.engine, None
        self._second_bank, self.restartable = bank, None

    def end(self, reason: str | None = None, restartable: bool = False) -> None:
        """End the comparison and tell the user the reason, if there is one."""
        if self._sync is None:
            return
        self.restartable = self._second_bank if restartable else None
        for engine, command in self._sync.release():
            self._send(engine, command)
        self._sync = None
        self._second.stop()
        self._notify(tr("Comparison ended: {reason}.", reason=reason) if reason else "", False)

    def close(self) -> None:
        """Wait for the end of the second engine, so that it does not outlive the window."""
        if self._second.engine is not None:
            self._second.engine.wait(link.STOP_TIMEOUT_S)

    def change_session(self, session: Session) -> None:
        """End the comparison because the first engine starts another session."""
        before, bank = self._first.session, session.bank
        if before and before.recording == session.recording and bank is not None and bank != before.bank:
            self.end(_changed(bank), restartable=True)
        else:
            self.end(tr("another session has started"), restartable=session.recording is not None)

    def poll(self) -> None:
        """Keep both engines synchronised, or end the comparison; called many times a second."""
        state = self._second.poll()
        if self._second.hangs:  # the second engine has no results to write
            self._second.kill()
        if self._sync is None:
            return
        if (end := self._end_of_first(self._first.newest)) is not None:
            self.end(*end)
            return
        if state == "stopping":
            return
        a, b, name = self._first.newest, self._second.newest, self._names[1]
        if state in ("lost", "failed", "ended"):
            self._second.cancel_restart()
            detail = f" ({b.reason})" if state == "failed" else ""
            self.end(
                tr("the engine of bank {name} stopped{detail}. Bank A continues", name=name, detail=detail),
                restartable=True,
            )
        elif b.refused:
            self.end(tr("bank {name} does not fit: {join}. Bank A continues", name=name, join="; ".join(b.refused)))
        else:
            self._synchronise(a, b)

    def _end_of_first(self, a: Snapshot) -> tuple[str, bool] | None:
        """Why the second bank can no longer be compared with the first, and whether both can be compared again."""
        if self._first.state != "running":
            return tr("the engine of bank A stopped"), self._first.state == "lost"
        if self._first.engine is not self._compared_engine:
            return tr("the engine of bank A was restarted"), True
        if a.refused:
            return tr("bank A does not fit: {join}", join="; ".join(a.refused)), False
        if a.phase == "loading":
            return None
        self._first_bank = a.bank if self._first_bank is None else self._first_bank
        return None if a.bank == self._first_bank else (_changed(Path(a.bank)), True)

    def _synchronise(self, a: Snapshot, b: Snapshot) -> None:
        assert self._sync is not None
        was_in_step = self._sync.in_step
        for engine, command in self._sync.update(a, b):
            self._send(engine, command)
        if not self._sync.in_step:
            position = position_time(b.position_s) if b.position_s is not None else None
            progress = (
                tr("catching up, at {position}", position=position)
                if position
                else tr("loading: {reason}", reason=b.reason)
                if b.reason
                else "loading"
            )
            self._notify(tr("Bank {name} is {progress}.", name=self._names[1], progress=progress), True)
        elif not was_in_step:
            found = [] if self._warned else mismatches(a, b)
            self._notify(tr("The banks differ: {join}.", join="; ".join(found)) if found else "", False)
            self._warned = True

    def _forward(self, command: Command) -> None:
        """Send some commands of the first engine to the second too; `ReplaySync` handles pause and speed."""
        if self._sync is None:
            return
        match command:
            case Seek() | Step() | Reset() | ScoreLastWords():
                self._second.send(command)
            case _:
                pass

    def _send(self, engine: EngineName, command: Command) -> None:
        (self._first if engine == "A" else self._second).send(command)


def _changed(bank: Path) -> str:
    return tr("bank A was changed to {name}", name=bank.name)


def _shared_model(session: Session, bank: Path) -> str | None:
    """The session's own name of the model, if both banks are of one model; else None, and the bank names its model."""
    second = DecoderBank.load(bank).model["id"]
    first = DecoderBank.load(session.bank).model["id"] if session.bank else second
    return session.model if first == second else None
