"""The messages of a FieldTrip buffer, in both byte orders and all data types; what is malformed is refused."""

from __future__ import annotations

import struct
from typing import Literal

import numpy as np
import pytest

from rtalign.streams.fieldtrip import protocol
from rtalign.streams.fieldtrip.client import BufferAddress, BufferClient, NotThere
from rtalign.streams.fieldtrip.protocol import BufferEvent, BufferHeader, MalformedMessage
from rtalign.streams.lsl import StreamLost
from tests.helpers.fieldtrip_server import Buffer, serve

ORDERS: tuple[Literal["<", ">"], ...] = ("<", ">")


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("server_order", [None, *ORDERS])
@pytest.mark.parametrize("data_type", range(11))
def test_samples_come_as_they_were_put_in(
    data_type: int, server_order: Literal["<", ">"] | None, order: Literal["<", ">"]
) -> None:
    data = np.arange(60).reshape(20, 3).astype(protocol.DTYPES[data_type])
    with serve(Buffer(order=server_order)) as buffer:
        buffer.put_header(3, 1200.0, data_type, {protocol.NAMES: b"a\0b\0c\0", 99: b"whatever"})
        buffer.put(data[:15])
        buffer.put(data[15:])
        client = BufferClient(buffer.address, order)
        header = client.header()
        assert (header.n_channels, header.n_samples, header.sfreq) == (3, 20, 1200.0)
        assert header.chunks == {protocol.NAMES: b"a\0b\0c\0", 99: b"whatever"}
        assert client.wait(0, 0, 1.0) == (20, 0)
        read = client.samples(3, 18)
        assert read.dtype == np.dtype(protocol.DTYPES[data_type])
        np.testing.assert_array_equal(read, data[3:18])
        with pytest.raises(NotThere):
            client.samples(15, 21)
        client.close()


def test_the_bytes_are_those_of_the_published_protocol() -> None:
    """By hand, from the description: version, command and size; then begin and end, which is included."""
    assert protocol.message(protocol.GET_HDR) == bytes.fromhex("0100 0102 00000000")
    assert protocol.message(protocol.GET_DAT, struct.pack("<II", 0, 9)) == bytes.fromhex(
        "0100 0202 08000000 00000000 09000000"
    )
    assert protocol.message(protocol.WAIT_DAT, order=">") == bytes.fromhex("0001 0402 00000000")
    raw = struct.pack("<IIIfII", 2, 5, 0, 250.0, 6, 12) + struct.pack("<II", 1, 4) + b"a\0b\0"
    assert protocol.parse_header(raw, "<") == BufferHeader(2, 5, 0, 250.0, 6, {1: b"a\0b\0"})
    event = struct.pack("<IIIIiiiI", 0, 4, 0, 3, 120, 0, 30, 7) + b"wordsea"
    code = struct.pack("<IIIIiiiI", 0, 4, 10, 1, 240, 0, 0, 12) + b"UPPT" + struct.pack("<d", 17.0)
    assert protocol.parse_events(event + code, "<") == [
        BufferEvent("word", "sea", 120, 30),
        BufferEvent("UPPT", "17", 240),
    ]


@pytest.mark.parametrize("order", ORDERS)
def test_events_are_words_or_codes(order: Literal["<", ">"]) -> None:
    events = [BufferEvent("word", "sea", 3), BufferEvent("UPPT001", "-17", 5, 2), BufferEvent("word", "mér", 8)]
    with serve(Buffer()) as buffer:
        buffer.put_header(1, 100.0)
        buffer.put_events(events)
        client = BufferClient(buffer.address, order)
        assert client.wait(0, 0, 1.0) == (0, 3)
        assert client.events(0, 3) == events
        assert client.events(1, 2) == events[1:2]
        client.close()


HEADER = protocol.pack_header(BufferHeader(2, 0, 0, 250.0, 9, {1: b"a\0b\0"}))
DATA = protocol.pack_data(np.zeros((3, 2)), 9)
EVENT = protocol.pack_events([BufferEvent("word", "sea", 3)])


def test_what_is_cut_or_changed_is_refused_and_nothing_else_happens() -> None:
    rng = np.random.default_rng(0)
    refused = 0
    for parse, raw in (
        (protocol.parse_header, HEADER),
        (protocol.parse_data, DATA),
        (protocol.parse_events, EVENT),
    ):
        for cut in range(len(raw)):
            if not (cut == 0 and parse is protocol.parse_events):
                with pytest.raises(MalformedMessage):
                    parse(raw[:cut], "<")
        for _ in range(300):
            changed = bytearray(raw)
            for place in rng.integers(0, len(raw), 3):
                changed[place] = rng.integers(0, 256)
            try:
                parse(bytes(changed), "<")
            except MalformedMessage as error:
                refused += "\n" not in str(error)
    assert refused > 300


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("ft://scanner:1973", "scanner", 1973),
        ("ft://scanner", "scanner", 1972),
        ("ft://10.0.0.1:1972/", "10.0.0.1", 1972),
        ("ft://[::1]:1972", "::1", 1972),
    ],
)
def test_addresses(text: str, host: str, port: int) -> None:
    assert BufferAddress.parse(text) == BufferAddress(host, port)


@pytest.mark.parametrize("text", ["scanner:1972", "ft://", "ft://a:b", "ft://a:0", "ft://a:99999", "ft://:1972"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="write ft://HOST:1972"):
        BufferAddress.parse(text)


def test_no_buffer_and_no_header_are_told_apart() -> None:
    with serve(Buffer()) as buffer:
        client = BufferClient(buffer.address)
        with pytest.raises(NotThere):
            client.header()
        client.close()
        with pytest.raises(StreamLost, match="closed"):
            client.header()
        address = buffer.address
    with pytest.raises(StreamLost, match=r"no FieldTrip buffer answers at ft://127\.0\.0\.1"):
        BufferClient(address)
