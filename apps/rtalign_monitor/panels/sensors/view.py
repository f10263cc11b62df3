"""What every view of the sensors answers to the panel, and what those in rows have in common."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np
from qtpy.QtCore import QPointF
from qtpy.QtGui import QPainter
from qtpy.QtWidgets import QWidget

from rtalign.engine.snapshot import SensorsView
from rtalign_monitor.panels.plot import PlotPanel, Range
from rtalign_monitor.panels.sensors.rows import AmplitudeScale, SensorRows


class SensorsField(PlotPanel):
    """What the views paint into: a panel that knows the row and the size of each sensor.

    Attributes
    ----------
    gain : float
        Factor of all amplitudes.
    amplitudes : AmplitudeScale
        What a row is at gain 1.
    """

    abstract = True

    def __init__(self, parent: QWidget | None = None) -> None:
        self.gain, self.amplitudes = 1.0, AmplitudeScale()
        self._rows: SensorRows | None = None
        super().__init__(parent)

    @property
    def rows_of_sensors(self) -> SensorRows:
        """The row of each sensor; only while there are sensors."""
        assert self._rows is not None
        return self._rows

    @property
    def now(self) -> float:
        """The time of the newest snapshot."""
        assert self.snapshot is not None
        return self.snapshot.time_s

    @property
    def pixel_ratio(self) -> float:
        """Pixels of the screen in one of Qt's."""
        return self._pixel_ratio


class SensorPlot(ABC):
    """One view of every sensor, painted into the field of a panel.

    Parameters
    ----------
    panel : SensorsField
        Whose field, axes and sizes it uses.

    Attributes
    ----------
    tab : str
        Its name on the panel.
    takes_any_distance : bool
        Whether the nearest sensor is meant however far it is from the pointer.
    """

    tab: ClassVar[str]
    takes_any_distance: ClassVar[bool] = False

    def __init__(self, panel: SensorsField) -> None:
        self.panel = panel

    @abstractmethod
    def home(self, view: SensorsView) -> tuple[Range, Range]:
        """The ranges across and up that show everything."""

    @abstractmethod
    def tick_values(self, side: str, low: float, high: float, size: float) -> list[float]:
        """Values of the ticks of one axis."""

    @abstractmethod
    def tick_text(self, side: str, value: float) -> str:
        """Text of a tick."""

    @abstractmethod
    def scale_note(self, view: SensorsView) -> str:
        """What a row or an axis is."""

    @abstractmethod
    def paint(self, painter: QPainter, view: SensorsView) -> None:
        """Paint all sensors."""

    @abstractmethod
    def paint_pointed(self, painter: QPainter, view: SensorsView, i: int) -> None:
        """Paint the sensor that is pointed at once more."""

    @abstractmethod
    def away(self, view: SensorsView, at: QPointF) -> np.ndarray:
        """(sensor,): how far each is from the pointer, in pixels; infinite for those that are not meant."""


class RowsPlot(SensorPlot):
    """A view with rows, which the wheel scrolls: one for each region."""

    @property
    def n_rows(self) -> int:
        return max(len(self._names_of_rows()), 1)

    def _names_of_rows(self) -> tuple[str, ...]:
        return self.panel.rows_of_sensors.regions

    def row_of(self) -> np.ndarray:
        """(sensor,): the row of each, from the top."""
        return self.panel.rows_of_sensors.region_of

    def across(self) -> Range:
        """The whole range across."""
        raise NotImplementedError

    def home(self, view: SensorsView) -> tuple[Range, Range]:  # noqa: ARG002
        return self.across(), (-0.5, self.n_rows - 0.5)

    def centres(self) -> tuple[np.ndarray, float]:
        """(sensor,) middles of the rows, and the height of a row, in pixels of the panel."""
        up = self.panel.up()
        return up.to_pixels(self.n_rows - 1.0 - self.row_of()), up.to_pixel(0) - up.to_pixel(1)

    def row_ticks(self, low: float, high: float, size: float) -> list[float]:
        """Every row, or as many as there is room for."""
        first, last = max(math.ceil(low), 0), min(math.floor(high), self.n_rows - 1)
        room = size / max(high - low, 1e-9)
        every = max(math.ceil(self.panel.px(12.5) / room), 1)
        return [float(row) for row in range(last, first - 1, -every)]

    def row_text(self, value: float) -> str:
        """The name of a row, by its height."""
        return self._names_of_rows()[self.n_rows - 1 - round(value)]
