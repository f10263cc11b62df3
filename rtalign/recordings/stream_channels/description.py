"""What a stream says of each of its channels: read from XML that is not trusted, and written for others to read."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree

from rtalign.core.records import SI_UNITS, Sensor
from rtalign.recordings.sensors import plain_name
from rtalign.recordings.stream_channels.labels import CTF, KIT, MEGIN

MAX_CHARACTERS, MAX_TAGS, MAX_DEPTH = 4 << 20, 200_000, 64
"""A helmet of 500 sensors takes 500 kB and 25,000 tags; larger descriptions are refused."""
MAX_TEXT = 200
"""Characters of a text that are kept."""

GRADE_BITS = 16
"""FIF and MNE write the grade of CTF's compensation above so many bits of a coil type; none there may mean unknown."""
TYPES = {"axial": "mag", "mag": "mag", "planar": "grad", "eeg": "eeg"}
"""The channel types that MNE and mne-lsl know; the finer kind is written as sensor_kind."""

Triple = tuple[str, str, str]
NOWHERE: Triple = ("", "", "")


@dataclass(frozen=True, slots=True)
class ChannelDescription:
    """One channel as its stream describes it; empty where it does not.

    Attributes
    ----------
    label, type, unit : str
        As in XDF's own list of channels.
    kind : str
        What this program calls the kind of a sensor, or FIF's number of a kind of channel, as mne-lsl writes it.
    coil_type : str
        FIF's number of a coil type.
    grade : str
        Of the gradient that was formed with the reference sensors of a CTF machine.
    calibration : str
        What takes values to SI units, where a sender leaves that to the reader.
    position, normal : tuple of str
        In m, as this program and mne-lsl write them.
    location, direction : tuple of str
        In mm, and the normal, as in XDF's own list of channels.
    """

    label: str = ""
    type: str = ""
    unit: str = ""
    kind: str = ""
    coil_type: str = ""
    grade: str = ""
    calibration: str = ""
    position: Triple = NOWHERE
    normal: Triple = NOWHERE
    location: Triple = NOWHERE
    direction: Triple = NOWHERE


def parse_xml(text: str) -> ElementTree.Element:
    """Parse XML from outside.

    Parameters
    ----------
    text : str
        The XML.

    Returns
    -------
    Element
        Its root.

    Raises
    ------
    ValueError
        Where it is none, or is larger or deeper than any honest one, or declares anything: declarations let a small
        text expand without bound.
    """
    if len(text) > MAX_CHARACTERS:
        raise ValueError(f"is {len(text):,} characters long; at most {MAX_CHARACTERS:,} are read")
    text = re.sub(r"^<\?xml[^>]*\?>", "", text.strip("\0 \n\r\t"))
    if re.search(r"<!\s*(DOCTYPE|ENTITY|ELEMENT|ATTLIST|NOTATION)", text, re.IGNORECASE):
        raise ValueError("declares entities, which no sender of signals writes")
    if text.count("<") > MAX_TAGS:
        raise ValueError(f"has {text.count('<'):,} tags; at most {MAX_TAGS:,} are read")
    try:
        parser: ElementTree.XMLPullParser = ElementTree.XMLPullParser(("start", "end"))
        parser.feed(text)
        depth = 0
        for event in parser.read_events():
            depth += 1 if event[0] == "start" else -1
            if depth > MAX_DEPTH:
                raise ValueError(f"is nested deeper than {MAX_DEPTH} tags")
        parser.close()
        return ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        raise ValueError(f"is no XML ({error})") from None


def parse_element(root: ElementTree.Element) -> tuple[ChannelDescription, ...]:
    """Return what the description of a stream, as LSL sends it and XDF keeps it, says of each channel.

    Parameters
    ----------
    root : Element
        The element called info.

    Returns
    -------
    tuple of ChannelDescription
        As many as it describes, which may be none.
    """
    return tuple(_channel(entry) for entry in root.iterfind("desc/channels/channel"))


def describe_channel(sensor: Sensor, unit: str | None = None, grade: int | None = None) -> dict[str, Any]:
    """Return a sensor as XDF's conventions and mne-lsl describe it; `parse_element` gives the same sensor back.

    Parameters
    ----------
    sensor : Sensor
        The sensor.
    unit : str, optional
        Of the values sent; that of SI where None.
    grade : int, optional
        Of a CTF machine's gradient compensation; None where it is not known.

    Returns
    -------
    dict
        A tree of texts.
    """
    tree: dict[str, Any] = {
        "label": sensor.name,
        "type": TYPES[sensor.kind],
        "unit": SI_UNITS[sensor.kind] if unit is None else unit,
        "sensor_kind": sensor.kind,
        "kind": "2" if sensor.kind == "eeg" else "1",
        "coil_type": str(_coil_type(sensor)),
    }
    if grade is not None and sensor.kind == "axial":
        tree["compensation_grade"] = str(grade)
        tree["coil_type"] = str(_coil_type(sensor) | grade << GRADE_BITS)
    if any(sensor.position):
        tree["loc"] = {
            **{f"R0{axis}": repr(value) for axis, value in zip("xyz", sensor.position, strict=True)},
            **{f"Ez{axis}": repr(value) for axis, value in zip("xyz", sensor.normal, strict=True)},
        }
        tree["location"] = {axis: f"{1000 * x:.4f}" for axis, x in zip("XYZ", sensor.position, strict=True)}
        tree["normal"] = {axis: repr(value) for axis, value in zip("XYZ", sensor.normal, strict=True)}
    return tree


def _coil_type(sensor: Sensor) -> int:
    """FIF's number of a coil of this kind: that of the maker where the name tells who it is."""
    label = plain_name(sensor.name)
    if sensor.kind == "axial":
        return 5001 if CTF.match(label) else 6001 if KIT.match(label) else 2001
    if sensor.kind == "mag":
        return 3024 if MEGIN.fullmatch(label) else 2000
    return 3012 if sensor.kind == "planar" else 1


def _grade(coil_type: str) -> str:
    grade = int(coil_type) >> GRADE_BITS if re.fullmatch(r"\d{1,7}", coil_type) else 0
    return str(grade) if grade else ""


def _text(element: ElementTree.Element, path: str) -> str:
    return " ".join((element.findtext(path) or "").split())[:MAX_TEXT]


def _channel(entry: ElementTree.Element) -> ChannelDescription:
    def triple(*paths: str) -> Triple:
        x, y, z = (_text(entry, path) for path in paths)
        return x, y, z

    position, normal = (triple(*(f"loc/{name}{axis}" for axis in "xyz")) for name in ("R0", "Ez"))
    own_position, own_normal = (_text(entry, name).split() for name in ("position", "normal"))
    if len(own_position) == len(own_normal) == 3:  # as this program's recordings had them
        position, normal = (tuple(own_position), tuple(own_normal))  # type: ignore[assignment]
    return ChannelDescription(
        label=_text(entry, "label") or _text(entry, "name"),
        type=_text(entry, "type"),
        unit=_text(entry, "unit"),
        kind=_text(entry, "sensor_kind") or _text(entry, "kind"),
        coil_type=_text(entry, "coil_type"),
        grade=_text(entry, "compensation_grade") or _grade(_text(entry, "coil_type")),
        calibration=_text(entry, "calibration"),
        position=position,
        normal=normal,
        location=triple("location/X", "location/Y", "location/Z"),
        direction=triple("normal/X", "normal/Y", "normal/Z"),
    )
