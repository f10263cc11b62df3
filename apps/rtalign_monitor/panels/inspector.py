"""InspectorPanel: one word in detail."""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg  # type: ignore[import-untyped]
from qtpy.QtCore import QRectF, QSize, Qt
from qtpy.QtGui import QImage, QPainter, QPen
from qtpy.QtWidgets import QWidget

from rtalign.core.text.time_format import signed_ms
from rtalign.core.text.translation import tr
from rtalign.engine.ledger import WordEntry
from rtalign.engine.snapshot import InspectedWord, Snapshot
from rtalign_monitor.panels.axes import Axis, Rows
from rtalign_monitor.panels.panel import Panel, PanelSpec, same_values
from rtalign_monitor.panels.transcript import STATUS, surprisal_bits
from rtalign_monitor.widgets import theme as themes

NO_SCORES = {
    "skipped": tr("skipped: not measured"), "waiting": tr("measured, not scored yet"),
    "scored": tr("its scores were not kept"),
}  # fmt: skip
"""In place of a word's scores, by what became of it."""


class InspectorPanel(Panel):
    """The facts of the picked word, its share in R by layer and lag, and the field strength around it.

    Attributes
    ----------
    inspected : InspectedWord or None
        The word.
    layers : tuple of int
        Rows of its scores.
    lags : array (lag,)
        In seconds.
    unit : str
        Of the field strength.
    """

    spec = PanelSpec("inspector", tr("Word inspector"), None, place="side", columns=3, in_turns=False, in_demo=True)
    title = tr("Word")
    description = tr("The picked word: surprisal, status, its share in R by layer and lag, field strength by lag")
    minimum_size = QSize(220, 160)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.inspected: InspectedWord | None = None
        self.layers: tuple[int, ...] = ()
        self.lags = np.zeros(0)
        self.unit = ""

    def draw(self, snapshot: Snapshot) -> None:
        before, self.inspected = self.inspected, snapshot.inspected
        lags = np.zeros(0) if snapshot.lags_s is None else snapshot.lags_s
        units = set(snapshot.traces.units) if snapshot.traces else set()
        self.unit = units.pop() if len(units) == 1 else tr("of all kinds of sensors")
        same = self.layers == snapshot.layers and same_values(self.lags, lags)
        self.layers, self.lags = snapshot.layers, lags
        if same and _same(before, self.inspected):
            return
        self.invalidate()

    def paint_background(self, painter: QPainter) -> None:
        self.write_title(painter)

    def paint_content(self, painter: QPainter) -> None:
        box = self.inner_box().adjusted(0, self.px(26), 0, 0)
        if self.inspected is None:
            hint = tr("click one to look at it; Esc closes")
            self.write_placeholder(painter, QRectF(self.rect()), tr("no word is picked"), hint)
            return
        entry = self.inspected.entry
        self.write(painter, QRectF(box.left(), box.top(), box.width(), self.px(28)), entry.word.text, "text", 20, True)
        top = box.top() + self.px(32)
        for line in self._in_lines(facts(entry), box.width()):
            self.write(painter, QRectF(box.left(), top, box.width(), self.px(17)), line, "muted", 12)
            top += self.px(18)
        rest = QRectF(box.left(), top + self.px(8), box.width(), box.bottom() - top - self.px(8))
        if rest.height() > self.px(70):
            self._plots(painter, rest, self.inspected)

    def _in_lines(self, parts: list[str], width: float) -> list[str]:
        """As many parts in a line as there is room for."""
        lines: list[str] = []
        for part in parts:
            longer = f"{lines[-1]}, {part}" if lines else part
            if lines and self.text_width(longer, 12) <= width:
                lines[-1] = longer
            else:
                lines.append(part)
        return lines

    def _plots(self, painter: QPainter, rest: QRectF, word: InspectedWord) -> None:
        """Draw scores over field strength, on one axis of lags."""
        field = rest.adjusted(self.px(34), self.px(18), -self.px(18), -self.px(36))
        scores = word.scores if _has_shape(word.scores, (len(self.layers), len(self.lags))) else None
        power = word.power if _has_shape(word.power, (len(self.lags),)) else None
        if scores is None and power is None:
            self.write_placeholder(painter, rest, NO_SCORES[word.entry.status])
            return
        upper, lower = QRectF(field), QRectF(field)
        if scores is not None and power is not None:
            upper.setHeight(field.height() * 0.6)
            lower.setTop(upper.bottom() + self.px(24))
        if scores is not None:
            self._scores(painter, upper, scores)
        if power is not None:
            self._power(painter, lower, power)
        plots = [box for box, values in ((upper, scores), (lower, power)) if values is not None]
        self._lag_axis(painter, field, plots)

    def _scores(self, painter: QPainter, field: QRectF, scores: np.ndarray) -> None:
        limit = float(np.nanmax(np.abs(scores))) if np.isfinite(scores).any() else 0.0
        palette = themes.as_argb(themes.diverging(self.theme.colour("edge")))
        share = np.clip(np.nan_to_num(scores / (limit or 1.0)) / 2 + 0.5, 0, 1)
        cells = np.ascontiguousarray(palette[np.round(255 * share).astype(np.intp)][::-1])
        image = QImage(cells.data, cells.shape[1], cells.shape[0], 4 * cells.shape[1], QImage.Format.Format_RGB32)  # type: ignore[call-overload]
        painter.drawImage(field, image)
        above = QRectF(field.left(), field.top() - self.px(18), field.width(), self.px(16))
        texts = [tr("share in R: unknown yet")]
        if limit:
            texts = [
                tr("share in R: blue −{limit:.2g}, orange +{limit:.2g}", limit=limit),
                tr("share in R, ±{limit:.2g}", limit=limit),
            ]
        self.write_fitting(painter, above, texts, size=11)
        rows = Rows(self.layers, field.top(), field.bottom())
        for row in rows.labelled(self.px(18)):
            box = QRectF(field.left() - self.px(34), rows.centre(row) - self.px(8), self.px(28), self.px(16))
            self.write(painter, box, str(self.layers[row]), "muted", 11, align="right")

    def _power(self, painter: QPainter, field: QRectF, power: np.ndarray) -> None:
        highest = float(np.nanmax(power)) if np.isfinite(power).any() else 1.0
        axis, up = self._axis(field), Axis(0.0, 1.1 * highest or 1.0, field.bottom(), field.top())
        for tick in up.ticks(self.px(30)):
            y = up.to_pixel(tick)
            self.horizontal_line(painter, y, field.left(), field.right(), self.theme.colour("edge"))
            box = QRectF(field.left() - self.px(44), y - self.px(8), self.px(38), self.px(16))
            self.write(painter, box, f"{tick:,.0f}" if abs(tick) >= 100 else f"{tick:.3g}", "muted", 11, align="right")
        painter.setPen(QPen(self.theme.colour("accent"), self.px(1.5)))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawPath(pg.functions.arrayToQPath(axis.to_pixels(self.lags), up.to_pixels(power), connect="finite"))
        above = QRectF(field.left(), field.top() - self.px(18), field.width(), self.px(16))
        texts = [tr("deviation over sensors, {unit}", unit=self.unit), tr("deviation, {unit}", unit=self.unit)]
        self.write_fitting(painter, above, texts, size=11)

    def _axis(self, field: QRectF) -> Axis:
        """As on the map: a lag is the middle of its cell."""
        half = (self.lags[1] - self.lags[0]) / 2 if len(self.lags) > 1 else 0.5
        return Axis(float(self.lags[0] - half), float(self.lags[-1] + half), field.left(), field.right())

    def _lag_axis(self, painter: QPainter, field: QRectF, plots: list[QRectF]) -> None:
        axis = self._axis(field)
        for tick in axis.ticks(self.px(44)):
            x = axis.to_pixel(tick)
            for plot in plots if tick == 0 else ():
                self.vertical_line(painter, x, plot.top(), plot.bottom(), self.theme.colour("muted", 0.7))
            self.vertical_line(painter, x, field.bottom(), field.bottom() + self.px(3), self.theme.colour("muted"))
            box = QRectF(x - self.px(26), field.bottom() + self.px(3), self.px(52), self.px(15))
            self.write(painter, box, signed_ms(tick), "muted", 11, align="centre")
        below = QRectF(field.left(), field.bottom() + self.px(18), field.width(), self.px(16))
        texts = [tr("lag from word onset, ms"), tr("lag, ms")]
        self.write_fitting(painter, below, texts, size=11, align="centre")


def facts(entry: WordEntry) -> list[str]:
    """What is known of a word, in parts."""
    status = STATUS[entry.status] + (f": {entry.reason}" if entry.reason else "")
    if entry.latency_s is not None:
        status += tr(" after {latency_s:.0f} ms", latency_s=1000 * entry.latency_s)
    known = (
        []
        if entry.surprisal is None
        else [tr("surprisal {surprisal_bits:.1f} bits", surprisal_bits=surprisal_bits(entry))]
    )
    if entry.n_tokens:
        known.append(tr("1 token") if entry.n_tokens == 1 else tr("{n_tokens} tokens", n_tokens=entry.n_tokens))
    return [tr("at {onset:.3f} s", onset=entry.word.onset), status, *known]


def _has_shape(values: np.ndarray | None, shape: tuple[int, ...]) -> bool:
    return values is not None and values.shape == shape


def _same(a: InspectedWord | None, b: InspectedWord | None) -> bool:
    if a is None or b is None:
        return a is b
    return a.entry == b.entry and same_values(a.scores, b.scores) and same_values(a.power, b.power)
