"""Where the head is in the helmet, and how far that is from where it was."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

LANDMARKS_M = np.array([[0.0, 0.1, 0.0], [-0.075, 0.0, 0.0], [0.075, 0.0, 0.0]])
"""About nasion and ears, in head coordinates: what moves most of them is what head coils would measure."""
CTF_TO_DEVICE = np.array([[0.5**0.5, -(0.5**0.5), 0.0], [0.5**0.5, 0.5**0.5, 0.0], [0.0, 0.0, 1.0]])
CTF_SHIFT_M = np.array([0.0, 0.0, 0.19])
"""MNE's device coordinates of CTF machines: turned by 45 degrees and shifted upwards."""
MEGIN_ROTATION = tuple(f"R{row}{column}" for row in (1, 2, 3) for column in (1, 2, 3))
MEGIN_SHIFT = ("Tx", "Ty", "Tz")
"""Channels of the stream of head positions of a MEGIN machine, as mne-lsl reads them."""
SHORTEST_M, LONGEST_M, FARTHEST_M = 0.04, 0.3, 1.0
"""Between two coils on a head, and of a coil from the middle of the helmet."""


@dataclass(frozen=True, slots=True)
class HeadPosition:
    """What takes device coordinates to head coordinates, as MNE's dev_head_t does.

    Attributes
    ----------
    rows : tuple of float
        Twelve numbers, row by row: a rotation, and beside it the translation in m.
    """

    rows: tuple[float, ...]

    @classmethod
    def from_matrix(cls, matrix: np.ndarray) -> HeadPosition | None:
        """Of a transform, shape (3 or 4, 4); None where it is no movement, or none was ever measured: the identity."""
        upper = np.asarray(matrix, float)[:3]
        if upper.shape != (3, 4) or not np.isfinite(upper).all() or np.abs(upper[:, 3]).max() > FARTHEST_M:
            return None
        if np.abs(upper[:, :3] @ upper[:, :3].T - np.eye(3)).max() > 1e-3 or np.allclose(upper, np.eye(4)[:3]):
            return None
        return cls(tuple(float(value) for value in upper.ravel()))

    @classmethod
    def from_ctf_coils(cls, coils: np.ndarray) -> HeadPosition | None:
        """Of the coils at nasion, left and right ear, shape (coil, 3), in m from the middle of a CTF helmet.

        None where these cannot be coils on a head: not localised, or in another unit.
        """
        coils = np.asarray(coils, float)
        if not np.isfinite(coils).all() or np.abs(coils).max() > FARTHEST_M:
            return None
        apart = np.linalg.norm(coils - np.roll(coils, 1, axis=0), axis=1)
        if apart.min() < SHORTEST_M or apart.max() > LONGEST_M:
            return None
        nasion, left, right = coils @ CTF_TO_DEVICE.T + CTF_SHIFT_M
        across = (right - left) / np.linalg.norm(right - left)
        origin = left + across * ((nasion - left) @ across)
        ahead = (nasion - origin) / np.linalg.norm(nasion - origin)
        axes = np.stack([across, ahead, np.cross(across, ahead)])
        return cls.from_matrix(np.column_stack([axes, -axes @ origin]))

    @classmethod
    def from_megin(cls, values: np.ndarray, names: Sequence[str]) -> HeadPosition | None:
        """Of a sample of neuromag2lsl's stream: R11 to R33, Tx, Ty, Tz; None where there is no such position."""
        places = {name: i for i, name in enumerate(names)}
        if not places.keys() >= {*MEGIN_ROTATION, *MEGIN_SHIFT}:
            return None
        turn, shift = ([float(values[places[name]]) for name in part] for part in (MEGIN_ROTATION, MEGIN_SHIFT))
        return cls.from_matrix(np.column_stack([np.reshape(turn, (3, 3)), shift]))

    @classmethod
    def from_json(cls, value: object) -> HeadPosition | None:
        """Of twelve numbers, as a passport holds them; None of anything else."""
        if not isinstance(value, list) or len(value) != 12:
            return None
        if not all(isinstance(number, int | float) for number in value):
            return None
        return cls.from_matrix(np.array(value, float).reshape(3, 4))

    def distance_mm(self, others: Sequence[HeadPosition]) -> float:
        """How far the landmark that moved most is from where it was, in mm, in the nearest of other positions."""
        own = self._landmarks()
        moved = [np.linalg.norm(own - other._landmarks(), axis=1).max() for other in others]
        return 1000 * float(min(moved))

    def _landmarks(self) -> np.ndarray:
        """(landmark, 3), in device coordinates."""
        upper = np.array(self.rows).reshape(3, 4)
        return np.asarray((LANDMARKS_M - upper[:, 3]) @ upper[:, :3])
