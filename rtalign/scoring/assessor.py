"""Peaks, bands and the temporal score, worked out anew now and then in a thread of their own."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from time import monotonic

from rtalign.scoring.findings import Findings, assess
from rtalign.scoring.scoreboard import Scoreboard, ScoreboardState

ASSESS_S = 2.0
"""From one to the next at least."""


@dataclass(frozen=True, slots=True, eq=False)
class Assessment:
    """What is known after n_words; findings is None while nothing can be said, and then why says so."""

    n_words: int
    findings: Findings | None
    why: str | None

    @classmethod
    def of(cls, board: ScoreboardState, last: int | None) -> Assessment:
        curves = board.curves(last)
        return cls(board.n, None, board.why) if curves is None else cls(board.n, assess(curves), None)


class Assessor:
    """`newest` is what was found last.  Owned by the thread that owns the scoreboard, which it only ever copies."""

    def __init__(self) -> None:
        self.newest = Assessment(0, None, "no word has been scored yet")
        self._began = -ASSESS_S
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="assess")
        self._running: Future[Assessment] | None = None

    def step(self, board: Scoreboard, last: int | None, may_begin: bool) -> Assessment | None:
        """What has just been found, if anything; begins anew when there are new words and it is time."""
        found = None
        if self._running and self._running.done():
            found, self._running = self._running.result(), None
            self.newest = found
        late = monotonic() - self._began > ASSESS_S
        if may_begin and late and self._running is None and board.n != self.newest.n_words:
            self._began = monotonic()
            self._running = self._pool.submit(Assessment.of, board.freeze(), last)
        return found

    def now(self, board: Scoreboard, last: int | None) -> Assessment:
        """The board as it stands, waited for."""
        if self._running:
            self._running.result()
            self._running = None
        self.newest = Assessment.of(board.freeze(), last)
        return self.newest

    def forget(self, why: str) -> None:
        if self._running:
            self._running.result()
            self._running = None
        self.newest = Assessment(0, None, why)

    def close(self) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)
