"""MapView: R over layers and lags as it builds up, its rows in line with the ladder's."""

from __future__ import annotations

from collections.abc import Hashable

import numpy as np
import pyqtgraph as pg  # type: ignore[import-untyped]
from PyQt6.QtCore import QRectF, QSize, Qt
from PyQt6.QtGui import QColor, QImage, QPainter, QPainterPath, QPen
from PyQt6.QtWidgets import QWidget

from rtalign.engine.snapshot import Snapshot
from rtalign_monitor.engines.two_banks import SHOWN, SecondBank, Shown, shown
from rtalign_monitor.panels import empty_state
from rtalign_monitor.panels.axes import Axis, counted, ms
from rtalign_monitor.panels.layered import Layered
from rtalign_monitor.widgets import theme as themes

WIDEN, NARROW = 0.5, 0.03
"""Share of the way that a limit moves an update: up quickly, so that nothing is clipped for long; down slowly."""
LEAST = 0.005
BLACK, WHITE = QColor("black"), QColor("white")


class MapView(Layered):
    """Colour limits follow what is shown slowly, and stand still while frozen."""

    title = "Layer × lag"
    says = "Correlation r of predicted and true activations, by layer and lag from word onset (ms)"
    fewest = QSize(320, 240)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.seen: Snapshot | None = None
        self.shows: Shown = "A"
        self._first: Snapshot | None = None
        self._second: SecondBank | None = None
        self.frozen = False
        self.limit = 0.0
        self.signed = False

    def set_second_bank(self, second: SecondBank | None) -> None:
        """A second bank, which `turn` brings in sight, or none."""
        if second is None and self._second is not None and self.shows != "A":
            self.shows, self.limit = "A", 0.0
        changed, self._second = (second is None) != (self._second is None), second
        if self._first is not None:
            self.draw(self._first)
        if changed:
            self.renew()

    def turn(self) -> None:
        """From A to B to A − B, where there is a B."""
        if self._second is not None:
            self.shows, self.limit = SHOWN[(SHOWN.index(self.shows) + 1) % len(SHOWN)], 0.0
            self.set_second_bank(self._second)
            self.renew()

    def draw(self, snapshot: Snapshot) -> None:
        self._first, snapshot = snapshot, shown(snapshot, self._second, self.shows)
        before, self.seen = self.seen, snapshot
        moved = self._follow(snapshot.r)
        if before is not None and not moved and _same(before, snapshot):
            return
        self.layers = snapshot.layers
        self.renew()

    def freeze(self, on: bool) -> None:
        """Hold the colour limits."""
        self.frozen = on
        self.renew()

    def axis(self) -> Axis:
        field, lags = self.field(), self.seen.lags_s if self.seen else None
        if lags is None or len(lags) < 2:
            return Axis(-0.2, 0.8, field.left(), field.right())
        half = (lags[1] - lags[0]) / 2
        return Axis(float(lags[0] - half), float(lags[-1] + half), field.left(), field.right())

    def grounds(self) -> Hashable:
        return super().grounds(), self.frozen, self.signed, self._decoded(), self._which()

    def ground(self, painter: QPainter) -> None:
        notes = self._which(), "colours frozen" if self.frozen else ""
        self.write_title(painter, "   ".join(note for note in notes if note), self.px(150))
        self.write_lags(painter, "lag from word onset, ms", grid=False)
        if self.layers:
            self.write_rows(painter)
        if self._decoded():
            self._bar(painter)

    def plate(self, painter: QPainter) -> None:
        if not self._decoded():
            self._nothing(painter)
        else:
            self._cells(painter)
            self._contour(painter)
            self._peaks(painter)
            self._ends(painter)
        self._zero(painter)

    def over(self, painter: QPainter) -> None:
        if not self._decoded():
            return
        self.shade_row(painter, filled=False)  # a tint would falsify the colours
        self._readout(painter)
        if self.lag is None:
            return
        field, x = self.field(), self.axis().at(self.lag)
        if field.left() <= x <= field.right():
            self.upright(painter, x, field.top(), field.bottom(), self.theme.colour("accent"))

    def told(self) -> str:
        """What is under the crosshair, or what the marks mean."""
        seen = self.seen
        if seen is None or seen.r is None or seen.lags_s is None:
            return ""
        if self.layer not in self.layers:
            return f"n = {counted(seen.n_words)}"
        row = self.layers.index(self.layer)
        col = int(np.nanargmax(seen.r[row])) if self.lag is None and np.isfinite(seen.r[row]).any() else 0
        if self.lag is not None:
            col = int(np.argmin(np.abs(seen.lags_s - self.lag)))
        value, null = float(seen.r[row, col]), ""
        said = "no data" if not np.isfinite(value) else f"{self._what()} {value:.4f}".replace("-", "−")
        if seen.null_lo is not None and seen.null_hi is not None and seen.null_hi.shape == seen.r.shape:
            null = f" (null {seen.null_lo[row, col]:.4f} to {seen.null_hi[row, col]:.4f})".replace("-", "−")
        return f"layer {self.layer}   {ms(float(seen.lags_s[col]))} ms   {said}{null}   n = {counted(seen.n_words)}"

    def _follow(self, r: np.ndarray | None) -> bool:
        """Move the limits towards what is shown; whether they moved enough to be seen."""
        if r is None or self.frozen or not np.isfinite(r).any():
            return False
        most, least = float(np.nanmax(r)), float(np.nanmin(r))
        signed = self.shows == "A − B" or -least > 0.6 * max(most, LEAST)
        aim = max(most, -least if signed else 0.0, LEAST)
        share = 1.0 if self.limit == 0 else WIDEN if aim > self.limit else NARROW
        step = (aim - self.limit) * share
        if abs(step) < 0.002 * self.limit and signed == self.signed:
            return False
        self.limit, self.signed = self.limit + step, signed
        return True

    def _decoded(self) -> bool:
        r = self.seen.r if self.seen else None
        return bool(self.layers) and r is not None and bool(np.isfinite(r).any())

    def _nothing(self, painter: QPainter) -> None:
        self._hatch(painter, self.field())
        if self.shows == "A − B" and self._first is not None and self._first.r is not None:
            self.await_(painter, self.field(), "other lags: the maps cannot be subtracted")
        else:
            self.await_(painter, self.field(), *empty_state.scores(self.seen))

    def _cells(self, painter: QPainter) -> None:
        assert self.seen is not None
        assert self.seen.r is not None
        field, r = self.field(), self.seen.r
        low, known = -self.limit if self.signed else 0.0, np.isfinite(r)
        share = (np.where(known, r, 0.0) - low) * (255 / ((self.limit - low) or 1.0))
        index = np.clip(share + 0.5, 0, 255).astype(np.uint8)
        cells = np.ascontiguousarray(self._palette()[index[::-1]])
        height, width = cells.shape
        image = QImage(cells.data, width, height, 4 * width, QImage.Format.Format_RGB32)  # type: ignore[call-overload]
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, False)
        painter.drawImage(field, image)
        if not known.all():
            self._missing(painter, ~known)

    def _what(self) -> str:
        return "A − B" if self.shows == "A − B" else "r"

    def _which(self) -> str:
        """The bank that is shown, where there are two."""
        if self._second is None:
            return ""
        one, other = self._second.names
        return {"A": f"A  {one}", "B": f"B  {other}", "A − B": f"A − B   {one} − {other}"}[self.shows]

    def _missing(self, painter: QPainter, missing: np.ndarray) -> None:
        """Runs of cells in a row as one."""
        for row, cells in enumerate(missing):
            edges = np.flatnonzero(np.diff(np.concatenate([[False], cells, [False]]).astype(np.int8)))
            for first, last in edges.reshape(-1, 2):
                self._hatch(painter, self._cell(row, int(first)).united(self._cell(row, int(last) - 1)))

    def _hatch(self, painter: QPainter, box: QRectF) -> None:
        painter.fillRect(box, self.theme.colour("panel"))
        self.hatch(painter, box)

    def _cell(self, row: int, col: int) -> QRectF:
        assert self.seen is not None
        field, rows, n = self.field(), self.rows(), len(self.seen.lags_s) if self.seen.lags_s is not None else 1
        width = field.width() / n
        return QRectF(field.left() + col * width, rows.middle(row) - rows.height / 2, width, rows.height)

    def _contour(self, painter: QPainter) -> None:
        """Along the edges of the cells that exceed the null band: nothing is smoothed that was not measured."""
        assert self.seen is not None
        r, band = self.seen.r, self.seen.null_hi
        if r is None or band is None or r.shape != band.shape:
            return
        path = outline(r > band, self.field())
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        painter.setPen(QPen(self.theme.colour("window" if self.theme.dark else "text", 0.55), self.px(2.4)))
        painter.drawPath(path)
        painter.setPen(QPen(self.theme.colour("text" if self.theme.dark else "panel"), self.px(1)))
        painter.drawPath(path)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)

    def _peaks(self, painter: QPainter) -> None:
        assert self.seen is not None
        rows, axis = self.rows(), self.axis()
        half, row_of = min(rows.height / 2, self.px(8)), {layer: row for row, layer in enumerate(self.layers)}
        for rung in self.seen.peaks:
            if rung.peak_s is not None and rung.layer in row_of:
                x, y = axis.at(rung.peak_s), rows.middle(row_of[rung.layer])
                self.upright(painter, x, y - half, y + half, BLACK, self.px(4))
                self.upright(painter, x, y - half, y + half, WHITE, self.px(2))

    def _zero(self, painter: QPainter) -> None:
        field, axis = self.field(), self.axis()
        if not axis.lo <= 0 <= axis.hi:
            return
        x, dash, width = axis.at(0.0), self.px(4), max(self.snap(self.px(1)), 1 / self._ratio)
        self.upright(painter, x, field.top(), field.bottom(), BLACK, self.px(1))
        left, n = self.snap(x - width / 2), int(field.height() / dash / 2)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(WHITE)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        painter.drawRects(*(QRectF(left, field.top() + 2 * i * dash, width, dash) for i in range(n)))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)

    def _bar(self, painter: QPainter) -> None:
        box = self._bar_box()
        row = np.ascontiguousarray(self._palette()[None])
        image = QImage(row.data, 256, 1, 1024, QImage.Format.Format_RGB32)  # type: ignore[call-overload]
        painter.drawImage(box, image)
        what = "Δr" if self.shows == "A − B" else "r"
        self.write(painter, self._below(box), what, "muted", 11, align="centre")

    def _ends(self, painter: QPainter) -> None:
        """The numbers at the ends of the colour bar."""
        box = self._below(self._bar_box())
        low = f"−{self.limit:.3f}" if self.signed else "≤ 0"
        self.write(painter, box, low, "muted", 11)
        self.write(painter, box, f"{self.limit:.3f}", "muted", 11, align="right")

    def _bar_box(self) -> QRectF:
        width = self.px(120)
        return QRectF(self.field().right() - width, self.px(14), width, self.px(9))

    def _below(self, box: QRectF) -> QRectF:
        return QRectF(box.left(), box.bottom() + self.px(1), box.width(), self.px(16))

    def _readout(self, painter: QPainter) -> None:
        box = self.inner()
        box = QRectF(box.left(), box.top() + self.px(26), box.width(), self.px(18))
        on = self.layer in self.layers
        self.write(painter, box, self.told(), "text" if on else "muted", 13)
        if self.seen and self.seen.null_hi is not None:
            note = QRectF(box.left(), box.top() + self.px(18), box.width(), self.px(16))
            self.write(painter, note, "outlined: above the null band   ticks: peaks", "muted", 11)

    def _palette(self) -> np.ndarray:
        return themes.as_argb(themes.diverging(self.theme.colour("faint"))) if self.signed else themes.cividis()


def outline(on: np.ndarray, field: QRectF) -> QPainterPath:
    """The edges between cells that are on and cells that are off.  on : (layer, lag), the first layer at the bottom."""
    grid = np.pad(on[::-1], 1)
    height, width = on.shape
    dx, dy = field.width() / width, field.height() / height
    row, col = np.nonzero(grid[1:, 1:-1] != grid[:-1, 1:-1])
    up, across = np.nonzero(grid[1:-1, 1:] != grid[1:-1, :-1])
    x = np.concatenate([np.stack([col, col + 1], axis=-1).ravel(), np.repeat(across, 2)]) * dx + field.left()
    y = np.concatenate([np.repeat(row, 2), np.stack([up, up + 1], axis=-1).ravel()]) * dy + field.top()
    return pg.functions.arrayToQPath(x, y, connect="pairs")


def _same(one: Snapshot, other: Snapshot) -> bool:
    if (one.r is None or other.r is None) and empty_state.scores(one) != empty_state.scores(other):
        return False
    same = (one.n_words, one.n_assessed, one.peaks, one.layers, one.refused) == (
        other.n_words, other.n_assessed, other.peaks, other.layers, other.refused,
    )  # fmt: skip
    return same and alike(one.r, other.r) and alike(one.null_hi, other.null_hi) and alike(one.lags_s, other.lags_s)


def alike(one: np.ndarray | None, other: np.ndarray | None) -> bool:
    """The same numbers; snapshots arrive as new arrays each time."""
    if one is None or other is None:
        return one is other
    return one is other or np.array_equal(one, other, equal_nan=True)
