"""A recording as a scanner puts it into a FieldTrip buffer, while an engine works."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from rtalign.core.records import Recording
from rtalign.engine.engine import Engine
from rtalign.streams.fieldtrip.protocol import BufferEvent
from tests.helpers.fieldtrip_server import Buffer, SessionTime

FLOAT32, BLOCK = 9, 80
BLOCK_PAUSE_S = 0.01
"""What a block of 320 ms takes here."""


def channel_names(recording: Recording) -> bytes:
    return b"".join(sensor.name.encode() + b"\0" for sensor in recording.sensors)


def scan(recording: Recording, buffer: Buffer, engine: Engine, bad: Sequence[tuple[float, float, str]] = ()) -> None:
    """Put the recording into the buffer, block by block, while the engine works; time stands still in between.

    bad : onset, duration and text of what is marked as bad.
    """
    sfreq = recording.sfreq
    events = [BufferEvent("word", word.text, round(word.onset * sfreq)) for word in recording.words]
    for onset, duration, mark in bad:  # their events come before the signal, as their senders know
        events.append(BufferEvent("bad", mark, round(onset * sfreq), round(duration * sfreq)))
    first = 0
    step_until(engine, lambda: engine.source.health().meg.state == "found")
    for chunk in recording.chunks(BLOCK / recording.sfreq):
        SessionTime.now += len(chunk.data) / recording.sfreq
        buffer.put(chunk.data)
        numbers = range(first, first + len(chunk.data))
        buffer.put_events([event for event in events if event.sample in numbers])
        first += len(chunk.data)
        time.sleep(BLOCK_PAUSE_S)
        engine.step(0.0)
    n_in_time = sum(word.onset < recording.seconds for word in recording.words)
    step_until(engine, lambda: engine.source.health().meg.n_samples == recording.n_samples)
    step_until(engine, lambda: engine.ledger.n_received == n_in_time)


def step_until(engine: Engine, condition: Callable[[], bool]) -> None:
    """Time stands still, so that a step must not wait for it."""
    until = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < until, engine.notices
        engine.step(0.0)
        time.sleep(0.002)
