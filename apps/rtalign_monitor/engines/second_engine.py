"""A second engine that replays the same recording with another bank, in step with the first."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from rtalign.core.session import Session
from rtalign.core.time_format import position_time
from rtalign.decoding.bank import DecoderBank
from rtalign.engine.commands import Command, Reset, ScoreLastWords, Seek, Step
from rtalign.engine.snapshot import Snapshot
from rtalign_monitor.engines import link
from rtalign_monitor.engines.link import EngineClient, EngineLink
from rtalign_monitor.engines.sync import ReplaySync, Who
from rtalign_monitor.engines.two_banks import SecondBank, cannot, names_of


class BankComparison:
    """At most one second bank.  Whatever becomes of it, the first engine goes on as if it had never been.

    tell : what there is to say, and whether it goes on (else it is said once).
    again : the second bank of what has ended by itself, where it can be compared with the first as it is now.
    """

    def __init__(
        self, first: EngineLink, begin: Callable[[Session], EngineClient], tell: Callable[[str, bool], None]
    ) -> None:
        self._first, self._tell = first, tell
        self._second = EngineLink(begin)
        self._sync: ReplaySync | None = None
        self._names = "A", "B"
        self._warned = False
        self._with: EngineClient | None = None
        self._bank: str | None = None
        self._other: Path | None = None
        self.again: Path | None = None
        first.also = self._also

    @property
    def on(self) -> bool:
        return self._sync is not None

    @property
    def second_bank(self) -> SecondBank | None:
        """For the views; None until the second bank has something to show."""
        ready = self._sync is not None and self._second.state == "running"
        if not ready or not self._second.newest.layers:
            return None
        return SecondBank(self._second.newest, self._names)

    def begin(self, bank: Path) -> None:
        """Replay the session's recording with a second bank from its start, until it has caught up."""
        session = self._first.session
        if session is None or session.recording is None:
            self._tell("Only a replay can be compared: open a recording first.", False)
            return
        self.end()
        if self._first.state != "running":
            self._tell("Nothing is compared: no engine runs.", False)
            return
        try:
            model = _model(session, bank)
        except (ValueError, OSError) as error:
            self._tell(f"Nothing is compared: {error}.", False)
            return
        quiet = {"bank": bank, "model": model, "record": None, "out": None, "publish": False, "speed": 1000.0}
        self._second.start(session.model_copy(update=quiet))
        self._sync, self._names, self._warned = ReplaySync(), names_of(session.bank, bank), False
        self._with, self._bank, self._other, self.again = self._first.engine, None, bank, None

    def end(self, why: str | None = None, again: bool = False) -> None:
        if self._sync is None:
            return
        self.again = self._other if again else None
        for who, command in self._sync.part():
            self._order(who, command)
        self._sync = None
        self._second.stop()
        self._tell(why or "", False)

    def close(self) -> None:
        """Let no second engine outlive the window."""
        if self._second.engine is not None:
            self._second.engine.wait(link.ENDS_S)

    def leave(self, session: Session) -> None:
        """Another session begins where the first engine was."""
        before, bank = self._first.session, session.bank
        if before and before.recording == session.recording and bank is not None and bank != before.bank:
            self.end(_changed(bank), again=True)
        else:
            self.end("Comparing ended, as another session begins.", again=session.recording is not None)

    def look(self) -> None:
        """Called many times a second."""
        state = self._second.look()
        if self._second.hangs:  # it has nothing to write
            self._second.give_up()
        if self._sync is None:
            return
        if (gone := self._gone(self._first.newest)) is not None:
            self.end(*gone)
            return
        if state == "stopping":
            return
        a, b, name = self._first.newest, self._second.newest, self._names[1]
        if state in ("lost", "failed", "ended"):
            self._second.stay_stopped()
            why = f": {b.reason}" if state == "failed" else ""
            self.end(f"Comparing ended, as the engine of bank {name} stopped{why}. Bank A goes on.", again=True)
        elif b.refused:
            self.end(f"Comparing ended, as bank {name} does not fit: {'; '.join(b.refused)}. Bank A goes on.")
        else:
            self._step(a, b)

    def _gone(self, a: Snapshot) -> tuple[str, bool] | None:
        """Why the first is no longer what the second is compared with, and whether both could be compared anew."""
        if self._first.state != "running":
            return "Comparing ended, as the engine of bank A stopped.", self._first.state == "lost"
        if self._first.engine is not self._with:
            return "Comparing ended, as the engine of bank A began anew.", True
        if a.refused:
            return f"Comparing ended, as bank A does not fit: {'; '.join(a.refused)}.", False
        if a.phase == "loading":
            return None
        self._bank = a.bank if self._bank is None else self._bank
        return None if a.bank == self._bank else (_changed(Path(a.bank)), True)

    def _step(self, a: Snapshot, b: Snapshot) -> None:
        assert self._sync is not None
        together = self._sync.together
        for who, command in self._sync.pull(a, b):
            self._order(who, command)
        if not self._sync.together:
            where = position_time(b.position_s) if b.position_s is not None else None
            how = f"catches up, at {where}" if where else f"loads: {b.reason}" if b.reason else "loads"
            self._tell(f"Bank {self._names[1]} {how}.", True)
        elif not together:
            lacks = [] if self._warned else cannot(a, b)
            self._tell(f"Of these banks: {'; '.join(lacks)}." if lacks else "", False)
            self._warned = True

    def _also(self, command: Command) -> None:
        """Some commands to the first engine go to the second too; pause and speed it takes over from what it sees."""
        if self._sync is None:
            return
        match command:
            case Seek() | Step() | Reset() | ScoreLastWords():
                self._second.send(command)
            case _:
                pass

    def _order(self, who: Who, command: Command) -> None:
        (self._first if who == "A" else self._second).send(command)


def _changed(bank: Path) -> str:
    return f"Comparing ended, as bank A was changed to {bank.name}."


def _model(session: Session, bank: Path) -> str | None:
    """The session's own name for the model, where it is that of the second bank too."""
    theirs = DecoderBank.load(bank).model["id"]
    ours = DecoderBank.load(session.bank).model["id"] if session.bank else theirs
    return session.model if ours == theirs else None
