"""A client of a FieldTrip buffer: asks for the header, waits for samples and events, fetches them."""

from __future__ import annotations

import contextlib
import re
import socket
import struct
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from rtalign.streams.fieldtrip import protocol
from rtalign.streams.fieldtrip.protocol import BufferEvent, BufferHeader, ByteOrder, MalformedMessage
from rtalign.streams.lsl import StreamLost

SCHEME, PORT = "ft://", 1972
ANSWER_S = 5.0
"""How long an answer may take, besides what the server was asked to wait."""
Parsed = TypeVar("Parsed")
NATIVE: ByteOrder = "<" if sys.byteorder == "little" else ">"


@dataclass(frozen=True, slots=True)
class BufferAddress:
    """Where a buffer is: a machine and a port."""

    host: str
    port: int = PORT

    @classmethod
    def parse(cls, text: str) -> BufferAddress:
        """The address in ft://HOST:PORT; the port may be missing.

        Raises
        ------
        ValueError
            Where it is none.
        """
        match = re.fullmatch(rf"{SCHEME}(\[[^\]\s]+\]|[^:/\s]+)(?::(\d{{1,5}}))?/?", text)
        port = int(match[2] or PORT) if match else 0
        if not match or not 0 < port < 65536:
            raise ValueError(f"{text!r} is no address of a FieldTrip buffer - write ft://HOST:{PORT}")
        return cls(match[1].strip("[]"), port)

    def __str__(self) -> str:
        return f"{SCHEME}{self.host}:{self.port}"


class NotThere(Exception):
    """What was asked for is not, or no longer, in the buffer."""


class BufferClient:
    """A connection to a buffer.

    Parameters
    ----------
    address : BufferAddress
        Where it is.
    order : {"<", ">"}
        The byte order in which messages are sent, which is that of the answers.

    Raises
    ------
    StreamLost
        If it does not answer; so does every method.
    """

    def __init__(self, address: BufferAddress, order: ByteOrder = NATIVE) -> None:
        self.address, self._order = address, order
        try:
            self._socket: socket.socket | None = socket.create_connection((address.host, address.port), ANSWER_S)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError as error:
            raise StreamLost(f"no FieldTrip buffer answers at {address} ({error})") from None

    def header(self) -> BufferHeader:
        """What the buffer holds; NotThere before its sender has described the signal."""
        raw, order = self._ask(protocol.GET_HDR, protocol.GET_OK)
        return self._parsed(protocol.parse_header, raw, order)

    def wait(self, n_samples: int, n_events: int, seconds: float) -> tuple[int, int]:
        """Wait until there are more samples or more events than this; returns how many of both there are."""
        content = struct.pack(
            self._order + protocol.WAIT, min(n_samples, 0xFFFFFFFF), min(n_events, 0xFFFFFFFF), round(1000 * seconds)
        )
        raw, order = self._ask(protocol.WAIT_DAT, protocol.WAIT_OK, content, seconds)
        if len(raw) != 8:
            raise self._lost(f"an answer of {len(raw)} bytes to a wait")
        samples, events = struct.unpack(order + protocol.COUNTS, raw)
        return samples, events

    def samples(self, first: int, stop: int) -> np.ndarray:
        """Samples from first up to stop, shape (sample, channel); NotThere where the ring has overwritten them."""
        content = struct.pack(self._order + protocol.RANGE, first, stop - 1)
        raw, order = self._ask(protocol.GET_DAT, protocol.GET_OK, content)
        data = self._parsed(protocol.parse_data, raw, order)
        if len(data) != stop - first:
            raise self._lost(f"{len(data)} samples in answer to a question for {stop - first}")
        return data

    def events(self, first: int, stop: int) -> list[BufferEvent]:
        """Events from first up to stop; NotThere where the ring has overwritten them."""
        content = struct.pack(self._order + protocol.RANGE, first, stop - 1)
        raw, order = self._ask(protocol.GET_EVT, protocol.GET_OK, content)
        return self._parsed(protocol.parse_events, raw, order)

    def close(self) -> None:
        """End the connection; a call that waits in another thread ends with StreamLost."""
        connection, self._socket = self._socket, None
        if connection is not None:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()

    def _ask(self, command: int, expected: int, content: bytes = b"", wait_s: float = 0.0) -> tuple[bytes, ByteOrder]:
        """The answer and its byte order; NotThere where the server refuses."""
        connection = self._socket  # held, so that closing meanwhile takes nothing from under the calls below
        if connection is None:
            raise StreamLost(f"the connection to {self.address} is closed")
        try:
            connection.settimeout(ANSWER_S + wait_s)
            connection.sendall(protocol.message(command, content, self._order))
            answer, size, order = protocol.parse_prefix(_receive(connection, 8), self._order)
            raw = _receive(connection, size)
        except OSError as error:
            raise self._lost(str(error)) from None
        except MalformedMessage as error:
            raise self._lost(f"it sent {error}") from None
        if answer == expected + 1:
            raise NotThere(f"{self.address} does not have what was asked for")
        if answer != expected:
            raise self._lost(f"it answered {answer:#x} in place of {expected:#x}")
        return raw, order

    def _parsed(self, parse: Callable[[bytes, ByteOrder], Parsed], raw: bytes, order: ByteOrder) -> Parsed:
        try:
            return parse(raw, order)
        except MalformedMessage as error:
            raise self._lost(f"it sent {error}") from None

    def _lost(self, reason: str) -> StreamLost:
        self.close()
        return StreamLost(f"the FieldTrip buffer at {self.address}: {reason}")


def _receive(connection: socket.socket, size: int) -> bytes:
    raw = bytearray(size)
    view, at = memoryview(raw), 0
    while at < size:
        n = connection.recv_into(view[at:])
        if not n:
            raise OSError("the connection was ended by the other side")
        at += n
    return bytes(raw)
