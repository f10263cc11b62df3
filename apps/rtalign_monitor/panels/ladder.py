"""LadderPanel: the peak latency of every layer as it builds up word by word, also of a second bank beside the first."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import replace

import numpy as np
from qtpy.QtCore import QLineF, QPointF, QRectF, QSize, Qt, QTimer
from qtpy.QtGui import QColor, QPainter, QPen, QPolygonF
from qtpy.QtWidgets import QWidget

from rtalign.core.session import MIN_CURVE_WORDS
from rtalign.core.text.time_format import signed_ms
from rtalign.core.text.translation import tr
from rtalign.engine.snapshot import Snapshot
from rtalign.scoring.findings import TWIN
from rtalign.scoring.headline import (
    NO_WORD,
    Headline,
    correlation_text,
    fit_ends,
    headline,
    p_text,
    slope_text,
    waiting_for,
)
from rtalign.scoring.latency import RULES
from rtalign.scoring.peaks import Peak
from rtalign_monitor.engines.two_banks import Difference, SecondBank, peak_differences, shared_correlations
from rtalign_monitor.panels import empty_state
from rtalign_monitor.panels.axes import Axis, Easing, word_count
from rtalign_monitor.panels.panel import PanelSpec
from rtalign_monitor.panels.plot import HEADER_PX, LayeredPanel, Range
from rtalign_monitor.panels.rivals import long_note, short_note
from rtalign_monitor.panels.tables import ShownTable, ladder_table
from rtalign_monitor.widgets import theme as themes

QUESTION = tr("Do deeper layers answer later?")
"""In place of the headline, before there are words enough to say whether they do."""
NARROWEST_S = 0.2
DIFFERENCES_PX, DIFFERENCES_LEFT_PX, DIFFERENCES_RIGHT_PX = 152.0, 40.0, 20.0
"""Width of the strip of differences between two banks; of it, room left and right for half of a tick's text."""
FAINT_FROM = 20
"""Words from which layers without a peak are drawn at all, as faint rings where their R is highest."""
NO_PEAK = {
    "below null": tr("no peak: not above chance"),
    "edge": tr("no peak: it lies at the edge of the lags"),
    "multimodal": tr("no peak: the curve has two"),
    "flat": tr("no peak: it does not stand out from far lags"),
}
LEGEND = tr("dot: peak   bar: 95 %   faint ring: no peak   band: fit")
FAINTEST, FAINT = 0.35, 0.75
"""Opacity of such a ring: with its first words, and with words enough for peaks."""
FAINT_LEGEND = tr("faint ring: highest R so far, may be chance")
COMPARED_LEGEND = tr("dot: A   diamond: B   faint ring: no peak")
DIAMOND = ((0, -1), (1, 0), (0, 1), (-1, 0))
HEADLINE_SIZES = (20, 18, 17, 16, 15, 14, 13)


class LadderPanel(LayeredPanel):
    """A dot per layer at its peak latency, with its interval.

    Dots move smoothly; where they were in the last half minute stays faintly visible.  A layer without a peak is a
    faint ring where its R is highest.  A second bank's peaks are diamonds, joined to the first bank's, with a thin
    fitted line and a strip of differences with their intervals.

    Attributes
    ----------
    second : SecondBank or None
        What the first bank is compared with.
    range : tuple of float
        Ends of the axis of latencies, in seconds.
    easing : Easing
        The dots' positions.
    faint : dict of int to float
        Where R is highest, in seconds, by layer, of layers without a peak.
    """

    spec = PanelSpec("ladder", tr("Ladder"), "Ctrl+1", place="upper", columns=5, in_turns=True, in_demo=True)
    title = tr("Peak latency by layer")
    description = tr("Peak latency of each layer, ms after the word's onset, with its 95 % interval")
    minimum_size = QSize(320, 216)
    bottom_label = tr("peak latency, ms after word onset")

    def __init__(self, parent: QWidget | None = None) -> None:
        self.second: SecondBank | None = None
        self.range: Range = (-0.1, 0.6)
        self.easing = Easing()
        self.faint: dict[int, float] = {}
        super().__init__(parent)
        self._timer = QTimer(self)
        self._timer.setInterval(16)
        self._timer.timeout.connect(self._step)

    def draw(self, snapshot: Snapshot) -> None:
        before, self.snapshot = self.snapshot, snapshot
        faint, self.faint = self.faint, faint_peaks(snapshot)
        if before is not None and faint == self.faint and _same(before, snapshot):
            return
        self.layers = snapshot.layers or tuple(peak.layer for peak in snapshot.peaks)
        self._fit_range(snapshot)
        self.setAccessibleDescription(self.summary())
        if self.easing.move_to({peak.layer: peak.peak_s for peak in snapshot.peaks if peak.peak_s is not None}):
            self._timer.start()
        self.invalidate()

    def headline(self) -> Headline:
        """What may be said of depth and latency."""
        snapshot = self.snapshot
        if snapshot is None or snapshot.phase == "loading":
            return Headline(QUESTION, NO_WORD, False)
        if snapshot.refused:
            return Headline(tr("The bank does not fit this stream"), tr("nothing is decoded until it does"), False)
        if snapshot.control and snapshot.r is None and snapshot.reason:
            return Headline(QUESTION, snapshot.reason, False)
        reason = waiting_for(snapshot.n_words, snapshot.n_assessed, snapshot.reason)
        over = snapshot.phase in ("ended", "failed")
        if reason and not over and snapshot.n_words < MIN_CURVE_WORDS:
            return Headline(QUESTION, reason, False)
        found = headline(snapshot.temporal, snapshot.peaks, snapshot.lags_s, reason, over)
        if snapshot.control != TWIN:
            return found
        return replace(found, claim=tr("Static twin: {claim}", claim=found.claim[0].lower() + found.claim[1:]))

    def summary(self) -> str:
        """The headline as a sentence, for screen readers."""
        snapshot, sentence = self.snapshot, self.headline().sentence
        if note := self.control_note():
            sentence = f"{note}. {sentence}"
        if snapshot is None or not snapshot.peaks:
            return sentence
        n = sum(peak.peak_s is not None for peak in snapshot.peaks)
        parts = [slope_text(snapshot.temporal)] if snapshot.temporal else []
        parts += [
            tr("{n} of {n_layers} layers have a peak", n=n, n_layers=len(snapshot.peaks)),
            word_count(snapshot.n_assessed),
        ]
        text = f"{sentence} {', '.join(parts)}"
        return f"{text}. {long_note(snapshot)}" if n else text

    def set_second_bank(self, second: SecondBank | None) -> None:
        before, self.second = self.second, second
        if before and second and before.names == second.names and _same(before.snapshot, second.snapshot):
            return
        self.right_margin = DIFFERENCES_PX if second else type(self).right_margin
        if self.snapshot is not None:
            self._fit_range(self.snapshot)
        self.invalidate()

    def lag_range(self) -> Range:
        return self.range

    def has_plot(self) -> bool:
        return not self._refused

    def table(self) -> ShownTable | None:
        return ladder_table(self.snapshot) if self.snapshot is not None and self._peaks else None

    def background_key(self) -> Hashable:
        return self._refused, self._legend(), self.control_note(), self.zoom_note()

    def paint_background(self, painter: QPainter) -> None:
        self.write_title(painter, self.zoom_note() or self.control_note() or self._legend())

    def paint_content(self, painter: QPainter) -> None:
        self._headline(painter)
        if self._refused:
            self._refusal(painter)
        elif self.second is not None:
            self._differences(painter, self.second.snapshot)

    def paint_plot(self, painter: QPainter) -> None:
        axis, field = self.axis(), self.field()
        for tick in self.tick_values("bottom", axis.low, axis.high, field.width()):
            role = "muted" if tick == 0 else "edge"
            self.vertical_line(painter, axis.to_pixel(tick), field.top(), field.bottom(), self.theme.colour(role))
        if self.snapshot is None or (not self.faint and not any(p.peak_s is not None for p in self._peaks)):
            self.write_placeholder(painter, field, *empty_state.peaks(self.snapshot))
        self._fit_line(painter)
        self._trails(painter)
        self._faint_rings(painter)
        for peak in self._peaks:
            self._interval(painter, peak)
        if self.second is not None:
            self._second_fit_line(painter, self.second.snapshot)
            self._second_peaks(painter, self.second.snapshot)

    def paint_marks(self, painter: QPainter) -> None:
        if self.snapshot is None or not self.layers:
            return
        self.highlight_row(painter)
        painter.setClipRect(self.field())
        axis, positions, centres = self.axis(), self.easing.positions(), self._centres()
        dots = {layer: QPointF(axis.to_pixel(x), centres[layer]) for layer, x in positions.items() if layer in centres}
        self.thin_line(painter, QPolygonF([dots[layer] for layer in sorted(dots)]), self.theme.mixed("muted", 0.4))
        for peak in self._peaks:
            if peak.layer in dots:
                self._dot(painter, dots[peak.layer], peak)
        if self.lag is not None:
            x, field = axis.to_pixel(self.lag), self.field()
            painter.setPen(QPen(self.theme.colour("accent", 0.6), 1, Qt.PenStyle.DotLine))
            painter.drawLine(QLineF(x, field.top(), x, field.bottom()))

    def point_at(self, position: QPointF) -> None:
        super().point_at(position)
        peak = next((peak for peak in self._peaks if peak.layer == self.layer), None)
        more = self._describe_second(self.second, peak.layer) if peak and self.second else ""
        self.setToolTip(describe_peak(peak) + more if peak else self._without_layer())

    def _without_layer(self) -> str:
        """The tooltip where no layer is pointed at: what else the ladder could be."""
        found = any(peak.peak_s is not None for peak in self._peaks)
        return long_note(self.snapshot) if found and self.snapshot else self.description

    @property
    def _refused(self) -> bool:
        return bool(self.snapshot and self.snapshot.refused)

    def _legend(self) -> str:
        """What the marks mean that are there."""
        if self._peaks:
            return LEGEND if self.second is None else self._compared_legend(self.second)
        return FAINT_LEGEND if self.faint else ""

    def _compared_legend(self, second: SecondBank) -> str:
        n, *_ = shared_correlations(self._peaks, second.snapshot.peaks)
        return tr("r: over {n} shared layers   {legend}", n=n, legend=COMPARED_LEGEND)

    @property
    def _peaks(self) -> tuple[Peak, ...]:
        return self.snapshot.peaks if self.snapshot else ()

    def _centres(self) -> dict[int, float]:
        """The y of each layer's row."""
        rows = self.rows()
        return {layer: rows.centre(row) for row, layer in enumerate(self.layers)}

    # Headline

    def _headline(self, painter: QPainter) -> None:
        """Write what may be said of depth and latency, and the evidence for it or what is missing."""
        box = self.inner_box()
        if self.second is not None and not self._refused:
            self._two_headlines(painter, self.second)
            return
        found, snapshot = self.headline(), self.snapshot
        upper = QRectF(box.left(), box.top() + self.px(20), box.width(), self.px(26))
        lower = QRectF(box.left(), box.top() + self.px(46), box.width(), self.px(17))
        fitting = [s for s in HEADLINE_SIZES if self.text_width(found.claim, s, True) <= upper.width()]
        claim, _, ends = (found.claim, "", "") if fitting else found.claim.partition(": ")
        size = fitting[0] if fitting else HEADLINE_SIZES[-1]
        self.write(painter, upper, claim, "text" if found.holds else "muted", size, True)
        score = snapshot.temporal if snapshot else None
        parts = [*([ends] if ends else []), found.detail if snapshot else empty_state.peaks(None)[0]]
        if snapshot and score is not None:
            parts += [] if found.holds else [correlation_text(score)]
            newer = tr(" of {n_words:,}", n_words=snapshot.n_words) if snapshot.n_words > snapshot.n_assessed else ""
            n = tr("n = {n_assessed:,}{newer} words", n_assessed=snapshot.n_assessed, newer=newer)
            note = [short_note(snapshot)] if found.holds and short_note(snapshot) else []
            parts += [*note, n, p_text(score), slope_text(score), tr("{n_layers} layers", n_layers=score.n_layers)]
        elif snapshot and self.faint and not snapshot.peaks and snapshot.phase == "running":
            parts.append(empty_state.first_peaks_note(snapshot))
        self.write_parts(painter, lower, parts, "text" if found.holds else "muted")

    def _two_headlines(self, painter: QPainter, second: SecondBank) -> None:
        """Write r of both banks over the layers that have a peak in both, and below it which bank is which."""
        box = self.inner_box()
        top = box.top() + self.px(22)
        x, half = box.left(), box.width() / 2
        first_peaks, peaks = self._peaks, second.snapshot.peaks
        _, *scores = shared_correlations(first_peaks, peaks)
        snapshots = self.snapshot, second.snapshot
        for name, snapshot, bank, r in zip("AB", snapshots, second.names, scores, strict=True):
            upper = QRectF(x + self.px(18), top, half - self.px(22), self.px(21))
            self._bank_mark(painter, QPointF(x + self.px(6), upper.center().y()), name == "A")
            text = tr("{name} r = –", name=name) if r is None else _minus(tr("{name} r = {r:.2f}", name=name, r=r))
            self.write(painter, upper, text, "muted" if r is None else "text", 19, name == "A")
            lower = QRectF(upper.left(), top + self.px(21), upper.width(), self.px(15))
            short = themes.shortened(bank, self.font_px(12), False, int(lower.width()))
            self.write_parts(painter, lower, [short, word_count(snapshot.n_assessed if snapshot else 0)], "muted")
            x += half

    def _refusal(self, painter: QPainter) -> None:
        """Write every reason in full, in place of the peaks."""
        painter.setFont(themes.font(self.px(15)))
        painter.setPen(self.theme.colour("lost"))
        box = QRectF(self.inner_box().left(), self.px(HEADER_PX), self.inner_box().width(), self.field().height())
        painter.drawText(box, Qt.TextFlag.TextWordWrap, "\n\n".join(self.snapshot.refused if self.snapshot else ()))

    # Peaks of the first bank

    def fit(self) -> tuple[float, float] | None:
        """Latency of the fitted line at the first and at the last layer that has a peak, in seconds."""
        score = self.snapshot.temporal if self.snapshot else None
        return fit_ends(score, self._peaks) if score is not None else None

    def _fit_line(self, painter: QPainter) -> None:
        """Draw the line through the middle of the peaks, with the slope that the engine found over all layers."""
        ends = self.fit()
        if not ends:
            return
        peaks, axis, centres = _with_latency(self._peaks), self.axis(), self._centres()
        points = [QPointF(axis.to_pixel(x), centres[p.layer]) for x, p in zip(ends, (peaks[0], peaks[-1]), strict=True)]
        painter.setPen(
            QPen(self.theme.mixed("accent", 0.45), self.px(5), Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap)
        )
        painter.drawLine(*points)

    def _trails(self, painter: QPainter) -> None:
        """Draw where each dot was in the last half minute."""
        axis, field, centres = self.axis(), self.field(), self._centres()
        for layer, latencies in self.easing.trail_positions().items():
            if layer not in centres or len(latencies) < 2:
                continue
            pixels = axis.to_pixels(np.fromiter(latencies, float))
            xs = {round(x) for x in pixels if field.left() <= x <= field.right()}
            painter.setPen(QPen(self._colour(layer, 0.15), self.px(6), Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
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

    def _faint_rings(self, painter: QPainter) -> None:
        """Draw layers without a peak where their R is highest, faint, those beyond the axis at its end."""
        axis, field, centres = self.axis(), self.field(), self._centres()
        radius, depths, opacity = 0.85 * self.dot_radius(), self._depths(), self._faint_opacity()
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for layer, latency in self.faint.items():
            if layer in centres:
                painter.setPen(QPen(self.theme.depth(depths[layer], opacity), self.px(1.4)))
                x = min(max(axis.to_pixel(latency), field.left() + radius), field.right() - radius)
                painter.drawEllipse(QPointF(x, centres[layer]), radius, radius)

    def _faint_opacity(self) -> float:
        """Rings firm up with the words that they rest on."""
        n = self.snapshot.n_words if self.snapshot else 0
        share = (n - FAINT_FROM) / (MIN_CURVE_WORDS - FAINT_FROM)
        return round(FAINTEST + (FAINT - FAINTEST) * min(max(share, 0.0), 1.0), 2)

    def _depths(self) -> dict[int, float]:
        """Depth by layer; before the first peaks as the rows have it."""
        n = max(len(self.layers) - 1, 1)
        return {layer: row / n for row, layer in enumerate(self.layers)} | {p.layer: p.depth for p in self._peaks}

    def _colour(self, layer: int, alpha: float) -> QColor:
        return self.theme.depth(next((peak.depth for peak in self._peaks if peak.layer == layer), 0.5), alpha)

    # Peaks of the second bank

    def _second_peaks(self, painter: QPainter, snapshot: Snapshot) -> None:
        """Draw the second bank's peaks as diamonds, each joined to the first bank's peak of its layer."""
        rows, axis = self.rows(), self.axis()
        first = {peak.layer: peak.peak_s for peak in self._peaks if peak.peak_s is not None}
        for peak in self._shared_peaks(snapshot):
            assert peak.peak_s is not None
            x, y = axis.to_pixel(peak.peak_s), rows.centre(rows.layers.index(peak.layer))
            if peak.layer in first:
                painter.setPen(QPen(self.theme.colour("muted", 0.5), self.px(1)))
                painter.drawLine(QLineF(axis.to_pixel(first[peak.layer]), y, x, y))
            self._diamond(painter, QPointF(x, y), 1.3 * self.dot_radius(), self.theme.depth(peak.depth))

    def _second_fit_line(self, painter: QPainter, snapshot: Snapshot) -> None:
        """Draw the line through the middle of the second bank's peaks, with the slope that its engine found."""
        peaks = self._shared_peaks(snapshot)
        if snapshot.temporal is None or len(peaks) < 3:
            return
        ends = fit_ends(snapshot.temporal, snapshot.peaks)
        if ends is None:
            return
        axis, centres = self.axis(), self._centres()
        points = [QPointF(axis.to_pixel(x), centres[p.layer]) for x, p in zip(ends, (peaks[0], peaks[-1]), strict=True)]
        painter.setPen(QPen(self.theme.colour("text", 0.55), self.px(1.4), Qt.PenStyle.DashLine))
        painter.drawLine(*points)

    def _shared_peaks(self, snapshot: Snapshot) -> list[Peak]:
        """The second bank's peaks, of the layers that the first bank has too."""
        return [peak for peak in _with_latency(snapshot.peaks) if peak.layer in self.layers]

    def _differences(self, painter: QPainter, snapshot: Snapshot) -> None:
        """Draw the differences of latencies at the right, on an axis of their own; dark: the interval excludes 0."""
        later = peak_differences(self._peaks, snapshot.peaks)
        axis, centres, field = self._difference_axis(later), self._centres(), self.field()
        for tick in (axis.low, 0.0, axis.high):
            x = axis.to_pixel(tick)
            colour = self.theme.colour("edge" if tick else "muted")
            self.vertical_line(painter, x, field.top(), field.bottom(), colour)
            label = QRectF(x - self.px(20), field.bottom() + self.px(5), self.px(40), self.px(15))
            self.write(painter, label, signed_ms(tick / 1000), "muted", 11, align="centre")
        radius = 0.8 * self.dot_radius()
        for layer, difference in later.items():
            colour, y = self.theme.colour("text" if difference.is_sure else "muted"), centres[layer]
            if difference.ci_ms is not None:
                left, right = (axis.to_pixel(min(max(end, axis.low), axis.high)) for end in difference.ci_ms)
                self.horizontal_line(painter, y, left, right, colour, self.px(1.5))
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(colour)
            painter.drawEllipse(QPointF(axis.to_pixel(difference.ms), y), radius, radius)
        label = QRectF(axis.start - self.px(12), field.bottom() + self.px(19), axis.stop - axis.start + self.px(24),
                       self.px(17))  # fmt: skip
        self.write(painter, label, tr("A − B, ms [95 %]"), "muted", 11, align="centre")

    def _difference_axis(self, later: Mapping[int, Difference]) -> Axis:
        """From as far below 0 as above it; intervals that reach further are cut at its ends."""
        middle = max((abs(difference.ms) for difference in later.values()), default=0.0)
        widths = sorted(high - low for d in later.values() if d.ci_ms for low, high in [d.ci_ms])
        usual = widths[len(widths) // 2] if widths else 0.0
        limit = 10 * math.ceil((max(middle, usual / 2) + usual / 2) / 10) or 10.0
        left = self.field().right() + self.px(DIFFERENCES_LEFT_PX)
        return Axis(-limit, limit, left, left + self.px(DIFFERENCES_PX - DIFFERENCES_LEFT_PX - DIFFERENCES_RIGHT_PX))

    def _bank_mark(self, painter: QPainter, centre: QPointF, first: bool) -> None:
        if not first:
            self._diamond(painter, centre, self.px(5.5), self.theme.colour("text"))
            return
        painter.setPen(QPen(self.theme.colour("text"), self.px(1.6)))
        painter.setBrush(self.theme.colour("text"))
        painter.drawEllipse(centre, self.px(4.5), self.px(4.5))

    def _diamond(self, painter: QPainter, centre: QPointF, radius: float, colour: QColor) -> None:
        painter.setPen(QPen(colour, self.px(1.6)))
        painter.setBrush(self.theme.colour("panel"))
        painter.drawPolygon(QPolygonF([centre + QPointF(x * radius, y * radius) for x, y in DIAMOND]))

    def _describe_second(self, second: SecondBank, layer: int) -> str:
        """The second bank's line of a tooltip."""
        peak = next((peak for peak in second.snapshot.peaks if peak.layer == layer), None)
        if peak is None or peak.peak_s is None:
            return tr("\nB: no peak") if peak else tr("\nB: not in this bank")
        difference = peak_differences(self._peaks, second.snapshot.peaks).get(layer)
        return tr("\nB: peak at {peak_s} ms", peak_s=signed_ms(peak.peak_s)) + (
            tr("   A − B {difference}", difference=difference) if difference else ""
        )

    # Axis and animation

    def _fit_range(self, snapshot: Snapshot) -> None:
        """Fit the axis to the peaks, only when one is outside or most of it is empty, so that it seldom moves."""
        ends = [end for peak in snapshot.peaks for end in (*(peak.ci_s or ()), peak.peak_s) if end is not None]
        if self.second is not None:
            ends += [peak.peak_s for peak in self.second.snapshot.peaks if peak.peak_s is not None]
        if not any(peak.peak_s is not None for peak in snapshot.peaks):
            ends += self.faint.values()
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
        self.update_marks()


def faint_peaks(snapshot: Snapshot) -> dict[int, float]:
    """Where R is highest, in seconds, of each layer that has no peak, from `FAINT_FROM` words on."""
    r, lags = snapshot.r, snapshot.lags_s
    if r is None or lags is None or snapshot.n_words < FAINT_FROM or snapshot.refused:
        return {}
    peaked = {peak.layer for peak in snapshot.peaks if peak.peak_s is not None}
    rows = [row for row, layer in enumerate(snapshot.layers) if layer not in peaked and np.isfinite(r[row]).all()]
    found = RULES["centroid"](np.asarray(lags), r[rows]) if rows else ()
    return {snapshot.layers[row]: float(x) for row, x in zip(rows, found, strict=True)}


def describe_peak(peak: Peak) -> str:
    """A layer's peak as a sentence, or the reason why it has none."""
    if peak.peak_s is None:
        reason = NO_PEAK.get(peak.status, peak.status)
        return tr(
            "layer {layer}: {reason}; highest R {peak_r:.3f}, chance reaches {null_r:.3f}",
            layer=peak.layer,
            reason=reason,
            peak_r=peak.peak_r,
            null_r=peak.null_r,
        )
    interval = f" [{signed_ms(peak.ci_s[0])}, {signed_ms(peak.ci_s[1])}]" if peak.ci_s else ""
    latency = tr("peak at {peak_s} ms{interval}", peak_s=signed_ms(peak.peak_s), interval=interval)
    return tr(
        "layer {layer}: {latency}, R {peak_r:.3f}, chance reaches {null_r:.3f}",
        layer=peak.layer,
        latency=latency,
        peak_r=peak.peak_r,
        null_r=peak.null_r,
    )


def _with_latency(peaks: Sequence[Peak]) -> list[Peak]:
    return [peak for peak in peaks if peak.peak_s is not None]


def _minus(text: str) -> str:
    return text.replace("-", "−")


def _same(a: Snapshot, b: Snapshot) -> bool:
    if not b.peaks and empty_state.peaks(a) != empty_state.peaks(b):
        return False
    counted = a.n_words != b.n_words or short_note(a) != short_note(b)
    return not counted and (a.control, a.peaks, a.temporal, a.reason, a.layers, a.n_assessed, a.refused, a.phase) == (
        b.control, b.peaks, b.temporal, b.reason, b.layers, b.n_assessed, b.refused, b.phase,
    )  # fmt: skip
