"""The magnetic field of current dipoles in a spherical head, as each kind of sensor measures it."""

from __future__ import annotations

import numpy as np

from rtalign.core.records import Sensor
from rtalign.simulation.helmet import coil_axes

HEAD = np.array([0.0, -0.005, -0.02])
"""Centre of the conducting sphere in device coordinates, m."""

BASELINE_M = 0.05
"""Between the two coils of an axial gradiometer."""

PLANAR_M = 0.0168
"""Between the two loops of a planar gradiometer."""


def sphere_field(points: np.ndarray, positions: np.ndarray, moments: np.ndarray) -> np.ndarray:
    """Field outside a conducting sphere about the origin (Sarvas 1987, equation 25).

    points : (point, 3), m; positions : (dipole, 3), m; moments : (dipole, 3), A m.
    Returns (dipole, point, 3), T.

    B = mu0 / (4 pi F^2) (F q x r0 - (q x r0 . r) grad F), F = a (r a + r^2 - r0 . r), a = r - r0.
    """
    r = points[None]
    r0 = positions[:, None]
    away = r - r0
    a = np.linalg.norm(away, axis=2, keepdims=True)
    length = np.linalg.norm(r, axis=2, keepdims=True)
    inner = np.sum(r0 * r, axis=2, keepdims=True)
    along = np.sum(away * r, axis=2, keepdims=True) / a
    big_f = a * (length * a + length**2 - inner)
    slope = (a**2 / length + along + 2 * a + 2 * length) * r - (a + 2 * length + along) * r0
    turn = np.cross(moments, positions)[:, None]
    field = (big_f * turn - np.sum(turn * r, axis=2, keepdims=True) * slope) / big_f**2
    return 1e-7 * field


def lead_field(sensors: tuple[Sensor, ...], positions: np.ndarray, moments: np.ndarray) -> np.ndarray:
    """What each sensor measures of each dipole.

    positions : (dipole, 3), m, in device coordinates; moments : (dipole, 3), A m.
    Returns (dipole, sensor): T, and T/m for planar gradiometers.
    """
    at = np.array([sensor.position for sensor in sensors]) - HEAD
    axes = coil_axes(sensors)
    kinds = np.array([sensor.kind for sensor in sensors])
    out = np.empty((len(positions), len(sensors)))

    def normal_field(chosen: np.ndarray, shift: np.ndarray | float = 0.0) -> np.ndarray:
        field = sphere_field(at[chosen] + shift, positions - HEAD, moments)
        return np.einsum("dpx,px->dp", field, axes[chosen, 2])

    mags, axial, planar = (kinds == kind for kind in ("mag", "axial", "planar"))
    out[:, mags] = normal_field(mags)
    out[:, axial] = normal_field(axial) - normal_field(axial, BASELINE_M * axes[axial, 2])
    half = PLANAR_M / 2 * axes[planar, 0]
    out[:, planar] = (normal_field(planar, half) - normal_field(planar, -half)) / PLANAR_M
    return out


def far_field(sensors: tuple[Sensor, ...], uniform: np.ndarray, gradient: np.ndarray) -> np.ndarray:
    """What each sensor measures of a distant source.

    uniform : (pattern, 3), T; gradient : (pattern, 3, 3), T/m, symmetric and traceless, as free space requires.
    Returns (pattern, sensor).
    """
    at = np.array([sensor.position for sensor in sensors])
    axes = coil_axes(sensors)
    kinds = np.array([sensor.kind for sensor in sensors])
    normal = axes[:, 2]
    field = np.einsum("pi,si->ps", uniform, normal) + np.einsum("pij,si,sj->ps", gradient, normal, at)
    # A 5 cm baseline measures only the gradient along the normal; balancing and its errors leave about this much.
    axial = -BASELINE_M * np.einsum("pij,si,sj->ps", gradient, normal, normal)
    planar = np.einsum("pij,si,sj->ps", gradient, normal, axes[:, 0])
    return np.where(kinds == "axial", axial, np.where(kinds == "planar", planar, field))


SHELL_M = (0.050, 0.074)
"""Depth range of cortex: distances from the centre of the head."""

REGIONS = {
    "temporal left": (-0.9, 0.1, 0.2),
    "temporal right": (0.9, 0.1, 0.2),
    "frontal left": (-0.65, 0.65, 0.35),
    "frontal right": (0.65, 0.65, 0.35),
    "occipital": (0.0, -0.92, 0.25),
    "parietal": (0.0, -0.7, 0.75),
    "central left": (-0.6, 0.1, 0.8),
    "central right": (0.6, 0.1, 0.8),
}
"""Directions from the centre of the head (right, front, up)."""


def dipoles(n: int, regions: tuple[str, ...], spread: float, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """n dipoles scattered about the named regions, or everywhere in the cortical shell when none is named.

    spread : angular scatter about a region's direction, radians.
    Returns positions (dipole, 3) in device coordinates, m, and unit moments (dipole, 3) along the sphere: a radial
    dipole has no field outside a sphere.
    """
    if regions:
        centres = np.array([REGIONS[regions[i % len(regions)]] for i in range(n)])
        centres /= np.linalg.norm(centres, axis=1, keepdims=True)
        directions = centres + spread * rng.standard_normal((n, 3))
    else:
        directions = _cortex_directions(n, rng)
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    depth = rng.uniform(*SHELL_M, n)[:, None]
    moments = np.cross(directions, rng.standard_normal((n, 3)))
    moments /= np.linalg.norm(moments, axis=1, keepdims=True)
    return HEAD + depth * directions, moments


def _cortex_directions(n: int, rng: np.random.Generator) -> np.ndarray:
    """(n, 3) directions, uniform over the part of the sphere that cortex fills: all but the neck and the face."""
    up = rng.uniform(-0.45, 1.0, n)
    around = rng.uniform(0, 2 * np.pi, n)
    flat = np.sqrt(1 - up**2)
    return np.column_stack([flat * np.cos(around), flat * np.sin(around), up])
