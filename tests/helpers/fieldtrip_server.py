"""A FieldTrip buffer on 127.0.0.1: what a scanner's acquisition would put into it, a test puts in."""

from __future__ import annotations

import socket
import socketserver
import struct
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np

from rtalign.streams.fieldtrip import protocol
from rtalign.streams.fieldtrip.client import BufferAddress
from rtalign.streams.fieldtrip.protocol import BufferEvent, BufferHeader, ByteOrder
from rtalign.streams.live.connection import LslBackend


class SessionTime:
    """Time as the samples tell it: what feeds a buffer moves it on."""

    now = 1000.0


def clock() -> float:
    return SessionTime.now


def lsl_without_streams() -> LslBackend:
    """LSL as it is where there is none, on the session's time."""
    pool = ThreadPoolExecutor(2)

    def nothing(info: Any) -> Any:
        raise AssertionError(f"{info.name} is no stream of LSL")

    def pause(seconds: float) -> None:
        time.sleep(min(seconds, 0.001))

    return LslBackend(list, nothing, nothing, nothing, clock, pause, pool.submit, "here", pool.shutdown)


class Buffer:
    """The state of a buffer: a header, a ring of samples, the last events.

    Answers are in the byte order of the question, or always in `order` where one is given.
    """

    def __init__(self, ring: int = 600_000, order: ByteOrder | None = None) -> None:
        self.ring, self.order = ring, order
        self.header: BufferHeader | None = None
        self.changed = threading.Condition()
        self._blocks: list[tuple[int, np.ndarray]] = []
        self._events: list[BufferEvent] = []
        self.address = BufferAddress("127.0.0.1", 1)
        self.connections: list[socket.socket] = []

    def put_header(
        self, n_channels: int, sfreq: float, data_type: int = 9, chunks: dict[int, bytes] | None = None
    ) -> None:
        with self.changed:
            self.header = BufferHeader(n_channels, 0, 0, sfreq, data_type, chunks or {})
            self._blocks, self._events = [], []
            self.changed.notify_all()

    def put(self, data: np.ndarray) -> None:
        """data : (sample, channel)."""
        assert self.header is not None
        with self.changed:
            first = self.header.n_samples
            self._blocks.append((first, np.asarray(data, protocol.DTYPES[self.header.data_type])))
            self.header = replace(self.header, n_samples=first + len(data))
            while self.header.n_samples - self._blocks[0][0] > self.ring + len(self._blocks[0][1]):
                self._blocks.pop(0)
            self.changed.notify_all()

    def put_events(self, events: Sequence[BufferEvent]) -> None:
        assert self.header is not None
        with self.changed:
            self._events += events
            self.header = replace(self.header, n_events=len(self._events))
            self.changed.notify_all()

    def answer(self, command: int, content: bytes, order: ByteOrder) -> tuple[int, bytes]:
        """Command and content of the answer."""
        header = self.header
        failed = (command & 0xFF00) + 5, b""
        if header is None:
            return failed
        if command == protocol.GET_HDR:
            return protocol.GET_OK, protocol.pack_header(header, self.order or order)
        if command == protocol.WAIT_DAT:
            n_samples, n_events, wait_ms = struct.unpack(order + protocol.WAIT, content)
            until = time.monotonic() + wait_ms / 1000
            with self.changed:
                while (now := self.header) is not None and now.n_samples <= n_samples and now.n_events <= n_events:
                    left = until - time.monotonic()
                    if left <= 0 or not self.changed.wait(left):
                        break
            assert self.header is not None
            counts = struct.pack((self.order or order) + protocol.COUNTS, self.header.n_samples, self.header.n_events)
            return protocol.WAIT_OK, counts
        first, last = struct.unpack(order + protocol.RANGE, content)
        with self.changed:
            header = self.header
            if command == protocol.GET_DAT and header.n_samples - self.ring <= first <= last < header.n_samples:
                wanted = [(at, block) for at, block in self._blocks if at + len(block) > first and at <= last]
                data = np.concatenate([block for _, block in wanted])[first - wanted[0][0] :][: last + 1 - first]
                return protocol.GET_OK, protocol.pack_data(data, header.data_type, self.order or order)
            if command == protocol.GET_EVT and header.n_events - 100 <= first <= last < header.n_events:
                return protocol.GET_OK, protocol.pack_events(self._events[first : last + 1], self.order or order)
        return failed

    def drop_connections(self) -> None:
        for connection in self.connections:
            connection.close()
        self.connections.clear()


@contextmanager
def serve(buffer: Buffer) -> Iterator[Buffer]:
    """The buffer behind a port of this machine."""

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            buffer.connections.append(self.request)
            try:
                while prefix := _exactly(self.request, 8):
                    command, size, order = protocol.parse_prefix(prefix, "<")
                    answer, content = buffer.answer(command, _exactly(self.request, size), order)
                    self.request.sendall(protocol.message(answer, content, buffer.order or order))
            except OSError:
                pass

    class Server(socketserver.ThreadingTCPServer):
        allow_reuse_address = True
        daemon_threads = True

    with Server(("127.0.0.1", 0), Handler) as server:
        buffer.address = BufferAddress("127.0.0.1", server.server_address[1])
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        try:
            yield buffer
        finally:
            server.shutdown()
            buffer.drop_connections()


def _exactly(connection: socket.socket, size: int) -> bytes:
    raw = b""
    while len(raw) < size:
        part = connection.recv(size - len(raw))
        if not part:
            return b""
        raw += part
    return raw
