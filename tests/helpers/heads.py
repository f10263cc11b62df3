"""Positions of a head in a CTF helmet."""

from __future__ import annotations

import numpy as np

from rtalign.core.head.position import HeadPosition

COILS = np.array([[0.055, 0.065, -0.24], [-0.048, 0.055, -0.25], [0.05, -0.052, -0.25]])
"""Nasion, left and right ear, in m from the middle of the helmet."""


def position(coils: np.ndarray = COILS) -> HeadPosition:
    found = HeadPosition.from_ctf_coils(coils)
    assert found is not None
    return found
