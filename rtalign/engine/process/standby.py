"""A second engine that has loaded everything and receives the streams, and takes the place of one that is lost."""

from __future__ import annotations

import contextlib
import subprocess
import sys

from rtalign.core.session import Session
from rtalign.engine.process import wire
from rtalign.engine.process.environment import environment

FREE = {"record", "out", "publish", "last_words", "allow_missing", "adapt"}
"""Settings that an engine learns when it begins; all others say what is loaded and received."""
BEHIND = "--behind"
"""The server's option to load behind all other work."""


def start_engine(session: Session, behind: bool = False) -> subprocess.Popen[bytes]:
    """The process of an engine, which opens the session and waits for `Begin`; behind: as `SessionParts.open`."""
    process = subprocess.Popen(
        [sys.executable, "-m", "rtalign.engine.process.server", *[BEHIND] * behind],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment(),
        start_new_session=True,  # Ctrl-C goes to the viewer, which asks the engine to stop and to keep what it has
    )  # fmt: skip
    assert process.stdin is not None
    with contextlib.suppress(OSError):  # it has ended already, which its output says
        process.stdin.write(wire.pack(session.model_dump(mode="json")))
        process.stdin.flush()
    return process


def can_have_standby(session: Session) -> bool:
    """Whether a lost engine has something to be missed, and a second one finds room: a card has often none."""
    return not session.no_standby and session.recording is None and session.device == "cpu"


class Standby:
    """An engine's process that has not been told to begin; it ends with the viewer.

    It takes the memory of a second engine, and of the processor what receiving takes.

    Parameters
    ----------
    session : Session
        The settings of the engine that it stands by for.
    """

    def __init__(self, session: Session) -> None:
        self._loaded = session.model_dump(exclude=FREE)
        self.process = start_engine(session, behind=True)

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    def fits(self, session: Session) -> bool:
        """Whether it has loaded and receives what a session needs."""
        return session.model_dump(exclude=FREE) == self._loaded

    def end(self) -> None:
        """End it; there is nothing that it could lose."""
        self.process.kill()
        self.process.wait()
        wire.close_pipes(self.process)
