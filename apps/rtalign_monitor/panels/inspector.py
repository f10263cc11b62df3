"""InspectorView: one word looked at closely."""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg  # type: ignore[import-untyped]
from PyQt6.QtCore import QRectF, QSize, Qt
from PyQt6.QtGui import QImage, QPainter, QPen
from PyQt6.QtWidgets import QWidget

from rtalign.engine.ledger import Entry
from rtalign.engine.snapshot import InspectedWord, Snapshot
from rtalign_monitor.panels.axes import Axis, Rows, ms
from rtalign_monitor.panels.lag_map import alike
from rtalign_monitor.panels.panel import Panel
from rtalign_monitor.panels.transcript import bits
from rtalign_monitor.widgets import theme as themes


class InspectorView(Panel):
    """Its facts, its share in R by layer and lag, and the strength of the field around it."""

    title = "Word"
    says = "The picked word: surprisal, status, its share in r by layer and lag, field strength by lag"
    fewest = QSize(220, 160)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.seen: InspectedWord | None = None
        self.layers: tuple[int, ...] = ()
        self.lags = np.zeros(0)
        self.unit = ""

    def draw(self, snapshot: Snapshot) -> None:
        before, self.seen = self.seen, snapshot.inspected
        lags = np.zeros(0) if snapshot.lags_s is None else snapshot.lags_s
        units = set(snapshot.traces.units) if snapshot.traces else set()
        self.unit = units.pop() if len(units) == 1 else "of all kinds of sensors"
        same = self.layers == snapshot.layers and alike(self.lags, lags)
        self.layers, self.lags = snapshot.layers, lags
        if same and _same(before, self.seen):
            return
        self.renew()

    def ground(self, painter: QPainter) -> None:
        self.write_title(painter)

    def plate(self, painter: QPainter) -> None:
        box = self.inner().adjusted(0, self.px(26), 0, 0)
        if self.seen is None:
            self.await_(painter, QRectF(self.rect()), "no word is picked", "click one to look at it; Esc closes")
            return
        entry = self.seen.entry
        self.write(painter, QRectF(box.left(), box.top(), box.width(), self.px(28)), entry.word.text, "text", 20, True)
        top = box.top() + self.px(32)
        for line in facts(entry):
            self.write(painter, QRectF(box.left(), top, box.width(), self.px(17)), line, "muted", 12)
            top += self.px(18)
        rest = QRectF(box.left(), top + self.px(8), box.width(), box.bottom() - top - self.px(8))
        if rest.height() > self.px(70):
            self._pictures(painter, rest)

    def _pictures(self, painter: QPainter, rest: QRectF) -> None:
        """What is known of the word, one over the other on one axis of lags."""
        assert self.seen is not None
        field = rest.adjusted(self.px(34), self.px(18), -self.px(18), -self.px(36))
        scores = self.seen.scores if _fits(self.seen.scores, (len(self.layers), len(self.lags))) else None
        power = self.seen.power if _fits(self.seen.power, (len(self.lags),)) else None
        if scores is None and power is None:
            what = (
                "skipped: nothing was measured" if self.seen.entry.status == "skipped" else "measured, not scored yet"
            )
            self.await_(painter, rest, what)
            return
        upper, lower = QRectF(field), QRectF(field)
        if scores is not None and power is not None:
            upper.setHeight(field.height() * 0.6)
            lower.setTop(upper.bottom() + self.px(24))
        if scores is not None:
            self._scores(painter, upper, scores)
        if power is not None:
            self._power(painter, lower, power)
        self._lags(painter, field, [part for part, there in ((upper, scores), (lower, power)) if there is not None])

    def _scores(self, painter: QPainter, field: QRectF, scores: np.ndarray) -> None:
        limit = float(np.nanmax(np.abs(scores))) if np.isfinite(scores).any() else 0.0
        palette = themes.as_argb(themes.diverging(self.theme.colour("edge")))
        share = np.clip(np.nan_to_num(scores / (limit or 1.0)) / 2 + 0.5, 0, 1)
        cells = np.ascontiguousarray(palette[np.round(255 * share).astype(np.intp)][::-1])
        image = QImage(cells.data, cells.shape[1], cells.shape[0], 4 * cells.shape[1], QImage.Format.Format_RGB32)  # type: ignore[call-overload]
        painter.drawImage(field, image)
        above = QRectF(field.left(), field.top() - self.px(18), field.width(), self.px(16))
        said = f"share in r: blue −{limit:.2g}, orange +{limit:.2g}" if limit else "share in r: none known yet"
        self.write(painter, above, said, "muted", 11)
        rows = Rows(self.layers, field.top(), field.bottom())
        for row in rows.labelled(self.px(18)):
            box = QRectF(field.left() - self.px(34), rows.middle(row) - self.px(8), self.px(28), self.px(16))
            self.write(painter, box, str(self.layers[row]), "muted", 11, align="right")

    def _power(self, painter: QPainter, field: QRectF, power: np.ndarray) -> None:
        most = float(np.nanmax(power)) if np.isfinite(power).any() else 1.0
        axis, up = self._axis(field), Axis(0.0, 1.1 * most or 1.0, field.bottom(), field.top())
        for tick in up.ticks(self.px(30)):
            y = up.at(tick)
            self.level(painter, y, field.left(), field.right(), self.theme.colour("edge"))
            box = QRectF(field.left() - self.px(44), y - self.px(8), self.px(38), self.px(16))
            self.write(painter, box, f"{tick:,.0f}" if abs(tick) >= 100 else f"{tick:.3g}", "muted", 11, align="right")
        painter.setPen(QPen(self.theme.colour("accent"), self.px(1.5)))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawPath(pg.functions.arrayToQPath(axis.at_all(self.lags), up.at_all(power), connect="finite"))
        above = QRectF(field.left(), field.top() - self.px(18), field.width(), self.px(16))
        self.write(painter, above, f"deviation over sensors, {self.unit}", "muted", 11)

    def _axis(self, field: QRectF) -> Axis:
        """As the map has it: a lag is the middle of its cell."""
        half = (self.lags[1] - self.lags[0]) / 2 if len(self.lags) > 1 else 0.5
        return Axis(float(self.lags[0] - half), float(self.lags[-1] + half), field.left(), field.right())

    def _lags(self, painter: QPainter, field: QRectF, parts: list[QRectF]) -> None:
        axis = self._axis(field)
        for tick in axis.ticks(self.px(44)):
            x = axis.at(tick)
            for part in parts if tick == 0 else ():
                self.upright(painter, x, part.top(), part.bottom(), self.theme.colour("muted", 0.7))
            self.upright(painter, x, field.bottom(), field.bottom() + self.px(3), self.theme.colour("muted"))
            box = QRectF(x - self.px(26), field.bottom() + self.px(3), self.px(52), self.px(15))
            self.write(painter, box, ms(tick), "muted", 11, align="centre")
        below = QRectF(field.left(), field.bottom() + self.px(18), field.width(), self.px(16))
        self.write(painter, below, "lag from word onset, ms", "muted", 11, align="centre")


def facts(entry: Entry) -> list[str]:
    """What is known of a word, a few facts a line."""
    status = entry.status + (f": {entry.reason}" if entry.reason else "")
    if entry.latency_s is not None:
        status += f" after {1000 * entry.latency_s:.0f} ms"
    known = [] if entry.surprisal is None else [f"surprisal {bits(entry):.1f} bits"]
    if entry.n_tokens:
        known.append(f"{entry.n_tokens} token{'s' * (entry.n_tokens != 1)}")
    return [f"at {entry.word.onset:.3f} s, {status}", *([", ".join(known)] if known else [])]


def _fits(values: np.ndarray | None, shape: tuple[int, ...]) -> bool:
    return values is not None and values.shape == shape


def _same(one: InspectedWord | None, other: InspectedWord | None) -> bool:
    if one is None or other is None:
        return one is other
    return one.entry == other.entry and alike(one.scores, other.scores) and alike(one.power, other.power)
