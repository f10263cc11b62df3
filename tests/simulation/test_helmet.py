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


def test_a_helmet_is_the_canonical_one_of_mne() -> None:
    """Every definition of mne is one sensor with its name, place and axes; one missing sensor is a mirror image."""
    for name, system, extra in (("ctf275", "ctf275", {"MLO42"}), ("neuromag306", "neuromag", set())):
        sensors = {sensor.name: sensor for sensor in helmet_sensors(name)}
        channels = mne.channels.read_meg_canonical_info(system)["chs"]
        canonical = {channel["ch_name"].split("-")[0]: channel["loc"] for channel in channels}
        assert sensors.keys() - canonical.keys() == extra
        for label, loc in canonical.items():
            np.testing.assert_array_equal(sensors[label].position, loc[:3])
            axes = coil_axes((sensors[label],))[0]
            np.testing.assert_allclose(axes, loc[3:].reshape(3, 3), atol=2e-4)
    left, right = (next(s for s in helmet_sensors("ctf275") if s.name == name) for name in ("MLO42", "MRO42"))
    np.testing.assert_array_equal(left.position, np.array(right.position) * [-1, 1, 1])


def test_planar_gradiometers_of_a_pair_are_orthogonal() -> None:
    sensors = helmet_sensors("neuromag306")
    axes = coil_axes(sensors)
    np.testing.assert_allclose(np.linalg.det(axes), 1)
    first, second = axes[0::3, 0], axes[1::3, 0]
    # The definitions have four digits.
    np.testing.assert_allclose(np.sum(first * second, axis=1), 0, atol=2e-4)


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
    assert np.median(off) < 0.002
    assert np.max(off) < 0.005
    assert np.median(angle) < 1
