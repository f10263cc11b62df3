"""LadderPanel: the peak latency of every layer as it builds up word by word, also of a second bank beside the first."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np
from PyQt6.QtCore import QLineF, QPointF, QRectF, QSize, Qt, QTimer
from PyQt6.QtGui import QColor, QMouseEvent, QPainter, QPen, QPolygonF
from PyQt6.QtWidgets import QWidget

from rtalign.core.time_format import signed_ms
from rtalign.engine.snapshot import Snapshot
from rtalign.scoring.findings import TemporalScore
from rtalign.scoring.peaks import Peak
from rtalign_monitor.engines.two_banks import SecondBank, peak_differences_ms
from rtalign_monitor.panels import empty_state
from rtalign_monitor.panels.axes import Axis, Easing, word_count
from rtalign_monitor.panels.panel import HEADER_PX, LayeredPanel, PanelSpec
from rtalign_monitor.widgets import theme as themes

NARROWEST_S = 0.2
DIFFERENCES_PX = 64.0
"""Width of the column of differences between two banks."""
NO_PEAK = {
    "below null": "no peak: not above mismatched words yet",
    "edge": "no peak: it lies at the edge of the lags",
    "multimodal": "no peak: the curve has two",
}
LEGEND = "dot: peak   bar: 95 %   ring, left: no peak   band: fit"


class LadderPanel(LayeredPanel):
    """A dot per layer at its peak latency, with its interval.

    Dots move smoothly; where they were in the last half minute stays faintly visible.  A second bank's peaks are
    rings, joined to the first bank's, with a thin fitted line and a column of differences.

    Attributes
    ----------
    second : SecondBank or None
        What the first bank is compared with.
    range : tuple of float
        Ends of the axis of latencies, in seconds.
    easing : Easing
        The dots' positions.
    """

    spec = PanelSpec("ladder", "Ladder", "Ctrl+1", place="upper", columns=5, in_turns=True, in_demo=True)
    title = "Peak latency by layer"
    description = "Peak latency of each layer, ms after the word's onset, with its 95 % interval"
    minimum_size = QSize(320, 240)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.second: SecondBank | None = None
        self.range = (-0.1, 0.6)
        self.easing = Easing()
        self._timer = QTimer(self)
        self._timer.setInterval(16)
        self._timer.timeout.connect(self._step)

    def draw(self, snapshot: Snapshot) -> None:
        before, self.snapshot = self.snapshot, snapshot
        if before is not None and _same(before, snapshot):
            return
        self.layers = snapshot.layers or tuple(peak.layer for peak in snapshot.peaks)
        self._fit_range(snapshot)
        self.setAccessibleDescription(self.summary())
        if self.easing.move_to({peak.layer: peak.peak_s for peak in snapshot.peaks if peak.peak_s is not None}):
            self._timer.start()
        self.invalidate()

    def summary(self) -> str:
        """The headline as a sentence, for screen readers."""
        snapshot = self.snapshot
        if snapshot is None or snapshot.refused or snapshot.temporal is None:
            return ", ".join(part for part in empty_state.peaks(snapshot) if part)
        score, n = snapshot.temporal, sum(peak.peak_s is not None for peak in snapshot.peaks)
        interval = _interval_text(score.ci, ", 95 % {:.2f} to {:.2f}")
        parts = [f"temporal score r {score.r:.2f}{interval}", *self._slope(score)]
        return ", ".join([*parts, f"{n} of {len(snapshot.peaks)} layers have a peak", word_count(snapshot.n_assessed)])

    def set_second_bank(self, second: SecondBank | None) -> None:
        before, self.second = self.second, second
        if before and second and before.names == second.names and _same(before.snapshot, second.snapshot):
            return
        self.right_margin = DIFFERENCES_PX if second else type(self).right_margin
        if self.snapshot is not None:
            self._fit_range(self.snapshot)
        self.invalidate()

    def axis(self) -> Axis:
        field = self.field()
        return Axis(*self.range, field.left(), field.right())

    def background_key(self) -> Hashable:
        return super().background_key(), self._refused, bool(self._peaks)

    def paint_background(self, painter: QPainter) -> None:
        self.write_title(painter, LEGEND if self._peaks else "")
        if self._refused:
            return
        self.write_lag_axis(painter, "peak latency, ms after word onset", grid=True)
        if self.layers:
            self.write_row_labels(painter)
        if self.range[0] <= 0 <= self.range[1]:
            field = self.field()
            x = self.axis().to_pixel(0.0)
            self.vertical_line(painter, x, field.top(), field.bottom(), self.theme.colour("muted", 0.7))

    def paint_content(self, painter: QPainter) -> None:
        self._headline(painter)
        if self.snapshot is None or self._refused:
            self._refusal(painter)
            return
        if not any(peak.peak_s is not None for peak in self._peaks):
            self.write_placeholder(painter, self.field(), *empty_state.peaks(self.snapshot))
        self._fit_line(painter)
        self._trails(painter)
        for peak in self._peaks:
            self._interval(painter, peak)
        if self.second is not None:
            self._second_fit_line(painter, self.second.snapshot)
            self._second_peaks(painter, self.second.snapshot)
            self._differences(painter, self.second.snapshot)

    def paint_overlay(self, painter: QPainter) -> None:
        if self.snapshot is None or not self.layers or self._refused:
            return
        self.highlight_row(painter)
        axis, positions, centres = self.axis(), self.easing.positions(), self._centres()
        dots = {layer: QPointF(axis.to_pixel(x), centres[layer]) for layer, x in positions.items() if layer in centres}
        self.thin_line(painter, QPolygonF([dots[layer] for layer in sorted(dots)]), self.theme.mixed("muted", 0.4))
        left = self.field().left() + self.px(8)
        for peak in self._peaks:
            if peak.layer in dots:
                self._dot(painter, dots[peak.layer], peak)
            elif peak.layer in centres:
                self._ring(painter, QPointF(left, centres[peak.layer]), peak)
        if self.lag is not None:
            x, field = axis.to_pixel(self.lag), self.field()
            painter.setPen(QPen(self.theme.colour("accent", 0.6), 1, Qt.PenStyle.DotLine))
            painter.drawLine(QLineF(x, field.top(), x, field.bottom()))

    def mouseMoveEvent(self, event: QMouseEvent | None) -> None:
        super().mouseMoveEvent(event)
        peak = next((peak for peak in self._peaks if peak.layer == self.layer), None)
        more = self._describe_second(self.second, peak.layer) if peak and self.second else ""
        self.setToolTip(describe_peak(peak) + more if peak else self.description)

    @property
    def _refused(self) -> bool:
        return bool(self.snapshot and self.snapshot.refused)

    @property
    def _peaks(self) -> tuple[Peak, ...]:
        return self.snapshot.peaks if self.snapshot else ()

    def _centres(self) -> dict[int, float]:
        """The y of each layer's row."""
        rows = self.rows()
        return {layer: rows.centre(row) for row, layer in enumerate(self.layers)}

    # Headline

    def _headline(self, painter: QPainter) -> None:
        """Write the temporal score with its interval, or the reason why there is none."""
        box = self.inner_box()
        if self.second is not None and not self._refused:
            self._two_headlines(painter, self.second)
            return
        large = QRectF(box.left(), box.top() + self.px(20), box.width(), self.px(34))
        score = self.snapshot.temporal if self.snapshot else None
        if self.snapshot is None or score is None:
            self._no_headline(painter, large)
            return
        used = self.write(painter, large, _minus(f"r = {score.r:.2f}"), size=28, bold=True)
        rest = large.adjusted(used + self.px(12), 0, 0, 0)
        upper, lower = rest.adjusted(0, 0, 0, -self.px(17)), rest.adjusted(0, self.px(17), 0, 0)
        self.write_parts(painter, upper, [_interval_text(score.ci, "95 % [{:.2f}, {:.2f}]"), *self._slope(score)])
        n = f"n = {self.snapshot.n_assessed:,} words"
        self.write_parts(painter, lower, [n, _p(score.p_permutation), f"{score.n_layers} layers"], "muted")

    def _two_headlines(self, painter: QPainter, second: SecondBank) -> None:
        """Write both banks' scores, and below them which bank is which."""
        box = self.inner_box()
        top = box.top() + self.px(22)
        x, half = box.left(), box.width() / 2
        snapshots = self.snapshot, second.snapshot
        for name, snapshot, bank, filled in zip("AB", snapshots, second.names, (True, False), strict=True):
            upper = QRectF(x + self.px(18), top, half - self.px(22), self.px(21))
            self._bank_mark(painter, QPointF(x + self.px(6), upper.center().y()), filled)
            score = snapshot.temporal if snapshot else None
            text = _minus(f"{name} r = {score.r:.2f}") if score else f"{name} r = –"
            self.write(painter, upper, text, "text" if score else "muted", 19, filled)
            lower = QRectF(upper.left(), top + self.px(21), upper.width(), self.px(15))
            short = themes.shortened(bank, self.font_px(12), False, int(lower.width()))
            self.write_parts(painter, lower, [short, word_count(snapshot.n_assessed if snapshot else 0)], "muted")
            x += half

    def _no_headline(self, painter: QPainter, box: QRectF) -> None:
        snapshot = self.snapshot
        text, reason = "No temporal score yet", "no word has been scored"
        if snapshot and snapshot.refused:
            text, reason = "The bank does not fit this stream", "nothing is decoded until it does"
        elif snapshot and snapshot.reason:
            reason = snapshot.reason
        self.write(painter, box.adjusted(0, 0, 0, -self.px(15)), text, "muted", 16, True)
        self.write(painter, box.adjusted(0, self.px(18), 0, 0), reason, "muted", 12)

    def _slope(self, score: TemporalScore) -> list[str]:
        """The fitted line's rise, per layer and in all."""
        n = self.layers[-1] - self.layers[0]
        per_layer = [_minus(f"{score.slope_ms / n:+.1f} ms/layer")] if n else []
        return [*per_layer, f"{signed_ms(score.slope_ms / 1000)} ms from first to last"]

    def _refusal(self, painter: QPainter) -> None:
        """Write every reason in full, in place of the peaks."""
        painter.setFont(themes.font(self.px(15)))
        painter.setPen(self.theme.colour("lost"))
        box = QRectF(self.inner_box().left(), self.px(HEADER_PX), self.inner_box().width(), self.field().height())
        painter.drawText(box, Qt.TextFlag.TextWordWrap, "\n\n".join(self.snapshot.refused if self.snapshot else ()))

    # Peaks of the first bank

    def fit(self) -> tuple[float, float] | None:
        """Latency of the fitted line at the first and at the last layer that has a peak, in seconds."""
        peaks = _with_latency(self._peaks)
        if self.snapshot is None or self.snapshot.temporal is None or len(peaks) < 3:
            return None
        return _line_ends(peaks, self.snapshot.temporal, self._peaks[-1].depth - self._peaks[0].depth)

    def _fit_line(self, painter: QPainter) -> None:
        """Draw the line through the middle of the peaks, with the slope that the engine found over all layers."""
        ends = self.fit()
        if not ends:
            return
        peaks, axis, centres = _with_latency(self._peaks), self.axis(), self._centres()
        points = [QPointF(axis.to_pixel(x), centres[p.layer]) for x, p in zip(ends, (peaks[0], peaks[-1]), strict=True)]
        painter.setPen(QPen(self.theme.mixed("accent", 0.45), self.px(5), cap=Qt.PenCapStyle.RoundCap))
        painter.drawLine(*points)

    def _trails(self, painter: QPainter) -> None:
        """Draw where each dot was in the last half minute."""
        axis, field, centres = self.axis(), self.field(), self._centres()
        for layer, latencies in self.easing.trail_positions().items():
            if layer not in centres or len(latencies) < 2:
                continue
            pixels = axis.to_pixels(np.fromiter(latencies, float))
            xs = {round(x) for x in pixels if field.left() <= x <= field.right()}
            painter.setPen(QPen(self._colour(layer, 0.15), self.px(6), cap=Qt.PenCapStyle.RoundCap))
            painter.drawPoints(QPolygonF([QPointF(x, centres[layer]) for x in xs]))

    def _interval(self, painter: QPainter, peak: Peak) -> None:
        if peak.ci_s is None or peak.layer not in self.layers:
            return
        y, axis, field = self.rows().centre(self.layers.index(peak.layer)), self.axis(), self.field()
        left, right = max(axis.to_pixel(peak.ci_s[0]), field.left()), min(axis.to_pixel(peak.ci_s[1]), field.right())
        self.horizontal_line(painter, y, left, right, self.theme.depth(peak.depth, 0.6), self.px(2))

    def _dot(self, painter: QPainter, centre: QPointF, peak: Peak) -> None:
        radius = self.dot_radius() * (1.5 if peak.layer == self.layer else 1.0)
        painter.setPen(Qt.PenStyle.NoPen)
        for colour, r in ((self.theme.colour("panel"), radius + self.px(1)), (self.theme.depth(peak.depth), radius)):
            painter.setBrush(colour)
            painter.drawEllipse(centre, r, r)

    def dot_radius(self) -> float:
        """Smaller where rows are close, so that dots do not merge."""
        return min(self.px(4), max(0.6 * self.rows().height, self.px(2)))

    def _ring(self, painter: QPainter, centre: QPointF, peak: Peak) -> None:
        """Mark a layer without a peak, which has no position on the axis, at the left edge."""
        painter.setPen(QPen(self.theme.depth(peak.depth, 0.7), self.px(1.4)))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawEllipse(centre, 0.85 * self.dot_radius(), 0.85 * self.dot_radius())

    def _colour(self, layer: int, alpha: float) -> QColor:
        return self.theme.depth(next((peak.depth for peak in self._peaks if peak.layer == layer), 0.5), alpha)

    # Peaks of the second bank

    def _second_peaks(self, painter: QPainter, snapshot: Snapshot) -> None:
        """Draw the second bank's peaks as rings, each joined to the first bank's peak of its layer."""
        rows, axis = self.rows(), self.axis()
        first = {peak.layer: peak.peak_s for peak in self._peaks if peak.peak_s is not None}
        for peak in self._shared_peaks(snapshot):
            assert peak.peak_s is not None
            x, y = axis.to_pixel(peak.peak_s), rows.centre(rows.layers.index(peak.layer))
            if peak.layer in first:
                painter.setPen(QPen(self.theme.colour("muted", 0.5), self.px(1)))
                painter.drawLine(QLineF(axis.to_pixel(first[peak.layer]), y, x, y))
            painter.setPen(QPen(self.theme.depth(peak.depth), self.px(1.6)))
            painter.setBrush(self.theme.colour("panel"))
            painter.drawEllipse(QPointF(x, y), self.dot_radius(), self.dot_radius())

    def _second_fit_line(self, painter: QPainter, snapshot: Snapshot) -> None:
        """Draw the line through the middle of the second bank's peaks, with the slope that its engine found."""
        peaks = self._shared_peaks(snapshot)
        if snapshot.temporal is None or len(peaks) < 3:
            return
        ends = _line_ends(peaks, snapshot.temporal, peaks[-1].depth - peaks[0].depth)
        axis, centres = self.axis(), self._centres()
        points = [QPointF(axis.to_pixel(x), centres[p.layer]) for x, p in zip(ends, (peaks[0], peaks[-1]), strict=True)]
        painter.setPen(QPen(self.theme.colour("text", 0.55), self.px(1.4), Qt.PenStyle.DashLine))
        painter.drawLine(*points)

    def _shared_peaks(self, snapshot: Snapshot) -> list[Peak]:
        """The second bank's peaks, of the layers that the first bank has too."""
        return [peak for peak in _with_latency(snapshot.peaks) if peak.layer in self.layers]

    def _differences(self, painter: QPainter, snapshot: Snapshot) -> None:
        """Write a column of differences at the right, in the rows that have a label."""
        later = peak_differences_ms(self._peaks, snapshot.peaks)
        rows, field = self.rows(), self.field()
        left, width = field.right() + self.px(4), self.px(DIFFERENCES_PX - 10)
        for row in rows.labelled(self.px(11) * 1.25):
            if (difference := later.get(rows.layers[row])) is not None:
                box = QRectF(left, rows.centre(row) - self.px(10), width, self.px(20))
                self.write(painter, box, signed_ms(difference / 1000), "muted", 11, align="right")
        label = QRectF(left - self.px(20), field.bottom() + self.px(19), width + self.px(20), self.px(17))
        self.write(painter, label, "A − B, ms", "muted", 11, align="right")

    def _bank_mark(self, painter: QPainter, centre: QPointF, filled: bool) -> None:
        painter.setPen(QPen(self.theme.colour("text"), self.px(1.6)))
        painter.setBrush(self.theme.colour("text" if filled else "panel"))
        painter.drawEllipse(centre, self.px(4.5), self.px(4.5))

    def _describe_second(self, second: SecondBank, layer: int) -> str:
        """The second bank's line of a tooltip."""
        peak = next((peak for peak in second.snapshot.peaks if peak.layer == layer), None)
        if peak is None or peak.peak_s is None:
            return f"\nB: {'no peak' if peak else 'not in this bank'}"
        later = peak_differences_ms(self._peaks, second.snapshot.peaks).get(layer)
        difference = "" if later is None else f"   A − B {signed_ms(later / 1000)} ms"
        return f"\nB: peak at {signed_ms(peak.peak_s)} ms{difference}"

    # Axis and animation

    def _fit_range(self, snapshot: Snapshot) -> None:
        """Fit the axis to the peaks, only when one is outside or most of it is empty, so that it seldom moves."""
        ends = [end for peak in snapshot.peaks for end in (*(peak.ci_s or ()), peak.peak_s) if end is not None]
        if self.second is not None:
            ends += [peak.peak_s for peak in self.second.snapshot.peaks if peak.peak_s is not None]
        if not ends:
            return
        low, high = min(ends), max(ends)
        width = self.range[1] - self.range[0]
        if self.range[0] <= low and high <= self.range[1] and (high - low > 0.45 * width or width <= NARROWEST_S):
            return
        spare = max(0.15 * (high - low), (NARROWEST_S - (high - low)) / 2)
        self.range = float(np.floor((low - spare) / 0.05) * 0.05), float(np.ceil((high + spare) / 0.05) * 0.05)

    def _step(self) -> None:
        if self.easing.finished:
            self._timer.stop()
        self.update()


def describe_peak(peak: Peak) -> str:
    """A layer's peak as a sentence, or the reason why it has none."""
    if peak.peak_s is None:
        reason = NO_PEAK.get(peak.status, peak.status)
        return f"layer {peak.layer}: {reason}; best r {peak.peak_r:.3f}, null {peak.null_r:.3f}"
    interval = f" [{signed_ms(peak.ci_s[0])}, {signed_ms(peak.ci_s[1])}]" if peak.ci_s else ""
    latency = f"peak at {signed_ms(peak.peak_s)} ms{interval}"
    return f"layer {peak.layer}: {latency}, r {peak.peak_r:.3f}, null {peak.null_r:.3f}"


def _with_latency(peaks: Sequence[Peak]) -> list[Peak]:
    return [peak for peak in peaks if peak.peak_s is not None]


def _line_ends(peaks: Sequence[Peak], score: TemporalScore, depth_range: float) -> tuple[float, float]:
    """Latency at the first and the last of these peaks, of the line through their middle with the score's slope."""
    depth, latency = np.array([p.depth for p in peaks]), np.array([p.peak_s for p in peaks], float)
    slope = score.slope_ms / 1000 / (depth_range or 1.0)
    first, last = latency.mean() + slope * (depth[[0, -1]] - depth.mean())
    return float(first), float(last)


def _interval_text(ends: tuple[float, float] | None, template: str) -> str:
    """Both ends of an interval, with minus signs; nothing where there is no interval."""
    return _minus(template.format(*ends)) if ends else ""


def _minus(text: str) -> str:
    return text.replace("-", "−")


def _p(p: float) -> str:
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}" if p < 0.1 else f"p = {p:.2f}"


def _same(a: Snapshot, b: Snapshot) -> bool:
    if not b.peaks and empty_state.peaks(a) != empty_state.peaks(b):
        return False
    return (a.peaks, a.temporal, a.reason, a.layers, a.n_assessed, a.refused) == (
        b.peaks, b.temporal, b.reason, b.layers, b.n_assessed, b.refused,
    )  # fmt: skip
