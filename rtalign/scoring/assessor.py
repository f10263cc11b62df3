"""Findings worked out anew now and then, in a thread of their own, while words come in."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from time import monotonic

from rtalign.scoring.curves import Curves
from rtalign.scoring.findings import TWIN, UNIQUE, Findings, assess
from rtalign.scoring.outlook import Outlook
from rtalign.scoring.scoreboard import Scoreboard, ScoreboardState
from rtalign.scoring.unique_board import UniqueBoard, UniqueState

ASSESS_S = 2.0
"""Shortest time between the starts of two assessments."""


@dataclass(frozen=True, slots=True, eq=False)
class Assessment:
    """What is known after some words.

    Attributes
    ----------
    n_words : int
    findings : Findings or None
        None while nothing can be concluded; `reason` then says why.
    reason : str or None
    outlook : Outlook or None
        How many more words layers below their limit need; None where none is below.
    controls : dict of str to Assessment
        The same of unique R and of the static twin, where the session has them; these are of all words.
    """

    n_words: int
    findings: Findings | None
    reason: str | None
    outlook: Outlook | None = None
    controls: Mapping[str, Assessment] = field(default_factory=dict)

    @classmethod
    def of(cls, board: ScoreboardState, last: int | None, rule: str, unique: UniqueState | None = None) -> Assessment:
        """Assess the last words of a board, or all of them, with latencies by a rule."""
        curves = board.curves(last)
        controls = {}
        if unique is not None:
            whole = curves if last is None else board.curves()
            twin = unique.twin_curves(whole) if whole else None
            found = {UNIQUE: unique.curves(), TWIN: twin}
            controls = {name: cls._of_curves(unique.n, own, unique.reason, rule) for name, own in found.items()}
        plain = cls._of_curves(board.n, curves, board.reason, rule)
        return replace(plain, outlook=plain.findings.outlook if plain.findings else None, controls=controls)

    @classmethod
    def _of_curves(cls, n_words: int, curves: Curves | None, reason: str | None, rule: str) -> Assessment:
        return cls(n_words, None, reason) if curves is None else cls(n_words, assess(curves, rule), None)

    def without_evidence(self, warning: str) -> Assessment:
        """The same where nothing can be claimed, with the reason."""
        findings = self.findings and self.findings.without_evidence(warning)
        controls = {name: one.without_evidence(warning) for name, one in self.controls.items()}
        return replace(self, findings=findings, outlook=None, controls=controls)


class Assessor:
    """Assesses a scoreboard in the background.

    Owned by the thread that owns the scoreboard; its own thread only ever reads frozen copies.  `newest` is the last
    assessment that was completed.
    """

    def __init__(self, rule: str) -> None:
        self._rule = rule
        self.newest = Assessment(0, None, "no word has been scored yet")
        self._began = -ASSESS_S
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="assess")
        self._running: Future[Assessment] | None = None

    def step(
        self, board: Scoreboard, last: int | None, may_begin: bool, unique: UniqueBoard | None = None
    ) -> Assessment | None:
        """Return an assessment that has just been completed, if any; start the next when there are new words."""
        found = None
        if self._running and self._running.done():
            found, self._running = self._running.result(), None
            self.newest = found
        late = monotonic() - self._began > ASSESS_S
        if may_begin and late and self._running is None and board.n != self.newest.n_words:
            self._began = monotonic()
            self._running = self._pool.submit(
                Assessment.of, board.freeze(), last, self._rule, unique.freeze() if unique else None
            )
        return found

    def now(self, board: Scoreboard, last: int | None, unique: UniqueBoard | None = None) -> Assessment:
        """Assess the board as it is, and wait for the result."""
        self._wait()
        self.newest = Assessment.of(board.freeze(), last, self._rule, unique.freeze() if unique else None)
        return self.newest

    def forget(self, reason: str) -> None:
        """Discard what was found; `reason` is what a viewer reads until there is something new."""
        self._wait()
        self.newest = Assessment(0, None, reason)

    def close(self) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _wait(self) -> None:
        if self._running:
            self._running.result()
            self._running = None
