"""The channels of a stream, read from its description."""

from __future__ import annotations

from html import escape

import pytest

from rtalign.core.records import RecordingIdentity
from rtalign.recordings.stream_channels.origin import MAX_NAME, MAX_RECORDINGS, describe_origin
from rtalign.streams import channels


def described(*rows: dict[str, str]) -> str:
    nodes = "".join("<channel>" + "".join(f"<{k}>{v}</{k}>" for k, v in row.items()) + "</channel>" for row in rows)
    return f"<info><desc><channels>{nodes}</channels></desc></info>"


@pytest.mark.parametrize(
    ("unit", "kind", "scale"),
    [
        ("T", "mag", 1.0),
        ("fT", "mag", 1e-15),
        ("femtotesla", "mag", 1e-15),
        ("pT", "mag", 1e-12),
        ("-15", "mag", 1e-15),
        ("T/m", "grad", 1.0),
        ("fT/cm", "grad", 1e-13),
        ("0", "grad", 1.0),
        ("V", "eeg", 1.0),
        ("microvolts", "eeg", 1e-6),
        ("µV", "EEG", 1e-6),
        ("-6", "eeg", 1e-6),
    ],
)
def test_units_are_converted_to_si(unit: str, kind: str, scale: float) -> None:
    read = channels.parse(described({"label": "A1", "type": kind, "unit": unit}), 1, "", "s")
    assert read.scales[0] == pytest.approx(scale, rel=1e-12)


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ([{"label": "A", "type": "mag", "unit": "V"}], "cannot be read as T"),
        ([{"label": "A", "type": "mag", "unit": "bananas"}], "bananas"),
        ([{"label": "A", "type": "grad", "unit": "fT"}], "T/m"),
        ([{"label": "A", "type": "mag"}, {"label": "A", "type": "mag"}], "several sensors called A"),
        ([{"label": "A", "type": "mag"}, {"type": "mag"}], "1 of its 2 channels without a label"),
        ([{"label": "STI", "type": "stim"}], "no MEG and no EEG"),
    ],
)
def test_unusable_channels_are_refused_with_the_reason(rows: list[dict[str, str]], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        channels.parse(described(*rows), len(rows), "MEG", "s")


@pytest.mark.parametrize(
    ("xml", "n"),
    [
        ("<info><desc><channels><channel>", 1),
        ('<!DOCTYPE x [<!ENTITY a "b">]><info>&a;</info>', 1),
        (described({"label": "A"}), 2),
        (described({"label": "A"}), 100_000),
        ("", 1),
    ],
)
def test_hostile_descriptions_are_refused(xml: str, n: int) -> None:
    with pytest.raises(ValueError, match="stream s"):
        channels.parse(xml, n, "MEG", "s")


def test_channels_without_a_type_have_that_of_their_stream() -> None:
    rows = [{"label": name, "unit": "fT"} for name in ("MLC11", "MEG0111", "UPPT001")]
    read = channels.parse(described(*rows), 3, "MEG", "s")
    assert [(s.name, s.kind) for s in read.sensors] == [("MLC11", "axial"), ("MEG0111", "mag")]
    assert list(read.picks) == [0, 1]


def test_a_missing_unit_is_assumed_to_be_si() -> None:
    read = channels.parse(described({"label": "MLC11", "type": "mag"}), 1, "MEG", "s")
    assert read.scales[0] == 1
    assert any("without a unit" in note for note in read.notes)


ORIGIN = (RecordingIdentity("run <1>", "ab" * 16, "cd" * 16), RecordingIdentity("run 2", "ef" * 16, "01" * 16))


def played(trees: list[dict[str, str]]) -> str:
    nodes = "".join(
        "<recording>" + "".join(f"<{k}>{escape(v)}</{k}>" for k, v in tree.items()) + "</recording>" for tree in trees
    )
    return described({"label": "A1", "type": "mag"}).replace("</desc>", f"<recordings>{nodes}</recordings></desc>")


def test_the_recordings_that_a_sender_plays_come_through() -> None:
    read = channels.parse(played(describe_origin(ORIGIN)), 1, "", "s")
    assert read.origin == ORIGIN
    assert channels.parse(described({"label": "A1", "type": "mag"}), 1, "", "s").origin == ()


def test_what_is_no_fingerprint_is_left_out_and_their_number_is_bounded() -> None:
    tree = describe_origin(ORIGIN[:1])[0]
    bad = [tree | {"fingerprint": "<script>"}, tree | {"signal": "z" * 32}, tree | {"fingerprint": ""}, {"name": "x"}]
    assert channels.parse(played([*bad, tree]), 1, "", "s").origin == ORIGIN[:1]
    many = channels.parse(played([tree] * 1500), 1, "", "s").origin
    assert len(many) == MAX_RECORDINGS
    long = channels.parse(played([tree | {"name": "n" * 5000}]), 1, "", "s").origin
    assert len(long[0].name) == MAX_NAME


def test_of_an_unusable_description_labels_and_units_are_kept() -> None:
    rows = [{"label": "MEG 0113", "type": "grad", "unit": "fT"}, {"type": "mag"}]
    with pytest.raises(ValueError, match="without a label"):
        channels.parse(described(*rows), 2, "MEG", "s")
    kept = channels.parse_labels(described(*rows), 3, "s")
    assert (kept.names, kept.units, kept.sensors) == (("MEG 0113", "2", "3"), ("fT", "", ""), ())
    assert channels.parse_labels("<info><desc>", 2, "s").names == ("1", "2")
    with pytest.raises(ValueError, match="1000000 channels"):
        channels.parse_labels("", 1_000_000, "s")
