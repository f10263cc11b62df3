"""A FieldTrip buffer as a live source reads it: an inlet of signal and one of events, as those of LSL are."""

from __future__ import annotations

import json
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from rtalign.core.bad_marks import is_bad_mark
from rtalign.streams.fieldtrip.arrival_clock import ArrivalClock
from rtalign.streams.fieldtrip.client import SCHEME, BufferAddress, BufferClient, NotThere
from rtalign.streams.fieldtrip.description import describe_buffer
from rtalign.streams.fieldtrip.protocol import DTYPES, BufferEvent, BufferHeader
from rtalign.streams.live.connection import LslBackend, lsl_backend
from rtalign.streams.lsl import StreamInfo, StreamLost, local_clock

WAIT_S = 0.2
"""How long the server is asked to wait for something new."""
MAX_REQUEST = 8 << 20
"""Bytes of samples asked for at once."""
KEPT_BYTES = 256 << 20
"""Signal that waits while nobody pulls, three minutes of a helmet; older signal is dropped, and dates show the gap."""
NOT_READ = 0
"""Channels of a buffer that is listed before it was read."""
HEADER_EVERY_S = 5.0
"""The header is compared with the first one this often: a new one begins at sample 0 without a word."""


class BufferReader:
    """Reads one buffer on a thread of its own from now on: samples dated by their arrival, and events.

    Parameters
    ----------
    address : BufferAddress
        Where the buffer is.
    clock : callable
        () -> local time, s.

    Attributes
    ----------
    header : BufferHeader
        What the buffer said of its signal when it was opened.
    n_lost : int
        Samples that were overwritten, or dropped here, before they were read.

    Raises
    ------
    StreamLost
        If there is no buffer, or nothing is described in it yet.
    """

    def __init__(self, address: BufferAddress, clock: Callable[[], float] = local_clock) -> None:
        self._client, self._now = BufferClient(address), clock
        try:
            self.header: BufferHeader = self._client.header()
        except NotThere:
            self._client.close()
            raise StreamLost(f"the FieldTrip buffer at {address} has no header yet - start the acquisition") from None
        self.address = address
        self.dates = ArrivalClock(self.header.sfreq)
        self.n_lost = 0
        self._next, self._next_event = self.header.n_samples, self.header.n_events
        width = self.header.n_channels * np.dtype(DTYPES[self.header.data_type]).itemsize
        self._most = max(MAX_REQUEST // width, 1)
        self._blocks: deque[tuple[int, np.ndarray]] = deque()
        self._held = 0  # bytes in them
        self._events: deque[tuple[str, int]] = deque(maxlen=10_000)
        self._lock = threading.Lock()
        self._failure: StreamLost | None = None
        self._checked = clock()
        threading.Thread(target=self._run, name="fieldtrip", daemon=True).start()

    def samples(self) -> tuple[np.ndarray, np.ndarray]:
        """Take what came: (sample, channel), and the local time of each sample, s."""
        with self._lock:
            blocks = list(self._blocks) if self.dates.ready else []
            if not blocks:
                if self._failure is not None:
                    raise self._failure
                kind = np.dtype(DTYPES[self.header.data_type])
                return np.empty((0, self.header.n_channels), kind), np.empty(0)
            self._blocks.clear()
            self._held = 0
            stamps = [self.dates.date(first, len(data)) for first, data in blocks]
        return np.concatenate([data for _, data in blocks]), np.concatenate(stamps)

    def events(self) -> list[tuple[str, float]]:
        """Take the events that came: text, and local time, s."""
        with self._lock:
            if not self.dates.ready and self._failure is None:
                return []
            taken = [(text, self.dates.time(sample)) for text, sample in self._events]
            self._events.clear()
            if not taken and self._failure is not None:
                raise self._failure
        return taken

    @property
    def failed(self) -> bool:
        """Whether the connection has ended."""
        return self._failure is not None

    def close(self) -> None:
        """End the connection, and with it the thread."""
        self._client.close()

    def _run(self) -> None:
        try:
            while True:
                n_samples, n_events = self._client.wait(self._next, self._next_event, WAIT_S)
                now = self._now()
                if n_samples < self._next or n_events < self._next_event:
                    raise StreamLost(f"the acquisition at {self.address} began anew")
                self._check_header(now)
                if n_samples > self._next:
                    self._fetch(n_samples, now)
                if n_events > self._next_event:
                    self._fetch_events(n_events)
        except StreamLost as error:
            self._end(error)
        except NotThere:
            self._end(StreamLost(f"the FieldTrip buffer at {self.address} was emptied"))

    def _end(self, failure: StreamLost) -> None:
        with self._lock:
            self._failure = failure
        self._client.close()

    def _check_header(self, now: float) -> None:
        if now - self._checked < HEADER_EVERY_S:
            return
        self._checked = now
        if not self._client.header().is_same_signal(self.header):
            raise StreamLost(f"the signal at {self.address} is described anew")

    def _fetch(self, n_samples: int, now: float) -> None:
        """Samples up to n_samples; from the newest on where the ring has overwritten what was due."""
        with self._lock:
            self.dates.add(n_samples, now)
        while self._next < n_samples:
            stop = min(n_samples, self._next + self._most)
            try:
                data = self._client.samples(self._next, stop)
            except NotThere:
                newest = self._client.header()
                if newest.n_samples < self._next or not newest.is_same_signal(self.header):
                    raise StreamLost(f"the acquisition at {self.address} began anew") from None
                self.n_lost += newest.n_samples - self._next
                self._next = newest.n_samples
                return
            if data.shape[1] != self.header.n_channels:
                raise StreamLost(f"the buffer at {self.address} has {data.shape[1]} channels now")
            with self._lock:
                self._blocks.append((self._next, data))
                self._held += data.nbytes
                while self._held > KEPT_BYTES and len(self._blocks) > 1:
                    _, dropped = self._blocks.popleft()
                    self._held -= dropped.nbytes
                    self.n_lost += len(dropped)
            self._next = stop

    def _fetch_events(self, n_events: int) -> None:
        """Events up to n_events: the value where it is a word, or a code; the type where there is no value."""
        try:
            found = self._client.events(self._next_event, n_events)
        except NotThere:
            self._next_event = n_events
            raise StreamLost(f"events at {self.address} were overwritten before they were read") from None
        self._next_event = n_events
        with self._lock:
            self._events.extend((_marker(e, self.header.sfreq), e.sample) for e in found if e.value or e.type)


def _marker(event: BufferEvent, sfreq: float) -> str:
    """An event as a text of markers; JSON where a bad stretch has a duration."""
    text = event.value or event.type
    if not (is_bad_mark(text) and event.duration > 0):
        return text
    return json.dumps({"bad": text, "duration": event.duration / sfreq})


class BufferInlet:
    """What both inlets of a buffer share.  Their times are local ones: a buffer has no clock."""

    def __init__(self, info: StreamInfo, reader: BufferReader, release: Callable[[], None]) -> None:
        self.info, self._reader, self._release = info, reader, release

    def offset(self, timeout_s: float = 2.0) -> tuple[float, float]:  # noqa: ARG002 (nothing to wait for)
        """(0, uncertainty of the dates, s)."""
        return 0.0, self._reader.dates.uncertainty_s

    def close(self) -> None:
        self._release()


class BufferSignalInlet(BufferInlet):
    """The signal of a buffer, as `rtalign.streams.lsl.SignalInlet` has that of LSL."""

    def __init__(self, info: StreamInfo, reader: BufferReader, release: Callable[[], None]) -> None:
        super().__init__(info, reader, release)
        self.channels = describe_buffer(reader.header, info.name)
        self.sensors, self.channel_names = self.channels.sensors, self.channels.names
        self.sfreq = reader.header.sfreq

    def pull(self) -> tuple[np.ndarray, np.ndarray]:
        """(sample, channel) as they came, and (sample,) their local times, s."""
        return self._reader.samples()


class BufferTextInlet(BufferInlet):
    """The events of a buffer, as `rtalign.streams.lsl.TextInlet` has markers of LSL."""

    def pull(self) -> list[tuple[str, float]]:
        """Each event's text and local time, s, in the order they came."""
        return self._reader.events()


class FieldTripBackend:
    """Adds a buffer to the streams that a live source sees, under its address.

    Why only what is asked for: a source that is told no name takes the first stream of the right type.

    Parameters
    ----------
    address : str
        ft://HOST:PORT.
    beside : LslBackend
        LSL, from which everything else comes.
    signal, events : bool
        What the buffer is listed as.
    """

    def __init__(self, address: str, beside: LslBackend, signal: bool, events: bool) -> None:
        self.address = BufferAddress.parse(address)
        self._name, self._beside, self._listed = address, beside, (signal, events)
        self._lock = threading.Lock()
        self._reader: BufferReader | None = None
        self._n_users = self._n_opened = 0
        self.backend: LslBackend = replace(
            beside, streams=self._streams, open_signal=self._open_signal, open_undescribed=self._open_undescribed,
            open_text=self._open_text, close=self._close,
        )  # fmt: skip

    def _streams(self) -> list[StreamInfo]:
        """Those of LSL, and the buffer's: whether it answers shows when it is opened."""
        uid, host = f"{self._name} {self._n_opened}", self._beside.host
        signal = StreamInfo(self._name, "MEG", self._name, uid, host, NOT_READ, 1.0, "float32")
        events = StreamInfo(self._name, "Markers", f"{self._name} events", f"{uid} events", host, 1, 0.0, "string")
        own = [info for info, listed in zip((signal, events), self._listed, strict=True) if listed]
        return [*self._beside.streams(), *own]

    def _open_signal(self, info: StreamInfo) -> Any:
        if info.name != self._name:
            return self._beside.open_signal(info)
        reader = self._acquire()
        try:
            n_channels, sfreq = reader.header.n_channels, reader.header.sfreq
            described = replace(info, n_channels=n_channels, sfreq=sfreq)
            return BufferSignalInlet(described, reader, self._releaser(reader))
        except ValueError:
            self._releaser(reader)()
            raise

    def _open_undescribed(self, info: StreamInfo) -> Any:
        """What a buffer says of its channels is always enough to record them."""
        return self._open_signal(info) if info.name == self._name else self._beside.open_undescribed(info)

    def _open_text(self, info: StreamInfo) -> Any:
        if info.name != self._name:
            return self._beside.open_text(info)
        reader = self._acquire()
        return BufferTextInlet(info, reader, self._releaser(reader))

    def _acquire(self) -> BufferReader:
        """The reader that both inlets share; a new one where there is none, or it has failed."""
        with self._lock:
            if self._reader is None or self._reader.failed:
                self._reader, self._n_users = BufferReader(self.address, self._beside.clock), 0
                self._n_opened += 1
            self._n_users += 1
            return self._reader

    def _releaser(self, reader: BufferReader) -> Callable[[], None]:
        def release() -> None:
            with self._lock:
                if reader is not self._reader:
                    return
                self._n_users -= 1
                if self._n_users <= 0:
                    reader.close()
                    self._reader = None

        return release

    def _close(self) -> None:
        with self._lock:
            if self._reader is not None:
                self._reader.close()
        self._beside.close()


def buffer_backend(
    meg: str | None, words: str | None, lsl: Callable[[], LslBackend] = lsl_backend
) -> LslBackend | None:
    """What a live source needs where its signal or its words come from a buffer.

    Parameters
    ----------
    meg, words : str or None
        Names of streams, or ft://HOST:PORT.
    lsl : callable
        () -> LSL's backend.

    Returns
    -------
    LslBackend or None
        None where neither is the address of a buffer.

    Raises
    ------
    ValueError
        For an address that is none.
    """
    addresses = dict.fromkeys(name for name in (meg, words) if name and name.startswith(SCHEME))
    for address in addresses:
        BufferAddress.parse(address)
    backend = lsl() if addresses else None
    for address in addresses:
        assert backend is not None
        backend = FieldTripBackend(address, backend, address == meg, address == words).backend
    return backend
