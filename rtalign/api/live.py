"""connect: a live session or a replay, as an iterator over its snapshots."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rtalign.core.recipe import validation_text
from rtalign.core.session import Session

if TYPE_CHECKING:
    from rtalign.engine.snapshot import Snapshot

POLL_S = 0.05


class LiveSession:
    """A session under way, in a process of its own; made by `connect`.

    Iterating yields each new snapshot, the newest where several came meanwhile, until the session is over.

    Parameters
    ----------
    session : Session
        The settings.

    Attributes
    ----------
    session : Session
        The settings.
    """

    def __init__(self, session: Session) -> None:
        from rtalign.engine.process.supervised import SupervisedEngine

        self.session = session
        self._engine = SupervisedEngine(session)

    @property
    def newest(self) -> Snapshot:
        """The newest snapshot."""
        return self._engine.newest

    @property
    def losses(self) -> tuple[str, ...]:
        """Engines that ended unexpectedly and were started again, a sentence for each."""
        return tuple(self._engine.losses)

    def __iter__(self) -> Iterator[Snapshot]:
        shown: Snapshot | None = None
        while True:
            alive = self._engine.alive  # asked first: what comes after it was sent before the end
            if self.newest is not shown:
                shown = self.newest
                self._require_scores(shown)
                yield shown
            if not alive or shown.phase == "ended":
                return
            self._engine.poll()
            time.sleep(POLL_S)

    def _require_scores(self, snapshot: Snapshot) -> None:
        """ValueError where a session cannot do what was asked for; live streams that do not fit may yet change."""
        if snapshot.phase == "failed":
            raise ValueError(snapshot.reason or "the engine failed")
        if snapshot.refused and self.session.recording is not None:
            raise ValueError("; ".join(snapshot.refused))

    def stop(self) -> Snapshot:
        """End the session, which writes its results; returns the last snapshot."""
        return self._engine.stop()

    def __enter__(self) -> LiveSession:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def __repr__(self) -> str:
        return f"<LiveSession: {self.newest.phase}, {self.newest.n_scored} words scored>"


def connect(session: Session | Path | str | None = None, **settings: Any) -> LiveSession:
    """Score live streams, or a recording as if it were live.

    Parameters
    ----------
    session : Session or path, optional
        Settings, or the TOML file of a session.
    **settings
        Fields of `Session`, in place of the session's: bank, recording, speed, meg, words, record, and others.

    Returns
    -------
    LiveSession
        To be used in a `with` statement, at whose end the session ends.

    Raises
    ------
    ValueError
        Where a setting is wrong, in one line; while iterating, where the session fails.

    Examples
    --------
    >>> with connect(bank="bank") as live:  # doctest: +SKIP
    ...     for snapshot in live:
    ...         print(snapshot.n_scored, snapshot.temporal)
    """
    from pydantic import ValidationError

    base = Session.load(Path(session)) if isinstance(session, (str, Path)) else session or Session()
    try:
        return LiveSession(Session.model_validate(base.model_dump() | settings))
    except ValidationError as error:
        raise ValueError(validation_text(error, "", Session)) from None
