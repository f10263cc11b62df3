"""Which row each sensor has, how large its signal is there, and what is said of a sensor."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rtalign.core.bad_marks import MARKED
from rtalign.core.records import DISPLAY_UNITS
from rtalign.core.text.translation import tr
from rtalign.engine.snapshot import SensorsView
from rtalign_monitor.panels.traces import round_up

ELSEWHERE = "other"
ROW_PERCENTILE = 95
"""Per cent of all values that lie within a row."""


@dataclass(frozen=True, slots=True, eq=False)
class SensorRows:
    """Where each sensor is: the sensors of a region lie together, regions in the order in which they come.

    Attributes
    ----------
    names : tuple of str
        Of the sensors, as the engine has them.
    regions : tuple of str
        From the top to the bottom.
    region_of : ndarray of int, shape (sensor,)
        Index of each sensor's region.
    row_of : ndarray of int, shape (sensor,)
        Each sensor's row where every sensor has one, from the top.
    """

    names: tuple[str, ...]
    regions: tuple[str, ...]
    region_of: np.ndarray
    row_of: np.ndarray

    @classmethod
    def of(cls, view: SensorsView) -> SensorRows:
        named = [region or ELSEWHERE for region in view.regions]
        regions = tuple(dict.fromkeys(named))
        region_of = np.array([regions.index(region) for region in named], int)
        row_of = np.empty(len(named), int)
        row_of[np.argsort(region_of, kind="stable")] = np.arange(len(named))
        return cls(view.names, regions, region_of, row_of)


class AmplitudeScale:
    """What half of a row is, by unit: fits the amplitudes, larger at once, smaller only when most of a row is empty."""

    def __init__(self) -> None:
        self.half_row: dict[str, float] = {}

    def fit(self, view: SensorsView, every: int) -> None:
        """Look at one of so many columns of a view, without the sensors that are not fit."""
        fit = [not fault and not why for fault, why in zip(view.faults, view.left_out, strict=True)]
        units = np.where(fit, [DISPLAY_UNITS[kind] for kind in view.kinds], "")
        size = np.fmax(view.high, -view.low)[::every]
        for unit in {*units.tolist()} - {""}:
            own = size[:, units == unit]
            own = own[np.isfinite(own)]
            if not len(own):
                continue
            wanted, present = float(np.percentile(own, ROW_PERCENTILE)) or 1.0, self.half_row.get(unit, 0.0)
            if wanted > present or wanted < 0.3 * present:
                self.half_row[unit] = round_up(1.15 * wanted)


def number_text(value: float) -> str:
    """Three digits, without an exponent."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def sensor_text(view: SensorsView, i: int) -> str:
    """What is known of a sensor, and what a click does, in parts."""
    unit = DISPLAY_UNITS[view.kinds[i]]
    density = f"{view.density[i]:.3g} {unit}/rHz" if view.seconds else tr("not judged yet")
    parts = [view.names[i], density]
    if view.faults[i]:
        parts.append(view.faults[i].split(": ")[0].removeprefix(f"{view.names[i]} "))
    if view.left_out[i]:
        parts.append(tr("left out: {left_out}", left_out=view.left_out[i]))
    return "   ".join([*parts, tr("click: good again") if view.left_out[i] == MARKED else tr("click: mark as bad")])


def fault_text(view: SensorsView, i: int) -> str:
    """A sensor with its fault, in few words."""
    fault = view.faults[i].split(": ")[0].split(",")[0].removeprefix(f"{view.names[i]} ")
    return f"{view.names[i]} {view.left_out[i] or fault}"
