"""The shape of a head: a sphere fitted to sensors, their positions on a flat map seen from above, and its regions."""

from __future__ import annotations

import re

import numpy as np

from rtalign.core.records import Sensor

CTF_REGION = re.compile(r"M[LRZ][CFOPT](?=\d)")


def sphere_centre(positions: np.ndarray) -> np.ndarray:
    """Fit a sphere to sensors by least squares.

    The equation of the sphere, |p|^2 = 2 p.c + constant, is linear in its centre c.

    Parameters
    ----------
    positions : ndarray, shape (sensor, 3)
        Positions, m; x to the right, y to the nose, z up.

    Returns
    -------
    ndarray, shape (3,)
        The centre; where the sensors do not determine a sphere, a point below their mean.
    """
    design = np.column_stack([2 * positions, np.ones(len(positions))])
    solution, _, rank, _ = np.linalg.lstsq(design, np.square(positions).sum(1), rcond=1e-9)
    return solution[:3] if rank == 4 else positions.mean(0) - [0, 0, np.ptp(positions, axis=0).max()]


def flatten_positions(positions: np.ndarray) -> np.ndarray:
    """Project sensors onto a flat head, nose up, with the azimuthal equidistant projection.

    The angle of a sensor from the top of the fitted sphere becomes its distance from the middle of the map.

    Parameters
    ----------
    positions : ndarray, shape (sensor, 3)
        Positions, m; x to the right, y to the nose, z up.

    Returns
    -------
    ndarray, shape (sensor, 2)
        Coordinates to the right and to the nose; the outermost sensor is at distance 1.
    """
    centred = positions - sphere_centre(positions)
    radius = np.linalg.norm(centred, axis=1)
    angle = np.arccos(np.clip(centred[:, 2] / np.where(radius > 0, radius, 1), -1, 1))
    around = np.arctan2(centred[:, 1], centred[:, 0])
    flat = angle[:, None] * np.stack([np.cos(around), np.sin(around)], axis=1)
    return flat / max(float(np.linalg.norm(flat, axis=1).max()), 1e-12)


def region_of(sensor: Sensor) -> str:
    """The region of the head that a sensor is over.

    Parameters
    ----------
    sensor : Sensor
        The sensor.

    Returns
    -------
    str
        As CTF names it, or by the sensor's place; empty where that is not known.
    """
    if match := CTF_REGION.match(sensor.name):
        return match[0]
    x, y, _ = sensor.position
    if not any(sensor.position):
        return ""
    return f"{'left' if x < 0 else 'right'} {'front' if y > 0 else 'back'}"
