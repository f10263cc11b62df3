"""The matrices of SSP and SSS are MNE's, also without some sensors; what cannot be one is refused in a line."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import mne
import numpy as np
import pytest

from rtalign.core.recipe import Recipe
from rtalign.core.records import DISPLAY_SCALES
from rtalign.core.spatial_filter import FILE, SpatialFilter
from rtalign.recordings.formats.mne_recording import MneRecording
from rtalign.recordings.spatial_filters import shared_filter
from rtalign.recordings.stream_channels.description import parse_xml
from rtalign.recordings.stream_channels.projectors import read_projectors
from rtalign.recordings.xdf.header import parse_header
from rtalign.streams.lsl import SignalOutlet
from tests.helpers.real_data import MEGIN, real
from tests.helpers.small_world import MemoryRecording

BAD = ("MEG 0123", "MEG 1011", "MEG 2443")


@lru_cache
def raw_of(kind: str) -> mne.io.BaseRaw:
    """The published recording as it was before its projectors were applied; for SSS without them."""
    raw = mne.io.read_raw_fif(real(MEGIN), allow_maxshield="yes", verbose="ERROR").crop(0, 0.5).load_data()
    raw.pick("meg")
    with raw.info._unlock():
        raw.info["projs"] = [p for p in raw.info["projs"] if kind == "ssp"]
        for projector in raw.info["projs"]:
            projector["active"] = False
    return raw


@lru_cache
def filter_of(kind: str) -> tuple[SpatialFilter, tuple[str, ...]]:
    recording = MneRecording.from_mne(raw_of(kind))
    found = shared_filter([recording], kind)
    assert found is not None
    return found, tuple(sensor.name for sensor in recording.sensors)


def difference(kind: str, by_mne: mne.io.BaseRaw, out: tuple[str, ...] = ()) -> float:
    """Of the filtered signal from MNE's, as a part of the largest value of each kind of sensor."""
    spatial, names = filter_of(kind)
    scales = np.array([DISPLAY_SCALES[sensor.kind] for sensor in spatial.sensors])
    x = raw_of(kind).get_data(picks=list(names)).T * scales
    ours, want = x @ spatial.matrix(names, out), by_mne.get_data(picks=list(names)).T * scales
    good = np.array([name not in out for name in names])
    groups = [good & (scales == scale) for scale in np.unique(scales)]
    return max(float(np.abs((ours - want)[:, g]).max() / np.abs(want[:, g]).max()) for g in groups)


def test_ssp_is_what_mne_applies() -> None:
    assert difference("ssp", raw_of("ssp").copy().apply_proj(verbose="ERROR")) < 1e-9
    some = raw_of("ssp").copy()
    some.info["bads"] = list(BAD)
    assert difference("ssp", some.apply_proj(verbose="ERROR"), BAD) < 1e-9
    assert filter_of("ssp")[0].describe()["rank"] == len(filter_of("ssp")[1]) - 3


def test_sss_is_the_maxwell_filter_of_mne_also_without_bad_sensors() -> None:
    some = raw_of("sss").copy()
    assert difference("sss", mne.preprocessing.maxwell_filter(some, verbose="ERROR")) < 1e-6
    bad = tuple(filter_of("sss")[1][i] for i in (3, 50, 100))  # without which MNE keeps the same moments
    some.info["bads"] = list(bad)
    assert difference("sss", mne.preprocessing.maxwell_filter(some, verbose="ERROR"), bad) < 1e-6
    assert filter_of("sss")[0].describe()["rank"] < 80


def test_projectors_in_the_description_of_a_stream_are_those_of_mne_lsl() -> None:
    from mne_lsl.lsl import StreamInfo

    raw = raw_of("ssp")
    info = StreamInfo("m", "MEG", len(raw.ch_names), 300.0, "float32", "m")
    info.set_channel_info(raw.info)
    header = parse_header(info.as_xml.encode())
    assert len(header.projectors) == 3
    want = np.stack([item["data"]["data"][0] for item in raw.info["projs"] if item["kind"] != 10])
    names = raw.info["projs"][0]["data"]["col_names"]
    np.testing.assert_allclose([[field[name] for name in names] for field in header.projectors], want, rtol=1e-6)
    own = SignalOutlet("m", MneRecording.from_mne(raw).sensors, 300.0, "m", projectors=header.projectors)
    assert parse_header(own._outlet.get_info().as_xml().encode()).projectors == header.projectors
    own.close()
    broken = b"<info><desc><projectors><projector><data><channel><label>a</label><data>x</data></channel></data>"
    root = parse_xml((broken + b"</projector></projectors></desc></info>").decode())
    assert read_projectors(root) == ()


def test_what_a_bad_sensor_measures_reaches_nothing() -> None:
    spatial, names = filter_of("ssp")
    matrix = spatial.matrix(names, {names[3]})
    assert not matrix[3].any()
    assert not matrix[:, 3].any()
    assert not spatial.matrix([*names[:10], "MISC 1"])[10].any(), "a channel that it was not made for"
    assert spatial.matrix(["MISC 1"]).shape == (1, 1)


@pytest.mark.parametrize("kind", ["ssp", "sss"])
def test_a_filter_is_kept_in_the_bank_and_a_damaged_one_refused(tmp_path: Path, kind: str) -> None:
    spatial, names = filter_of(kind)
    spatial.save(tmp_path)
    again = SpatialFilter.load(tmp_path, kind, spatial.sensors)
    assert again is not None
    assert again.is_same(spatial)
    np.testing.assert_array_equal(again.matrix(names), spatial.matrix(names))
    assert SpatialFilter.load(tmp_path, "none", spatial.sensors) is None
    with pytest.raises(ValueError, match="is damaged: shapes"):
        SpatialFilter.load(tmp_path, kind, spatial.sensors[1:])
    with pytest.raises(ValueError, match="is damaged: shapes"):
        SpatialFilter.load(tmp_path, "sss" if kind == "ssp" else "ssp", spatial.sensors)
    (tmp_path / FILE).unlink()
    with pytest.raises(ValueError, match="is damaged"):
        SpatialFilter.load(tmp_path, kind, spatial.sensors)


def test_what_can_be_no_matrix_is_refused_in_a_line() -> None:
    memory = MemoryRecording(np.zeros((10, 3)), ())
    with pytest.raises(ValueError, match="world does not say how its coils lie: --sss needs a FIF"):
        shared_filter([memory], "sss")
    with pytest.raises(ValueError, match="world holds no projectors"):
        shared_filter([memory], "ssp")
    assert shared_filter([memory], "none") is None
    with pytest.raises(ValueError, match=r"holds no projectors of its sensors: make some"):
        shared_filter([MneRecording.from_mne(raw_of("sss"))], "ssp")
    with pytest.raises(ValueError, match=r"cannot be Maxwell-filtered \(--sss\): Projectors cannot be applied"):
        shared_filter([MneRecording(real(MEGIN))], "sss")
    nowhere = raw_of("sss").copy()
    nowhere.info["dev_head_t"] = None
    with pytest.raises(ValueError, match="does not say where the head was"):
        shared_filter([MneRecording.from_mne(nowhere)], "sss")
    other = raw_of("ssp").copy()
    other.del_proj(0)
    first, second = MneRecording.from_mne(raw_of("ssp"), name="a"), MneRecording.from_mne(other, name="b")
    with pytest.raises(ValueError, match="b has other projectors than a"):
        shared_filter([first, second], "ssp")
    with pytest.raises(ValueError, match=r"tSSS .* cannot run live - use sss"):
        Recipe().with_settings("chain", spatial="tsss")
