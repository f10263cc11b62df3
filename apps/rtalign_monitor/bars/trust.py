"""The trust bar at the bottom: whether what is shown is true and fresh, in one line that is always visible."""

from __future__ import annotations

from dataclasses import dataclass

from qtpy.QtCore import QRectF, QSize, Qt
from qtpy.QtGui import QMouseEvent, QPainter
from qtpy.QtWidgets import QWidget

from rtalign.core.text.time_format import age_text, clock_time
from rtalign.core.text.translation import tr
from rtalign.engine.head_watch import AMBER_MM
from rtalign.engine.snapshot import Snapshot
from rtalign.streams.events import StreamHealth
from rtalign_monitor.bars.messages import problems
from rtalign_monitor.widgets.lamps import paint_lamp
from rtalign_monitor.widgets.painted import PaintedWidget

GAP_PX = 20
"""Between two facts."""
SILENT_S = 2.0
"""A recording to which nothing was added for so long is no longer shown as growing."""


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
        Where the bar is too narrow, facts of the highest rank are left out first; those of rank 0 never.
    essential : str
        The part of the text that is never cut, of a text that may be cut at all.
    """

    text: str
    detail: str
    state: str | None = None
    role: str = "muted"
    rank: int = 0
    essential: str = ""


class TrustBar(PaintedWidget):
    """Shows as many facts as there is room for: problems and the recording always, of the others the most useful ones.

    Attributes
    ----------
    facts : list of Fact
        The facts of the newest snapshot.
    """

    title = tr("Trust")
    description = tr("Streams, their age and clocks, words, the engine and the recording")
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
        x, self._boxes = self.px(12), []
        for fact, width in self._fitting().items():
            if self._boxes:
                self._separator(painter, x - self.px(10))
            box = QRectF(x, 0, width, self.height())
            if fact.state:
                round_box = QRectF(x, self.height() / 2 - self.px(5), self.px(10), self.px(10))
                paint_lamp(painter, self.theme, fact.state, round_box)
            text_box = box.adjusted(self._lamp_width(fact), 0, self.px(2), 0)
            self.write(painter, text_box, fact.text, fact.role, 12, fact.role != "muted")
            self._boxes.append((box, fact))
            x += width + self.px(GAP_PX)

    def _fitting(self) -> dict[Fact, float]:
        """The facts that there is room for, in order, and their widths; loss and recording are always among them."""
        widths = {fact: self._width(fact, fact.text) for fact in self.facts}
        room = self.width() - self.px(24) + self.px(GAP_PX)

        def excess() -> float:
            return sum(widths.values()) + self.px(GAP_PX) * len(widths) - room

        while excess() > 0 and (spare := [fact for fact in widths if fact.rank]):
            del widths[max(reversed(spare), key=lambda fact: fact.rank)]
        for fact in reversed(list(widths)):
            if fact.essential and excess() > 0:
                widths[fact] = max(widths[fact] - excess(), self._width(fact, f"{fact.essential}…"))
        return widths

    def _width(self, fact: Fact, text: str) -> float:
        return self.text_width(text, 12, fact.role != "muted") + self._lamp_width(fact)

    def _lamp_width(self, fact: Fact) -> float:
        return self.px(15) if fact.state else 0.0

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
    severe = [
        Fact(p.text, p.text, p.severity, p.severity, int(p.severity != "lost"), p.text.partition(":")[0])
        for p in problems(snapshot)
    ]
    return [
        *severe[:2],
        *_meg(snapshot.health.meg),
        *_head(snapshot),
        _words(snapshot),
        _language(snapshot),
        _engine(snapshot),
        *_publishing(snapshot),
        _recording(snapshot),
    ]


def _meg(meg: StreamHealth) -> list[Fact]:
    facts = []
    if meg.state != "lost":  # a lost stream is among the problems already
        detail = tr(
            "{name}: {state} for {since_s}", name=meg.name or "MEG", state=meg.state, since_s=clock_time(meg.since_s)
        )
        facts.append(Fact(tr("MEG {state}", state=meg.state), detail, meg.state))
    if meg.nominal_hz and meg.state not in ("lost", "ended", "unknown"):
        rates = tr("{rate_hz:.1f} of {nominal_hz:g} Hz", rate_hz=meg.rate_hz, nominal_hz=meg.nominal_hz)
        facts.append(Fact(rates, tr("samples received a second, of the nominal rate"), rank=4))
    if meg.age_s is not None and meg.state not in ("ended", "paused"):
        facts.append(
            Fact(tr("age {age_text}", age_text=age_text(meg.age_s)), tr("time since the newest sample"), rank=1)
        )
    if meg.offset_s is not None and meg.uncertainty_s is not None:
        offset = tr(
            "clock {offset_s:+.1f} ± {uncertainty_s:.1f} ms",
            offset_s=1000.0 * meg.offset_s,
            uncertainty_s=1000.0 * meg.uncertainty_s,
        ).replace("-", "−")
        facts.append(Fact(offset, tr("offset of the sender's clock from this machine's"), rank=6))
    lost = tr(", {n_lost:,} samples lost", n_lost=meg.n_lost) if meg.n_lost else ""
    gaps = tr("1 gap") if meg.n_gaps == 1 else tr("{n_gaps} gaps", n_gaps=meg.n_gaps)
    facts.append(Fact(gaps, tr("gaps in the signal{lost}; words over them are skipped", lost=lost), rank=3))
    return facts


def _head(snapshot: Snapshot) -> list[Fact]:
    """A head that has moved is among the problems already."""
    if snapshot.head_mm is None or snapshot.head_mm >= AMBER_MM:
        return []
    return [
        Fact(
            tr("head {head_mm:.1f} mm", head_mm=snapshot.head_mm),
            tr("from where the head was when the bank was trained"),
            rank=2,
        )
    ]


def _words(snapshot: Snapshot) -> Fact:
    n_skipped = sum(snapshot.skipped.values())
    reasons = "\n".join(f"{n:,} {reason}" for reason, n in sorted(snapshot.skipped.items(), key=lambda item: -item[1]))
    unusable = "\n".join(f"{n:,} {reason}" for reason, n in snapshot.health.counts.items())
    parts = (
        tr("words received, by what became of them"),
        reasons and tr("skipped:\n{reasons}", reasons=reasons),
        unusable,
    )
    text = tr(
        "words {n_scored:,} scored, {n_waiting:,} waiting, {n_skipped:,} skipped",
        n_scored=snapshot.n_scored,
        n_waiting=snapshot.n_waiting,
        n_skipped=n_skipped,
    )
    return Fact(text, "\n".join(part for part in parts if part), snapshot.health.words.state, rank=1)


def _language(snapshot: Snapshot) -> Fact:
    work = snapshot.work
    speed = (
        tr("not timed yet")
        if work.language_ms is None
        else tr("{language_ms:.0f} ms a word", language_ms=work.language_ms)
    )
    behind = tr(", {language_backlog} behind", language_backlog=work.language_backlog) if work.language_backlog else ""
    return Fact(
        tr("language model {speed}{behind}", speed=speed, behind=behind),
        tr("{model}: median time a word, and words that wait for it", model=snapshot.model),
        rank=5,
    )


def _engine(snapshot: Snapshot) -> Fact:
    work = snapshot.work
    late = (
        ""
        if work.latency_p99_s is None
        else tr("\nscores after {latency_p99_s:.0f} ms at most (p99)", latency_p99_s=1000.0 * work.latency_p99_s)
    )
    return Fact(
        tr("engine {load:.0f} %", load=100 * work.load),
        tr("of one core; {rss_mb:,.0f} MB{late}", rss_mb=work.rss_mb, late=late),
        rank=3,
    )


def _publishing(snapshot: Snapshot) -> list[Fact]:
    return [
        Fact("publishing", tr("scores are sent as the LSL stream rtalign-scores"), "flowing", rank=1)
    ] * snapshot.publishing


def _recording(snapshot: Snapshot) -> Fact:
    recording = snapshot.recording
    if recording is None:
        return Fact(tr("not recording"), tr("R starts to record; so does --record DIR"))
    if recording.silent_s is None and not recording.problem and not recording.folder:
        return Fact(
            tr("recording waits"), tr("The recorder runs and waits for the first sample or marker"), "searching"
        )
    left = "" if recording.hours_left is None else tr(", {hours_left:.0f} h left", hours_left=recording.hours_left)
    text, detail = (
        tr("recording {megabytes:,.0f} MB{left}", megabytes=recording.megabytes, left=left),
        recording.problem or recording.folder,
    )
    silent = recording.silent_s is not None and recording.silent_s > SILENT_S
    return Fact(text, detail, "lost" if recording.problem else "stale" if silent else "flowing")
