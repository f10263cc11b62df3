"""A live source whose newest seconds wait for an engine that has not begun: a standby for one that may be lost."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from time import monotonic

import numpy as np

from rtalign.core.records import Chunk, SkippedWord, Word
from rtalign.streams.events import Event, Health, SignalChanged, Source

MOST_CONTEXT = 60
"""Words before the held seconds that the language model reads as context: more would delay the first score."""
BEFORE = "before this engine began"
MERGED_S = 0.25
"""Held chunks that follow each other are handed out together, up to this length."""


class HeldSource:
    """Hands out what a live source does, and at first what came within the last seconds before.

    Parameters
    ----------
    source : Source
        A live source.
    seconds : float
        How long what came is held.
    clock : callable
        Monotonic time, s.

    Examples
    --------
    >>> held = HeldSource(source, 12.0)  # doctest: +SKIP
    >>> held.hold(0.1)  # doctest: +SKIP
    >>> events = held.poll(0.1)  # doctest: +SKIP
    """

    transport = None

    def __init__(self, source: Source, seconds: float, clock: Callable[[], float] = monotonic) -> None:
        self._source, self._seconds, self._clock = source, seconds, clock
        self._held: deque[tuple[float, Event]] = deque()
        self._stream: SignalChanged | None = None
        self._context: deque[Word] = deque(maxlen=MOST_CONTEXT)

    def hold(self, timeout_s: float) -> None:
        """Take what comes; waits at most `timeout_s` for something."""
        self._held += [(self._clock(), event) for event in self._source.poll(timeout_s)]
        oldest = self._clock() - self._seconds
        while self._held and self._held[0][0] < oldest:
            match self._held.popleft()[1]:
                case SignalChanged() as stream:
                    self._stream = stream
                case Word() as word:
                    self._context.append(word)

    def poll(self, timeout_s: float) -> list[Event]:
        """What was held, once; from then on what comes."""
        if not self._held and self._stream is None:
            return self._source.poll(timeout_s)
        stream, self._stream = self._stream, None
        context = [SkippedWord(word, BEFORE) for word in self._context]
        held, self._held = [event for _, event in self._held], deque()
        return [*([stream] if stream else []), *context, *merged(held)]

    def health(self) -> Health:
        return self._source.health()

    def age(self, time_s: float) -> float:
        return self._source.age(time_s)

    def to_local(self, time_s: float) -> float:
        return self._source.to_local(time_s)

    def close(self) -> None:
        self._source.close()


def merged(events: list[Event]) -> Iterator[Event]:
    """The events, chunks that follow each other as one."""
    parts: list[Chunk] = []
    for event in events:
        is_next = isinstance(event, Chunk) and parts and _follows(event, parts)
        if parts and not is_next:
            yield _joined(parts)
            parts = []
        if isinstance(event, Chunk):
            parts.append(event)
        else:
            yield event
    if parts:
        yield _joined(parts)


def _follows(chunk: Chunk, parts: list[Chunk]) -> bool:
    last = parts[-1]
    is_short = chunk.end - parts[0].start <= MERGED_S
    return is_short and chunk.sfreq == last.sfreq and abs(chunk.start - last.end) < 1e-3 / chunk.sfreq


def _joined(parts: list[Chunk]) -> Chunk:
    return Chunk(np.concatenate([part.data for part in parts]), parts[0].start, parts[0].sfreq)
