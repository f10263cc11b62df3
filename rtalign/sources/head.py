"""Where things lie in a spherical head: dipoles in a cortical shell, in named regions, along the sphere."""

from __future__ import annotations

import numpy as np

from rtalign.sources.field import HEAD

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
    dipole is silent outside a sphere.
    """
    if regions:
        centres = np.array([REGIONS[regions[i % len(regions)]] for i in range(n)])
        centres /= np.linalg.norm(centres, axis=1, keepdims=True)
        directions = centres + spread * rng.standard_normal((n, 3))
    else:
        directions = _everywhere(n, rng)
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    depth = rng.uniform(*SHELL_M, n)[:, None]
    moments = np.cross(directions, rng.standard_normal((n, 3)))
    moments /= np.linalg.norm(moments, axis=1, keepdims=True)
    return HEAD + depth * directions, moments


def _everywhere(n: int, rng: np.random.Generator) -> np.ndarray:
    """(n, 3) directions, even over the part of the sphere that cortex fills: all but the neck and the face."""
    up = rng.uniform(-0.45, 1.0, n)
    around = rng.uniform(0, 2 * np.pi, n)
    flat = np.sqrt(1 - up**2)
    return np.column_stack([flat * np.cos(around), flat * np.sin(around), up])
