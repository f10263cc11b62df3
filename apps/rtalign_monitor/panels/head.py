"""HeadView: the pattern of one layer and lag as a map seen from above."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PyQt6.QtCore import QPointF, QRectF, QSize, Qt
from PyQt6.QtGui import QImage, QPainter, QPainterPath, QPen, QPolygonF
from PyQt6.QtWidgets import QWidget

from rtalign.core.records import UNITS, Sensor
from rtalign.engine.snapshot import Snapshot
from rtalign_monitor.panels import empty_state
from rtalign_monitor.panels.axes import ms
from rtalign_monitor.panels.panel import Panel
from rtalign_monitor.widgets import theme as themes

PREFERRED = ("mag", "axial", "planar", "eeg")
N_GRID = 64
EDGE = 1.12
"""How far beyond the outermost sensor, times its distance, the picture goes."""


def chosen(sensors: Sequence[Sensor]) -> tuple[str, np.ndarray]:
    """The kind of sensor to show, and which sensors are of it: two kinds never share one picture."""
    kinds = {sensor.kind for sensor in sensors}
    kind = next((kind for kind in PREFERRED if kind in kinds), "axial")
    return kind, np.array([i for i, sensor in enumerate(sensors) if sensor.kind == kind], np.intp)


def flatten(positions: np.ndarray) -> np.ndarray:
    """(sensor, 3), m, to (sensor, 2) with the nose up: the angle from the top of a fitted sphere is the radius."""
    system = np.column_stack([2 * positions, np.ones(len(positions))])
    centre = np.linalg.lstsq(system, (positions**2).sum(axis=1), rcond=None)[0][:3]
    x, y, z = (positions - centre).T
    across = np.hypot(x, y)
    angle = np.arctan2(across, z)
    flat = np.stack([x, y], axis=-1) * (angle / np.where(across > 0, across, 1.0))[:, None]
    return np.asarray(flat / (np.abs(angle).max() or 1.0))


def grouped(flat: np.ndarray, kind: str) -> list[np.ndarray]:
    """Sensors at one place, as the two planar gradiometers of a pair are; each of other kinds alone."""
    if kind != "planar":
        return [np.array([i]) for i in range(len(flat))]
    places: dict[tuple[float, float], list[int]] = {}
    for i, place in enumerate(np.round(flat, 2)):
        places.setdefault((float(place[0]), float(place[1])), []).append(i)
    return [np.array(members) for members in places.values()]


def spreading(flat: np.ndarray, n: int = N_GRID) -> tuple[np.ndarray, np.ndarray]:
    """(cell, sensor) weights of a thin plate over the sensors, and (n, n) what the disc touches; top row first."""
    at = np.linspace(-EDGE, EDGE, n)
    x, y = np.meshgrid(at, -at)
    cells = np.stack([x.ravel(), y.ravel()], axis=-1)
    m = len(flat)
    system = np.zeros((m + 3, m + 3))
    system[:m, :m] = _plate(flat, flat) + 1e-3 * np.eye(m)
    system[:m, m], system[m, :m] = 1, 1
    system[:m, m + 1 :], system[m + 1 :, :m] = flat, flat.T
    solved = np.linalg.pinv(system)[:, :m]
    weights = np.column_stack([_plate(cells, flat), np.ones(len(cells)), cells]) @ solved
    return weights, np.hypot(x, y) <= EDGE + 3 / n


def _plate(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    square = ((one[:, None] - other[None]) ** 2).sum(axis=-1)
    return np.where(square > 0, 0.5 * square * np.log(np.maximum(square, 1e-12)), 0.0)


class HeadView(Panel):
    """The pointed layer at the pointed lag; with nothing pointed at, the best layer at its peak."""

    title = "Pattern"
    says = "Field pattern of a layer at a lag, from above, nose up; blue is negative, orange positive"
    fewest = QSize(150, 120)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.seen: Snapshot | None = None
        self.lag: float | None = None
        self.kind = ""
        self._patterns: np.ndarray | None = None
        self._lags = np.zeros(0)
        self._groups: list[np.ndarray] = []
        self._flat = np.zeros((0, 2))
        self._weights, self._on = np.zeros((0, 0)), np.zeros((0, 0), bool)
        self._shown: tuple[int, float] | None = None
        self._waits = ""
        self._colours: tuple[str, np.ndarray] | None = None
        self._places: tuple[tuple[float, float, float], QPolygonF] | None = None

    def set_bank(self, sensors: Sequence[Sensor], patterns: np.ndarray | None, lags: np.ndarray) -> None:
        """patterns : (layer, lag, sensor), layers as in the snapshots, None where there are none.  lags : (lag,), s."""
        self._patterns = patterns if len(sensors) >= 4 else None
        self._lags = np.asarray(lags, float)
        if self._patterns is not None:
            self.kind, members = chosen(sensors)
            flat = flatten(np.array([sensors[i].position for i in members], float))
            groups = grouped(flat, self.kind)
            self._flat = np.array([flat[group].mean(axis=0) for group in groups])
            self._groups = [members[group] for group in groups]
            self._weights, self._on = spreading(self._flat)
            self._places = None
        self.renew()

    def draw(self, snapshot: Snapshot) -> None:
        self.seen = snapshot
        self._look()

    def point(self, layer: int | None) -> None:
        super().point(layer)
        self._look()

    def point_lag(self, lag_s: float | None) -> None:
        self.lag = lag_s
        self._look()

    def _look(self) -> None:
        shown = self.aim()
        waits = str(empty_state.peaks(self.seen)) if shown is None else str(self.layer)
        if (shown, waits) != (self._shown, self._waits):
            self._shown, self._waits = shown, waits
            self.renew()

    def aim(self) -> tuple[int, float] | None:
        """Layer and lag to show."""
        rungs = self.seen.peaks if self.seen else ()
        there = [rung for rung in rungs if rung.peak_s is not None]
        layer = self.layer
        if layer is None and there:
            layer = max(there, key=lambda rung: rung.peak_r).layer
        if layer is None:
            return None
        own = next((rung.peak_s for rung in there if rung.layer == layer), None)
        lag = self.lag if self.lag is not None else own
        return None if lag is None else (layer, round(lag, 3))

    def ground(self, painter: QPainter) -> None:
        self.write_title(painter)

    def plate(self, painter: QPainter) -> None:
        box = self.inner().adjusted(0, self.px(24), 0, 0)
        if self._patterns is None:
            what = "this bank holds no patterns" if len(self._lags) else "no bank yet"
            self.await_(painter, QRectF(self.rect()), what)
            return
        values = self._values()
        if values is None or self._shown is None:
            what, when = empty_state.peaks(self.seen)
            if self.seen is None or self.seen.phase == "loading":
                what, when = "the field of a layer at its peak", "comes with the first peaks"
            elif self.seen.r is not None:
                when = "or point at the map"
            self.await_(painter, QRectF(self.rect()), what, when)
            return
        note = QRectF(box.left(), box.top() - self.px(4), box.width(), self.px(17))
        of = "" if self.layer is not None else "strongest: "
        self.write(painter, note, f"{of}layer {self._shown[0]} at {ms(self._shown[1])} ms", "muted", 12)
        limit = float(np.abs(values).max()) or 1.0
        side = max(min(box.width() - self.px(30), box.height() - self.px(48)), 20.0)
        disc = QRectF(box.center().x() - side / 2, box.top() + self.px(24), side, side)
        self._field(painter, disc, values / limit)
        self._head(painter, disc)
        self._signs(painter, disc, values)
        self._bar(painter, box, limit)

    def _values(self) -> np.ndarray | None:
        """(place,); a pair of planar gradiometers as its root mean square."""
        seen = self.seen
        if self._patterns is None or self._shown is None or seen is None or self._shown[0] not in seen.layers:
            return None
        row, col = seen.layers.index(self._shown[0]), int(np.argmin(np.abs(self._lags - self._shown[1])))
        if row >= len(self._patterns) or col >= self._patterns.shape[1]:
            return None
        pattern = np.asarray(self._patterns[row, col], float)
        if self.kind == "planar":
            return np.array([np.sqrt(np.mean(pattern[group] ** 2)) for group in self._groups])
        return np.array([pattern[group[0]] for group in self._groups])

    def _field(self, painter: QPainter, disc: QRectF, values: np.ndarray) -> None:
        share = np.clip((self._weights @ values + 1) * 127.5 + 0.5, 0, 255).astype(np.uint8).reshape(self._on.shape)
        # Outside of the disc lies the panel: a picture in SVG knows no clipping.
        colours = np.where(self._on, self._palette()[share], np.uint32(self.theme.colour("panel").rgb()))
        n = len(colours)
        image = QImage(colours.data, n, n, 4 * n, QImage.Format.Format_RGB32)  # type: ignore[call-overload]
        outline = QPainterPath()
        outline.addEllipse(disc)
        painter.save()
        painter.setClipPath(outline)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.drawImage(disc, image)
        painter.setPen(QPen(self.theme.colour("text", 0.35), self.px(1.6), cap=Qt.PenCapStyle.RoundCap))
        painter.drawPoints(self._dots(disc))
        painter.restore()

    def _palette(self) -> np.ndarray:
        if self._colours is None or self._colours[0] != self.theme.name:
            self._colours = self.theme.name, themes.as_argb(themes.diverging(self.theme.colour("window")))
        return self._colours[1]

    def _dots(self, disc: QRectF) -> QPolygonF:
        """Where the sensors are."""
        key = disc.left(), disc.top(), disc.width()
        if self._places is None or self._places[0] != key:
            centre, radius = disc.center(), disc.width() / 2 / EDGE
            points = [QPointF(centre.x() + x * radius, centre.y() - y * radius) for x, y in self._flat]
            self._places = key, QPolygonF(points)
        return self._places[1]

    def _signs(self, painter: QPainter, disc: QRectF, values: np.ndarray) -> None:
        """+ and − at the two extremes: the sign is not left to colour alone."""
        places = self._dots(disc)
        for sign, at in (("+", int(values.argmax())), ("−", int(values.argmin()))):
            if (values[at] > 0) == (sign == "+") and values[at] and self.kind != "planar":
                box = QRectF(0, 0, self.px(20), self.px(20))
                box.moveCenter(places.at(at))
                self.write(painter, box, sign, "text", 16, True, "centre")

    def _head(self, painter: QPainter, disc: QRectF) -> None:
        painter.setPen(QPen(self.theme.colour("muted"), self.px(1.5)))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawEllipse(disc)
        x, top, d = disc.center().x(), disc.top(), disc.width()
        painter.drawPolyline(QPolygonF([QPointF(x - 0.07 * d, top + 0.01 * d), QPointF(x, top - 0.06 * d),
                                        QPointF(x + 0.07 * d, top + 0.01 * d)]))  # fmt: skip
        for edge, start in ((disc.left(), 90), (disc.right(), 270)):
            ear = QRectF(edge - 0.035 * d, disc.center().y() - 0.1 * d, 0.07 * d, 0.2 * d)
            painter.drawArc(ear, 16 * start, 16 * 180)

    def _bar(self, painter: QPainter, box: QRectF, limit: float) -> None:
        unit = UNITS.get(self.kind, "")
        said = f"{limit:,.0f}" if limit >= 10 else f"{limit:.2g}"
        planar = self.kind == "planar"
        low, high, width = "0" if planar else f"−{said}", f"{said if planar else '+' + said} {unit}", self.px(70)
        bar = QRectF(box.center().x() - width / 2, box.bottom() - self.px(9), width, self.px(6))
        row = np.ascontiguousarray(self._palette()[None, 128 if planar else 0 :])
        n = row.shape[1]
        painter.drawImage(bar, QImage(row.data, n, 1, 4 * n, QImage.Format.Format_RGB32))  # type: ignore[call-overload]
        line = QRectF(box.left(), bar.center().y() - self.px(8), bar.left() - self.px(6) - box.left(), self.px(16))
        self.write(painter, line, low, "muted", 11, align="right")
        self.write(painter, line.translated(bar.right() + self.px(6) - line.left(), 0), high, "muted", 11)
