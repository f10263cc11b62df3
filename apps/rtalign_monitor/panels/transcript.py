"""TranscriptPanel: the words as they are received, the current one highlighted, over a ruler of their onsets."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from unicodedata import bidirectional, name

from qtpy.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from qtpy.QtGui import QMouseEvent, QPainter, QPen, QPolygonF
from qtpy.QtWidgets import QWidget

from rtalign.core.text.translation import tr
from rtalign.engine.ledger import WordEntry
from rtalign.engine.snapshot import Snapshot
from rtalign_monitor.panels import empty_state
from rtalign_monitor.panels.axes import Axis
from rtalign_monitor.panels.panel import Panel, PanelSpec

RULER_S = 20.0
MAX_BITS = 16.0
"""Surprisal at which an underline is thickest."""
BLANK_PX, NO_BLANK_PX = 12.0, 3.0
"""Between two words, and where the script has no blanks."""
WITHOUT_BLANKS = ("CJK", "HIRAGANA", "KATAKANA", "THAI", "LAO", "KHMER", "MYANMAR")
"""Scripts that are written without blanks, as Unicode names their letters."""
STATUS = {"skipped": tr("skipped"), "waiting": tr("waiting"), "scored": tr("scored")}
"""What became of a word."""
MINIMUM_PX = 132
"""Height of two lines of words over their ruler."""


@dataclass(frozen=True, slots=True)
class WordBox:
    """A word and where it is on the panel."""

    entry: WordEntry
    box: QRectF


class TranscriptPanel(Panel):
    """Lines stay where they are; when the last one is full, the first one goes, as in subtitles.

    Attributes
    ----------
    word_picked : signal (int)
        A word was clicked; its index.
    picked : int or None
        Index of the word that is shown in the inspector.
    hovered : int or None
        Index of the word under the pointer.
    word_boxes : list of WordBox
        The words as they were painted last.
    with_ruler : bool
        Whether there is a ruler of onsets below the words; else there are more words.
    """

    word_picked = Signal(int)
    spec = PanelSpec("transcript", tr("Transcript"), "Ctrl+6", place="bottom", columns=12, in_turns=False, in_demo=True)
    title = tr("Words")
    description = tr("The words as received; underline: surprisal; crossed out: not scored; click a word to inspect it")
    minimum_size = QSize(320, 92)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.picked: int | None = None
        self.hovered: int | None = None
        self.word_boxes: list[WordBox] = []
        self._first: int | None = None
        self.with_ruler = True

    def draw(self, snapshot: Snapshot) -> None:
        before, self.snapshot = self.snapshot, snapshot
        picked = snapshot.inspected.entry.word.index if snapshot.inspected else self.picked
        same = before is not None and before.words == snapshot.words and picked == self.picked
        self.picked = picked
        if same and before is not None and current_word(before) == current_word(snapshot) and self._same_hint(before):
            self.update(self._ruler_box().toAlignedRect())
            return
        newest = next((entry for entry in snapshot.words if entry.word.index == current_word(snapshot)), None)
        self.setAccessibleDescription(describe_word(newest) if newest else ", ".join(empty_state.words(snapshot)))
        self.invalidate()

    def _same_hint(self, before: Snapshot) -> bool:
        """Whether the text in place of words, if there is one, has not changed."""
        return bool(before.words) or empty_state.words(before) == empty_state.words(self.snapshot)

    def paint_background(self, painter: QPainter) -> None:
        if not self.with_ruler:
            return
        axis, y = self._ruler_axis()
        self.horizontal_line(painter, y, axis.start, axis.stop, self.theme.colour("faint"))
        for tick in axis.ticks(self.px(110)):
            label = QRectF(axis.to_pixel(tick) - self.px(30), y + self.px(1), self.px(60), self.px(15))
            text = tr("now") if tick == 0 else tr("−{abs:g} s", abs=abs(tick))
            self.write(painter, label, text, "muted", 11, align="centre")

    def paint_content(self, painter: QPainter) -> None:
        self.write_title(painter, self._note(), self.px(250))
        self._context(painter)
        self.word_boxes = self._lay_out()
        if not self.word_boxes:
            text, hint = empty_state.words(self.snapshot)
            box = self._text_box()
            used = self.write(painter, box, text, "text", 16)
            self.write(painter, box.adjusted(used + self.px(8), 0, 0, 0), hint, "muted", 16)
            return
        current = current_word(self.snapshot) if self.snapshot else None
        for age, word in enumerate(reversed(self.word_boxes)):
            self._word(painter, word, word.entry.word.index == current, age)

    def paint_overlay(self, painter: QPainter) -> None:
        self._ruler(painter)
        for word in self.word_boxes:
            if word.entry.word.index == self.hovered:
                painter.setPen(QPen(self.theme.colour("accent"), 1))
                painter.setBrush(self.theme.colour("accent", 0.10))
                painter.drawRoundedRect(word.box.adjusted(-4, 0, 4, 0), 4, 4)

    def mouseMoveEvent(self, event: QMouseEvent | None) -> None:
        entry = self._word_at(event.position()) if event else None
        hovered = entry.word.index if entry else None
        if hovered != self.hovered:
            self.hovered = hovered
            self.setToolTip(describe_word(entry) if entry else self.description)
            self.update()

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        entry = self._word_at(event.position()) if event else None
        if entry:
            self.picked = entry.word.index
            self.word_picked.emit(entry.word.index)
            self.invalidate()

    def leaveEvent(self, event: QEvent | None) -> None:  # noqa: ARG002
        self.hovered = None
        self.update()

    def _word_at(self, position: QPointF) -> WordEntry | None:
        return next((w.entry for w in self.word_boxes if w.box.adjusted(-3, -2, 3, 2).contains(position)), None)

    def _text_box(self) -> QRectF:
        box = self.inner_box()
        return QRectF(
            box.left(), box.top() + self.px(24), box.width(), box.height() - self.px(24 + 28 * self.with_ruler)
        )

    def _lay_out(self) -> list[WordBox]:
        """Boxes of the words from the first word of the top line on; drops top lines when there is no room."""
        if self.snapshot is None or not self.snapshot.words:
            return []
        words = self.snapshot.words
        indices = [entry.word.index for entry in words]
        start = indices.index(self._first) if self._first in indices else 0
        box = self._text_box()
        pitch = max(min(self.px(30), box.height()), self.px(20))
        n_lines = max(int(box.height() // pitch), 1)
        lines = self._wrap(words[start:], box.width())
        if n_lines == 1 and len(lines) > 1:  # a single line keeps its newer half, or it would begin empty
            lines = self._wrap(words[-max(len(lines[0]) // 2, 1) :], box.width())
        lines = lines[-n_lines:]
        self._first = lines[0][0][0].word.index
        top = box.top() + max((box.height() - n_lines * pitch) / 2, 0)
        mirrored = is_right_to_left(words)

        def left_of(x: float, width: float) -> float:
            return box.right() - x - width if mirrored else box.left() + x

        return [
            WordBox(entry, QRectF(left_of(x, width), top + n * pitch, width, pitch))
            for n, line in enumerate(lines)
            for entry, x, width in line
        ]

    def _wrap(self, words: tuple[WordEntry, ...], line_width: float) -> list[list[tuple[WordEntry, float, float]]]:
        """Lines of (word, x, width), with room for each word in bold, so that the current word never changes lines."""
        lines: list[list[tuple[WordEntry, float, float]]] = [[]]
        x, current = 0.0, current_word(self.snapshot) if self.snapshot else None
        for entry in words:
            space = self.px(BLANK_PX if has_blanks(entry.word.text) else NO_BLANK_PX)
            bold = self.text_width(entry.word.text, 20, True)
            width = bold if entry.word.index == current else self.text_width(entry.word.text, 20)
            if lines[-1] and x + bold > line_width:
                lines.append([])
                x = 0.0
            lines[-1].append((entry, x, min(width, line_width)))
            x += width + space
        return lines

    def _word(self, painter: QPainter, word: WordBox, current: bool, age: int) -> None:
        """Paint a word; age: how many words came after it."""
        box, entry = word.box, word.entry
        if current or entry.word.index == self.picked:
            pill = box.adjusted(-self.px(5), 0, self.px(5), -self.px(3))
            painter.setPen(QPen(self.theme.colour("accent"), self.px(1.5)))
            painter.setBrush(self.theme.colour("accent", 1.0 if current else 0.0))
            painter.drawRoundedRect(pill, self.px(6), self.px(6))
        colour = self.theme.colour("on_accent" if current else "text" if age < 6 else "muted")
        line = box.adjusted(0, 0, 0, -self.px(4))
        self.write(painter, line, entry.word.text, colour, 20, current)
        if entry.status == "skipped":
            y = line.center().y() + self.px(1)
            colour = self.theme.colour("on_accent" if current else "muted")
            self.horizontal_line(painter, y, box.left(), box.right(), colour, self.px(1.2))
        elif entry.surprisal is not None and not current:
            thickness = self.px(0.6 + 4.4 * min(surprisal_bits(entry) / MAX_BITS, 1.0))
            underline = QRectF(box.left(), line.center().y() + self.px(11), box.width(), thickness)
            painter.fillRect(underline, self.theme.colour("accent", 0.75))

    def _note(self) -> str:
        if self.snapshot is None or not self.snapshot.n_received:
            return ""
        return tr(
            "{n_received:,} received   underline: surprisal   crossed out: not scored",
            n_received=self.snapshot.n_received,
        )

    def _context(self, painter: QPainter) -> None:
        """Write how much of its context the language model uses, as far as that is known."""
        if self.snapshot is None or not self.snapshot.context:
            return
        kind, _, size = self.snapshot.context.partition(":")
        limit = int(size) if size.isdigit() else 0
        used, full = min(self.snapshot.n_received, limit), self.snapshot.n_received > limit
        text = tr("context {used:,} of {limit:,} words", used=used, limit=limit)
        if kind == "growing" and full:
            text, used = (
                tr("context up to {limit:,} words", limit=limit),
                limit,
            )  # a full one goes on from its newest words
        box, known = self.inner_box(), limit > 0
        line = QRectF(box.right() - self.px(330), box.top(), self.px(240 if known else 330), self.px(20))
        self.write(painter, line, text if known else tr("context {kind}", kind=kind), "muted", 12, align="right")
        if known:
            bar = QRectF(box.right() - self.px(80), box.top() + self.px(7), self.px(80), self.px(6))
            painter.fillRect(bar, self.theme.colour("faint"))
            filled = QRectF(bar.left(), bar.top(), bar.width() * used / limit, bar.height())
            painter.fillRect(filled, self.theme.colour("accent"))

    def _ruler_axis(self) -> tuple[Axis, float]:
        """The ruler's axis of seconds, and its y."""
        box = self.inner_box()
        return Axis(-RULER_S, 0.0, box.left() + self.px(22), box.right() - self.px(22)), box.bottom() - self.px(15)

    def _ruler_box(self) -> QRectF:
        axis, y = self._ruler_axis()
        return QRectF(axis.start - self.px(4), y - self.px(18), axis.stop - axis.start + self.px(8), self.px(21))

    def _ruler(self, painter: QPainter) -> None:
        """Mark the onsets of the last seconds, in sample time."""
        if self.snapshot is None or not self.with_ruler:
            return
        (axis, y), marked = self._ruler_axis(), (current_word(self.snapshot), self.hovered, self.picked)
        xs: dict[str, list[float]] = {"muted": [], "faint": [], "accent": []}
        for entry in self.snapshot.words:
            onset = entry.word.onset - self.snapshot.time_s
            if -RULER_S <= onset <= 0:
                role = "accent" if entry.word.index in marked else "faint" if entry.status == "skipped" else "muted"
                xs[role].append(axis.to_pixel(onset))
        for role, at in xs.items():
            height, width = (9, 3.0) if role == "accent" else (6, 1.5)
            self.vertical_lines(painter, at, y - self.px(height), y, self.theme.colour(role), self.px(width))
        self._flags(painter, axis, y)

    def _flags(self, painter: QPainter, axis: Axis, y: float) -> None:
        """Mark what the operator wrote in the last seconds, with its text as far as the next one."""
        assert self.snapshot is not None
        since = [(one.time - self.snapshot.time_s, one.text) for one in self.snapshot.annotations]
        shown = [(axis.to_pixel(at), text) for at, text in since if -RULER_S <= at <= 0]
        ends = [*(x for x, _ in shown), axis.stop][1:]
        for (x, text), end in zip(shown, ends, strict=False):
            top, side = y - self.px(14), self.px(7)
            self.vertical_lines(painter, [x], top, y, self.theme.colour("live"), self.px(1.5))
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(self.theme.colour("live"))
            painter.drawPolygon(QPolygonF([QPointF(x, top), QPointF(x + side, top + side / 2), QPointF(x, top + side)]))
            room = QRectF(x + self.px(10), y - self.px(20), max(end - x - self.px(14), 0), self.px(14))
            width = min(self.text_width(text, 11, True), room.width())
            painter.fillRect(QRectF(room.left(), room.top(), width, room.height()), self.theme.colour("panel"))
            self.write(painter, room, text, "live", 11, True)


def current_word(snapshot: Snapshot) -> int | None:
    """Index of the newest word whose onset has passed."""
    return next((entry.word.index for entry in reversed(snapshot.words) if entry.word.onset <= snapshot.time_s), None)


def is_right_to_left(words: Sequence[WordEntry]) -> bool:
    """Whether most words are of a script that runs from right to left, so that their lines do too."""
    runs = [bidirectional(next((c for c in entry.word.text if c.isalpha()), "a")) in ("R", "AL") for entry in words]
    return 2 * sum(runs) > len(runs)


def has_blanks(text: str) -> bool:
    """Whether the script of a word is written with blanks between words."""
    first = next((c for c in text if c.isalpha()), "a")
    return not name(first, "").startswith(WITHOUT_BLANKS)


def surprisal_bits(entry: WordEntry) -> float:
    return max((entry.surprisal or 0.0) / math.log(2), 0.0)


def describe_word(entry: WordEntry) -> str:
    """A word, when it was, its status and its surprisal."""
    parts = [tr("“{text}” at {onset:.3f} s", text=entry.word.text, onset=entry.word.onset), STATUS[entry.status]]
    if entry.reason:
        parts[-1] += f": {entry.reason}"
    if entry.surprisal is not None:
        parts.append(tr("surprisal {surprisal_bits:.1f} bits", surprisal_bits=surprisal_bits(entry)))
    return ", ".join(parts)
