"""The position of a head, from MNE's transform and from a CTF machine's coils, and how far it has moved."""

from __future__ import annotations

import numpy as np
import pytest

from rtalign.core.head.position import HeadPosition
from tests.helpers.heads import COILS, position


def turned(degrees: float) -> np.ndarray:
    """About the axis upwards."""
    angle = np.deg2rad(degrees)
    return np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])


def test_coils_give_the_transform_that_mne_gives() -> None:
    from mne.io.constants import FIFF
    from mne.io.ctf.constants import CTF
    from mne.io.ctf.trans import _make_ctf_coord_trans_set

    middle = (COILS[1] + COILS[2]) / 2
    ahead = COILS[0] - middle
    left = COILS[1] - middle
    x = ahead / np.linalg.norm(ahead)
    z = np.cross(x, left / np.linalg.norm(left))
    z /= np.linalg.norm(z)
    axes = np.stack([x, np.cross(z, x), z])  # of CTF's own head coordinates
    coils = [
        {"valid": True, "kind": kind, "coord_frame": frame, "r": r}
        for kind, r in zip((CTF.CTFV_COIL_NAS, CTF.CTFV_COIL_LPA, CTF.CTFV_COIL_RPA), COILS, strict=True)
        for frame, r in ((FIFF.FIFFV_MNE_COORD_CTF_DEVICE, r), (FIFF.FIFFV_MNE_COORD_CTF_HEAD, axes @ (r - middle)))
    ]
    expected = _make_ctf_coord_trans_set(None, coils)["t_dev_head"]["trans"]
    assert np.allclose(np.array(position(COILS).rows).reshape(3, 4), expected[:3], atol=1e-6)


@pytest.mark.parametrize("mm", [0.0, 1.5, 3.0, 12.0])
def test_a_head_that_moves_as_a_whole_is_as_far_away_as_it_moved(mm: float) -> None:
    step = np.array([2.0, -1.0, 2.0]) / 3 * mm / 1000
    assert position(COILS + step).distance_mm([position(COILS)]) == pytest.approx(mm, abs=1e-6)


def test_a_head_that_only_turns_has_moved() -> None:
    middle = COILS.mean(axis=0)
    moved = position((COILS - middle) @ turned(3.0).T + middle)
    assert 2.0 < moved.distance_mm([position(COILS)]) < 6.0


def test_the_nearest_of_several_positions_counts() -> None:
    others = [position(COILS + np.array([0.0, 0.0, far])) for far in (0.01, 0.002, 0.03)]
    assert position(COILS).distance_mm(others) == pytest.approx(2.0, abs=1e-6)


@pytest.mark.parametrize("coils", [COILS * 100, np.zeros((3, 3)), COILS * np.nan, COILS[[0, 0, 1]]])
def test_what_cannot_be_coils_on_a_head_is_no_position(coils: np.ndarray) -> None:
    assert HeadPosition.from_ctf_coils(coils) is None


def test_a_passport_keeps_a_position_and_nothing_else_is_one() -> None:
    here = position(COILS)
    assert HeadPosition.from_json(list(here.rows)) == here
    for other in (None, [], [1.0] * 12, ["a"] * 12, "head", [0.0] * 12, [1e400] * 12):
        assert HeadPosition.from_json(other) is None
    assert HeadPosition.from_matrix(np.eye(4)) is None
