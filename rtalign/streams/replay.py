"""A recording as a source: any speed, pause, seek, the same every time."""

from __future__ import annotations

import time
from bisect import bisect_right
from collections.abc import Callable, Iterator

from rtalign.core.records import Chunk, Recording, RecordingIdentity, Word
from rtalign.core.text.word_text import count_rows_without_word
from rtalign.streams.events import Event, Health, SignalChanged, SourceEnded, SourceJumped, State, StreamHealth

LEAD_S = 20.0
"""A seek reads from this long before, so that the filters have settled when the wanted time is reached."""
CATCH_UP_S = 1.0
"""How much signal one poll hands out at most."""
JUST_BEGUN_S = 0.3
"""A step back from within this much of a word's onset goes to the word before."""


class ReplaySource:
    """A Source that plays one recording, and its own Transport.

    Signal is read through the recording's own chunks, so that memory does not grow with its length.

    Parameters
    ----------
    recording : Recording
        What is played.
    speed : float or None
        Times real time; None for as fast as it is polled.
    chunk_s : float
        Length of the chunks that are handed out, s.
    clock : callable
        () -> seconds; a test gives its own.
    origin : tuple of RecordingIdentity
        The recordings that this one is made of.
    left_out : tuple of str
        Sensors that its operator marked as bad.
    grade : int or None
        Of a CTF machine's gradient compensation.

    Examples
    --------
    >>> source = ReplaySource(recording, speed=None)  # doctest: +SKIP
    >>> events = source.poll(0.1)  # doctest: +SKIP
    """

    def __init__(
        self,
        recording: Recording,
        speed: float | None = 1.0,
        chunk_s: float = 0.02,
        clock: Callable[[], float] = time.monotonic,
        origin: tuple[RecordingIdentity, ...] = (),
        left_out: tuple[str, ...] = (),
        grade: int | None = None,
    ) -> None:
        self._recording, self._clock, self._chunk_s = recording, clock, chunk_s
        self._signal = SignalChanged(recording.sensors, recording.sfreq, origin=origin, left_out=left_out, grade=grade)
        self._speed, self._paused = speed, False
        self._no_words = count_rows_without_word(recording.notes)
        self._words = sorted(recording.words, key=lambda word: word.onset)
        self._until: float | None = None
        self._began = self._ended = False
        self._at_word: int | None = None
        self._chunks: Iterator[Chunk] = iter(())
        self._wanted = recording.start
        self._restart(recording.start)

    # The transport

    @property
    def transport(self) -> ReplaySource:
        """Itself."""
        return self

    @property
    def end(self) -> float:
        """Signal time at which nothing follows, s."""
        return self._recording.start + self._recording.seconds

    @property
    def position(self) -> float:
        """Signal time that has been handed out, s; the lead-in of a seek does not count."""
        return max(self._position, self._wanted)

    @property
    def paused(self) -> bool:
        return self._paused

    @property
    def speed(self) -> float | None:
        """Times real time; None for as fast as it is polled."""
        return self._speed

    def pause(self) -> None:
        self._paused = True

    def play(self) -> None:
        self._paused, self._at_word = False, None
        self._anchor()

    def set_speed(self, speed: float | None) -> None:
        """Set the speed, times real time; None for as fast as it is polled."""
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
        """Pause at the onset of the next word (1), or of the one before (-1); a step forward omits no sample."""
        to = self._word_beside(1 if by > 0 else -1)
        if not 0 <= to < len(self._words):
            raise ValueError(f"there is no word {'after' if by > 0 else 'before'} this one")
        self.pause()
        if by < 0:
            self.seek(self._words[to].onset)
        self._at_word = to
        # Half a sample more, so that the chunk in which the word begins is handed out.
        self._wanted = max(self._wanted, self._words[to].onset + 0.5 / self._recording.sfreq)

    def recent_words(self, n: int) -> list[Word]:
        """The newest n words whose onset is not after the position."""
        passed = self._n_passed()
        return self._words[max(passed - n, 0) : passed]

    # The source

    def poll(self, timeout_s: float) -> list[Event]:
        """Whatever is due, in order; waits at most timeout_s for something."""
        events: list[Event] = []
        if not self._began:
            self._began = True
            events.append(self._signal)
            events += self._recording.bad_stretches
        if self._moved:
            self._moved = False
            events.append(SourceJumped(self._wanted))
        due = self._due()
        if due <= self._position or self._ended:
            time.sleep(0 if events else min(timeout_s, self._chunk_s / (self._speed or 1.0)))
            return events
        while self._position < due and not self._ended:
            events += self._next()
        return events

    def health(self) -> Health:
        """State and rate of the recording, and rows of its table that are no words; nothing is ever lost."""
        state: State = "ended" if self._ended else "paused" if self._paused else "flowing"
        sfreq = self._recording.sfreq
        meg = StreamHealth(
            self._recording.name, state, age_s=0.0, rate_hz=sfreq, nominal_hz=sfreq, n_samples=self._n_samples
        )
        return Health(meg, StreamHealth("words of the recording", state), dict(self._no_words))

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

    def _n_passed(self) -> int:
        """How many words have an onset that is not after the position."""
        return bisect_right(self._words, self.position, key=lambda word: word.onset)

    def _word_beside(self, by: int) -> int:
        """Index of the next word (1); back (-1), of the current word, or of the one before where it has just begun."""
        if self._at_word is not None:
            return self._at_word + by
        passed = self._n_passed()
        if by > 0 or not passed:
            return passed if by > 0 else -1
        return passed - 1 if self.position - self._words[passed - 1].onset > JUST_BEGUN_S else passed - 2

    def _restart(self, wanted: float) -> None:
        start = max(wanted - LEAD_S, self._recording.start)
        self._chunks = chunks_from(self._recording, start, self._chunk_s)
        self._wanted, self._position = wanted, start
        self._waiting = iter([word for word in self._words if word.onset >= wanted or wanted <= self._recording.start])
        self._next_word = next(self._waiting, None)
        self._moved, self._ended = False, False
        self._n_samples = 0
        self._anchor()

    def _anchor(self) -> None:
        """From here and now, time runs at the speed set; the lead-in of a seek is not waited for."""
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
        self._anchor()  # the time spent waiting is not caught up with afterwards
        return self._until

    def _next(self) -> list[Event]:
        """The next chunk, after the words that begin in it."""
        chunk = next(self._chunks, None)
        if chunk is None:
            self._ended = True
            return [*self._words_before(float("inf")), SourceEnded()]
        self._position = chunk.end
        self._n_samples += len(chunk.data)
        return [*self._words_before(chunk.end), chunk]

    def _words_before(self, time_s: float) -> Iterator[Word]:
        while self._next_word is not None and self._next_word.onset < time_s:
            yield self._next_word
            self._next_word = next(self._waiting, None)


def chunks_from(recording: Recording, start: float, seconds: float) -> Iterator[Chunk]:
    """The chunks of a recording from a time on; short ones are cut from seconds of signal, which disks prefer."""
    for read in recording.chunks(max(seconds, 1.0), start):
        n = max(round(seconds * read.sfreq), 1)
        for first in range(0, len(read.data), n):
            yield Chunk(read.data[first : first + n], read.start + first / read.sfreq, read.sfreq)
