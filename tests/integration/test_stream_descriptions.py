"""A stream is described once: live and from XDF, the same channels are read as the same sensors in the same units."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple
from xml.sax.saxutils import escape

import mne_lsl.lsl
import numpy as np
import pytest
from mne.channels import read_meg_canonical_info

from rtalign.core.records import Sensor
from rtalign.decoding.bank import sensor_differences
from rtalign.recordings.stream_channels.description import describe_channel
from rtalign.recordings.stream_channels.selection import StreamChannels, select_channels
from rtalign.recordings.xdf import writer
from rtalign.recordings.xdf.header import parse_header
from rtalign.streams import channels, lsl
from tests.helpers import xdf_files
from tests.helpers.xdf_files import open_one


class Described(NamedTuple):
    """One channel as a sender describes it, and what it is: its kind and the scale to SI, or why it is refused."""

    label: str
    type: str
    unit: str
    kind: str
    scale: float | str = 1.0
    more: dict[str, Any] = {}  # noqa: RUF012 (never changed)
    stream: str = "MEG"


TABLE = [
    # CTF: axial gradiometers, whatever they are called
    Described("MLC11", "", "T", "axial"),
    Described("MLC11", "MEG", "fT", "axial", 1e-15),
    Described("MLC11-4304", "MEG", "T", "axial"),
    Described("MRT67", "mag", "T", "axial"),
    Described("MZC01", "MAG", "fT", "axial", 1e-15),
    Described("MLC11", "meggrad", "T", "axial"),
    Described("MLC11", "MEGGRADAXIAL", "T", "axial"),
    Described("MLC11", "magnetometer", "pT", "axial", 1e-12),
    Described("MLC11", "grad", "T", "axial"),
    Described("MLC11", "mag", "", "axial"),
    Described("MLC11", "mag", "0", "axial", 1.0, {"coil_type": "5001", "kind": "1"}),
    Described("MLC11", "mag", "-15", "axial", 1e-15, {"coil_type": str(5001 | 3 << 16)}),  # third order compensation
    Described("MLC11", "", "fT", "axial", 1e-15, {}, "Data"),
    Described("MLC11", "mag", "counts", "axial"),
    Described("MLC11", "mag", "T", "axial", 1.0, {"sensor_kind": "axial"}),
    Described("MLC11", "MEG", "T", "axial", 1.0, {"kind": "axial"}),  # as this program's recordings had it
    # MEGIN: magnetometers end in 1, planar gradiometers in 2 and 3
    Described("MEG0111", "MEG", "T", "mag"),
    Described("MEG0112", "MEG", "T/m", "planar"),
    Described("MEG 0113", "MEG", "fT/cm", "planar", 1e-13),
    Described("MEG0113", "", "T/m", "planar"),
    Described("MEG0113", "", "", "planar"),
    Described("MEG0112", "grad", "0", "planar", 1.0, {"coil_type": "3012", "kind": "1"}),
    Described("MEG0111", "mag", "0", "mag", 1.0, {"coil_type": "3024", "kind": "1"}),
    Described("MEG0112", "gradiometer", "fT_cm", "planar", 1e-13),
    Described("MEG0112", "MEG", "fT", "", "cannot be read as T/m"),
    # KIT: axial gradiometers
    Described("MEG 001", "MEG", "T", "axial"),
    Described("MEG 157", "mag", "fT", "axial", 1e-15),
    Described("AG001", "meggrad", "T", "axial"),
    Described("MEG001", "", "T", "axial"),
    Described("MEG 001", "mag", "0", "axial", 1.0, {"coil_type": "6001"}),
    Described("MEG 001", "grad", "T/m", "planar"),  # Neuromag-122 has such names, too
    Described("MEG 001", "mag", "T", "mag", 1.0, {"coil_type": "4001"}),  # so has 4D
    # OPM
    Described("L101_bz-s1", "MEG", "fT", "mag", 1e-15),
    Described("L101_bz-s1", "mag", "fT", "mag", 1e-15),
    Described("00:01-BZ_CL", "0", "?", "mag"),
    Described("00:01:28", "28", "?", "mag", 2e-13, {"calibration": "2e-13"}),
    Described("00:01:50", "", "fT", "mag", 1e-15, {"calibration": "2e-13"}, "MAG"),
    Described("G2-DU-Z", "mag", "0", "mag", 1.0, {"coil_type": "8001"}),
    Described("A1", "OPM", "pT", "mag", 1e-12),
    Described("A1", "megmag", "T", "mag"),
    # makers unknown
    Described("S1", "gradiometer", "fT/cm", "planar", 1e-13),
    Described("S1", "gradiometer", "fT", "axial", 1e-15),
    Described("S1", "planar", "T/m", "planar"),
    Described("S1", "axial", "T", "axial"),
    Described("S1", "mag", "V", "", "cannot be read as T"),
    Described("S1", "mag", "fT/cm", "planar", 1e-13),
    Described("S1", "mag", "bananas", "", "bananas"),
    # EEG
    Described("Cz", "EEG", "microvolts", "eeg", 1e-6, {}, "EEG"),
    Described("Cz", "eeg", "V", "eeg", 1.0, {}, "EEG"),
    Described("Cz", "", "", "eeg", 1e-6, {}, "EEG"),
    Described("Cz", "EEG", "-6", "eeg", 1e-6, {"kind": "2"}, "EEG"),
    Described("Cz", "EEG", "0", "eeg", 1.0, {"kind": "2"}, "EEG"),
    Described("P11", "EEG", "uV", "eeg", 1e-6, {}, "EEG"),  # no reference sensor of a CTF
    Described("EEG057", "", "V", "eeg", 1.0),
    Described("Cz", "EEG", "T", "", "cannot be read as V", {}, "EEG"),
]
NEVER_BRAIN = ["UPPT001", "SCLK01", "SCLK01-177", "UADC003-4302", "HLC0011", "BG1", "BG1-4304", "G11", "P13", "STI101"]
NEVER_BRAIN += ["STI 014", "HADC001", "EOG061", "ECG063", "CHPI001", "MISC001", "00:01:0", "UDIO001", "SYS201"]


def xml(rows: list[Described]) -> str:
    """A description as liblsl writes it."""

    def tag(key: str, value: Any) -> str:
        content = escape(value) if isinstance(value, str) else "".join(tag(k, v) for k, v in value.items())
        return f"<{key}>{content}</{key}>"

    channels = (tag("channel", {"label": r.label, "type": r.type, "unit": r.unit, **r.more}) for r in rows)
    core = f"<name>s</name><type>{rows[0].stream}</type><channel_count>{len(rows)}</channel_count>"
    form = "<channel_format>float32</channel_format><nominal_srate>1000</nominal_srate>"
    return f'<?xml version="1.0"?>\n<info>{core}{form}<desc><channels>{"".join(channels)}</channels></desc></info>'


def live(rows: list[Described]) -> StreamChannels:
    return channels.parse(xml(rows), len(rows), rows[0].stream, "s")


def recorded(rows: list[Described]) -> StreamChannels:
    header = parse_header(xml(rows).encode())
    return select_channels(header.channels, header.n_channels, header.type, header.name)


@pytest.mark.parametrize("route", [live, recorded])
@pytest.mark.parametrize("row", TABLE, ids=lambda row: " ".join((row.label, row.type, row.unit, *row.more)))
def test_a_channel_is_read_as_what_it_is(row: Described, route: Any) -> None:
    beside = Described("Fz" if row.kind == "eeg" else "MLT11", "EEG" if row.kind == "eeg" else "mag", "0", "")
    if isinstance(row.scale, str):
        with pytest.raises(ValueError, match=row.scale):
            route([row])
        return
    read = route([row, beside._replace(stream=row.stream)])
    assert read.sensors[0].kind == row.kind
    assert read.scales[0] == pytest.approx(row.scale, rel=1e-12)
    assert read.sensors[0].name == row.label.removesuffix("-4304")


@pytest.mark.parametrize("route", [live, recorded])
@pytest.mark.parametrize("type", ["MEG", "mag", "", "EEG"])
def test_triggers_and_references_are_never_brain(type: str, route: Any) -> None:
    rows = [
        Described(label, type, "", "", stream=type or "MEG")
        for label in (*NEVER_BRAIN, "MLC11" if type != "EEG" else "Cz")
    ]
    references = {"BG1", "BG1-4304", "G11", "P13"} if type == "EEG" else set()  # of MEG; EEG may call a site so
    found = [sensor.name for sensor in route([row for row in rows if row.label not in references]).sensors]
    assert found == [rows[-1].label]


def test_a_stream_that_names_nothing_is_numbered_and_says_so() -> None:
    bare = xml([Described("", "", "", "", stream="EEG")] * 3)
    for read in (channels.parse(bare, 3, "EEG", "s"), channels.parse("<info/>", 3, "EEG", "s")):
        assert [sensor.name for sensor in read.sensors] == ["channel 1", "channel 2", "channel 3"]
        assert any("numbered" in note for note in read.notes)
    with pytest.raises(ValueError, match="1 of its 2 channels without a label"):
        recorded([Described("Cz", "", "", "", stream="EEG"), Described("", "", "", "", stream="EEG")])


@pytest.mark.parametrize(
    ("labels", "type", "helmet", "n"),
    [
        (["MLC11", "MRT57", "MLO53"], "MEG", "ctf275", 3),
        (["MLC11-606", "MLC33-606", "MRC43-606"], "MEG", "ctf151", 3),
        (["MEG0113", "MEG 0111", "MEG0112"], "MEG", "neuromag306", 3),
        (["MLC11", "MLC12", "S1"], "mag", "ctf275", 2),
        (["L101_bz-s1"], "mag", "", 0),
    ],
)
def test_sensors_without_positions_are_where_their_helmet_has_them(
    labels: list[str], type: str, helmet: str, n: int
) -> None:
    rows = [Described(label, type, "", "") for label in labels]
    for read in (live(rows), recorded(rows)):
        assert sum(any(sensor.position) for sensor in read.sensors) == n
        assert any(f"standard {helmet}" in note for note in read.notes) == bool(helmet)
        assert any("no known position" in note for note in read.notes) == (n < len(labels))
        if not helmet:
            continue
        info = read_meg_canonical_info(helmet.removesuffix("306"), verbose="ERROR")
        theirs = {c["ch_name"].split("-")[0].replace(" ", ""): c["loc"] for c in info["chs"]}
        for sensor in read.sensors[:n]:
            loc = theirs[sensor.name.replace(" ", "")]
            np.testing.assert_allclose(sensor.position, loc[:3])
            np.testing.assert_allclose(sensor.normal, loc[9:] / np.linalg.norm(loc[9:]))


def test_positions_that_a_stream_gives_are_kept() -> None:
    rows = [Described("MLC11", "mag", "T", "", more={"location": {"X": "10", "Y": "-20", "Z": "90.5"}})]
    loc = {"R0x": "0.01", "R0y": "-0.02", "R0z": "0.0905", "Ezx": "0", "Ezy": "0.6", "Ezz": "0.8"}
    exact = [Described("MLC11", "mag", "T", "", more={"loc": loc})]
    far = [Described("S1", "mag", "T", "", more={"loc": {**loc, "R0x": "1e5"}})]
    for route in (live, recorded):
        (sensor,), (named,), (lost,) = route(rows).sensors, route(exact).sensors, route(far).sensors
        assert sensor.position == pytest.approx((0.01, -0.02, 0.0905))
        assert (named.position, named.normal) == ((0.01, -0.02, 0.0905), (0.0, 0.6, 0.8))
        assert lost.position == (0.0, 0.0, 0.0)


SENSORS = (
    Sensor("MLC11", "axial", (0.0123456789, -0.02, 0.1), (0.1, 0.2, 0.97)),
    Sensor("MEG 0113", "planar", (0.01, -0.05, 0.03), (0.0, 0.6, 0.8)),
    Sensor("MEG 0111", "mag", (0.01, 0.05, 0.03), (0.0, -0.6, 0.8)),
    Sensor("L101_bz-s1", "mag", (0.0, 0.05, 0.03), (0.0, -0.6, 0.8)),
)


def test_what_is_sent_fits_a_bank_of_its_recording(tmp_path: Path) -> None:
    """LabRecorder keeps the description as it comes: its file and the live stream give the same sensors, exactly."""
    trees = [describe_channel(sensor) for sensor in SENSORS]
    sent = lsl._described("s", "MEG", trees, 200.0, "s").as_xml()
    raw = writer.file_header({}) + writer._of_stream(writer.STREAM_HEADER, 7, sent.encode())
    raw += writer.text_header(9, "words", 0.0) + writer.texts(9, [("Once", 1.0)])
    raw += writer.numbers(7, np.zeros((600, 4)), np.arange(600) / 200.0, "float32")
    (tmp_path / "labrecorder.xdf").write_bytes(raw)
    trained = open_one(tmp_path / "labrecorder.xdf").sensors
    came = channels.parse(sent, 4, "MEG", "s").sensors
    assert trained == came == SENSORS
    assert sensor_differences(trained, came) == []


@pytest.mark.parametrize("grade", [None, 0, 3])
def test_the_compensation_grade_travels_with_the_channels(grade: int | None, tmp_path: Path) -> None:
    """As this program writes it, and above the coil's number, as MNE's programs do."""
    trees = [describe_channel(sensor, grade=grade) for sensor in SENSORS]
    info = lsl._described("s", "MEG", trees, 200.0, "s")
    assert channels.parse(info.as_xml(), len(SENSORS), "MEG", "s").grade == grade
    signal = replace(xdf_files.MEG, grade=grade)
    assert open_one(xdf_files.write(tmp_path / "r.xdf", np.arange(400) / 200.0, signal=signal)).grade == grade
    for tree in trees:
        tree.pop("compensation_grade", None)
    info = lsl._described("s", "MEG", trees, 200.0, "s")
    assert channels.parse(info.as_xml(), len(SENSORS), "MEG", "s").grade == (grade or None)


def test_what_is_sent_is_what_mne_lsl_reads() -> None:
    """Types, units, coils and places of our description, by mne-lsl's own reader; and of its writer, by ours."""
    info = lsl._described("s", "MEG", [describe_channel(sensor) for sensor in SENSORS], 200.0, "s")
    theirs = mne_lsl.lsl.StreamInfo("s", "MEG", 4, 200.0, "float32", "s")
    node, ours = theirs.desc.append_child("channels"), info.desc().child("channels").child("channel")
    while not ours.empty():
        _copy(ours, node.append_child("channel"))
        ours = ours.next_sibling()
    read = theirs.get_channel_info()
    assert read.get_channel_types() == ["mag", "grad", "mag", "mag"]
    assert [int(c["coil_type"]) for c in read["chs"]] == [5001, 3012, 3024, 2000]
    assert [int(c["unit_mul"]) for c in read["chs"]] == [0] * 4
    for channel, sensor in zip(read["chs"], SENSORS, strict=True):
        np.testing.assert_allclose(channel["loc"][[0, 1, 2, 9, 10, 11]], (*sensor.position, *sensor.normal))
    again = mne_lsl.lsl.StreamInfo("s", "MEG", 4, 200.0, "float32", "s")
    again.set_channel_info(read)
    back = channels.parse(again.as_xml, 4, "MEG", "s")
    assert [sensor.kind for sensor in back.sensors] == [sensor.kind for sensor in SENSORS]
    np.testing.assert_allclose([s.position for s in back.sensors], [s.position for s in SENSORS], atol=1e-7)


def _copy(node: Any, to: Any) -> None:
    """A node of pylsl's tree into one of mne-lsl's."""
    child = node.first_child()
    while not child.empty():
        if child.name():
            if child.first_child().name():
                _copy(child, to.append_child(child.name()))
            else:
                to.append_child_value(child.name(), child.child_value())
        child = child.next_sibling()
