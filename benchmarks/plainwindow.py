"""The same contents in a plain pyqtgraph window, as a peer of the monitor's own."""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg  # type: ignore[import-untyped]  # noqa: TID251
from PyQt6.QtWidgets import QLabel, QMainWindow, QVBoxLayout, QWidget  # noqa: TID251

from rtalign.engine.snapshot import Snapshot


class PlainWindow(QMainWindow):
    """An image, a scatter with its intervals, a curve a layer, a curve a sensor, and labels; nothing is kept back."""

    def __init__(self) -> None:
        super().__init__()
        self.plots, self.label, self.words = pg.GraphicsLayoutWidget(), QLabel(), QLabel()
        body = QWidget()
        column = QVBoxLayout(body)
        for part in (self.label, self.plots, self.words):
            column.addWidget(part, 1 if part is self.plots else 0)
        self.setCentralWidget(body)
        self.ladder = self.plots.addPlot(row=0, col=0)
        self.map = self.plots.addPlot(row=0, col=1)
        self.curves = self.plots.addPlot(row=1, col=0)
        self.traces = self.plots.addPlot(row=1, col=1)
        self.image = pg.ImageItem(axisOrder="row-major")
        self.image.setColorMap(pg.colormap.get("cividis"))
        self.map.addItem(self.image)
        self.dots, self.bars = pg.ScatterPlotItem(size=8), pg.ErrorBarItem(x=np.zeros(1), y=np.zeros(1))
        self.ladder.addItem(self.bars)
        self.ladder.addItem(self.dots)
        self.lines: list[pg.PlotCurveItem] = []
        self.stack: list[pg.PlotCurveItem] = []

    def draw(self, seen: Snapshot) -> None:
        health = seen.health.meg
        self.label.setText(f"MEG {health.state} {health.rate_hz:.1f} Hz, {seen.n_scored} scored, {seen.time_s:.2f} s")
        self.words.setText(" ".join(entry.word.text for entry in seen.words[-30:]))
        if seen.r is None or seen.lags_s is None or seen.traces is None:
            return
        self.image.setImage(seen.r, autoLevels=True)
        there = [rung for rung in seen.peaks if rung.peak_s is not None]
        x, y = np.array([rung.peak_s for rung in there]), np.array([rung.layer for rung in there])
        self.dots.setData(x, y)
        self.bars.setData(x=x, y=y, width=np.array([np.ptp(rung.ci_s or (0,)) for rung in there]))
        for line, values in zip(grown(self.lines, len(seen.r), self.curves), seen.r, strict=True):
            line.setData(seen.lags_s, values)
        data, rate = seen.traces.data, seen.traces.rate
        at = seen.traces.start + np.arange(len(data)) / rate - seen.time_s
        for i, line in enumerate(grown(self.stack, data.shape[1], self.traces)):
            line.setData(at, data[:, i] + 1000 * i)


def grown(lines: list[pg.PlotCurveItem], n: int, plot: pg.PlotItem) -> list[pg.PlotCurveItem]:
    """n curves on a plot, those that are there already among them."""
    while len(lines) < n:
        lines.append(pg.PlotCurveItem(pen=pg.intColor(len(lines), max(n, 1))))
        plot.addItem(lines[-1])
    return lines[:n]
