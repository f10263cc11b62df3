"""A recording as a source: any speed, pause, seek, the same every time."""

from __future__ import annotations

import time
from bisect import bisect_right
from collections.abc import Callable, Iterator

from rtalign.core.records import Chunk, Recording, Word
from rtalign.streams.events import Changed, Ended, Event, Health, Moved, State, StreamHealth

LEAD_S = 20.0
"""A seek reads from this long before, so that the filters have settled when the wanted time is reached."""
CATCH_UP_S = 1.0
"""How much signal one poll hands out at most."""
JUST_BEGUN_S = 0.3
"""A step back from within this much of a word's onset goes to the word before."""


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
        self._at_word: int | None = None
        self._chunks: Iterator[Chunk] = iter(())
        self._wanted = recording.start
        self._restart(recording.start)

    @property
    def transport(self) -> ReplaySource:
        return self

    @property
    def end(self) -> float:
        return self._recording.start + self._recording.seconds

    @property
    def position(self) -> float:
        """Signal time that has been handed out; what leads up to a seek does not count."""
        return max(self._position, self._wanted)

    @property
    def paused(self) -> bool:
        return self._paused

    @property
    def speed(self) -> float | None:
        return self._speed

    def pause(self) -> None:
        self._paused = True

    def play(self) -> None:
        self._paused, self._at_word = False, None
        self._anchor()

    def set_speed(self, speed: float | None) -> None:
        if speed is not None and not 0 < speed <= 1000:
            raise ValueError(f"speed {speed:g} was asked for; it lies above 0 and at most at 1000, or is max")
        self._speed = speed
        self._anchor()

    def wait_at(self, time_s: float | None) -> None:
        """Hand out nothing from a time on, until another is set: where another replay keeps pace with this one."""
        self._until = time_s

    def seek(self, time_s: float) -> None:
        """Go on from a time; words from there on are handed out (again)."""
        self._restart(min(max(time_s, self._recording.start), self.end))
        self._moved = True
        self._at_word = None

    def step(self, by: int) -> None:
        """Wait just behind the onset of the next word (1), or of the one before (-1); a step on leaves nothing out."""
        to = self._beside(1 if by > 0 else -1)
        if not 0 <= to < len(self._words):
            raise ValueError(f"there is no word {'after' if by > 0 else 'before'} this one")
        self.pause()
        if by < 0:
            self.seek(self._words[to].onset)
        self._at_word = to
        # Half a sample more, so that the chunk in which the word begins is handed out.
        self._wanted = max(self._wanted, self._words[to].onset + 0.5 / self._recording.sfreq)

    def _beside(self, by: int) -> int:
        """The place of the next word; back: of the word being said, or of the one before where that has just begun."""
        if self._at_word is not None:
            return self._at_word + by
        passed = bisect_right(self._words, self.position, key=lambda word: word.onset)
        if by > 0 or not passed:
            return passed if by > 0 else -1
        return passed - 1 if self.position - self._words[passed - 1].onset > JUST_BEGUN_S else passed - 2

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

    def recent_words(self, n: int) -> list[Word]:
        """The newest n words whose onset is not after the position."""
        passed = bisect_right(self._words, self.position, key=lambda word: word.onset)
        return self._words[max(passed - n, 0) : passed]

    def health(self) -> Health:
        state: State = "ended" if self._ended else "paused" if self._paused else "flowing"
        sfreq = self._recording.sfreq
        meg = StreamHealth(
            self._recording.name, state, age_s=0.0, rate_hz=sfreq, nominal_hz=sfreq, n_samples=self._n_samples
        )
        return Health(meg, StreamHealth("words of the recording", state))

    def age(self, time_s: float) -> float:
        """0: the signal of a recording did not wait in any buffer."""
        del time_s
        return 0.0

    def to_local(self, time_s: float) -> float:
        """The time of the recording itself."""
        return time_s

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
