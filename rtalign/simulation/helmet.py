"""Helmets: where the sensors of two whole-head systems sit, built from the shells and layouts that mne ships.

The layouts are azimuthal-equidistant maps (a sensor's distance from the centre of the map is its angle from the
vertex), and the shells give the radius in each direction; together they place a sensor within a few millimetres.
Coordinates are device coordinates in metres: x right, y front, z up.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import as_file, files
from itertools import product

import numpy as np

from rtalign.core.records import Sensor


@dataclass(frozen=True, slots=True)
class Shell:
    """How one helmet is drawn: mne's names for its map and wall, and how the map unfolds over the wall."""

    layout: str
    wall: str
    vertex: tuple[float, float]
    """The point of the map (a unit square) that lies over the vertex."""
    radians: tuple[float, float]
    """Angle from the vertex per unit of the map, across and along."""
    bend: float
    """Cubic part of that angle, for a map whose rim is compressed."""
    gap_m: float
    """From the wall that mne draws outwards to the coils."""


CENTRE = np.array([0.0, 0.0, -0.02])
"""The point from which the shells are seen."""

SHELLS = {
    "ctf275": Shell("CTF-275", "CTF_275.fif.gz", (0.503, 0.478), (4.5, 4.5), 0.0, 0.0155),
    "neuromag306": Shell("Vectorview-mag", "306m.fif.gz", (0.499, 0.506), (4.35, 3.9), 0.0, 0.0015),
}


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
        Names, kinds, positions and normals in device coordinates, m.

    Raises
    ------
    ValueError
        For another name.
    """
    if name not in SHELLS:
        raise ValueError(f"no helmet is called {name!r}; there are {' and '.join(SHELLS)}")
    labels, directions = _map(SHELLS[name])
    positions, normals = _wall(SHELLS[name], directions)
    sensors: list[Sensor] = []
    for label, position, normal in zip(labels, positions, normals, strict=True):
        for suffix, kind in _members(name, label):
            sensors.append(Sensor(suffix, kind, tuple(position.tolist()), tuple(normal.tolist())))
    return tuple(sensors)


def coil_axes(sensors: tuple[Sensor, ...]) -> np.ndarray:
    """The axes of the coils.

    Parameters
    ----------
    sensors : tuple of Sensor
        A helmet.

    Returns
    -------
    ndarray, shape (sensor, axis, 3)
        Unit vectors x, y and z of each coil.  z is its normal; x, the direction in which a planar gradiometer measures
        the gradient, runs down the helmet for magnetometers and the first gradiometer of a triple and around it for
        the second.
    """
    normals = np.array([sensor.normal for sensor in sensors])
    outwards = np.array([sensor.position for sensor in sensors]) - CENTRE
    around = np.cross(np.where(_steep(outwards)[:, None], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]), normals)
    around /= np.linalg.norm(around, axis=1, keepdims=True)
    down = np.cross(around, normals)
    second = np.array([sensor.kind == "planar" and sensor.name.endswith("2") for sensor in sensors])[:, None]
    x = np.where(second, around, down)
    return np.stack([x, np.cross(normals, x), normals], axis=1)


def _steep(outwards: np.ndarray) -> np.ndarray:
    """(sensor,) true right over the vertex, where "down the helmet" has no direction and "front" stands in."""
    return np.hypot(outwards[:, 0], outwards[:, 1]) < 0.01


def _members(name: str, label: str) -> list[tuple[str, str]]:
    if name == "ctf275":
        return [(label.split("-")[0], "axial")]
    stem = label[:-1]
    return [(stem + "3", "planar"), (stem + "2", "planar"), (stem + "1", "mag")]


def _map(shell: Shell) -> tuple[list[str], np.ndarray]:
    """The layout's names and, (sensor, 3), the directions in which the sensors are seen from CENTRE."""
    from mne.channels import read_layout

    layout = read_layout(shell.layout)
    flat = layout.pos[:, :2] + layout.pos[:, 2:] / 2 - shell.vertex
    unfolded = flat * shell.radians
    angle = np.linalg.norm(unfolded, axis=1)
    angle_true = angle + shell.bend * angle**3
    sine = (np.sin(angle_true) / np.maximum(angle, 1e-9))[:, None] * unfolded
    return list(layout.names), np.column_stack([sine, np.cos(angle_true)])


def _wall(shell: Shell, directions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(sensor, 3) positions on the wall moved outwards by the gap, and (sensor, 3) outward normals.

    The wall is smoothed by a polynomial radius, whose gradient gives the normals.
    """
    from mne import read_bem_surfaces

    with as_file(files("mne") / "data" / "helmets" / shell.wall) as path:
        vertices = read_bem_surfaces(path, verbose="ERROR")[0]["rr"] - CENTRE
    radius = np.linalg.norm(vertices, axis=1)
    seen = vertices / radius[:, None]
    around = seen[:, 2] > -0.65  # below that the wall is a rim or a neck piece, where no sensor sits
    weights, *_ = np.linalg.lstsq(_powers(seen[around]), radius[around], rcond=None)

    def reach(points: np.ndarray) -> np.ndarray:
        length = np.linalg.norm(points, axis=1, keepdims=True)
        return length[:, 0] - _powers(points / length) @ weights

    points = directions * (_powers(directions) @ weights)[:, None]
    step = 1e-4
    slope = np.column_stack([reach(points + step * axis) - reach(points - step * axis) for axis in np.eye(3)])
    normals = slope / np.linalg.norm(slope, axis=1, keepdims=True)
    return points + shell.gap_m * normals + CENTRE, normals


def _powers(directions: np.ndarray, degree: int = 3) -> np.ndarray:
    """(direction, term): products of powers of x, y and z; z's even powers follow from the others on a sphere."""
    x, y, z = directions.T
    terms = [(i, j, k) for i, j, k in product(range(degree + 1), range(degree + 1), range(2)) if i + j + k <= degree]
    return np.column_stack([x**i * y**j * z**k for i, j, k in terms])
