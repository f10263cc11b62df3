"""XDF 1.0 as bytes: the chunks of a recording, each complete before it is written."""

from __future__ import annotations

import re
import struct
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from xml.sax.saxutils import escape

import numpy as np

from rtalign.core.records import SI_UNITS, RecordingIdentity, Sensor
from rtalign.recordings.stream_channels.description import describe_channel
from rtalign.recordings.stream_channels.origin import describe_origin

MAGIC = b"XDF:"
FILE_HEADER, STREAM_HEADER, SAMPLES, CLOCK_OFFSET, BOUNDARY, STREAM_FOOTER = range(1, 7)
BOUNDARY_MARK = bytes.fromhex("43a546dccbf5410fb30ed5467383cbe4")
"""What a reader looks for after bytes that it cannot read."""

FORMATS = {"float32": "<f4", "double64": "<f8", "int8": "i1", "int16": "<i2", "int32": "<i4", "int64": "<i8"}
"""Number formats of XDF, and numpy's names for them."""

ANNOTATIONS = "Annotations"
"""Type of the stream of what an operator wrote."""
REMOVED = "(removed)"
"""A text that takes back the annotation before it of the same time."""

NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class SignalStream:
    """A stream of numbers as its header describes it.

    Attributes
    ----------
    name : str
        The stream's name.
    sfreq : float
        Samples a second.
    channels : tuple of str
        Every channel, in order.
    sensors : tuple of Sensor
        What is known of the channels that measure the head.
    units : tuple of str
        One a channel, as the sender declares them; none where the channels are in SI units.
    format : str
        The number format, one of `FORMATS`.
    origin : tuple of RecordingIdentity
        The recordings that the stream is played from.
    grade : int or None
        Of a CTF machine's gradient compensation; None where it is not known.
    """

    name: str
    sfreq: float
    channels: tuple[str, ...]
    sensors: tuple[Sensor, ...] = ()
    units: tuple[str, ...] = ()
    format: str = "float32"
    origin: tuple[RecordingIdentity, ...] = ()
    grade: int | None = None

    def __post_init__(self) -> None:
        if self.units and len(self.units) != len(self.channels):
            raise ValueError(f"{len(self.units)} units for {len(self.channels)} channels; give one a channel or none")
        if self.format not in FORMATS:
            raise ValueError(f"XDF has no number format {self.format}; it has {', '.join(FORMATS)}")
        if not self.channels or not (np.isfinite(self.sfreq) and self.sfreq >= 0):
            raise ValueError(
                f"a stream of {len(self.channels)} channels at {self.sfreq} Hz; it needs channels and a rate"
            )


def format_of(dtype: np.dtype) -> str:
    """Return XDF's name of a number type; that of float64 for one that XDF lacks."""
    known = {np.dtype(code): name for name, code in FORMATS.items()}
    return known.get(np.dtype(dtype).newbyteorder("<"), "double64")


def file_header(about: Mapping[str, str]) -> bytes:
    """Return the first bytes of a file.  about : tags of its header."""
    return MAGIC + _chunk(FILE_HEADER, _xml(_tags({"version": "1.0", **about})))


def signal_header(stream: int, signal: SignalStream, created: float) -> bytes:
    """Return the header of a stream of numbers, with all that is known of its channels.  created : when, s."""
    sensors = {sensor.name: sensor for sensor in signal.sensors}
    units = signal.units or [SI_UNITS[sensors[name].kind] if name in sensors else "" for name in signal.channels]
    is_eeg = {sensor.kind for sensor in signal.sensors} == {"eeg"}
    parts = [
        _channel(name, unit, sensors.get(name), signal.grade) for name, unit in zip(signal.channels, units, strict=True)
    ]
    info = _info(signal.name, "EEG" if is_eeg else "MEG", len(parts), signal.sfreq, signal.format, created)
    played = "".join(f"<recording>{_tags(one)}</recording>" for one in describe_origin(signal.origin))
    origin = f"<recordings>{played}</recordings>" if played else ""
    return _of_stream(STREAM_HEADER, stream, _xml(f"{info}<desc><channels>{''.join(parts)}</channels>{origin}</desc>"))


def text_header(stream: int, name: str, created: float, kind: str = "Markers") -> bytes:
    """Return the header of a stream of markers.  created : when, s; kind : its type."""
    return _of_stream(STREAM_HEADER, stream, _xml(f"{_info(name, kind, 1, 0.0, 'string', created)}<desc/>"))


def numbers(stream: int, data: np.ndarray, stamps: np.ndarray, format: str) -> bytes:
    """Return a chunk of samples.  data : (sample, channel); stamps : (sample,), all of which are written."""
    records = np.empty(len(data), [("flag", "u1"), ("stamp", "<f8"), ("values", FORMATS[format], data.shape[1:])])
    records["flag"], records["stamp"], records["values"] = 8, stamps, data
    return _of_stream(SAMPLES, stream, _length(len(data)) + records.tobytes())


def texts(stream: int, markers: Sequence[tuple[str, float]]) -> bytes:
    """Return a chunk of markers with their stamps."""
    parts = [_length(len(markers))]
    for text, stamp in markers:
        raw = _raw(text)
        parts += [b"\x08", struct.pack("<d", stamp), _length(len(raw)), raw]
    return _of_stream(SAMPLES, stream, b"".join(parts))


def _raw(text: str) -> bytes:
    """The bytes that a marker came as, which need not be UTF-8."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace")


def clock_offset(stream: int, collected: float, offset: float) -> bytes:
    """Return a chunk of one clock offset.

    collected : when it was measured, on the sender's clock; offset : what to add to the sender's time.
    """
    return _of_stream(CLOCK_OFFSET, stream, struct.pack("<dd", collected, offset))


def boundary() -> bytes:
    """Return a mark from which a reader can go on after damage."""
    return _chunk(BOUNDARY, BOUNDARY_MARK)


def stream_footer(stream: int, first: float, last: float, n_samples: int) -> bytes:
    """Return the footer of a stream that was recorded to its end."""
    ends = {"first_timestamp": repr(first), "last_timestamp": repr(last), "sample_count": str(n_samples)}
    return _of_stream(STREAM_FOOTER, stream, _xml(_tags(ends)))


def _chunk(tag: int, content: bytes) -> bytes:
    return _length(len(content) + 2) + struct.pack("<H", tag) + content


def _of_stream(tag: int, stream: int, content: bytes) -> bytes:
    return _chunk(tag, struct.pack("<I", stream) + content)


def _length(n: int) -> bytes:
    """A length as XDF writes it: how many bytes it has, then itself."""
    if n < 1 << 8:
        return struct.pack("<BB", 1, n)
    return struct.pack("<BI", 4, n) if n < 1 << 32 else struct.pack("<BQ", 8, n)


def _info(name: str, kind: str, n_channels: int, sfreq: float, format: str, created: float) -> str:
    described = {"name": name, "type": kind, "channel_count": str(n_channels), "nominal_srate": repr(float(sfreq))}
    made = {"version": "1.1", "created_at": repr(float(created)), "uid": str(uuid.uuid4())}
    return _tags({**described, "channel_format": format, **made})


def _channel(name: str, unit: str, sensor: Sensor | None, grade: int | None) -> str:
    """One channel's entry, as `SignalOutlet` sends it."""
    tree = describe_channel(sensor, unit, grade) if sensor else {"label": name, "type": "misc", "unit": unit}
    return f"<channel>{_tags(tree)}</channel>"


def _tags(tree: Mapping[str, Any]) -> str:
    parts = (
        (key, escape(NOT_XML.sub(" ", value)) if isinstance(value, str) else _tags(value))
        for key, value in tree.items()
    )
    return "".join(f"<{key}>{content}</{key}>" for key, content in parts)


def _xml(inner: str) -> bytes:
    return f'<?xml version="1.0"?><info>{inner}</info>'.encode()
