"""The channels of an LSL stream, read from the description it came with and written into one."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree

import numpy as np

from rtalign.core.records import AXIAL_COILS, SI_UNITS, RecordingIdentity, Sensor

MAX_CHARACTERS = 16_000_000
MAX_CHANNELS = 4096
MAX_RECORDINGS, MAX_NAME = 1000, 200
TYPES = {"axial": "mag", "mag": "mag", "planar": "grad", "eeg": "eeg"}
"""The channel types that MNE and mne-lsl know; the finer kind is written as sensor_kind."""

_PREFIXES = {"": 1.0, "m": 1e-3, "u": 1e-6, "n": 1e-9, "p": 1e-12, "f": 1e-15}
_LONG = {"milli": "m", "micro": "u", "nano": "n", "pico": "p", "femto": "f"}
_METRES = {"m": 1.0, "cm": 1e-2, "mm": 1e-3}
_MEG_TYPES = {"meg", "mag", "magnetometer", "megmag", "grad", "gradiometer", "meggrad", "planar", "axial"}
_NO_SENSOR = re.compile(r"(STI|UPPT|UADC|UDIO|TRIG|STATUS|HLC|EOG|ECG|EMG|MISC|AUX|SCLK|AUDIO|SYNC)", re.IGNORECASE)
_PRINT = re.compile(r"[0-9a-f]{16,64}")
_CTF = re.compile(r"M[LRZ][CFOPT]\d\d")


@dataclass(frozen=True, slots=True, eq=False)
class StreamChannels:
    """The channels of a stream.

    Attributes
    ----------
    names : tuple of str
        The label of each channel.
    sensors : tuple of Sensor
        Those channels that measure the head.
    picks : array, shape (sensor,)
        The column of each sensor.
    scales : array, shape (sensor,)
        What takes the values of each sensor to SI units.
    notes : tuple of str
        What a user should know, such as units that are missing.
    units : tuple of str
        The unit of each channel, as the sender writes it.
    origin : tuple of RecordingIdentity
        The recordings that the sender plays, as it says; empty of a live signal.
    """

    names: tuple[str, ...]
    sensors: tuple[Sensor, ...]
    picks: np.ndarray
    scales: np.ndarray
    notes: tuple[str, ...]
    units: tuple[str, ...] = ()
    origin: tuple[RecordingIdentity, ...] = ()


def parse(xml: str, n_channels: int, stream_type: str, name: str) -> StreamChannels:
    """The channels in the description of a stream.

    MEG channels are the sensors; EEG channels are where there is no MEG.

    Parameters
    ----------
    xml : str
        The description, as LSL carries it.
    n_channels : int
        How many channels the stream has.
    stream_type : str
        The type of the stream, which is the type of channels that give none.
    name : str
        The name of the stream, for messages.

    Returns
    -------
    StreamChannels

    Raises
    ------
    ValueError
        If the description cannot be used, with the reason.
    """
    nodes = _nodes(xml, n_channels, name)
    names = labels(nodes, n_channels)
    unnamed = sum(not label for label in names)
    if unnamed:
        raise ValueError(
            f"stream {name} leaves {unnamed} of its {n_channels} channels without a label, and sensors are matched by "
            "name - have the sender describe its channels (desc/channels/channel/label)"
        )
    kinds = [_kind(node, label, stream_type) for node, label in zip(nodes, names, strict=True)]
    meg = [i for i, kind in enumerate(kinds) if kind not in ("", "eeg")]
    chosen = meg or [i for i, kind in enumerate(kinds) if kind == "eeg"]
    if not chosen:
        raise ValueError(
            f"stream {name} has no MEG and no EEG channel among its {n_channels} - choose another stream, or have the "
            "sender give its channels a type (mag, grad, eeg)"
        )
    _refuse_duplicates([names[i] for i in chosen], name)
    scales = [_scale(_text(nodes[i], "unit"), kinds[i], names[i], name) for i in chosen]
    notes = [] if meg else ["no MEG channel: EEG is used"]
    without_unit = [names[i] for i, scale in zip(chosen, scales, strict=True) if scale is None]
    if without_unit:
        unit = SI_UNITS[kinds[chosen[0]]]
        notes.append(f"{len(without_unit)} channels such as {without_unit[0]} come without a unit: {unit} is assumed")
    sensors = tuple(Sensor(names[i], kinds[i], *_position(nodes[i], kinds[i])) for i in chosen)
    n_unplaced = sum(sensor.position == (0.0, 0.0, 0.0) for sensor in sensors)
    if n_unplaced:
        notes.append(f"{n_unplaced} sensors have no known position")
    values = np.array([1.0 if scale is None else scale for scale in scales])
    units = tuple(_text(node, "unit") for node in nodes)
    return StreamChannels(tuple(names), sensors, np.array(chosen), values, tuple(notes), units, _origin(xml))


def describe(sensors: tuple[Sensor, ...]) -> list[dict[str, Any]]:
    """The description of channels, as the XDF conventions have it; `parse` gives the same sensors back.

    Parameters
    ----------
    sensors : tuple of Sensor
        One per channel.

    Returns
    -------
    list of dict
        One tree of texts per channel; positions are in mm.
    """
    out: list[dict[str, Any]] = []
    for sensor in sensors:
        position = {axis: repr(1000 * value) for axis, value in zip("XYZ", sensor.position, strict=True)}
        normal = {axis: repr(value) for axis, value in zip("XYZ", sensor.normal, strict=True)}
        out.append(
            {
                "label": sensor.name,
                "type": TYPES[sensor.kind],
                "unit": SI_UNITS[sensor.kind],
                "sensor_kind": sensor.kind,
                "location": position,
                "normal": normal,
            }
        )
    return out


def describe_origin(origin: Sequence[RecordingIdentity]) -> list[dict[str, str]]:
    """The description of the recordings that a stream is played from; `parse` gives the same identities back.

    Parameters
    ----------
    origin : sequence of RecordingIdentity
        At most `MAX_RECORDINGS` of them are written.

    Returns
    -------
    list of dict
        One tree of texts per recording.
    """
    return [
        {"name": one.name[:MAX_NAME], "fingerprint": one.fingerprint, "signal": one.signal}
        for one in origin[:MAX_RECORDINGS]
    ]


def _origin(xml: str) -> tuple[RecordingIdentity, ...]:
    """The recordings in a description that `_nodes` has accepted; what is no fingerprint is left out."""
    found = ElementTree.fromstring(xml).findall("./desc/recordings/recording")[:MAX_RECORDINGS]
    identities = [
        RecordingIdentity(_text(node, "name")[:MAX_NAME], _text(node, "fingerprint"), _text(node, "signal"))
        for node in found
    ]
    return tuple(one for one in identities if _PRINT.fullmatch(one.fingerprint) and _PRINT.fullmatch(one.signal))


def labels(nodes: list[ElementTree.Element | None], n_channels: int) -> list[str]:
    """The label of each channel, empty where there is none."""
    return [(_text(node, "label") or _text(node, "name"))[:200] for node in nodes[:n_channels]]


def read_labels(xml: str, n_channels: int, name: str) -> list[str]:
    """The label of each channel of a stream that carries no sensors, empty where there is none."""
    return labels(_nodes(xml, n_channels, name), n_channels)


def _nodes(xml: str, n_channels: int, name: str) -> list[ElementTree.Element | None]:
    """One node per channel.  The text is not trusted: no document types, no entities, bounded size and count."""
    if not 0 < n_channels <= MAX_CHANNELS:
        raise ValueError(f"stream {name} has {n_channels} channels; 1 to {MAX_CHANNELS} can be read")
    if len(xml) > MAX_CHARACTERS or "<!" in xml.replace("<![CDATA[", "").replace("<!--", ""):
        raise ValueError(
            f"the description of stream {name} is {len(xml)} characters long or declares entities: refused"
        )
    try:
        found = ElementTree.fromstring(xml).findall("./desc/channels/channel")
    except ElementTree.ParseError as error:
        raise ValueError(
            f"the description of stream {name} is no XML ({error}) - correct the sender's labels"
        ) from None
    if len(found) not in (0, n_channels):
        raise ValueError(f"stream {name} has {n_channels} channels and describes {len(found)} - correct the sender")
    return list(found) or [None] * n_channels


def _text(node: ElementTree.Element | None, path: str) -> str:
    return (node.findtext(path) or "").strip() if node is not None else ""


def _kind(node: ElementTree.Element | None, label: str, stream_type: str) -> str:
    """The sensor's kind (see rtalign.core.records.SI_UNITS), or "" for a channel that does not measure the head."""
    given = _text(node, "sensor_kind").lower()
    if given in SI_UNITS:
        return given
    kind = re.sub(r"[^a-z]", "", _text(node, "type").lower())
    if not kind:
        kind = "" if _NO_SENSOR.match(label) else stream_type.strip().lower()
    if kind == "eeg":
        return "eeg"
    if kind not in _MEG_TYPES:
        return ""
    if kind == "axial" or _axial(_text(node, "coil_type")) or _CTF.match(label):
        return "axial"
    per_metre = "/" in _text(node, "unit")
    return "planar" if per_metre or kind in ("grad", "gradiometer", "meggrad", "planar") else "mag"


def _axial(coil_type: str) -> bool:
    return coil_type.isdecimal() and len(coil_type) < 8 and int(coil_type) in AXIAL_COILS


def _scale(unit: str, kind: str, label: str, name: str) -> float | None:
    """What takes a value in this unit to SI; None where no unit is given."""
    if not unit:
        return None
    if re.fullmatch(r"[+-]?\d{1,2}(\.0*)?", unit):  # mne-lsl gives the power of ten
        power = int(float(unit))
        if -18 <= power <= 3:
            return float(f"1e{power}")
    plain = unit.lower().replace("µ", "u").replace("μ", "u").replace(" ", "")
    for long, short in _LONG.items():
        plain = re.sub(rf"^{long}(?=tesla|volt)", short, plain)
    plain = re.sub(r"teslas?", "t", re.sub(r"volts?", "v", plain)).replace("/meter", "/m").replace("/metre", "/m")
    match = re.fullmatch(r"([munpf]?)([tv])(?:/([cm]?m))?", plain)
    wanted = SI_UNITS[kind]
    if not match or match[2].upper() != wanted[0] or bool(match[3]) != ("/" in wanted):
        raise ValueError(
            f"channel {label} of stream {name} is in {unit!r}, which cannot be read as {wanted} - use {wanted}, "
            + {"T": "fT or pT", "T/m": "fT/cm or pT/m", "V": "uV or mV"}[wanted]
        )
    return _PREFIXES[match[1]] / (_METRES[match[3]] if match[3] else 1.0)


def _position(
    node: ElementTree.Element | None, kind: str
) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
    """Position (m) and normal, from the XDF form (mm) or mne-lsl's (m); zeros where unknown."""
    if node is not None and node.find("loc") is not None:
        position = _triple(node, "loc/R0x", "loc/R0y", "loc/R0z")
        normal = _triple(node, "loc/Ezx", "loc/Ezy", "loc/Ezz")
    else:
        x, y, z = _triple(node, "location/X", "location/Y", "location/Z")
        position = (x / 1000, y / 1000, z / 1000)
        normal = _triple(node, "normal/X", "normal/Y", "normal/Z")
    length = float(np.linalg.norm(position))
    if kind == "eeg" and not any(normal) and length:
        normal = (position[0] / length, position[1] / length, position[2] / length)
    return position, normal


def _triple(node: ElementTree.Element | None, *paths: str) -> tuple[float, float, float]:
    x, y, z = (_number(_text(node, path)) for path in paths)
    return x, y, z


def _number(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        return 0.0
    return value if np.isfinite(value) and abs(value) < 1e6 else 0.0


def _refuse_duplicates(names: list[str], stream: str) -> None:
    duplicates = [name for name, n in Counter(names).items() if n > 1]
    if duplicates:
        raise ValueError(
            f"stream {stream} has several sensors called {', '.join(duplicates[:5])} - give each channel its own label"
        )
