"""TrustView: whether what is shown is true and fresh, in one line that is always there."""

from __future__ import annotations

from dataclasses import dataclass

from PyQt6.QtCore import QRectF, QSize, Qt
from PyQt6.QtGui import QMouseEvent, QPainter
from PyQt6.QtWidgets import QWidget

from rtalign.core.time_format import age, clock_time
from rtalign.engine.snapshot import Snapshot
from rtalign.streams.events import StreamHealth
from rtalign_monitor.bars.messages import bad_news
from rtalign_monitor.widgets.lamps import lamp
from rtalign_monitor.widgets.painted import PaintedWidget


@dataclass(frozen=True, slots=True)
class Item:
    """One fact: a lamp's state or none, the fact, and more of it on hover; the highest rank leaves first."""

    text: str
    more: str
    state: str | None = None
    role: str = "muted"
    rank: int = 0


class TrustView(PaintedWidget):
    """Facts of the least use leave first where the width does not do; bad news stay and come first."""

    title = "Trust"
    description = "Streams, their age and clocks, words, the engine and the recording"
    minimum_size = QSize(320, 26)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.items: list[Item] = []
        self._boxes: list[tuple[QRectF, Item]] = []

    def sizeHint(self) -> QSize:
        return QSize(1200, round(self.px(26)))

    def set_scale(self, factor: float) -> None:
        super().set_scale(factor)
        self.setFixedHeight(round(self.px(26)))

    def draw(self, snapshot: Snapshot) -> None:
        items = items_of(snapshot)
        if items != self.items:
            self.items = items
            self.setAccessibleDescription("; ".join(item.text for item in items))
            self.invalidate()

    def paint_content(self, painter: QPainter) -> None:
        x, right, self._boxes = self.px(12), self.width() - self.px(12), []
        for item in self._fitting():
            lamp_width = self.px(15) if item.state else 0.0
            wanted = self.text_width(item.text, 12, item.role != "muted") + lamp_width
            width = min(wanted, right - x)
            if self._boxes:
                self._divide(painter, x - self.px(10))
            box = QRectF(x, 0, width, self.height())
            if item.state:
                lamp(
                    painter, self.theme, item.state, QRectF(x, self.height() / 2 - self.px(5), self.px(10), self.px(10))
                )
            text = box.adjusted(lamp_width, 0, self.px(2), 0)
            self.write(painter, text, item.text, item.role, 12, item.role != "muted")
            self._boxes.append((box, item))
            x += width + self.px(20)

    def _fitting(self) -> list[Item]:
        """What there is room for, in order."""
        kept, room = list(self.items), self.width() - self.px(24)
        wide = {item: self.text_width(item.text, 12, item.role != "muted") + self.px(35 if item.state else 20)
                for item in kept}  # fmt: skip
        while len(kept) > 1 and sum(wide[item] for item in kept) - self.px(20) > room:
            kept.remove(max(reversed(kept), key=lambda item: item.rank))
        return kept

    def _divide(self, painter: QPainter, x: float) -> None:
        self.vertical_line(painter, x, self.px(7), self.height() - self.px(7), self.theme.colour("faint"))

    def mouseMoveEvent(self, event: QMouseEvent | None) -> None:
        found = next((item for box, item in self._boxes if event and box.contains(event.position())), None)
        self.setToolTip(found.more if found else self.description)
        self.setCursor(Qt.CursorShape.WhatsThisCursor if found else Qt.CursorShape.ArrowCursor)


def items_of(seen: Snapshot) -> list[Item]:
    """Worst first, then in the order in which an operator asks."""
    news = [Item(text, text, "lost" if role == "lost" else "stale", role) for role, text in bad_news(seen)]
    return [*news[:2], *_meg(seen.health.meg), _words(seen), _language(seen), _engine(seen), *_keeping(seen)]


def _meg(meg: StreamHealth) -> list[Item]:
    parts = []
    if meg.state != "lost":  # which the bad news say already
        parts.append(
            Item(f"MEG {meg.state}", f"{meg.name or 'MEG'}: {meg.state} for {clock_time(meg.since_s)}", meg.state)
        )
    if meg.nominal_hz and meg.state not in ("lost", "ended", "unknown"):
        parts.append(Item(f"{meg.rate_hz:.1f} of {meg.nominal_hz:g} Hz", "samples a second, of those promised", rank=4))
    if meg.age_s is not None and meg.state not in ("ended", "paused"):
        parts.append(Item(f"age {age(meg.age_s)}", "time since the newest sample", rank=1))
    if meg.offset_s is not None and meg.uncertainty_s is not None:
        said = f"clock {1e3 * meg.offset_s:+.1f} ± {1e3 * meg.uncertainty_s:.1f} ms".replace("-", "−")
        parts.append(Item(said, "the sender's clock against this machine's", rank=6))
    lost = f", {meg.n_lost:,} samples lost" if meg.n_lost else ""
    parts.append(
        Item(
            f"{meg.n_gaps} gap{'s' * (meg.n_gaps != 1)}",
            f"breaks in the signal{lost}; words over them are skipped",
            rank=3,
        )
    )
    return parts


def _words(seen: Snapshot) -> Item:
    skipped = sum(seen.skipped.values())
    why = "\n".join(f"{n:,} {reason}" for reason, n in sorted(seen.skipped.items(), key=lambda item: -item[1]))
    unread = "\n".join(f"{n:,} {reason}" for reason, n in seen.health.counts.items())
    more = "\n".join(part for part in ("words on their way to a score", why and f"skipped:\n{why}", unread) if part)
    said = f"words {seen.n_scored:,} scored, {seen.n_waiting:,} waiting, {skipped:,} skipped"
    return Item(said, more, seen.health.words.state, rank=1)


def _language(seen: Snapshot) -> Item:
    speed = "not timed yet" if seen.work.language_ms is None else f"{seen.work.language_ms:.0f} ms a word"
    behind = f", {seen.work.language_backlog} behind" if seen.work.language_backlog else ""
    return Item(f"LM {speed}{behind}", f"{seen.model}: median time a word, and words that wait for it", rank=5)


def _engine(seen: Snapshot) -> Item:
    work = seen.work
    late = "" if work.latency_p99_s is None else f"\nscores after {1e3 * work.latency_p99_s:.0f} ms at most (p99)"
    return Item(f"engine {100 * work.load:.0f} %", f"of one core; {work.rss_mb:,.0f} MB{late}", rank=3)


def _keeping(seen: Snapshot) -> list[Item]:
    kept = seen.recording
    if kept is None:
        return [Item("not recording", "start with --record DIR, or from the menu", rank=2)]
    left = "" if kept.hours_left is None else f", {kept.hours_left:.0f} h left"
    return [
        Item(
            f"recording {kept.megabytes:,.0f} MB{left}",
            kept.problem or kept.folder,
            "lost" if kept.problem else "flowing",
            rank=2,
        )
    ]
