"""What a source hands the engine: signal, words, what came in raw, and what happened on the way."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, Protocol

import numpy as np

from rtalign.core.records import Chunk, Sensor, Word

Level = Literal["info", "warning", "error"]
State = Literal["searching", "found", "flowing", "stale", "lost", "paused", "ended"]


@dataclass(frozen=True, slots=True, eq=False)
class Raw:
    """MEG samples exactly as they came.  data : (sample, channel); stamps : (sample,) on the sender's clock, s."""

    data: np.ndarray
    stamps: np.ndarray


@dataclass(frozen=True, slots=True)
class RawText:
    """A marker exactly as it came, and its stamp on the sender's clock, s."""

    text: str
    stamp: float


@dataclass(frozen=True, slots=True)
class Offset:
    """A measured clock offset of one stream ("meg" or "words"): add it to the sender's time to get local time."""

    stream: Literal["meg", "words"]
    time: float
    offset_s: float
    uncertainty_s: float


@dataclass(frozen=True, slots=True)
class Notice:
    """Something the operator should know, in plain words; kind is a short stable name such as "gap" or "duplicate"."""

    level: Level
    kind: str
    text: str
    time: float


@dataclass(frozen=True, slots=True)
class Changed:
    """From here on the signal has these sensors and this rate: at the start, and when a stream came back different.

    channels, units : of everything that comes raw, of which the sensors are a part; empty where nothing comes raw.
    """

    sensors: tuple[Sensor, ...]
    sfreq: float
    name: str = "MEG"
    channels: tuple[str, ...] = ()
    units: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Moved:
    """The source jumped (a seek): what was collected for words still waiting is void, and so are the filters."""

    time: float


@dataclass(frozen=True, slots=True)
class Ended:
    """Nothing will follow."""


Event = Chunk | Word | Raw | RawText | Offset | Notice | Changed | Moved | Ended


@dataclass(frozen=True, slots=True)
class StreamHealth:
    """How one stream does.

    age_s : local time since its newest sample (MEG: its stamp; words: its arrival), None before the first.
    rate_hz : samples that arrived a second, over the last seconds.    since_s : how long the state has lasted.
    offset_s, uncertainty_s : of its clock against the local one.
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
    """How a source does: its MEG, its words, and how often what came could not be used, by reason."""

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
        """Hand out nothing from a signal time on, until another is set; None takes the limit away."""
        ...

    def recent_words(self, n: int) -> list[Word]:
        """The newest n words whose onset is not after the position."""
        ...


class Source(Protocol):
    """Where signal and words come from; polled by one thread, which owns it."""

    @property
    def transport(self) -> Transport | None:
        """How to pause, move and slow it; None for a live source."""
        ...

    def poll(self, timeout_s: float) -> list[Event]:
        """Whatever came, in order; waits at most timeout_s for something."""
        ...

    def health(self) -> Health: ...

    def age(self, time_s: float) -> float:
        """How long ago a signal time was, s; 0 where signal time is not tied to a clock, as in a replay."""
        ...

    def to_local(self, time_s: float) -> float:
        """Local LSL time of a signal time; the same number where signal time is not tied to a clock."""
        ...

    def close(self) -> None: ...
