"""Sensor values on a flat head: projection, grouping by place, and interpolation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.interpolate import RBFInterpolator

GRID = 96
REACH = 0.94
"""How far from the middle the outermost sensor lies, in a picture whose disc has radius 1."""


@dataclass(frozen=True, eq=False)
class Layout:
    """Where the sensors of one kind lie on the flat head.

    members : (place, sensor) 1 where a sensor stands at a place; points : (place, xy); operator : (pixel, place),
    values to picture; inside : (row, column) the pixels that are drawn.
    """

    members: np.ndarray
    points: np.ndarray
    operator: np.ndarray
    inside: np.ndarray

    def places(self, values: np.ndarray) -> np.ndarray:
        """Root of the sum of squares of the sensors of one place: a planar pair becomes the length of its gradient."""
        return np.sqrt(self.members @ np.square(values))

    def picture(self, values: np.ndarray) -> np.ndarray:
        """(sensor,) to (row, column), nose up; NaN outside.  Values are sizes, so what bends below 0 is 0."""
        full = np.clip(self.operator @ self.places(values), 0, None).reshape(self.inside.shape)
        return np.where(self.inside, full, np.nan)


def project(positions: np.ndarray) -> np.ndarray:
    """Azimuthal equidistant: the angle from the vertex becomes the distance from the middle.

    positions : (sensor, xyz), x to the right, y to the nose, z up.  Returns (sensor, xy), the outermost at 1.
    """
    centred = positions - sphere_centre(positions)
    radius = np.linalg.norm(centred, axis=1)
    angle = np.arccos(np.clip(centred[:, 2] / np.where(radius > 0, radius, 1), -1, 1))
    around = np.arctan2(centred[:, 1], centred[:, 0])
    flat = angle[:, None] * np.stack([np.cos(around), np.sin(around)], axis=1)
    return flat / max(float(np.linalg.norm(flat, axis=1).max()), 1e-12)


def sphere_centre(positions: np.ndarray) -> np.ndarray:
    """The centre of the sphere that fits the sensors best: |p|^2 = 2 p.c + constant, linear in c."""
    design = np.column_stack([2 * positions, np.ones(len(positions))])
    solution, _, rank, _ = np.linalg.lstsq(design, np.square(positions).sum(1), rcond=1e-9)
    return solution[:3] if rank == 4 else positions.mean(0) - [0, 0, np.ptp(positions, axis=0).max()]


def layout(positions: np.ndarray) -> Layout | None:
    """The layout of sensors of one kind, or None where their places do not span a head."""
    places, member_of = np.unique(np.round(positions, 3), axis=0, return_inverse=True)
    if len(places) < 8 or not np.isfinite(positions).all():
        return None
    members = np.zeros((len(places), len(positions)))
    members[member_of.ravel(), np.arange(len(positions))] = 1
    points = REACH * project(places)
    if (
        len(np.unique(np.round(points, 3), axis=0)) < len(points)
        or np.linalg.matrix_rank(points - points.mean(0), 1e-3) < 2
    ):
        return None
    axis = (np.arange(GRID) + 0.5) / GRID * 2 - 1
    x, y = np.meshgrid(axis, -axis)
    pixels = np.column_stack([x.ravel(), y.ravel()])
    # A little beyond the disc, whose edge is cut where it is drawn.
    inside = np.hypot(x, y) <= 1.03
    # Solved once for unit values, so that every further picture is one product.
    operator = RBFInterpolator(points, np.eye(len(points)), kernel="thin_plate_spline", smoothing=1e-4)(pixels)
    return Layout(members, points, operator, inside)
