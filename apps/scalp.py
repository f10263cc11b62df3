"""Scalp: sensors flattened onto a disc, and values between them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rtalign.data import Sensor

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
