"""The messages of a FieldTrip buffer, as bytes: in either byte order, bounded, and refused where they are malformed."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

ByteOrder = Literal["<", ">"]

VERSION = 1
PUT_HDR, PUT_DAT, PUT_EVT = 0x101, 0x102, 0x103
GET_HDR, GET_DAT, GET_EVT = 0x201, 0x202, 0x203
FLUSH_HDR, FLUSH_DAT, FLUSH_EVT = 0x301, 0x302, 0x303
WAIT_DAT = 0x402
PUT_OK, GET_OK, FLUSH_OK, WAIT_OK = 0x104, 0x204, 0x304, 0x404
PUT_ERR, GET_ERR, FLUSH_ERR, WAIT_ERR = 0x105, 0x205, 0x305, 0x405
NAMES, FLAGS, RESOLUTIONS, KEY_VALUES, CTF_RES4, NEUROMAG, HPI_RESULT = 1, 2, 3, 4, 7, 8, 10
"""Types of the chunks behind a header."""

DTYPES = ("i1", "u1", "u2", "u4", "u8", "i1", "i2", "i4", "i8", "f4", "f8")
"""numpy's names of the data types, in the order of their numbers; the first is text."""
TEXT = 0

PREFIX, HEADER, DATA, EVENT, RANGE, WAIT, COUNTS, CHUNK = "HHI", "IIIfII", "IIII", "IIIIiiiI", "II", "III", "II", "II"
"""Layouts of what comes before a message, of headers, samples, events, selections, waits, answers, chunks."""
MAX_BYTES = 64 << 20
MAX_CHANNELS, MAX_HZ = 20_000, 1e6
MAX_EVENTS = 10_000


class MalformedMessage(ValueError):
    """A message that does not follow the protocol."""


@dataclass(frozen=True, slots=True)
class BufferHeader:
    """What a buffer says of its signal.

    Attributes
    ----------
    n_channels, n_samples, n_events : int
        Channels, and what has been put in so far.
    sfreq : float
        Samples a second.
    data_type : int
        A place in `DTYPES`.
    chunks : dict of int to bytes
        By their types; resolutions are little-endian float64.
    """

    n_channels: int
    n_samples: int
    n_events: int
    sfreq: float
    data_type: int
    chunks: dict[int, bytes]

    def is_same_signal(self, other: BufferHeader) -> bool:
        """Whether channels, rate and numbers are described alike."""
        mine = (self.n_channels, self.sfreq, self.data_type, self.chunks)
        return mine == (other.n_channels, other.sfreq, other.data_type, other.chunks)


@dataclass(frozen=True, slots=True)
class BufferEvent:
    """An event: its type and value as text, and the number of the sample at which it was."""

    type: str
    value: str
    sample: int
    duration: int = 0


def message(command: int, content: bytes = b"", order: ByteOrder = "<") -> bytes:
    """Return a message as it is sent."""
    return struct.pack(order + PREFIX, VERSION, command, len(content)) + content


def parse_prefix(raw: bytes, order: ByteOrder) -> tuple[int, int, ByteOrder]:
    """command, bytes that follow, and the byte order in which they are; an answer may come in the other one.

    raw : 8 bytes.
    """
    for found in (order, ">" if order == "<" else "<"):
        version, command, size = struct.unpack(found + PREFIX, raw)
        if version == VERSION:
            if size > MAX_BYTES:
                raise MalformedMessage(f"a message of {size:,} bytes; at most {MAX_BYTES:,} are read")
            return command, size, found  # type: ignore[return-value]
    raise MalformedMessage(f"version {version} of the protocol, or another protocol; version {VERSION} is read")


def pack_header(header: BufferHeader, order: ByteOrder = "<") -> bytes:
    """Return a header as it is put into a buffer, or given by one."""
    contents = {kind: _in_order(kind, content, order) for kind, content in header.chunks.items()}
    chunks = b"".join(struct.pack(order + CHUNK, k, len(content)) + content for k, content in contents.items())
    counts = (header.n_channels, header.n_samples, header.n_events)
    return struct.pack(order + HEADER, *counts, header.sfreq, header.data_type, len(chunks)) + chunks


def parse_header(raw: bytes, order: ByteOrder) -> BufferHeader:
    """Return a header from an answer."""
    n_channels, n_samples, n_events, sfreq, data_type, size = _unpack(HEADER, raw, order)
    place = struct.calcsize("<" + HEADER)
    if not 1 <= n_channels <= MAX_CHANNELS:
        raise MalformedMessage(f"a header of {n_channels:,} channels; 1 to {MAX_CHANNELS:,} are read")
    if not 0 < sfreq <= MAX_HZ:
        raise MalformedMessage(f"a header at {sfreq:g} Hz; more than 0 and at most {MAX_HZ:,.0f} are read")
    if data_type >= len(DTYPES):
        raise MalformedMessage(f"a header with numbers of type {data_type}; 0 to {len(DTYPES) - 1} are read")
    if size != len(raw) - place:
        raise MalformedMessage(f"a header that claims {size:,} bytes of chunks and has {len(raw) - place:,}")
    chunks: dict[int, bytes] = {}
    while place < len(raw):
        kind, size = _unpack(CHUNK, raw, order, place)
        place += 8
        if size > len(raw) - place:
            raise MalformedMessage(f"a header with a chunk that claims {size:,} bytes and has {len(raw) - place:,}")
        chunks[kind] = _in_order(kind, raw[place : place + size], order)
        place += size
    return BufferHeader(n_channels, n_samples, n_events, _tidy_rate(sfreq), data_type, chunks)


def _in_order(kind: int, content: bytes, order: ByteOrder) -> bytes:
    """A chunk from a byte order to little-endian, or back: resolutions alone are numbers in the client's order."""
    if kind != RESOLUTIONS or order == "<" or len(content) % 8:
        return content
    return np.frombuffer(content, "<f8").byteswap().tobytes()


def pack_data(data: np.ndarray, data_type: int, order: ByteOrder = "<") -> bytes:
    """Return samples, shape (sample, channel), as they are put into a buffer, or given by one."""
    raw = np.ascontiguousarray(data, order + DTYPES[data_type]).tobytes()
    return struct.pack(order + DATA, data.shape[1], len(data), data_type, len(raw)) + raw


def parse_data(raw: bytes, order: ByteOrder) -> np.ndarray:
    """Return the samples of an answer, shape (sample, channel), in this machine's byte order."""
    n_channels, n_samples, data_type, size = _unpack(DATA, raw, order)
    place = struct.calcsize("<" + DATA)
    if data_type >= len(DTYPES):
        raise MalformedMessage(f"samples of type {data_type}; 0 to {len(DTYPES) - 1} are read")
    dtype = np.dtype(order + DTYPES[data_type])
    if size != len(raw) - place or size != n_channels * n_samples * dtype.itemsize:
        raise MalformedMessage(f"{n_samples:,} samples of {n_channels:,} channels in {len(raw) - place:,} bytes")
    data = np.frombuffer(raw, dtype, offset=place).reshape(n_samples, n_channels)
    return data.astype(dtype.newbyteorder("="))


def pack_events(events: Sequence[BufferEvent], order: ByteOrder = "<") -> bytes:
    """Return events, with values as text or, where they are whole numbers, as int32."""
    parts = []
    for event in events:
        type, number = event.type.encode("utf-8", "surrogateescape"), event.value.lstrip("-").isdecimal()
        value = struct.pack(order + "i", int(event.value)) if number else event.value.encode("utf-8", "surrogateescape")
        shape = (TEXT, len(type), 7 if number else TEXT, 1 if number else len(value))
        size = len(type) + len(value)
        parts.append(struct.pack(order + EVENT, *shape, event.sample, 0, event.duration, size) + type + value)
    return b"".join(parts)


def parse_events(raw: bytes, order: ByteOrder) -> list[BufferEvent]:
    """Return the events of an answer."""
    events: list[BufferEvent] = []
    place = 0
    while place < len(raw) and len(events) < MAX_EVENTS:
        type_type, n_type, value_type, n_value, sample, _, duration, size = _unpack(EVENT, raw, order, place)
        place += struct.calcsize("<" + EVENT)
        if max(type_type, value_type) >= len(DTYPES) or size > len(raw) - place:
            raise MalformedMessage("an event that is longer than its message, or of an unknown type")
        n_bytes = [n * np.dtype(DTYPES[k]).itemsize for k, n in ((type_type, n_type), (value_type, n_value))]
        if sum(n_bytes) > size:
            raise MalformedMessage(f"an event of {sum(n_bytes):,} bytes that claims {size:,}")
        type = _as_text(raw[place : place + n_bytes[0]], type_type, order)
        value = _as_text(raw[place + n_bytes[0] : place + sum(n_bytes)], value_type, order)
        events.append(BufferEvent(type, value, sample, duration))
        place += size
    return events


def _as_text(raw: bytes, data_type: int, order: ByteOrder) -> str:
    if data_type == TEXT:
        return raw.decode("utf-8", "surrogateescape").rstrip("\0")
    numbers = np.frombuffer(raw, order + DTYPES[data_type])[:64]
    return " ".join(f"{number:.10g}" for number in numbers.tolist())


def _unpack(layout: str, raw: bytes, order: ByteOrder, place: int = 0) -> tuple:
    if len(raw) - place < struct.calcsize("<" + layout):
        raise MalformedMessage(f"a message that ends after {len(raw):,} bytes, within its own head")
    return struct.unpack_from(order + layout, raw, place)


def _tidy_rate(sfreq: float) -> float:
    """The rate that a float32 stands for: 1200 as it is, and not a third of 1000 to its last binary digit."""
    return float(f"{sfreq:.7g}")
