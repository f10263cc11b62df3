"""Helmets: the sensors of two whole-head systems, from the definitions that mne ships.

Coordinates are device coordinates in metres: x right, y front, z up.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from rtalign.core.records import Sensor

SYSTEMS = {"ctf275": "ctf275", "neuromag306": "neuromag"}
"""Names of the helmets, and mne's names for them."""

COIL_KINDS: dict[int, str] = {5001: "axial", 3012: "planar", 3024: "mag"}
"""Kinds of sensors by the coil types of FIF files."""

MIRRORED = {"MLO42": "MRO42"}
"""A sensor that is missing in mne's CTF-275, and its counterpart on the right.  Their mirror images are used for each
other: the helmet is symmetric to 2 mm."""


@lru_cache
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
    return tuple(sensor for sensor, _ in _coils(name))


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
    return {sensor.name: axes for name in SYSTEMS for sensor, axes in _coils(name)}


@lru_cache
def _coils(name: str) -> tuple[tuple[Sensor, np.ndarray], ...]:
    """Each sensor of a helmet with its axes (axis, 3)."""
    from mne.channels import read_meg_canonical_info

    if name not in SYSTEMS:
        raise ValueError(f"no helmet is called {name!r}; there are {' and '.join(SYSTEMS)}")
    channels = {}
    for channel in read_meg_canonical_info(SYSTEMS[name], verbose="ERROR")["chs"]:
        # mne gives CTF sensors with the serial number of the system behind their names.
        channels[channel["ch_name"].split("-")[0]] = COIL_KINDS[int(channel["coil_type"])], channel["loc"][:12]
    for missing, counterpart in MIRRORED.items():
        if counterpart in channels and missing not in channels:
            kind, loc = channels[counterpart]
            channels[missing] = kind, (loc.reshape(4, 3) * [-1.0, 1.0, 1.0]).ravel()
            channels = dict(sorted(channels.items()))
    return tuple(_coil(label, kind, loc) for label, (kind, loc) in channels.items())


def _coil(name: str, kind: str, loc: np.ndarray) -> tuple[Sensor, np.ndarray]:
    """One sensor and its axes, made orthonormal: files give them with a few digits."""
    position, x, _, normal = loc.reshape(4, 3)
    normal = normal / np.linalg.norm(normal)
    x = x - (x @ normal) * normal
    x /= np.linalg.norm(x)
    sensor = Sensor(name, kind, tuple(position.tolist()), tuple(normal.tolist()))
    return sensor, np.stack([x, np.cross(normal, x), normal])
