"""Positions of a head in a CTF helmet."""

from __future__ import annotations

import struct

import numpy as np

from rtalign.core.head.position import HeadPosition

COILS = np.array([[0.055, 0.065, -0.24], [-0.048, 0.055, -0.25], [0.05, -0.052, -0.25]])
"""Nasion, left and right ear, in m from the middle of the helmet."""


def position(coils: np.ndarray = COILS) -> HeadPosition:
    found = HeadPosition.from_ctf_coils(coils)
    assert found is not None
    return found


def fif_tag(kind: int, type: int, content: bytes, order: str = ">") -> bytes:
    return struct.pack(order + "4i", kind, type, len(content), 0) + content


def hpi_result(head: HeadPosition, accepted: int | None = 1, order: str = ">") -> bytes:
    """The file of a localisation, as the acquisition of a MEGIN machine writes it."""
    rows = np.reshape(head.rows, (3, 4))
    numbers = [*rows[:, :3].ravel(), *rows[:, 3], *rows[:, :3].T.ravel(), *(-rows[:, :3].T @ rows[:, 3])]
    block = struct.pack(order + "i", 109)
    tags = [(100, 31, bytes(20)), (101, 3, b"\xff" * 4), (104, 3, block)]
    tags += [(222, 35, struct.pack(order + "ii24f", 1, 4, *numbers))]
    tags += [(242, 3, struct.pack(order + "i", accepted))] if accepted is not None else []
    return b"".join(fif_tag(*tag, order) for tag in [*tags, (105, 3, block)])
