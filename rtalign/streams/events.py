"""What a source is, and what it hands the engine or the recorder: signal, words, what came raw, what happened."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, Protocol

import numpy as np

from rtalign.core.head.position import HeadPosition
from rtalign.core.records import BadStretch, Chunk, RecordingIdentity, Sensor, SkippedWord, Word

Level = Literal["info", "warning", "error"]
State = Literal["searching", "found", "flowing", "stale", "lost", "paused", "ended"]


@dataclass(frozen=True, slots=True, eq=False)
class RawSamples:
    """MEG samples exactly as they came.

    Attributes
    ----------
    data : array, shape (sample, channel)
        The samples of all channels, in the sender's units.
    stamps : array, shape (sample,)
        On the sender's clock, s.
    """

    data: np.ndarray
    stamps: np.ndarray


@dataclass(frozen=True, slots=True)
class RawMarker:
    """A marker exactly as it came.

    Attributes
    ----------
    text : str
        The marker, of any length; bytes that are no UTF-8 are surrogates, as Python's "surrogateescape" makes them.
    stamp : float
        On the sender's clock, s.
    """

    text: str
    stamp: float


@dataclass(frozen=True, slots=True)
class OffsetMeasurement:
    """A measured clock offset of one stream.

    Attributes
    ----------
    stream : {"meg", "words", "head"}
        Which stream.
    time : float
        Local time of the measurement, s.
    offset_s : float
        What is added to the sender's time to get local time, s.
    uncertainty_s : float
        Of the offset, s.
    """

    stream: Literal["meg", "words", "head"]
    time: float
    offset_s: float
    uncertainty_s: float


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that the operator should know.

    Attributes
    ----------
    level : {"info", "warning", "error"}
        How serious it is.
    kind : str
        A short stable name such as "gap" or "duplicate".
    text : str
        A sentence in plain words.
    time : float
        When it happened, s.
    """

    level: Level
    kind: str
    text: str
    time: float


@dataclass(frozen=True, slots=True)
class SignalChanged:
    """From here on the signal has these sensors and this rate: at the start, and when a stream came back different.

    Attributes
    ----------
    sensors : tuple of Sensor
        One per column of the chunks that follow.
    sfreq : float
        Their rate, Hz.
    name : str
        The name of the stream.
    channels, units : tuple of str
        Of everything that comes, of which the sensors are a part; empty of a replay.
    origin : tuple of RecordingIdentity
        The recordings that the signal is played from; empty where nothing is known of it, as of a live signal.
    left_out : tuple of str
        Sensors that the operator of a recording marked as bad, and that are not among `sensors` therefore.
    grade : int or None
        Of a CTF machine's gradient compensation; None where it is not known.
    """

    sensors: tuple[Sensor, ...]
    sfreq: float
    name: str = "MEG"
    channels: tuple[str, ...] = ()
    units: tuple[str, ...] = ()
    origin: tuple[RecordingIdentity, ...] = ()
    left_out: tuple[str, ...] = ()
    grade: int | None = None


@dataclass(frozen=True, slots=True)
class HeadLocalised:
    """Where the head was found to be.

    Attributes
    ----------
    position : HeadPosition
        In the helmet.
    time : float
        When, in seconds of signal time.
    """

    position: HeadPosition
    time: float


@dataclass(frozen=True, slots=True)
class SourceJumped:
    """The source went to another time (a seek): signal collected for waiting words is void, and so are the filters.

    Attributes
    ----------
    time : float
        The signal time from which words follow, s.
    """

    time: float


@dataclass(frozen=True, slots=True)
class SourceEnded:
    """Nothing will follow."""


Event = Chunk | Word | SkippedWord | BadStretch | HeadLocalised | Notice | SignalChanged | SourceJumped | SourceEnded
"""What an engine takes in."""

RawEvent = RawSamples | RawMarker | OffsetMeasurement | SignalChanged | Notice
"""What a recorder takes in."""


@dataclass(frozen=True, slots=True)
class StreamHealth:
    """How one stream does.

    Attributes
    ----------
    name : str
        Of the stream.
    state : State
        From "searching" to "ended".
    since_s : float
        How long the state has lasted, s.
    age_s : float or None
        Local time since its newest sample (MEG: its stamp; words: its arrival), s; None before the first.
    rate_hz : float
        Samples that arrived per second, over the last seconds.
    nominal_hz : float
        The rate that the sender declares; 0 where it declares none.
    n_samples, n_lost, n_gaps : int
        Samples received and lost so far, and the gaps in which they were lost.
    offset_s, uncertainty_s : float or None
        Of its clock against the local one, s.
    """

    name: str
    state: State
    since_s: float = 0.0
    age_s: float | None = None
    rate_hz: float = 0.0
    nominal_hz: float = 0.0
    n_samples: int = 0
    n_lost: int = 0
    n_gaps: int = 0
    offset_s: float | None = None
    uncertainty_s: float | None = None


@dataclass(frozen=True, slots=True)
class Health:
    """How a source does.

    Attributes
    ----------
    meg, words : StreamHealth
        Of its two streams.
    counts : dict of str to int
        How often what came could not be used, by reason.
    """

    meg: StreamHealth
    words: StreamHealth
    counts: dict[str, int] = field(default_factory=dict)


class Transport(Protocol):
    """What a source can do whose signal does not pass by once: be paused, moved and slowed, as a replay can."""

    @property
    def position(self) -> float:
        """Signal time that has been handed out, s."""
        ...

    @property
    def end(self) -> float:
        """Signal time at which nothing follows, s."""
        ...

    @property
    def speed(self) -> float | None:
        """Times real time; None for as fast as it is polled."""
        ...

    @property
    def paused(self) -> bool: ...

    def play(self) -> None: ...

    def pause(self) -> None: ...

    def seek(self, time_s: float) -> None:
        """Go on from a signal time."""
        ...

    def step(self, by: int) -> None:
        """Pause at the onset of the next word (1), or of the one before (-1)."""
        ...

    def set_speed(self, speed: float | None) -> None: ...

    def wait_at(self, time_s: float | None) -> None:
        """Hand out nothing from a signal time on, until another is set; None removes the limit."""
        ...

    def recent_words(self, n: int) -> list[Word]:
        """The newest n words whose onset is not after the position."""
        ...


class Source(Protocol):
    """Where signal and words come from; polled by one thread, which owns it.

    `SignalChanged` comes before the first chunk, a `BadStretch` before the chunks that it lies in.  A word may come
    before or after the samples at its onset; one whose onset cannot be believed comes as a `SkippedWord`.
    """

    @property
    def transport(self) -> Transport | None:
        """How to pause, move and slow it; None for a live source."""
        ...

    def poll(self, timeout_s: float) -> list[Event]:
        """Whatever came, in order; waits at most timeout_s for something."""
        ...

    def health(self) -> Health:
        """How its streams do, at any time."""
        ...

    def age(self, time_s: float) -> float:
        """How long ago a signal time was, s; 0 where signal time is not tied to a clock, as in a replay."""
        ...

    def to_local(self, time_s: float) -> float:
        """Local LSL time of a signal time; the same number where signal time is not tied to a clock."""
        ...

    def close(self) -> None:
        """Let go of everything; nothing is handed out any more."""
        ...
