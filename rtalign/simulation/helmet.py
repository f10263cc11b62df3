"""The helmets that a simulated listener can wear."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from rtalign.core.head.helmets import helmet_coils
from rtalign.core.records import Sensor

SYSTEMS = ("ctf275", "neuromag306")
"""Names of the helmets."""


def helmet_sensors(name: str) -> tuple[Sensor, ...]:
    """The sensors of a whole-head system.

    Parameters
    ----------
    name : {"ctf275", "neuromag306"}
        CTF with 275 axial gradiometers, or Neuromag with 102 triples of two planar gradiometers and a magnetometer.

    Returns
    -------
    tuple of Sensor
        Names, kinds, positions and normals in device coordinates, m, in the order of a recording.

    Raises
    ------
    ValueError
        For another name.
    """
    if name not in SYSTEMS:
        raise ValueError(f"no helmet is called {name!r}; there are {' and '.join(SYSTEMS)}")
    return tuple(sensor for sensor, _ in helmet_coils(name))


def coil_axes(sensors: tuple[Sensor, ...]) -> np.ndarray:
    """The axes of the coils of a helmet.

    Parameters
    ----------
    sensors : tuple of Sensor
        Sensors of one of the helmets, in any order.

    Returns
    -------
    ndarray, shape (sensor, axis, 3)
        Unit vectors x, y and z of each coil in device coordinates.  z is its normal; x is the direction in which a
        planar gradiometer measures the gradient.

    Raises
    ------
    ValueError
        For a sensor of no helmet.
    """
    axes = _axes_by_name()
    unknown = [sensor.name for sensor in sensors if sensor.name not in axes]
    if unknown:
        raise ValueError(f"{unknown[0]} is a sensor of no helmet; there are {' and '.join(SYSTEMS)}")
    return np.stack([axes[sensor.name] for sensor in sensors])


@lru_cache
def _axes_by_name() -> dict[str, np.ndarray]:
    """(axis, 3) of every sensor of every helmet; no two helmets share a name."""
    return {sensor.name: axes for name in SYSTEMS for sensor, axes in helmet_coils(name)}
