"""A live session from a FieldTrip buffer: nothing lost, words on their samples, and all that happens to it told."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest

from rtalign.core.records import Chunk, Word
from rtalign.core.session import Session
from rtalign.engine.head_watch import HeadWatch
from rtalign.engine.open_session import open_streams
from rtalign.streams.events import Event, HeadLocalised, Notice, SignalChanged
from rtalign.streams.fieldtrip import inlets
from rtalign.streams.fieldtrip.client import BufferAddress
from rtalign.streams.fieldtrip.inlets import buffer_backend
from rtalign.streams.fieldtrip.protocol import HPI_RESULT, NAMES, BufferEvent
from rtalign.streams.live.connection import LslBackend
from rtalign.streams.live.source import LiveSource
from rtalign.streams.markers.decoders import open_decoder
from tests.helpers.fieldtrip_server import Buffer, SessionTime, clock, lsl_without_streams, serve
from tests.helpers.heads import COILS, hpi_result, position

SFREQ, BLOCK = 1000.0, 50
BLOCK_PAUSE_S = 0.004
"""What a block of 50 ms takes here: the session's time is what the scanner says, however busy the machine is."""
CHANNELS = b"MLC11\0MLC12\0UPPT001\0"


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """A wait is in real time: as long a part of the session's as it is in a lab."""
    monkeypatch.setattr(inlets, "WAIT_S", 0.016)


@contextmanager
def session(address: BufferAddress, words: bool = True) -> Iterator[LiveSource]:
    """A live source whose LSL is empty and whose clock is fast."""
    name = str(address)
    decoder = open_decoder() if words else None
    backend = buffer_backend(name, name, lsl_without_streams)
    source = LiveSource(name, name if words else None, decoder, backend=backend)
    try:
        yield source
    finally:
        source.close()


class Scanner:
    """Puts blocks of counted samples into a buffer in time, each sample its own number in fT."""

    def __init__(self, buffer: Buffer, events: dict[int, str] | None = None) -> None:
        self.buffer, self.events = buffer, events or {}
        self.stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Scanner:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopped.set()
        self._thread.join()

    def _run(self) -> None:
        while not self.stopped.is_set():
            time.sleep(BLOCK_PAUSE_S)
            if self.buffer.header is not None:
                self.put(BLOCK)

    def put(self, n: int) -> None:
        """The next n samples, and the events among them."""
        assert self.buffer.header is not None
        first, width = self.buffer.header.n_samples, self.buffer.header.n_channels
        SessionTime.now += n / SFREQ
        self.buffer.put(np.repeat(np.arange(first, first + n)[:, None] * 1e-15, width, axis=1))
        found = [BufferEvent("word", text, k) for k, text in self.events.items() if first <= k < first + n]
        if found:
            self.buffer.put_events(found)


def poll_until(source: LiveSource, until: Callable[[list[Event]], bool], seconds: float = 20.0) -> list[Event]:
    events: list[Event] = []
    end = time.monotonic() + seconds
    while not until(events):
        assert time.monotonic() < end, [event for event in events if isinstance(event, Notice)]
        events += source.poll(0.2)
    return events


def of(events: list[Event], kind: type) -> list[Any]:
    return [event for event in events if isinstance(event, kind)]


def counted(chunks: list[Chunk]) -> np.ndarray:
    return np.concatenate([np.round(chunk.data[:, 0] * 1e15) for chunk in chunks]).astype(int)


def test_nothing_is_lost_and_words_lie_on_their_samples() -> None:
    events_at = {k: f"word{k}" for k in range(1500, 9000, 333)}
    with serve(Buffer()) as buffer, session(buffer.address) as source:
        buffer.put_header(3, SFREQ, chunks={NAMES: CHANNELS})
        with Scanner(buffer, events_at):
            events = poll_until(source, lambda e: len(of(e, Word)) >= 12)
            health = source.health()
    chunks = of(events, Chunk)
    numbers = counted(chunks)
    assert (np.diff(numbers) == 1).all()
    zero = chunks[0].start - numbers[0] / SFREQ
    starts = np.array([chunk.start for chunk in chunks])
    firsts = np.array([round(float(chunk.data[0, 0]) * 1e15) for chunk in chunks])
    np.testing.assert_allclose(starts, zero + firsts / SFREQ, atol=1e-6)
    for word in of(events, Word):
        assert word.onset == pytest.approx(zero + int(word.text[4:]) / SFREQ, abs=1e-3)
    assert [sensor.name for sensor in of(events, SignalChanged)[0].sensors] == ["MLC11", "MLC12"]
    assert health.meg.uncertainty_s is not None
    assert (health.meg.n_lost, health.meg.n_gaps) == (0, 0)


def test_a_new_header_and_a_lost_connection_are_survived_and_told() -> None:
    with serve(Buffer()) as buffer, session(buffer.address, words=False) as source:
        buffer.put_header(3, SFREQ, chunks={NAMES: CHANNELS})
        with Scanner(buffer):
            poll_until(source, lambda e: bool(of(e, Chunk)))
            buffer.drop_connections()
            after = poll_until(source, lambda e: any(n.kind == "meg recovered" for n in of(e, Notice)))
            assert any(notice.kind == "meg lost" for notice in of(after, Notice))
            assert not of(after, SignalChanged), "the same signal came back"
            buffer.put_header(2, SFREQ, chunks={NAMES: b"MLC11\0MLC13\0"})
            again = poll_until(source, lambda e: bool(of(e, SignalChanged)))
            (lost, *_) = [notice.text for notice in of(again, Notice) if notice.kind == "meg lost"]
            assert any(reason in lost for reason in ("began anew", "described anew", "channels now")), lost
            assert [sensor.name for sensor in of(again, SignalChanged)[0].sensors] == ["MLC11", "MLC13"]
            (chunk, *_) = of(poll_until(source, lambda e: bool(of(e, Chunk))), Chunk)
            assert chunk.data.shape[1] == 2


def test_the_head_is_where_each_header_says() -> None:
    watch = HeadWatch({"recordings": [{"head": list(position().rows)}]})
    with serve(Buffer()) as buffer, session(buffer.address, words=False) as source, Scanner(buffer):
        for mm, lines in {
            0.0: [],
            2.0: ["the head is 2.0 mm from where it was in training"],
            4.0: ["the head is 4.0 mm from where it was in training"],
        }.items():
            moved = position(COILS + np.array([0.0, mm / 1000, 0.0]))
            buffer.put_header(3, SFREQ, chunks={NAMES: CHANNELS, HPI_RESULT: hpi_result(moved)})
            events = poll_until(source, lambda e: bool(of(e, HeadLocalised)))
            assert [line for event in of(events, HeadLocalised) for line in watch.push(event.position)] == lines
            assert watch.distance_mm == pytest.approx(mm, abs=0.01)
            assert bool(of(events, SignalChanged)) == (mm == 0.0), "a head that moved is no other signal"


def test_samples_that_were_overwritten_are_missing_and_told() -> None:
    with serve(Buffer(ring=400)) as buffer, session(buffer.address, words=False) as source:
        buffer.put_header(3, SFREQ, chunks={NAMES: CHANNELS})
        with Scanner(buffer) as scanner:
            events = poll_until(source, lambda e: bool(of(e, Chunk)))
            scanner.stopped.set()
            scanner._thread.join()
            with buffer.changed:  # the reader cannot ask meanwhile
                for _ in range(10):
                    scanner.put(200)
            for _ in range(1000):
                time.sleep(BLOCK_PAUSE_S)
                scanner.put(BLOCK)
                events += source.poll(0.0)
                if any("missing from the MEG" in notice.text for notice in of(events, Notice)):
                    break
    chunks = of(events, Chunk)
    steps = np.diff(counted(chunks))
    assert (steps >= 1).all()
    assert (steps > 1).sum() == 1, "one gap, and nothing in a false place"
    assert max(steps) > 1000


def test_a_buffer_is_listed_as_what_it_was_named_for() -> None:
    def lsl() -> LslBackend:
        return LslBackend(list, None, None, None, clock, time.sleep, None, "here", lambda: None)  # type: ignore[arg-type]

    def listed(meg: str | None, words: str | None) -> list[tuple[str, bool]]:
        backend = buffer_backend(meg, words, lsl)
        return [(info.name, info.regular) for info in backend.streams()] if backend else []

    assert listed("scanner", None) == []
    assert listed("ft://a", None) == [("ft://a", True)]
    assert listed("scanner", "ft://a") == [("ft://a", False)]
    assert listed("ft://a", "ft://a") == [("ft://a", True), ("ft://a", False)]
    assert listed("ft://a", "ft://b") == [("ft://a", True), ("ft://b", False)]
    with pytest.raises(ValueError, match="no address of a FieldTrip buffer"):
        buffer_backend("ft://a:b", None, lsl)


def test_a_session_is_opened_on_a_buffer_by_its_address() -> None:
    with serve(Buffer()) as buffer:
        buffer.put_header(3, SFREQ, chunks={NAMES: CHANNELS})
        source = open_streams(Session(meg=str(buffer.address), words=str(buffer.address), adapt=True))
        try:
            events: list[Event] = []
            for _ in range(500):
                buffer.put(np.zeros((BLOCK, 3)))  # faster than it says: dates are of no interest here
                events += source.poll(0.01)
                if of(events, Chunk):
                    break
            assert [sensor.name for sensor in of(events, SignalChanged)[0].sensors] == ["MLC11", "MLC12"]
            assert of(events, Chunk)
        finally:
            source.close()


def test_what_nobody_pulls_is_bounded_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inlets, "KEPT_BYTES", 12_000)  # 1,000 samples of 3 channels
    with serve(Buffer()) as buffer:
        buffer.put_header(3, SFREQ, chunks={NAMES: CHANNELS})
        reader = inlets.BufferReader(buffer.address, clock)
        scanner = Scanner(buffer)
        for _ in range(60):
            time.sleep(BLOCK_PAUSE_S)
            scanner.put(BLOCK)
        until = time.monotonic() + 10
        while reader._next < 3000 and time.monotonic() < until:
            time.sleep(0.01)
        data, stamps = reader.samples()
        reader.close()
    assert len(data) == len(stamps) <= 1000
    assert reader.n_lost == 3000 - len(data)
    assert round(float(data[-1, 0]) * 1e15) == 2999, "the newest are kept"
