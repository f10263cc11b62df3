"""LadderView: the peak latency of every layer, a rung a layer, as it builds up word by word."""

from __future__ import annotations

from collections.abc import Hashable

import numpy as np
from PyQt6.QtCore import QLineF, QPointF, QRectF, QSize, Qt, QTimer
from PyQt6.QtGui import QColor, QMouseEvent, QPainter, QPen, QPolygonF
from PyQt6.QtWidgets import QWidget

from rtalign.engine.snapshot import Snapshot
from rtalign.scoring.findings import TemporalScore
from rtalign.scoring.peaks import Peak
from rtalign_monitor.engines.two_banks import SecondBank
from rtalign_monitor.panels import empty_state, second_rungs
from rtalign_monitor.panels.axes import Axis, Easing, counted, ms
from rtalign_monitor.panels.layered import Layered
from rtalign_monitor.panels.panel import HEAD
from rtalign_monitor.widgets import theme as themes

NARROWEST_S = 0.2
NO_PEAK = {
    "below null": "no peak: not above mismatched words yet",
    "edge": "no peak: it lies at the edge of the lags",
    "multimodal": "no peak: the curve has two",
}
LEGEND = "dot: peak   bar: 95 %   ring, left: no peak   band: fit"


class LadderView(Layered):
    """Dots ease to where they belong; where they were in the last half minute stays faintly visible."""

    title = "Peak latency by layer"
    says = "Peak latency of each layer, ms after the word's onset, with its 95 % interval"
    fewest = QSize(320, 240)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.seen: Snapshot | None = None
        self.second: SecondBank | None = None
        self.range = (-0.1, 0.6)
        self.easing = Easing()
        self._ease = QTimer(self)
        self._ease.setInterval(16)
        self._ease.timeout.connect(self._step)

    def draw(self, snapshot: Snapshot) -> None:
        before, self.seen = self.seen, snapshot
        if before is not None and _same(before, snapshot):
            return
        self.layers = snapshot.layers or tuple(rung.layer for rung in snapshot.peaks)
        self._fit_range(snapshot)
        self.setAccessibleDescription(self.summary())
        self._set_out({rung.layer: rung.peak_s for rung in snapshot.peaks if rung.peak_s is not None})
        self.renew()

    def summary(self) -> str:
        """The headline in words, for whoever does not see it."""
        seen = self.seen
        if seen is None or seen.refused or seen.temporal is None:
            return ", ".join(part for part in empty_state.peaks(seen) if part)
        trend, n = seen.temporal, sum(rung.peak_s is not None for rung in seen.peaks)
        parts = [f"temporal score r {trend.r:.2f}{_between(trend.ci, ', 95 % {:.2f} to {:.2f}')}", *self._slope(trend)]
        return ", ".join([*parts, f"{n} of {len(seen.peaks)} layers have a peak", counted(seen.n_assessed)])

    def set_second_bank(self, second: SecondBank | None) -> None:
        """A second bank's rungs, hollow, or none."""
        before, self.second = self.second, second
        if before and second and before.names == second.names and _same(before.snapshot, second.snapshot):
            return
        self.margin = second_rungs.COLUMN if second else type(self).margin
        if self.seen is not None:
            self._fit_range(self.seen)
        self.renew()

    def axis(self) -> Axis:
        field = self.field()
        return Axis(*self.range, field.left(), field.right())

    def grounds(self) -> Hashable:
        return super().grounds(), self._refused, bool(self.seen and self.seen.peaks)

    def ground(self, painter: QPainter) -> None:
        self.write_title(painter, LEGEND if self.seen and self.seen.peaks else "")
        if self._refused:
            return
        self.write_lags(painter, "peak latency, ms after word onset", grid=True)
        if self.layers:
            self.write_rows(painter)
        if self.range[0] <= 0 <= self.range[1]:
            field = self.field()
            x = self.axis().at(0.0)
            self.upright(painter, x, field.top(), field.bottom(), self.theme.colour("muted", 0.7))

    def plate(self, painter: QPainter) -> None:
        self._headline(painter)
        if self.seen is None or self._refused:
            self._refusal(painter)
            return
        if not any(rung.peak_s is not None for rung in self.seen.peaks):
            self.await_(painter, self.field(), *empty_state.peaks(self.seen))
        self._fit_line(painter)
        self._ghosts(painter)
        for rung in self.seen.peaks:
            self._interval(painter, rung)
        if self.second is not None:
            second_rungs.draw(self, painter, self.second)

    def over(self, painter: QPainter) -> None:
        if self.seen is None or not self.layers or self._refused:
            return
        self.shade_row(painter)
        axis, places, middles = self.axis(), self.easing.places(), self._middles()
        points = {layer: QPointF(axis.at(x), middles[layer]) for layer, x in places.items() if layer in middles}
        self.strokes(painter, QPolygonF([points[layer] for layer in sorted(points)]), self.theme.mixed("muted", 0.4))
        hollow = self.field().left() + self.px(8)
        for rung in self.seen.peaks:
            if rung.layer in points:
                self._dot(painter, points[rung.layer], rung)
            elif rung.layer in middles:
                self._hollow(painter, QPointF(hollow, middles[rung.layer]), rung)
        if self.lag is not None:
            painter.setPen(QPen(self.theme.colour("accent", 0.6), 1, Qt.PenStyle.DotLine))
            painter.drawLine(_upright(axis.at(self.lag), self.field()))

    @property
    def _refused(self) -> bool:
        return bool(self.seen and self.seen.refused)

    def _middles(self) -> dict[int, float]:
        rows = self.rows()
        return {layer: rows.middle(row) for row, layer in enumerate(self.layers)}

    def mouseMoveEvent(self, event: QMouseEvent | None) -> None:
        super().mouseMoveEvent(event)
        rung = next((r for r in (self.seen.peaks if self.seen else ()) if r.layer == self.layer), None)
        more = second_rungs.told(self, self.second, rung.layer) if rung and self.second else ""
        self.setToolTip(told(rung) + more if rung else self.says)

    def _headline(self, painter: QPainter) -> None:
        """The temporal score with its interval, or in plain words why there is none."""
        box = self.inner()
        if self.second is not None and not (self.seen and self.seen.refused):
            second_rungs.headline(self, painter, self.second)
            return
        big = QRectF(box.left(), box.top() + self.px(20), box.width(), self.px(34))
        trend = self.seen.temporal if self.seen else None
        if self.seen is None or trend is None:
            self._no_headline(painter, big)
            return
        used = self.write(painter, big, _signed(f"r = {trend.r:.2f}"), size=28, bold=True)
        rest = big.adjusted(used + self.px(12), 0, 0, 0)
        upper, lower = rest.adjusted(0, 0, 0, -self.px(17)), rest.adjusted(0, self.px(17), 0, 0)
        self.write_parts(painter, upper, [_signed(_between(trend.ci, "95 % [{:.2f}, {:.2f}]")), *self._slope(trend)])
        n = f"n = {self.seen.n_assessed:,} words"
        self.write_parts(painter, lower, [n, _p(trend.p_permutation), f"{trend.n_layers} layers"], "muted")

    def _slope(self, trend: TemporalScore) -> list[str]:
        """The fitted line's rise, a layer and in all."""
        n = self.layers[-1] - self.layers[0]
        steep = [_signed(f"{trend.slope_ms / n:+.1f} ms a layer")] if n else []
        return [*steep, f"{ms(trend.slope_ms / 1000)} ms from first to last"]

    def _no_headline(self, painter: QPainter, box: QRectF) -> None:
        seen = self.seen
        why = seen.reason if seen and seen.reason else "no word has been scored"
        said = "No temporal score yet"
        if seen and seen.refused:
            said, why = "The bank does not fit this stream", "nothing is decoded until it does"
        self.write(painter, box.adjusted(0, 0, 0, -self.px(15)), said, "muted", 16, True)
        self.write(painter, box.adjusted(0, self.px(18), 0, 0), why, "muted", 12)

    def _refusal(self, painter: QPainter) -> None:
        """Every reason in full, in place of the rungs."""
        painter.setFont(themes.font(self.px(15)))
        painter.setPen(self.theme.colour("lost"))
        box = QRectF(self.inner().left(), self.px(HEAD), self.inner().width(), self.field().height())
        painter.drawText(box, Qt.TextFlag.TextWordWrap, "\n\n".join(self.seen.refused if self.seen else ()))

    def _fit_line(self, painter: QPainter) -> None:
        """Through the middle of the rungs that have a peak, with the slope that the engine found over all layers."""
        assert self.seen is not None
        there = [rung for rung in self.seen.peaks if rung.peak_s is not None]
        ends = self.fit()
        if not ends:
            return
        axis, middles = self.axis(), self._middles()
        points = [QPointF(axis.at(x), middles[rung.layer]) for x, rung in zip(ends, (there[0], there[-1]), strict=True)]
        painter.setPen(QPen(self.theme.mixed("accent", 0.45), self.px(5), cap=Qt.PenCapStyle.RoundCap))
        painter.drawLine(*points)

    def fit(self) -> tuple[float, float] | None:
        """Where the fitted line is at the first and at the last rung that has a peak, s."""
        rungs = self.seen.peaks if self.seen else ()
        there = [rung for rung in rungs if rung.peak_s is not None]
        if self.seen is None or self.seen.temporal is None or len(there) < 3:
            return None
        depth, peak = np.array([r.depth for r in there]), np.array([r.peak_s for r in there], float)
        slope = self.seen.temporal.slope_ms / 1000 / ((rungs[-1].depth - rungs[0].depth) or 1.0)
        low, high = peak.mean() + slope * (depth[[0, -1]] - depth.mean())
        return float(low), float(high)

    def _ghosts(self, painter: QPainter) -> None:
        """Where each dot has been in the last half minute."""
        axis, field, middles = self.axis(), self.field(), self._middles()
        for layer, at in self.easing.been().items():
            if layer not in middles or len(at) < 2:
                continue
            across = {round(x) for x in axis.at_all(np.fromiter(at, float)) if field.left() <= x <= field.right()}
            painter.setPen(QPen(self._colour(layer, 0.15), self.px(6), cap=Qt.PenCapStyle.RoundCap))
            painter.drawPoints(QPolygonF([QPointF(x, middles[layer]) for x in across]))

    def _interval(self, painter: QPainter, rung: Peak) -> None:
        if rung.ci_s is None or rung.layer not in self.layers:
            return
        y, axis, field = self.rows().middle(self.layers.index(rung.layer)), self.axis(), self.field()
        left, right = max(axis.at(rung.ci_s[0]), field.left()), min(axis.at(rung.ci_s[1]), field.right())
        self.level(painter, y, left, right, self.theme.depth(rung.depth, 0.6), self.px(2))

    def _dot(self, painter: QPainter, place: QPointF, rung: Peak) -> None:
        radius = self.dot() * (1.5 if rung.layer == self.layer else 1.0)
        painter.setPen(Qt.PenStyle.NoPen)
        for colour, wide in ((self.theme.colour("panel"), radius + self.px(1)), (self.theme.depth(rung.depth), radius)):
            painter.setBrush(colour)
            painter.drawEllipse(place, wide, wide)

    def dot(self) -> float:
        """Radius of a dot; smaller where rungs are close, so that many do not become one."""
        return min(self.px(4), max(0.6 * self.rows().height, self.px(2)))

    def _hollow(self, painter: QPainter, place: QPointF, rung: Peak) -> None:
        """On the edge of the field: it has no place on the axis."""
        painter.setPen(QPen(self.theme.depth(rung.depth, 0.7), self.px(1.4)))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawEllipse(place, 0.85 * self.dot(), 0.85 * self.dot())

    def _colour(self, layer: int, alpha: float) -> QColor:
        rungs = self.seen.peaks if self.seen else ()
        return self.theme.depth(next((r.depth for r in rungs if r.layer == layer), 0.5), alpha)

    def _fit_range(self, seen: Snapshot) -> None:
        """Changes only when something would fall outside or most of it lies empty, so that the axis is calm."""
        ends = [end for r in seen.peaks for end in (*(r.ci_s or ()), r.peak_s) if end is not None]
        ends += [r.peak_s for r in (self.second.snapshot.peaks if self.second else ()) if r.peak_s is not None]
        if not ends:
            return
        low, high = min(ends), max(ends)
        width = self.range[1] - self.range[0]
        if self.range[0] <= low and high <= self.range[1] and (high - low > 0.45 * width or width <= NARROWEST_S):
            return
        spare = max(0.15 * (high - low), (NARROWEST_S - (high - low)) / 2)
        self.range = float(np.floor((low - spare) / 0.05) * 0.05), float(np.ceil((high + spare) / 0.05) * 0.05)

    def _set_out(self, aim: dict[int, float]) -> None:
        if self.easing.set_out(aim):
            self._ease.start()

    def _step(self) -> None:
        if self.easing.there:
            self._ease.stop()
        self.update()


def _between(ends: tuple[float, float] | None, words: str) -> str:
    """An interval in words; nothing where there is none."""
    return words.format(*ends) if ends else ""


def told(rung: Peak) -> str:
    """One rung in words."""
    if rung.peak_s is None:
        why = NO_PEAK.get(rung.status, rung.status)
        return f"layer {rung.layer}: {why}; best r {rung.peak_r:.3f}, null {rung.null_r:.3f}"
    band = "" if rung.ci_s is None else f" [{ms(rung.ci_s[0])}, {ms(rung.ci_s[1])}]"
    return f"layer {rung.layer}: peak at {ms(rung.peak_s)} ms{band}, r {rung.peak_r:.3f}, null {rung.null_r:.3f}"


def _signed(text: str) -> str:
    return text.replace("-", "−")


def _p(p: float) -> str:
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}" if p < 0.1 else f"p = {p:.2f}"


def _same(one: Snapshot, other: Snapshot) -> bool:
    if not other.peaks and empty_state.peaks(one) != empty_state.peaks(other):
        return False
    return (one.peaks, one.temporal, one.reason, one.layers, one.n_assessed, one.refused) == (
        other.peaks, other.temporal, other.reason, other.layers, other.n_assessed, other.refused,
    )  # fmt: skip


def _upright(x: float, field: QRectF) -> QLineF:
    return QLineF(x, field.top(), x, field.bottom())
