"""A recording as a source: any speed, pause, seek, the same every time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from rtalign.data import Chunk, Recording, Word
from rtalign.sources.events import Changed, Ended, Event, Health, Moved, State, StreamHealth

LEAD_S = 20.0
"""A seek reads from this long before, so that the filters have settled when the wanted time is reached."""
CATCH_UP_S = 1.0
"""How much signal one poll hands out at most."""


class ReplaySource:
    """Plays one recording.  speed : times real time; None as fast as it is polled.

    Signal is read through the recording's own chunks, so that memory does not grow with its length.
    """

    def __init__(
        self,
        recording: Recording,
        speed: float | None = 1.0,
        chunk_s: float = 0.02,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._recording, self._clock, self._chunk_s = recording, clock, chunk_s
        self._speed, self._paused = speed, False
        self._words = sorted(recording.words, key=lambda word: word.onset)
        self._until: float | None = None
        self._began = self._ended = False
        self._chunks: Iterator[Chunk] = iter(())
        self._restart(recording.start)

    @property
    def end(self) -> float:
        return self._recording.start + self._recording.seconds

    @property
    def position(self) -> float:
        """Signal time that has been handed out."""
        return self._position

    @property
    def paused(self) -> bool:
        return self._paused

    @property
    def speed(self) -> float | None:
        return self._speed

    def pause(self) -> None:
        self._paused = True

    def play(self) -> None:
        self._paused = False
        self._anchor()

    def set_speed(self, speed: float | None) -> None:
        if speed is not None and not 0 < speed <= 1000:
            raise ValueError(f"speed {speed:g} was asked for; it lies above 0 and at most at 1000, or is max")
        self._speed = speed
        self._anchor()

    def wait_at(self, until: float | None) -> None:
        """Hand out nothing from a time on until told otherwise: where somebody else is to come along."""
        self._until = until

    def seek(self, to: float) -> None:
        """Go on from a time; words from there on are told (again)."""
        self._restart(min(max(to, self._recording.start), self.end))
        self._moved = True

    def poll(self, timeout_s: float) -> list[Event]:
        events: list[Event] = []
        if not self._began:
            self._began = True
            events.append(Changed(self._recording.sensors, self._recording.sfreq))
        if self._moved:
            self._moved = False
            events.append(Moved(self._wanted))
        due = self._due()
        if due <= self._position or self._ended:
            time.sleep(0 if events else min(timeout_s, self._chunk_s / (self._speed or 1.0)))
            return events
        while self._position < due and not self._ended:
            events += self._next()
        return events

    def health(self) -> Health:
        state: State = "ended" if self._ended else "paused" if self._paused else "flowing"
        sfreq = self._recording.sfreq
        meg = StreamHealth(
            self._recording.name, state, age_s=0.0, rate_hz=sfreq, nominal_hz=sfreq, n_samples=self._n_samples
        )
        return Health(meg, StreamHealth("words of the recording", state))

    def close(self) -> None:
        self._chunks = iter(())
        self._ended = True

    def _restart(self, wanted: float) -> None:
        start = max(wanted - LEAD_S, self._recording.start)
        self._chunks = from_time(self._recording, start, self._chunk_s)
        self._wanted, self._position = wanted, start
        self._waiting = iter([word for word in self._words if word.onset >= wanted or wanted <= self._recording.start])
        self._next_word = next(self._waiting, None)
        self._moved, self._ended = False, False
        self._n_samples = 0
        self._anchor()

    def _anchor(self) -> None:
        """From here and now, time runs at the speed set; what leads up to a seek is not waited for."""
        self._zero = self._clock(), max(self._position, self._wanted)

    def _due(self) -> float:
        """The signal time up to which chunks may be handed out now."""
        if self._paused:
            return self._position if self._position >= self._wanted else self._wanted
        most = max(self._position, self._wanted) + CATCH_UP_S
        began, zero = self._zero
        due = most if self._speed is None else min(zero + (self._clock() - began) * self._speed, most)
        if self._until is None or due <= self._until:
            return due
        self._anchor()  # what was waited is not made up for by haste
        return self._until

    def _next(self) -> list[Event]:
        """The next chunk, behind the words that begin in it."""
        chunk = next(self._chunks, None)
        if chunk is None:
            self._ended = True
            return [*self._words_before(float("inf")), Ended()]
        self._position = chunk.end
        self._n_samples += len(chunk.data)
        return [*self._words_before(chunk.end), chunk]

    def _words_before(self, time_s: float) -> Iterator[Word]:
        while self._next_word is not None and self._next_word.onset < time_s:
            yield self._next_word
            self._next_word = next(self._waiting, None)


def from_time(recording: Recording, start: float, seconds: float) -> Iterator[Chunk]:
    """The chunks of a recording from a time on; small ones are cut from seconds, which disks prefer."""
    for read in recording.chunks(max(seconds, 1.0), start):
        n = max(round(seconds * read.sfreq), 1)
        for first in range(0, len(read.data), n):
            yield Chunk(read.data[first : first + n], read.start + first / read.sfreq, read.sfreq)
