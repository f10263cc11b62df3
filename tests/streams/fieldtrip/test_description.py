"""Channels of a buffer, from its names, its flags, its resolutions, or a maker's own header."""

from __future__ import annotations

import shutil
import struct
from pathlib import Path

import mne
import numpy as np
import pytest

from rtalign.streams.fieldtrip.description import (
    CTF_CHANNEL,
    FILTERS_AT,
    N_CHANNELS_AT,
    RUN_DESCRIPTION_AT,
    describe_buffer,
)
from rtalign.streams.fieldtrip.protocol import CTF_RES4, FLAGS, NAMES, NEUROMAG, RESOLUTIONS, BufferHeader
from tests.helpers.real_data import CTF, MEGIN, real

INT32, FLOAT32 = 7, 9


def header(n: int, data_type: int = FLOAT32, **chunks: bytes) -> BufferHeader:
    kinds = {"names": NAMES, "flags": FLAGS, "resolutions": RESOLUTIONS, "res4": CTF_RES4, "neuromag": NEUROMAG}
    return BufferHeader(n, 0, 0, 1200.0, data_type, {kinds[name]: content for name, content in chunks.items()})


def names(*labels: str) -> bytes:
    return b"".join(label.encode() + b"\0" for label in labels)


def test_a_ctf_header_gives_names_and_gains_as_mne_has_them() -> None:
    raw = mne.io.read_raw_ctf(real(CTF), system_clock="ignore", clean_names=True, verbose="ERROR")
    (res4,) = real(CTF).glob("*.res4")
    n = len(raw.ch_names)
    read = describe_buffer(header(n, INT32, res4=res4.read_bytes()), "b")
    assert [read.names[i] for i in read.picks] == [sensor.name for sensor in read.sensors]
    entries = {entry["ch_name"]: entry for entry in raw.info["chs"]}
    meg = [raw.ch_names[i] for i in mne.pick_types(raw.info, meg=True, ref_meg=False)]
    assert sorted(sensor.name for sensor in read.sensors) == sorted(meg)
    cals = [entries[sensor.name]["cal"] * entries[sensor.name]["range"] for sensor in read.sensors]
    np.testing.assert_allclose(read.scales, cals, rtol=1e-12)
    assert min(cals) < 0, "some coils are wound the other way round"
    places = np.array([entries[sensor.name]["loc"][:3] for sensor in read.sensors])
    assert np.median(np.linalg.norm(places - [sensor.position for sensor in read.sensors], axis=1)) < 0.01
    gained = describe_buffer(header(n, FLOAT32, res4=res4.read_bytes()), "b")
    assert (gained.scales == 1).all(), "floats are tesla already"
    assert read.grade == gained.grade == raw.compensation_grade


def test_the_grade_in_a_ctf_header_is_read_as_mne_reads_it(tmp_path: Path) -> None:
    folder = shutil.copytree(real(CTF), tmp_path / CTF.name)
    (res4,) = folder.glob("*.res4")
    content = bytearray(res4.read_bytes())
    (n,) = struct.unpack_from(">h", content, N_CHANNELS_AT)
    place = FILTERS_AT + struct.unpack_from(">i", content, RUN_DESCRIPTION_AT)[0]
    (n_filters,) = struct.unpack_from(">h", content, place)
    place += 2
    for _ in range(n_filters):
        place += 18 + 8 * struct.unpack_from(">h", content, place + 16)[0]
    for i in range(n):
        struct.pack_into(">h", content, place + 32 * n + CTF_CHANNEL.itemsize * i + 42, 3)
    res4.chmod(0o644)
    res4.write_bytes(content)
    raw = mne.io.read_raw_ctf(folder, system_clock="ignore", verbose="ERROR")
    assert raw.compensation_grade == 3
    assert describe_buffer(header(n, INT32, res4=bytes(content)), "b").grade == 3


def test_some_channels_of_a_ctf_have_the_gains_of_their_names() -> None:
    """An acquisition that is told to send a few channels sends the header of all."""
    (res4,) = real(CTF).glob("*.res4")
    whole = describe_buffer(header(len(read_channels()), INT32, res4=res4.read_bytes()), "b")
    scales = {sensor.name: scale for sensor, scale in zip(whole.sensors, whole.scales.tolist(), strict=True)}
    some = describe_buffer(header(3, INT32, names=names("MRT11", "UPPT001", "MLC12-4304"), res4=res4.read_bytes()), "b")
    assert [sensor.name for sensor in some.sensors] == ["MRT11", "MLC12"]
    assert some.scales.tolist() == [scales["MRT11"], scales["MLC12"]]


def read_channels() -> list[str]:
    return mne.io.read_raw_ctf(real(CTF), system_clock="ignore", verbose="ERROR").ch_names


def test_a_damaged_ctf_header_is_told_and_the_names_are_used() -> None:
    (res4,) = real(CTF).glob("*.res4")
    for broken in (b"", b"MEG42RS\0", res4.read_bytes()[:5000], b"MEG42RS\0" + b"\xff" * 4000):
        read = describe_buffer(header(2, INT32, names=names("MLC11-4304", "UPPT001"), res4=broken), "b")
        assert [sensor.name for sensor in read.sensors] == ["MLC11"]
        assert any("res4" in note for note in read.notes)


def test_a_neuromag_header_gives_kinds_and_places(tmp_path: Path) -> None:
    info = mne.io.read_info(real(MEGIN), verbose="ERROR")
    mne.io.write_info(tmp_path / "neuromag_meg.fif", info, overwrite=True)
    raw = (tmp_path / "neuromag_meg.fif").read_bytes()
    read = describe_buffer(header(len(info["ch_names"]), FLOAT32, neuromag=raw), "b")
    entries = {entry["ch_name"]: entry for entry in info["chs"]}
    assert len(read.sensors) == len(mne.pick_types(info, meg=True, exclude=()))
    for sensor in read.sensors:
        np.testing.assert_allclose(sensor.position, entries[sensor.name]["loc"][:3], atol=1e-7)
        assert (sensor.kind == "planar") == (not sensor.name.endswith("1"))
    damaged = describe_buffer(header(1, FLOAT32, names=names("MEG0111"), neuromag=raw[:3000]), "b")
    assert damaged.sensors[0].kind == "mag"
    assert any("Neuromag" in note for note in damaged.notes)


def test_resolutions_take_counts_to_si() -> None:
    resolutions = np.array([2e-15, 0.5]).astype("<f8").tobytes()
    meg = describe_buffer(header(2, INT32, names=names("MLC11", "UADC001"), resolutions=resolutions), "b")
    assert meg.scales.tolist() == [2e-15]
    eeg = describe_buffer(header(2, INT32, names=names("Cz", "Pz"), resolutions=resolutions), "b")
    assert [sensor.kind for sensor in eeg.sensors] == ["eeg", "eeg"]
    assert eeg.scales == pytest.approx([2e-21, 0.5e-6])
    floats = describe_buffer(header(2, FLOAT32, names=names("MLC11", "UADC001"), resolutions=resolutions), "b")
    assert floats.scales.tolist() == [1.0]


def test_flags_say_which_channels_measure_the_head() -> None:
    labels = names("A1", "A2", "X1", "X2")
    read = describe_buffer(header(4, names=labels, flags=b"meg_ad_eog\0\x01\x01\x02\x03"), "b")
    assert [sensor.name for sensor in read.sensors] == ["A1", "A2"]
    for broken in (b"meg_ad", b"meg_ad\0\x01", b"meg_ad\0\x01\x02\x09\x01"):
        assert len(describe_buffer(header(4, names=labels, flags=broken), "b").sensors) == 4


def test_channels_without_names_are_numbered() -> None:
    for chunk in (b"", names("A1"), names("A1", "", "A3")):
        read = describe_buffer(header(3, names=chunk), "b")
        assert [sensor.name for sensor in read.sensors] == ["channel 1", "channel 2", "channel 3"]
        assert any("numbered" in note for note in read.notes)
