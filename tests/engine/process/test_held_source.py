"""A standby holds the newest seconds of its streams, and an engine that begins late goes on as if it had been there."""

from __future__ import annotations

from typing import Any

import numpy as np

from rtalign.core.records import Chunk, Sensor, SkippedWord, Word
from rtalign.engine.process.held_source import BEFORE, MERGED_S, MOST_CONTEXT, HeldSource
from rtalign.streams.events import Event, Notice, SignalChanged

STREAM = SignalChanged((Sensor("a", "mag", (0.0, 0.0, 0.1), (0.0, 0.0, 1.0)),), 100.0)


class Streams:
    """A live source: one chunk of 20 ms and, each second, one word a poll."""

    def __init__(self) -> None:
        self.now, self.n, self.closed = 0.0, 0, False
        self.rng = np.random.default_rng(0)
        self.sent: list[Event] = []

    def poll(self, _: float) -> list[Event]:
        events: list[Event] = [STREAM] if self.n == 0 else []
        events.append(Chunk(self.rng.standard_normal((2, 1)), 0.02 * self.n, 100.0))
        self.n += 1
        self.now = 0.02 * self.n
        if self.n % 50 == 0:
            events.append(Word(self.n // 50, "word", self.now, None))
        self.sent += events
        return events

    def close(self) -> None:
        self.closed = True

    def __getattr__(self, name: str) -> Any:
        return lambda *_: name


def held_for(seconds: float, of_s: float = 5.0) -> tuple[HeldSource, Streams]:
    streams = Streams()
    held = HeldSource(streams, of_s, lambda: streams.now)  # type: ignore[arg-type]
    while streams.now < seconds:
        held.hold(0.1)
    return held, streams


def samples(events: list[Event]) -> np.ndarray:
    return np.concatenate([event.data for event in events if isinstance(event, Chunk)])


def test_the_newest_seconds_come_first_and_then_what_comes() -> None:
    held, streams = held_for(30.0)
    events = held.poll(0.1)
    newest = samples(streams.sent)[-len(samples(events)) :]
    assert np.array_equal(samples(events), newest)
    assert len(newest) / 100 > 4.9
    assert isinstance(events[0], SignalChanged)
    assert all(len(event.data) <= MERGED_S * 100 for event in events if isinstance(event, Chunk))
    after = held.poll(0.1)
    assert np.array_equal(samples(after), samples(streams.sent)[-2:])


def test_words_before_are_context_and_only_the_last_of_them() -> None:
    held, _ = held_for(100.0)
    events = held.poll(0.1)
    context = [event for event in events if isinstance(event, SkippedWord)]
    words = [event.index for event in events if isinstance(event, Word)]
    assert [word.reason for word in context] == [BEFORE] * MOST_CONTEXT
    assert [word.word.index for word in context] + words == list(range(101 - len(words) - MOST_CONTEXT, 101))


def test_an_engine_that_begins_at_once_loses_nothing() -> None:
    held, streams = held_for(0.0)
    events = [event for _ in range(60) for event in held.poll(0.1)]
    assert events == streams.sent


def test_a_hole_and_another_stream_stay_where_they_were() -> None:
    streams = Streams()
    hole = Chunk(np.ones((2, 1)), 50.0, 100.0)
    sent: list[list[Event]] = [[hole], [Notice("info", "meg", "back", 1.0)], [STREAM]]
    held = HeldSource(streams, 5.0, lambda: streams.now)  # type: ignore[arg-type]
    held.hold(0.1)
    streams.poll = lambda _: sent.pop(0)  # type: ignore[method-assign]
    for _ in range(3):
        held.hold(0.1)
    kinds = [type(event).__name__ for event in held.poll(0.1)]
    assert kinds == ["SignalChanged", "Chunk", "Chunk", "Notice", "SignalChanged"]
    held.close()
    assert streams.closed
