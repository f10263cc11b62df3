"""The trust bar at the bottom: whether what is shown is true and fresh, in one line that is always visible."""

from __future__ import annotations

from dataclasses import dataclass

from PyQt6.QtCore import QRectF, QSize, Qt
from PyQt6.QtGui import QMouseEvent, QPainter
from PyQt6.QtWidgets import QWidget

from rtalign.core.time_format import age_text, clock_time
from rtalign.engine.snapshot import Snapshot
from rtalign.streams.events import StreamHealth
from rtalign_monitor.bars.messages import problems
from rtalign_monitor.widgets.lamps import paint_lamp
from rtalign_monitor.widgets.painted import PaintedWidget


@dataclass(frozen=True, slots=True)
class Fact:
    """One fact in the trust bar.

    Attributes
    ----------
    text : str
        The fact.
    detail : str
        More about it, shown as a tooltip.
    state : str or None
        State of the lamp before it; None: no lamp.
    role : str
        Colour role of the text.
    rank : int
        Where the bar is too narrow, facts of the highest rank are left out first.
    """

    text: str
    detail: str
    state: str | None = None
    role: str = "muted"
    rank: int = 0


class TrustBar(PaintedWidget):
    """Shows as many facts as there is room for: problems first, and always; then the most useful ones.

    Attributes
    ----------
    facts : list of Fact
        The facts of the newest snapshot.
    """

    title = "Trust"
    description = "Streams, their age and clocks, words, the engine and the recording"
    minimum_size = QSize(320, 26)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.facts: list[Fact] = []
        self._boxes: list[tuple[QRectF, Fact]] = []

    def sizeHint(self) -> QSize:
        return QSize(1200, round(self.px(26)))

    def set_scale(self, factor: float) -> None:
        super().set_scale(factor)
        self.setFixedHeight(round(self.px(26)))

    def draw(self, snapshot: Snapshot) -> None:
        facts = facts_of(snapshot)
        if facts != self.facts:
            self.facts = facts
            self.setAccessibleDescription("; ".join(fact.text for fact in facts))
            self.invalidate()

    def paint_content(self, painter: QPainter) -> None:
        x, right, self._boxes = self.px(12), self.width() - self.px(12), []
        for fact in self._fitting():
            lamp_width = self.px(15) if fact.state else 0.0
            width = min(self.text_width(fact.text, 12, fact.role != "muted") + lamp_width, right - x)
            if self._boxes:
                self._separator(painter, x - self.px(10))
            box = QRectF(x, 0, width, self.height())
            if fact.state:
                round_box = QRectF(x, self.height() / 2 - self.px(5), self.px(10), self.px(10))
                paint_lamp(painter, self.theme, fact.state, round_box)
            text_box = box.adjusted(lamp_width, 0, self.px(2), 0)
            self.write(painter, text_box, fact.text, fact.role, 12, fact.role != "muted")
            self._boxes.append((box, fact))
            x += width + self.px(20)

    def _fitting(self) -> list[Fact]:
        """The facts that there is room for, in order."""
        fitting, room = list(self.facts), self.width() - self.px(24)
        widths = {fact: self.text_width(fact.text, 12, fact.role != "muted") + self.px(35 if fact.state else 20)
                  for fact in fitting}  # fmt: skip
        while len(fitting) > 1 and sum(widths[fact] for fact in fitting) - self.px(20) > room:
            fitting.remove(max(reversed(fitting), key=lambda fact: fact.rank))
        return fitting

    def _separator(self, painter: QPainter, x: float) -> None:
        self.vertical_line(painter, x, self.px(7), self.height() - self.px(7), self.theme.colour("faint"))

    def mouseMoveEvent(self, event: QMouseEvent | None) -> None:
        hovered = next((fact for box, fact in self._boxes if event and box.contains(event.position())), None)
        self.setToolTip(hovered.detail if hovered else self.description)
        self.setCursor(Qt.CursorShape.WhatsThisCursor if hovered else Qt.CursorShape.ArrowCursor)


def facts_of(snapshot: Snapshot) -> list[Fact]:
    """The facts about a session: at most two problems first, then streams, words, engine and recording.

    Parameters
    ----------
    snapshot : Snapshot
        The newest snapshot.

    Returns
    -------
    list of Fact
        The facts in the order in which they are shown.
    """
    severe = [Fact(problem.text, problem.text, problem.severity, problem.severity) for problem in problems(snapshot)]
    return [
        *severe[:2],
        *_meg(snapshot.health.meg),
        _words(snapshot),
        _language(snapshot),
        _engine(snapshot),
        _recording(snapshot),
    ]


def _meg(meg: StreamHealth) -> list[Fact]:
    facts = []
    if meg.state != "lost":  # a lost stream is among the problems already
        detail = f"{meg.name or 'MEG'}: {meg.state} for {clock_time(meg.since_s)}"
        facts.append(Fact(f"MEG {meg.state}", detail, meg.state))
    if meg.nominal_hz and meg.state not in ("lost", "ended", "unknown"):
        rates = f"{meg.rate_hz:.1f} of {meg.nominal_hz:g} Hz"
        facts.append(Fact(rates, "samples received a second, of the nominal rate", rank=4))
    if meg.age_s is not None and meg.state not in ("ended", "paused"):
        facts.append(Fact(f"age {age_text(meg.age_s)}", "time since the newest sample", rank=1))
    if meg.offset_s is not None and meg.uncertainty_s is not None:
        offset = f"clock {1e3 * meg.offset_s:+.1f} ± {1e3 * meg.uncertainty_s:.1f} ms".replace("-", "−")
        facts.append(Fact(offset, "offset of the sender's clock from this machine's", rank=6))
    lost = f", {meg.n_lost:,} samples lost" if meg.n_lost else ""
    gaps = f"{meg.n_gaps} gap{'s' * (meg.n_gaps != 1)}"
    facts.append(Fact(gaps, f"gaps in the signal{lost}; words over them are skipped", rank=3))
    return facts


def _words(snapshot: Snapshot) -> Fact:
    n_skipped = sum(snapshot.skipped.values())
    reasons = "\n".join(f"{n:,} {reason}" for reason, n in sorted(snapshot.skipped.items(), key=lambda item: -item[1]))
    unusable = "\n".join(f"{n:,} {reason}" for reason, n in snapshot.health.counts.items())
    parts = ("words received, by what became of them", reasons and f"skipped:\n{reasons}", unusable)
    text = f"words {snapshot.n_scored:,} scored, {snapshot.n_waiting:,} waiting, {n_skipped:,} skipped"
    return Fact(text, "\n".join(part for part in parts if part), snapshot.health.words.state, rank=1)


def _language(snapshot: Snapshot) -> Fact:
    work = snapshot.work
    speed = "not timed yet" if work.language_ms is None else f"{work.language_ms:.0f} ms a word"
    behind = f", {work.language_backlog} behind" if work.language_backlog else ""
    return Fact(f"LM {speed}{behind}", f"{snapshot.model}: median time a word, and words that wait for it", rank=5)


def _engine(snapshot: Snapshot) -> Fact:
    work = snapshot.work
    late = "" if work.latency_p99_s is None else f"\nscores after {1e3 * work.latency_p99_s:.0f} ms at most (p99)"
    return Fact(f"engine {100 * work.load:.0f} %", f"of one core; {work.rss_mb:,.0f} MB{late}", rank=3)


def _recording(snapshot: Snapshot) -> Fact:
    recording = snapshot.recording
    if recording is None:
        return Fact("not recording", "start with --record DIR, or from the menu", rank=2)
    left = "" if recording.hours_left is None else f", {recording.hours_left:.0f} h left"
    text, detail = f"recording {recording.megabytes:,.0f} MB{left}", recording.problem or recording.folder
    return Fact(text, detail, "lost" if recording.problem else "flowing", rank=2)
