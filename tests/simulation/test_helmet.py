"""Helmets: sensors at their real places, facing outwards."""

from __future__ import annotations

import mne
import numpy as np
import pytest

from rtalign.simulation import coil_axes, helmet_sensors
from rtalign.simulation.forward import HEAD
from tests.helpers.paths import SHARED
from tests.helpers.simulated_runs import HELMETS


@pytest.mark.parametrize("name", HELMETS)
def test_sensors_are_on_their_side_and_face_outwards(name: str) -> None:
    sensors = helmet_sensors(name)
    places = np.array([sensor.position for sensor in sensors])
    normals = np.array([sensor.normal for sensor in sensors])
    kinds = [sensor.kind for sensor in sensors]
    assert len({sensor.name for sensor in sensors}) == len(sensors) == int(name[-3:])
    assert kinds.count("axial") in (0, 275)
    assert (kinds.count("mag"), kinds.count("planar")) in ((0, 0), (102, 204))
    np.testing.assert_allclose(np.linalg.norm(normals, axis=1), 1)
    assert np.all(np.sum(normals * (places - HEAD), axis=1) > 0.06)
    for sensor in sensors:
        if sensor.name.startswith("ML"):
            assert sensor.position[0] < 0.005
        if sensor.name.startswith("MR"):
            assert sensor.position[0] > -0.005


@pytest.mark.parametrize("name", HELMETS)
def test_coils_of_one_kind_keep_apart(name: str) -> None:
    places = np.array([s.position for s in helmet_sensors(name) if s.kind != "planar"])
    apart = np.linalg.norm(places[:, None] - places[None], axis=2)
    assert apart[~np.eye(len(places), dtype=bool)].min() > 0.012


def test_planar_gradiometers_of_a_pair_are_orthogonal() -> None:
    sensors = helmet_sensors("neuromag306")
    axes = coil_axes(sensors)
    np.testing.assert_allclose(np.linalg.det(axes), 1)
    first, second = axes[0::3, 0], axes[1::3, 0]
    np.testing.assert_allclose(np.sum(first * second, axis=1), 0, atol=1e-12)


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("ctf275", "ctf275_dccn_human/testdata_ctf_short_discontinuous.ds"),
        ("neuromag306", "neuromag306_sample_human/neuromag306_sample_5s_raw.fif"),
    ],
)
def test_sensors_are_where_a_real_helmet_has_them(name: str, file: str) -> None:
    path = SHARED / file
    if not path.exists():
        pytest.skip(f"{path} is absent")
    if path.suffix == ".ds":
        info = mne.io.read_raw_ctf(path, system_clock="ignore", verbose="ERROR").info
    else:
        info = mne.io.read_raw_fif(path, verbose="ERROR").info
    ours = {sensor.name: sensor for sensor in helmet_sensors(name)}
    real = {channel["ch_name"].split("-")[0]: channel["loc"] for channel in info["chs"]}
    common = sorted(ours.keys() & real.keys())
    assert len(common) > 0.95 * len(ours)
    off = [np.linalg.norm(real[n][:3] - ours[n].position) for n in common]
    angle = [np.degrees(np.arccos(min(1.0, real[n][9:12] @ ours[n].normal))) for n in common]
    assert np.median(off) < 0.007
    assert np.max(off) < 0.025
    assert np.median(angle) < 10
