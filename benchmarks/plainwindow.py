"""The same contents in a plain pyqtgraph window, tuned as its experts would, as a peer of the monitor's own."""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg  # type: ignore[import-untyped]
from qtpy.QtWidgets import QLabel, QMainWindow, QVBoxLayout, QWidget

from rtalign.engine.snapshot import Snapshot


class PlainWindow(QMainWindow):
    """An image, a scatter with its intervals, a curve a layer, a curve a sensor, and labels.

    Tuned: no automatic ranges and levels, pens of width 1 without antialiasing, no menus and buttons, arrays as they
    are; an array is drawn again only where it has changed, as in the monitor.
    """

    def __init__(self) -> None:
        super().__init__()
        pg.setConfigOptions(antialias=False)
        self.plots, self.label, self.words = pg.GraphicsLayoutWidget(), QLabel(), QLabel()
        body = QWidget()
        column = QVBoxLayout(body)
        for part in (self.label, self.plots, self.words):
            column.addWidget(part, 1 if part is self.plots else 0)
        self.setCentralWidget(body)
        places = {"ladder": (0, 0), "map": (0, 1), "curves": (1, 0), "traces": (1, 1)}
        self.parts = {name: self.plots.addPlot(*at, enableMenu=False) for name, at in places.items()}
        for plot in self.parts.values():
            plot.hideButtons()
            plot.disableAutoRange()
        self.image = pg.ImageItem(axisOrder="row-major", levels=(0.0, 0.1))
        self.image.setColorMap(pg.colormap.get("cividis"))
        self.parts["map"].addItem(self.image)
        self.dots, self.bars = pg.ScatterPlotItem(size=8), pg.ErrorBarItem(x=np.zeros(1), y=np.zeros(1))
        self.parts["ladder"].addItem(self.bars)
        self.parts["ladder"].addItem(self.dots)
        self.lines: list[pg.PlotCurveItem] = []
        self.stack: list[pg.PlotCurveItem] = []
        self.before: Snapshot | None = None

    def draw(self, seen: Snapshot) -> None:
        health = seen.health.meg
        self.label.setText(f"MEG {health.state} {health.rate_hz:.1f} Hz, {seen.n_scored} scored, {seen.time_s:.2f} s")
        self.words.setText(" ".join(entry.word.text for entry in seen.words[-30:]))
        if seen.r is None or seen.lags_s is None or seen.traces is None:
            return
        before, self.before = self.before, seen
        if before is None or before.r is None:
            self._set_ranges(seen)
        if before is None or before.r is None or not np.array_equal(before.r, seen.r):
            self.image.setImage(seen.r, autoLevels=False)
            for line, values in zip(grown(self.lines, len(seen.r), self.parts["curves"]), seen.r, strict=True):
                line.setData(seen.lags_s, values)
        if before is None or before.peaks != seen.peaks:
            there = [peak for peak in seen.peaks if peak.peak_s is not None]
            x, y = np.array([peak.peak_s for peak in there]), np.array([peak.layer for peak in there])
            self.dots.setData(x, y)
            self.bars.setData(x=x, y=y, width=np.array([np.ptp(peak.ci_s or (0,)) for peak in there]))
        data, rate = seen.traces.data, seen.traces.rate
        at = seen.traces.start + np.arange(len(data)) / rate - seen.time_s
        for i, line in enumerate(grown(self.stack, data.shape[1], self.parts["traces"])):
            line.setData(at, data[:, i] + 1000 * i)

    def _set_ranges(self, seen: Snapshot) -> None:
        """Once, in place of automatic ranges."""
        assert seen.r is not None
        assert seen.lags_s is not None
        assert seen.traces is not None
        (n_layers, n_lags), n = seen.r.shape, seen.traces.data.shape[1]
        ranges = {
            "ladder": ((-0.1, 0.6), (-1, n_layers)), "map": ((0, n_lags), (0, n_layers)),
            "curves": ((seen.lags_s[0], seen.lags_s[-1]), (-0.02, 0.1)), "traces": ((-6, 0), (-1000, 1000 * n)),
        }  # fmt: skip
        for name, (x, y) in ranges.items():
            self.parts[name].setRange(xRange=x, yRange=y, padding=0)


def grown(lines: list[pg.PlotCurveItem], n: int, plot: pg.PlotItem) -> list[pg.PlotCurveItem]:
    """n curves on a plot, those that are there already among them."""
    while len(lines) < n:
        lines.append(pg.PlotCurveItem(pen=pg.mkPen(pg.intColor(len(lines), max(n, 1)), width=1)))
        plot.addItem(lines[-1])
    return lines[:n]
