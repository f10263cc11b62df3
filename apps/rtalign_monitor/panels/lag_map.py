"""LagMapPanel: R by layer and lag as it builds up, its rows in line with the ladder's."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import replace

import numpy as np
import pyqtgraph as pg  # type: ignore[import-untyped]
from qtpy.QtCore import QRectF, QSize, Qt
from qtpy.QtGui import QColor, QImage, QPainter, QPainterPath, QPen
from qtpy.QtWidgets import QWidget

from rtalign.core.text.time_format import signed_ms
from rtalign.core.text.translation import tr
from rtalign.engine.snapshot import Snapshot
from rtalign.scoring.headline import ABOVE_CHANCE, NOT_ABOVE_CHANCE
from rtalign.scoring.statistics import STATISTICS, Statistic
from rtalign_monitor.engines.two_banks import MAP_CONTENTS, MapContent, SecondBank, map_snapshot
from rtalign_monitor.panels import empty_state
from rtalign_monitor.panels.axes import stretches, word_count
from rtalign_monitor.panels.panel import PanelSpec, same_values
from rtalign_monitor.panels.plot import LayeredPanel, Range, lag_cells
from rtalign_monitor.panels.tables import ShownTable, score_table
from rtalign_monitor.widgets import theme as themes
from rtalign_monitor.widgets.painted import SEPARATOR

WIDEN, NARROW = 0.5, 0.03
"""Share of the way that the colour limit moves per update: up quickly, so that little is clipped; down slowly."""
LOWEST_LIMIT = 0.005
FADED = 0.4
"""Share of its colour that a cell keeps which is not above chance; the rest is the panel's."""
BLACK, WHITE = QColor("black"), QColor("white")


class LagMapPanel(LayeredPanel):
    """A cell per layer and lag, faded unless it is above chance; the colour limit follows the data slowly, and stands
    still while frozen.

    Attributes
    ----------
    shows : {"A", "B", "A − B"}
        Which bank is shown, or their difference.
    frozen : bool
        Whether the colour limit is held.
    limit : float
        The R of the last colour.
    signed : bool
        Whether colours begin at minus the limit, instead of at 0.
    statistic : Statistic or None
        What is shown instead of R; of bank A alone.
    """

    spec = PanelSpec("map", tr("Layer × lag map"), "Ctrl+2", place="upper", columns=7, in_turns=True, in_demo=True)
    title = tr("Layer × lag")
    description = tr(
        "R, correlation of predicted and true activations, by layer and lag from onset; outlined: above chance"
    )
    minimum_size = QSize(320, 216)
    bottom_label = tr("lag from word onset, ms")

    def __init__(self, parent: QWidget | None = None) -> None:
        self.shows: MapContent = "A"
        self._first: Snapshot | None = None
        self._second: SecondBank | None = None
        self.frozen = False
        self.limit = 0.0
        self.signed = False
        self.statistic: Statistic | None = None
        super().__init__(parent)

    def set_second_bank(self, second: SecondBank | None) -> None:
        changed, self._second = (second is None) != (self._second is None), second
        if changed:
            self.shows, self.limit = "A", 0.0
        if self._first is not None:
            self.draw(self._first)
        if changed:
            self.invalidate()

    def show_next(self) -> None:
        """Go from A to B to A − B, where there is a second bank."""
        if self._second is not None:
            self.shows, self.limit = MAP_CONTENTS[(MAP_CONTENTS.index(self.shows) + 1) % len(MAP_CONTENTS)], 0.0
            self.set_second_bank(self._second)
            self.invalidate()

    def show_next_statistic(self) -> None:
        """Go from R to the statistics that stand beside it, one after another, and back to R."""
        choices = (None, *STATISTICS)
        self.statistic, self.limit = choices[(choices.index(self.statistic) + 1) % len(choices)], 0.0
        if self._first is not None:
            self.draw(self._first)
        self.invalidate()

    def draw(self, snapshot: Snapshot) -> None:
        self._first, snapshot = snapshot, map_snapshot(snapshot, self._second, self.shows)
        if self.statistic is not None:
            values = snapshot.statistics.get(self.statistic.name) if self.shows == "A" else None
            snapshot = replace(snapshot, r=values, null_lo=None, null_hi=None, map_hi=None)
        before, self.snapshot = self.snapshot, snapshot
        changed = self._follow(self._on_one_scale(snapshot.r))
        if before is not None and not changed and _same(before, snapshot):
            return
        self.layers = snapshot.layers
        self.invalidate()

    def freeze(self, on: bool) -> None:
        self.frozen = on
        self.invalidate()

    def lag_range(self) -> Range:
        return lag_cells(self.snapshot.lags_s if self.snapshot else None)

    def table(self) -> ShownTable | None:
        return score_table(self.snapshot) if self.snapshot is not None and self._has_scores() else None

    def background_key(self) -> Hashable:
        return self.frozen, self.signed, self._has_scores(), self.statistic, self._notes()

    def paint_background(self, painter: QPainter) -> None:
        self.write_title(painter, self._notes(), self.px(150))
        if self._has_scores():
            self._colour_bar(painter)

    def _notes(self) -> str:
        """What is shown, and how."""
        shown = self.statistic.title.lower() if self.statistic else self.control_note()
        notes = shown, self._bank_name(), tr("colours frozen") if self.frozen else "", self.zoom_note()
        return SEPARATOR.join(note for note in notes if note)

    def paint_content(self, painter: QPainter) -> None:
        if self._has_scores():
            self._limits(painter)

    def paint_overlay(self, painter: QPainter) -> None:
        if self._has_scores():
            self._write_readout(painter)

    def paint_plot(self, painter: QPainter) -> None:
        if not self._has_scores():
            self._zero_line(painter)
            self._no_scores(painter)
            return
        self._cells(painter)
        self._contour(painter)
        self._peaks(painter)
        self._zero_line(painter)

    def paint_marks(self, painter: QPainter) -> None:
        if not self._has_scores():
            return
        self.highlight_row(painter, filled=False)  # a tint would change the colours
        if self.lag is None:
            return
        field, x = self.field(), self.axis().to_pixel(self.lag)
        if field.left() <= x <= field.right():
            self.vertical_line(painter, x, field.top(), field.bottom(), self.theme.colour("accent"))

    def _extent(self) -> QRectF:
        """The box of all cells, also of those out of sight."""
        (left, right), axis, rows = self.lag_range(), self.axis(), self.rows()
        return QRectF(axis.to_pixel(left), rows.top, axis.to_pixel(right) - axis.to_pixel(left), rows.bottom - rows.top)

    def readout(self) -> str:
        """The cell under the crosshair in numbers, or how many words the map is of."""
        snapshot, cell = self.snapshot, self._pointed_cell()
        if snapshot is None or snapshot.r is None or snapshot.lags_s is None:
            return ""
        if cell is None:
            return f"n = {word_count(snapshot.n_words)}"
        r = float(snapshot.r[cell])
        name = self.statistic.title.lower() if self.statistic else "A − B" if self.shows == "A − B" else "R"
        value = tr("no data") if not np.isfinite(r) else f"{name} {r:.4f}".replace("-", "−")
        above = self._above_chance()
        verdict = "" if above is None else f"   {ABOVE_CHANCE if above[cell] else NOT_ABOVE_CHANCE}"
        return tr(
            "layer {layer}   {lag} ms   {value}{verdict}",
            layer=self.layer,
            lag=signed_ms(float(snapshot.lags_s[cell[1]])),
            value=value,
            verdict=verdict,
        )

    def chance(self) -> str:
        """What chance reaches at the cell under the crosshair and anywhere, or what outlines and fading mean."""
        snapshot, cell, above = self.snapshot, self._pointed_cell(), self._above_chance()
        if snapshot is None or not self._has_limits():
            return tr("no limit of chance is known for a difference") if self.shows == "A − B" else ""
        if above is None:
            overlap = snapshot.training_overlap
            return (
                tr("no evidence: {overlap}", overlap=overlap)
                if overlap
                else tr("faded: too few words to tell from chance")
            )
        low, high, limit = snapshot.null_lo, snapshot.null_hi, snapshot.map_hi
        if cell is None or low is None or high is None or limit is None:
            return tr("outlined: {verdict}   faded: not above   ticks: peaks", verdict=ABOVE_CHANCE)
        here = tr("chance: {low:.4f} to {high:.4f} at this lag (95 %)", low=low[cell], high=high[cell])
        return tr("{here}, at most {limit:.4f} anywhere (corrected)", here=here, limit=limit[cell]).replace("-", "−")

    def _pointed_cell(self) -> tuple[int, int] | None:
        """Row and column under the crosshair; of a layer that is pointed at elsewhere, those of its peak."""
        snapshot = self.snapshot
        if snapshot is None or snapshot.r is None or snapshot.lags_s is None or self.layer not in self.layers:
            return None
        row = self.layers.index(self.layer)
        peak_s = next((peak.peak_s for peak in snapshot.peaks if peak.layer == self.layer), None)
        lag = peak_s if self.lag is None else self.lag
        if lag is not None:
            return row, int(np.argmin(np.abs(snapshot.lags_s - lag)))
        return row, int(np.nanargmax(snapshot.r[row])) if np.isfinite(snapshot.r[row]).any() else 0

    def _has_limits(self) -> bool:
        """Whether chance has limits for what is shown: it has for R, not for differences and other statistics."""
        return self.statistic is None and self.shows != "A − B"

    def _above_chance(self) -> np.ndarray | None:
        """(layer, lag), the cells above what 95 % of null maps stay below everywhere; None while that is unknown."""
        snapshot = self.snapshot
        if snapshot is None or snapshot.r is None or snapshot.map_hi is None or not self._has_limits():
            return None
        return snapshot.r > snapshot.map_hi if snapshot.map_hi.shape == snapshot.r.shape else None

    def _on_one_scale(self, shown: np.ndarray | None) -> np.ndarray:
        """All values that the colours must hold: what is shown, and of two banks both, so that A and B compare."""
        values = [shown]
        if self._second is not None and self._first is not None and self._has_limits():
            values += [self._first.r, self._second.snapshot.r]
        return np.concatenate([np.zeros(0), *(v[np.isfinite(v)] for v in values if v is not None)])

    def _follow(self, values: np.ndarray) -> bool:
        """Move the colour limit towards finite values; whether it moved enough to be seen."""
        if not len(values) or (self.frozen and self.limit):
            return False
        low, high = float(values.min()), float(values.max())
        signed = self.shows == "A − B" or -low > 0.6 * max(high, LOWEST_LIMIT)
        target = max(high, -low if signed else 0.0, LOWEST_LIMIT)
        share = 1.0 if self.limit == 0 else WIDEN if target > self.limit else NARROW
        step = (target - self.limit) * share
        if abs(step) < 0.002 * self.limit and signed == self.signed:
            return False
        self.limit, self.signed = self.limit + step, signed
        return True

    def _has_scores(self) -> bool:
        r = self.snapshot.r if self.snapshot else None
        return bool(self.layers) and r is not None and bool(np.isfinite(r).any())

    def _no_scores(self, painter: QPainter) -> None:
        self._hatch(painter, self.field())
        if self.shows == "A − B" and self._first is not None and self._first.r is not None:
            self.write_placeholder(painter, self.field(), tr("different lags: the maps cannot be subtracted"))
        elif self.statistic is not None and self._first is not None and self._first.r is not None:
            reason = tr("of bank A alone: the map shows B") if self.shows != "A" else tr("with the next assessment")
            self.write_placeholder(painter, self.field(), f"{self.statistic.title.lower()} {reason}")
        else:
            self.write_placeholder(painter, self.field(), *empty_state.scores(self.snapshot))

    def _cells(self, painter: QPainter) -> None:
        assert self.snapshot is not None
        assert self.snapshot.r is not None
        r = self.snapshot.r
        low, known = -self.limit if self.signed else 0.0, np.isfinite(r)
        share = (np.where(known, r, 0.0) - low) * (255 / ((self.limit - low) or 1.0))
        index = np.clip(share + 0.5, 0, 255).astype(np.uint8)
        colours, above = self._palette(), self._above_chance()
        cells = colours[index]
        if self._has_limits():
            faded = themes.mixed_words(colours, self.theme.colour("panel"), FADED)[index]
            cells = faded if above is None else np.where(above, cells, faded)
        cells = np.ascontiguousarray(cells[::-1])
        height, width = cells.shape
        image = QImage(cells.data, width, height, 4 * width, QImage.Format.Format_RGB32)  # type: ignore[call-overload]
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, False)
        painter.drawImage(self._extent(), image)
        if not known.all():
            self._missing(painter, ~known)

    def _bank_name(self) -> str:
        """What is shown, where there are two banks."""
        if self._second is None:
            return ""
        a, b = self._second.names
        return {"A": tr("A  {a}", a=a), "B": tr("B  {b}", b=b), "A − B": tr("A − B   {a} − {b}", a=a, b=b)}[self.shows]

    def _missing(self, painter: QPainter, missing: np.ndarray) -> None:
        """Hatch missing cells, runs of them in a row as one."""
        for row, cells in enumerate(missing):
            for first, last in stretches(cells):
                self._hatch(painter, self._cell(row, int(first)).united(self._cell(row, int(last) - 1)))

    def _hatch(self, painter: QPainter, box: QRectF) -> None:
        painter.fillRect(box, self.theme.colour("panel"))
        self.hatch(painter, box)

    def _cell(self, row: int, col: int) -> QRectF:
        assert self.snapshot is not None
        box, rows, n = self._extent(), self.rows(), len(self.snapshot.lags_s) if self.snapshot.lags_s is not None else 1
        width = box.width() / n
        return QRectF(box.left() + col * width, rows.centre(row) - rows.height / 2, width, rows.height)

    def _contour(self, painter: QPainter) -> None:
        """Outline the cells above chance along their edges, without smoothing what was not measured."""
        above = self._above_chance()
        if above is None:
            return
        path = outline(above, self._extent())
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        painter.setPen(QPen(self.theme.colour("window" if self.theme.dark else "text", 0.55), self.px(2.4)))
        painter.drawPath(path)
        painter.setPen(QPen(self.theme.colour("text" if self.theme.dark else "panel"), self.px(1)))
        painter.drawPath(path)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)

    def _peaks(self, painter: QPainter) -> None:
        assert self.snapshot is not None
        rows, axis = self.rows(), self.axis()
        half, row_of = min(rows.height / 2, self.px(8)), {layer: row for row, layer in enumerate(self.layers)}
        for peak in self.snapshot.peaks:
            if peak.peak_s is not None and peak.layer in row_of:
                x, y = axis.to_pixel(peak.peak_s), rows.centre(row_of[peak.layer])
                self.vertical_line(painter, x, y - half, y + half, BLACK, self.px(4))
                self.vertical_line(painter, x, y - half, y + half, WHITE, self.px(2))

    def _zero_line(self, painter: QPainter) -> None:
        field, axis = self.field(), self.axis()
        if not axis.low <= 0 <= axis.high:
            return
        x, dash, width = axis.to_pixel(0.0), self.px(4), max(self.snap(self.px(1)), 1 / self._pixel_ratio)
        self.vertical_line(painter, x, field.top(), field.bottom(), BLACK, self.px(1))
        left, n = self.snap(x - width / 2), int(field.height() / dash / 2)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(WHITE)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        for i in range(n):
            painter.drawRect(QRectF(left, field.top() + 2 * i * dash, width, dash))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)

    def _colour_bar(self, painter: QPainter) -> None:
        box = self._colour_bar_box()
        row = np.ascontiguousarray(self._palette()[None])
        image = QImage(row.data, 256, 1, 1024, QImage.Format.Format_RGB32)  # type: ignore[call-overload]
        painter.drawImage(box, image)
        label = "ΔR" if self.shows == "A − B" else "" if self.statistic else "R"
        self.write(painter, self._below(box), label, "muted", 11, align="centre")

    def _limits(self, painter: QPainter) -> None:
        """Write the numbers at the ends of the colour bar."""
        box = self._below(self._colour_bar_box())
        low = f"−{self.limit:.3f}" if self.signed else "≤ 0"
        self.write(painter, box, low, "muted", 11)
        self.write(painter, box, f"{self.limit:.3f}", "muted", 11, align="right")

    def _colour_bar_box(self) -> QRectF:
        width = self.px(120)
        return QRectF(self.field().right() - width, self.px(14), width, self.px(9))

    def _below(self, box: QRectF) -> QRectF:
        return QRectF(box.left(), box.bottom() + self.px(1), box.width(), self.px(16))

    def _write_readout(self, painter: QPainter) -> None:
        box = self.inner_box()
        box = QRectF(box.left(), box.top() + self.px(26), box.width(), self.px(18))
        self.write(painter, box, self.readout(), "text" if self.layer in self.layers else "muted", 13)
        note = QRectF(box.left(), box.top() + self.px(18), box.width(), self.px(16))
        if SEPARATOR in self.chance():
            self.write_parts(painter, note, self.chance().split(SEPARATOR), "muted", 11)
        else:
            self.write(painter, note, self.chance(), "muted", 11)

    def _palette(self) -> np.ndarray:
        return themes.as_argb(themes.diverging(self.theme.colour("faint"))) if self.signed else themes.cividis()


def outline(on: np.ndarray, field: QRectF) -> QPainterPath:
    """The edges between cells that are on and cells that are off; on: (layer, lag), the first layer at the bottom."""
    grid = np.pad(on[::-1], 1)
    height, width = on.shape
    dx, dy = field.width() / width, field.height() / height
    row, col = np.nonzero(grid[1:, 1:-1] != grid[:-1, 1:-1])
    up, across = np.nonzero(grid[1:-1, 1:] != grid[1:-1, :-1])
    x = np.concatenate([np.stack([col, col + 1], axis=-1).ravel(), np.repeat(across, 2)]) * dx + field.left()
    y = np.concatenate([np.repeat(row, 2), np.stack([up, up + 1], axis=-1).ravel()]) * dy + field.top()
    return pg.functions.arrayToQPath(x, y, connect="pairs")


def _same(a: Snapshot, b: Snapshot) -> bool:
    if (a.r is None or b.r is None) and empty_state.scores(a) != empty_state.scores(b):
        return False
    same = (a.control, a.n_words, a.n_assessed, a.peaks, a.layers, a.refused) == (
        b.control, b.n_words, b.n_assessed, b.peaks, b.layers, b.refused,
    )  # fmt: skip
    return same and same_values(a.r, b.r) and same_values(a.map_hi, b.map_hi) and same_values(a.lags_s, b.lags_s)
