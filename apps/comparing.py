"""A second engine that replays the same recording with another bank, in step with the first."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from apps.linking import Engine, Link
from apps.tether import Tether
from apps.twobanks import Beside, cannot, names_of
from rtalign.bank import DecoderBank
from rtalign.minutes import place
from rtalign.session import Session
from rtalign.snapshot import Snapshot

SHARED = ("seek", "step", "reset", "last words")
"""What is asked of the first engine and of the second alike; pause and speed it takes over from what it sees."""


class Comparing:
    """At most one second bank.  Whatever becomes of it, the first engine goes on as if it had never been.

    tell : what there is to say, and whether it goes on (else it is said once).
    """

    def __init__(self, first: Link, begin: Callable[[Session], Engine], tell: Callable[[str, bool], None]) -> None:
        self._first, self._tell = first, tell
        self._second = Link(begin)
        self._tether: Tether | None = None
        self._names = "A", "B"
        self._warned = False
        first.also = self._also

    @property
    def on(self) -> bool:
        return self._tether is not None

    @property
    def beside(self) -> Beside | None:
        """For the views; None until the second bank has something to show."""
        if self._tether is None or not self._second.newest.layers:
            return None
        return Beside(self._second.newest, self._names)

    def begin(self, bank: Path) -> None:
        """Replay the session's recording with a second bank from its start, until it has caught up."""
        session = self._first.session
        if session is None or session.recording is None:
            self._tell("Only a replay can be compared: open a recording first.", False)
            return
        self.end()
        try:
            model = _model(session, bank)
        except (ValueError, OSError) as error:
            self._tell(f"Nothing is compared: {error}.", False)
            return
        quiet = {"bank": bank, "model": model, "record": None, "out": None, "publish": False, "speed": 1000.0}
        self._second.start(session.model_copy(update=quiet))
        self._tether, self._names, self._warned = Tether(), names_of(session.bank, bank), False

    def end(self, why: str | None = None) -> None:
        if self._tether is None:
            return
        for who, do, to in self._tether.part():
            self._order(who, do, to)
        self._tether = None
        self._second.stop()
        self._tell(why or "", False)

    def look(self) -> None:
        """Called many times a second."""
        state = self._second.look()
        if self._tether is None or state == "stopping":
            return
        a, b, name = self._first.newest, self._second.newest, self._names[1]
        if state in ("lost", "failed", "ended"):
            self._second.stay_stopped()
            why = f": {b.why}" if state == "failed" else ""
            self.end(f"Comparing ended, as the engine of bank {name} stopped{why}. Bank A goes on.")
        elif b.refused:
            self.end(f"Comparing ended, as bank {name} does not fit: {'; '.join(b.refused)}. Bank A goes on.")
        elif self._first.state != "running":
            self.end("Comparing ended with the session.")
        else:
            self._step(a, b)

    def _step(self, a: Snapshot, b: Snapshot) -> None:
        assert self._tether is not None
        together = self._tether.together
        for who, do, to in self._tether.pull(a, b):
            self._order(who, do, to)
        if not self._tether.together:
            where = place(b.position_s) if b.position_s is not None else None
            how = f"catches up, at {where}" if where else f"loads: {b.why}" if b.why else "loads"
            self._tell(f"Bank {self._names[1]} {how}.", True)
        elif not together:
            lacks = [] if self._warned else cannot(a, b)
            self._tell(f"Of these banks: {'; '.join(lacks)}." if lacks else "", False)
            self._warned = True

    def _also(self, do: str, to: Any) -> None:
        if self._tether is not None and do in SHARED:
            self._second.ask(do, to)

    def _order(self, who: str, do: str, to: Any) -> None:
        (self._first if who == "A" else self._second).ask(do, to)


def _model(session: Session, bank: Path) -> str | None:
    """The session's own name for the model, where it is that of the second bank too."""
    theirs = DecoderBank.load(bank).model["id"]
    ours = DecoderBank.load(session.bank).model["id"] if session.bank else theirs
    return session.model if ours == theirs else None
