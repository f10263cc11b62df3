"""HeadPanel: the field pattern of one layer at one lag, from above: a magnitude, which has no sign."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np
from qtpy.QtCore import QPointF, QRectF, QSize, Qt
from qtpy.QtGui import QImage, QPainter, QPainterPath, QPen, QPolygonF
from qtpy.QtWidgets import QWidget

from rtalign.core.head.shape import flatten_positions
from rtalign.core.records import DISPLAY_UNITS, Sensor
from rtalign.core.text.time_format import signed_ms
from rtalign.core.text.translation import tr
from rtalign.engine.snapshot import Snapshot
from rtalign.scoring.peaks import Peak
from rtalign_monitor.panels import empty_state
from rtalign_monitor.panels.panel import PanelSpec
from rtalign_monitor.panels.plot import PlotPanel, Range, rounded
from rtalign_monitor.widgets import theme as themes

PREFERRED = ("mag", "axial", "planar", "eeg")
N_GRID = 64
MARGIN = 1.22
"""Half of the height of the whole plot, times the radius of the picture: room for nose and ears."""
WIDE = 1.35
"""Width of a panel, times its height, from which its texts stand beside the head."""
TEXT_SHARE = 0.5
"""Of the width, then for the texts."""
EDGE = 1.12
"""Radius of the picture, times the distance of the outermost sensor."""


def choose_kind(sensors: Sequence[Sensor]) -> tuple[str, np.ndarray]:
    """The kind of sensor to show, and the indices of its sensors: two kinds never share one picture."""
    kinds = {sensor.kind for sensor in sensors}
    kind = next((kind for kind in PREFERRED if kind in kinds), "axial")
    return kind, np.array([i for i, sensor in enumerate(sensors) if sensor.kind == kind], np.intp)


def group_pairs(flat: np.ndarray, kind: str) -> list[np.ndarray]:
    """Indices of the sensors at each position: pairs of planar gradiometers, single sensors of other kinds."""
    if kind != "planar":
        return [np.array([i]) for i in range(len(flat))]
    positions: dict[tuple[float, float], list[int]] = {}
    for i, (x, y) in enumerate(np.round(flat, 2)):
        positions.setdefault((float(x), float(y)), []).append(i)
    return [np.array(members) for members in positions.values()]


def interpolation_weights(flat: np.ndarray, n: int = N_GRID) -> tuple[np.ndarray, np.ndarray]:
    """(cell, sensor) weights of a thin-plate spline, and the (n, n) mask of cells within the disc; top row first."""
    at = np.linspace(-EDGE, EDGE, n)
    x, y = np.meshgrid(at, -at)
    cells = np.stack([x.ravel(), y.ravel()], axis=-1)
    m = len(flat)
    system = np.zeros((m + 3, m + 3))
    system[:m, :m] = _thin_plate(flat, flat) + 1e-3 * np.eye(m)
    system[:m, m], system[m, :m] = 1, 1
    system[:m, m + 1 :], system[m + 1 :, :m] = flat, flat.T
    solved = np.linalg.pinv(system)[:, :m]
    weights = np.column_stack([_thin_plate(cells, flat), np.ones(len(cells)), cells]) @ solved
    return weights, np.hypot(x, y) <= EDGE + 3 / n


def _thin_plate(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(point of a, point of b): the spline's kernel."""
    square = ((a[:, None] - b[None]) ** 2).sum(axis=-1)
    return np.where(square > 0, 0.5 * square * np.log(np.maximum(square, 1e-12)), 0.0)


class HeadPanel(PlotPanel):
    """The layer and lag that are pointed at; else the layer with the strongest peak, at its peak.

    Attributes
    ----------
    kind : str
        Kind of the sensors that are shown.
    """

    spec = PanelSpec("head", tr("Head"), "Ctrl+5", place="lower", columns=3, in_turns=True, in_demo=False)
    title = tr("Pattern")
    description = tr("How strongly the field varies with what is decoded of a layer at a lag, from above, nose up")
    minimum_size = QSize(150, 120)
    left_axis_px = bottom_axis_px = 0.0

    def __init__(self, parent: QWidget | None = None) -> None:
        self.kind = ""
        self._patterns: np.ndarray | None = None
        self._lags = np.zeros(0)
        self._groups: list[np.ndarray] = []
        self._flat = np.zeros((0, 2))
        self._weights, self._mask = np.zeros((0, 0)), np.zeros((0, 0), bool)
        self._shown: tuple[int, float] | None = None
        self._note = ""
        self._colours: tuple[str, np.ndarray] | None = None
        self._positions: tuple[tuple[float, float, float], QPolygonF] | None = None
        super().__init__(parent)
        self.right_spare_px = 0.0

    @property
    def is_wide(self) -> bool:
        """Whether the head has more room beside its texts than below them."""
        return self.width() > WIDE * self.height()

    def field(self) -> QRectF:
        box = self.inner_box()
        if self.is_wide:
            return rounded(box.adjusted(TEXT_SHARE * box.width(), 0, 0, 0))
        return rounded(box.adjusted(0, self.px(46), 0, -self.px(20)))

    def home(self) -> tuple[Range, Range]:
        """The head and a margin for its nose, as wide as it is high."""
        field, half = self.field(), MARGIN * EDGE
        across = half * max(field.width() / field.height(), 1.0)
        height = half * max(field.height() / field.width(), 1.0)
        return (-across, across), (-height, height)

    def has_plot(self) -> bool:
        return self._values() is not None

    def tick_values(self, side: str, low: float, high: float, size: float) -> list[float]:  # noqa: ARG002
        return []

    def set_bank(self, sensors: Sequence[Sensor], patterns: np.ndarray | None, lags: np.ndarray) -> None:
        """Take the patterns of a bank.

        Parameters
        ----------
        sensors : sequence of Sensor
            The bank's sensors.
        patterns : array (layer, lag, sensor) or None
            Layers as in the snapshots; None where the bank has no patterns.
        lags : array (lag,)
            In seconds; empty where there is no bank.
        """
        self._patterns = patterns if len(sensors) >= 4 else None
        self._lags = np.asarray(lags, float)
        if self._patterns is not None:
            self.kind, members = choose_kind(sensors)
            flat = flatten_positions(np.array([sensors[i].position for i in members], float))
            groups = group_pairs(flat, self.kind)
            self._flat = np.array([flat[group].mean(axis=0) for group in groups])
            self._groups = [members[group] for group in groups]
            self._weights, self._mask = interpolation_weights(self._flat)
            self._positions = None
        self.invalidate()

    def draw(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self._choose()

    def point_layer(self, layer: int | None) -> None:
        super().point_layer(layer)
        self._choose()

    def point_lag(self, lag_s: float | None) -> None:
        self.lag = lag_s
        self._choose()

    def _choose(self) -> None:
        """Show another pattern, where another one is to be shown."""
        shown = self.layer_and_lag()
        note = str(empty_state.peaks(self.snapshot)) if shown is None else str(self.layer)
        if (shown, note) != (self._shown, self._note):
            self._shown, self._note = shown, note
            self.invalidate()

    def layer_and_lag(self) -> tuple[int, float] | None:
        """What to show; None where nothing is pointed at and there is no peak."""
        layer, lag = self._layer(), self.lag
        if lag is None:
            lag = next((peak.peak_s for peak in self._peaks() if peak.layer == layer), None)
        return None if layer is None or lag is None else (layer, round(lag, 3))

    def _layer(self) -> int | None:
        """The layer that is pointed at, else that of the strongest peak."""
        strongest = max(self._peaks(), key=lambda peak: peak.peak_r, default=None)
        return self.layer if self.layer is not None or strongest is None else strongest.layer

    def _peaks(self) -> list[Peak]:
        return [peak for peak in (self.snapshot.peaks if self.snapshot else ()) if peak.peak_s is not None]

    def background_key(self) -> Hashable:
        return self.zoom_note()

    def paint_background(self, painter: QPainter) -> None:
        self.write_title(painter, self.zoom_note())

    def paint_content(self, painter: QPainter) -> None:
        box, values = self.inner_box().adjusted(0, self.px(24), 0, 0), self._values()
        if values is None or self._shown is None:
            self.write_placeholder(painter, QRectF(self.rect()), *self._waiting_for())
            return
        if self.is_wide:
            box.setWidth(TEXT_SHARE * box.width() - self.px(8))
        lines = self._place(*self._shown) if self.is_wide else [self._place_in_line(box.width())]
        for i, line in enumerate(lines):
            note = QRectF(box.left(), box.top() + self.px(17 * i - 4), box.width(), self.px(17))
            self.write(painter, note, line, "muted", 12)
        self._colour_bar(painter, box, colour_limit([values]))

    def paint_plot(self, painter: QPainter) -> None:
        values = self._values()
        if values is None:
            return
        axis, up = self.axis(), self.up()
        left, top = axis.to_pixel(-EDGE), up.to_pixel(EDGE)
        disc = QRectF(left, top, axis.to_pixel(EDGE) - left, up.to_pixel(-EDGE) - top)
        self._field(painter, disc, values / colour_limit([values]))
        self._outline(painter, disc)

    def _waiting_for(self) -> tuple[str, str]:
        """(text, hint) in place of a pattern."""
        if self._patterns is None:
            return tr("this bank has no patterns") if len(self._lags) else tr("no bank yet"), ""
        text, hint = empty_state.peaks(self.snapshot)
        if self.snapshot is None or self.snapshot.phase == "loading":
            return tr("the field of a layer at its peak"), tr("comes with the first peaks")
        return text, hint if self.snapshot.r is None else tr("or point at the map")

    def _values(self, lag_s: float | None = None) -> np.ndarray | None:
        """(position,): the pattern, never negative; of a pair of planar gradiometers the length of the gradient.

        lag_s : another lag than the one that is shown.
        """
        snapshot = self.snapshot
        if self._patterns is None or self._shown is None or snapshot is None or self._shown[0] not in snapshot.layers:
            return None
        row, col = snapshot.layers.index(self._shown[0]), self._column(self._shown[1] if lag_s is None else lag_s)
        if row >= len(self._patterns) or col >= self._patterns.shape[1]:
            return None
        pattern = np.abs(np.asarray(self._patterns[row, col], float))
        return np.array([np.sqrt(np.sum(pattern[group] ** 2)) for group in self._groups])

    def _column(self, lag_s: float) -> int:
        """The lag of the bank that is nearest."""
        return int(np.argmin(np.abs(self._lags - lag_s)))

    def _place(self, layer: int, lag_s: float) -> list[str]:
        """Layer and lag that are drawn, and beside it the peak that it stands for, as the ladder gives it; in parts."""
        drawn, peak = signed_ms(float(self._lags[self._column(lag_s)])), signed_ms(lag_s)
        parts = [tr("layer {layer}", layer=layer)] if self.layer is not None else [
            tr("strongest:"), tr("layer {layer}", layer=layer)]  # fmt: skip
        if self.lag is not None or drawn == peak:
            return [*parts, tr("at {lag} ms", lag=drawn)]
        return [*parts, tr("peak {peak} ms", peak=peak), tr("drawn {drawn}", drawn=drawn)]

    def _place_in_line(self, width: float) -> str:
        """The same in one line, or as much of it as there is room for."""
        assert self._shown is not None
        parts = self._place(*self._shown)
        while len(parts) > 2 and self.text_width(" ".join(parts), 12) > width:
            parts = parts[1:] if self.layer is None and parts[0] == tr("strongest:") else parts[:-1]
        return " ".join(parts)

    def _field(self, painter: QPainter, disc: QRectF, values: np.ndarray, with_sensors: bool = True) -> None:
        share = np.clip((self._weights @ values) * 255 + 0.5, 0, 255).astype(np.uint8).reshape(self._mask.shape)
        # Outside of the disc in the panel's colour, as a picture in SVG is not clipped.
        colours = np.where(self._mask, self._palette()[share], np.uint32(self.theme.colour("panel").rgb()))
        n = len(colours)
        image = QImage(colours.data, n, n, 4 * n, QImage.Format.Format_RGB32)  # type: ignore[call-overload]
        outline = QPainterPath()
        outline.addEllipse(disc)
        painter.save()
        painter.setClipPath(outline)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.drawImage(disc, image)
        if with_sensors:
            painter.setPen(
                QPen(self.theme.colour("text", 0.35), self.px(1.6), Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap)
            )
            painter.drawPoints(self._dots(disc))
        painter.restore()

    def _palette(self) -> np.ndarray:
        if self._colours is None or self._colours[0] != self.theme.name:
            self._colours = self.theme.name, themes.as_argb(themes.rising(self.theme.colour("window")))
        return self._colours[1]

    def _dots(self, disc: QRectF) -> QPolygonF:
        """The positions of the sensors, in pixels."""
        key = disc.left(), disc.top(), disc.width()
        if self._positions is None or self._positions[0] != key:
            centre, radius = disc.center(), disc.width() / 2 / EDGE
            points = [QPointF(centre.x() + x * radius, centre.y() - y * radius) for x, y in self._flat]
            self._positions = key, QPolygonF(points)
        return self._positions[1]

    def _outline(self, painter: QPainter, disc: QRectF) -> None:
        """Draw head, nose and ears."""
        painter.setPen(QPen(self.theme.colour("muted"), self.px(1.5)))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawEllipse(disc)
        x, top, d = disc.center().x(), disc.top(), disc.width()
        painter.drawPolyline(QPolygonF([QPointF(x - 0.07 * d, top + 0.01 * d), QPointF(x, top - 0.06 * d),
                                        QPointF(x + 0.07 * d, top + 0.01 * d)]))  # fmt: skip
        for edge, start in ((disc.left(), 90), (disc.right(), 270)):
            ear = QRectF(edge - 0.035 * d, disc.center().y() - 0.1 * d, 0.07 * d, 0.2 * d)
            painter.drawArc(ear, 16 * start, 16 * 180)

    def _colour_bar(self, painter: QPainter, box: QRectF, limit: float) -> None:
        number = f"{limit:,.0f}" if limit >= 10 else f"{limit:.2g}"
        low, high, gap = "0", f"{number} {DISPLAY_UNITS.get(self.kind, '')}", self.px(6)
        left, right = (self.text_width(text, 11) + gap for text in (low, high))
        width = max(min(self.px(70), box.width() - left - right), 0.0)
        start = box.center().x() - (left + width + right) / 2 if not self.is_wide else box.left()
        bar = QRectF(start + left, box.bottom() - self.px(9), width, self.px(6))
        row = np.ascontiguousarray(self._palette()[None])
        n = row.shape[1]
        painter.drawImage(bar, QImage(row.data, n, 1, 4 * n, QImage.Format.Format_RGB32))  # type: ignore[call-overload]
        line = QRectF(start, bar.center().y() - self.px(8), left, self.px(16))
        self.write(painter, line, low, "muted", 11)
        self.write(painter, QRectF(bar.right() + gap, line.top(), right, line.height()), high, "muted", 11)


def colour_limit(patterns: Sequence[np.ndarray]) -> float:
    """The value of the last colour: the largest of all patterns, and enough above the median that noise never glows."""
    return max(max(float(values.max()) for values in patterns), 2 * float(np.median(patterns))) or 1.0
