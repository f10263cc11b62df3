"""InspectorView: one word looked at closely."""

from __future__ import annotations

import numpy as np
from PyQt6.QtCore import QLineF, QPointF, QRectF, QSize, Qt
from PyQt6.QtGui import QImage, QPainter, QPen, QPolygonF
from PyQt6.QtWidgets import QWidget

from apps import theme as themes
from apps.axes import Axis, ms
from apps.lagmap import alike
from apps.panel import Panel
from apps.transcript import bits
from rtalign.ledger import Entry
from rtalign.snapshot import Inspected, Snapshot


class InspectorView(Panel):
    """Its facts, its share in R by layer and lag, and the strength of the field around it."""

    title = "Word"
    says = "The picked word: surprisal, status, its share in r by layer and lag, field strength by lag"
    fewest = QSize(220, 160)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.seen: Inspected | None = None
        self.layers: tuple[int, ...] = ()
        self.lags = np.zeros(0)

    def draw(self, snapshot: Snapshot) -> None:
        before, self.seen = self.seen, snapshot.inspected
        lags = np.zeros(0) if snapshot.lags_s is None else snapshot.lags_s
        same = self.layers == snapshot.layers and alike(self.lags, lags)
        self.layers, self.lags = snapshot.layers, lags
        if same and _same(before, self.seen):
            return
        self.renew()

    def plate(self, painter: QPainter) -> None:
        self.write_title(painter)
        box = self.inner().adjusted(0, self.px(26), 0, 0)
        if self.seen is None:
            self.write(painter, box, "click a word to look at it", "muted", 13, align="centre")
            return
        entry = self.seen.entry
        self.write(painter, QRectF(box.left(), box.top(), box.width(), self.px(28)), entry.word.text, "text", 20, True)
        top = box.top() + self.px(32)
        for line in facts(entry):
            self.write(painter, QRectF(box.left(), top, box.width(), self.px(17)), line, "muted", 12)
            top += self.px(17)
        rest = QRectF(box.left(), top + self.px(6), box.width(), box.bottom() - top - self.px(6))
        if rest.height() > self.px(50):
            self._pictures(painter, rest)

    def _pictures(self, painter: QPainter, rest: QRectF) -> None:
        assert self.seen is not None
        left, foot, head = self.px(30), self.px(18), self.px(17)
        both = self.seen.scores is not None and self.seen.power is not None and rest.height() > self.px(130)
        field = QRectF(rest.left() + left, rest.top() + head, rest.width() - left, rest.height() - foot - head)
        upper = QRectF(field)
        if both:
            upper.setHeight(field.height() * 0.58)
        if self.seen.scores is not None and self.seen.scores.shape == (len(self.layers), len(self.lags)):
            self._scores(painter, upper, self.seen.scores)
        if (
            self.seen.power is not None
            and len(self.seen.power) == len(self.lags)
            and (both or self.seen.scores is None)
        ):
            lower = QRectF(field)
            if both:
                lower.setTop(upper.bottom() + self.px(22))
            self._power(painter, lower, self.seen.power)
        self._lags(painter, field)

    def _scores(self, painter: QPainter, field: QRectF, scores: np.ndarray) -> None:
        limit = float(np.nanmax(np.abs(scores))) if np.isfinite(scores).any() else 0.0
        palette = themes.as_argb(themes.diverging(self.theme.colour("edge")))
        share = np.clip(np.nan_to_num(scores / (limit or 1.0)) / 2 + 0.5, 0, 1)
        cells = np.ascontiguousarray(palette[np.round(255 * share).astype(np.intp)][::-1])
        image = QImage(cells.data, cells.shape[1], cells.shape[0], 4 * cells.shape[1], QImage.Format.Format_RGB32)  # type: ignore[call-overload]
        painter.drawImage(field, image)
        above = QRectF(field.left(), field.top() - self.px(17), field.width(), self.px(16))
        self.write(painter, above, f"share in r by layer, ±{limit:.2g}", "muted", 11)
        for row in (0, len(self.layers) - 1):
            y = field.bottom() - (row + 0.5) * field.height() / len(self.layers)
            box = QRectF(field.left() - self.px(34), y - self.px(8), self.px(28), self.px(16))
            self.write(painter, box, str(self.layers[row]), "muted", 11, align="right")

    def _power(self, painter: QPainter, field: QRectF, power: np.ndarray) -> None:
        across = Axis(float(self.lags[0]), float(self.lags[-1]), field.left(), field.right())
        up = Axis(0.0, float(np.nanmax(power)) or 1.0, field.bottom(), field.top())
        painter.setPen(QPen(self.theme.colour("accent"), self.px(1.5)))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        points = [QPointF(across.at(float(x)), up.at(float(y))) for x, y in zip(self.lags, power, strict=True)]
        painter.drawPolyline(QPolygonF(points))
        above = QRectF(field.left(), field.top() - self.px(17), field.width(), self.px(16))
        self.write(painter, above, "strength of the field", "muted", 11)

    def _lags(self, painter: QPainter, field: QRectF) -> None:
        if len(self.lags) < 2:
            return
        axis = Axis(float(self.lags[0]), float(self.lags[-1]), field.left(), field.right())
        for tick in axis.ticks(self.px(56)):
            x = axis.at(tick)
            painter.setPen(QPen(self.theme.colour("muted" if tick == 0 else "edge"), 1))
            painter.drawLine(QLineF(x, field.bottom(), x, field.bottom() + self.px(3)))
            box = QRectF(x - self.px(26), field.bottom() + self.px(2), self.px(52), self.px(15))
            if box.right() > self.width():
                continue
            self.write(painter, box, ms(tick) + (" ms" if tick == 0 else ""), "muted", 11, align="centre")


def facts(entry: Entry) -> list[str]:
    """What is known of a word, a few facts a line."""
    status = entry.status + (f": {entry.reason}" if entry.reason else "")
    if entry.latency_s is not None:
        status += f" after {1000 * entry.latency_s:.0f} ms"
    known = [] if entry.surprisal is None else [f"surprisal {bits(entry):.1f} bits"]
    if entry.n_tokens:
        known.append(f"{entry.n_tokens} token{'s' * (entry.n_tokens != 1)}")
    return [f"at {entry.word.onset:.3f} s, {status}", *([", ".join(known)] if known else [])]


def _same(one: Inspected | None, other: Inspected | None) -> bool:
    if one is None or other is None:
        return one is other
    return one.entry == other.entry and alike(one.scores, other.scores) and alike(one.power, other.power)
