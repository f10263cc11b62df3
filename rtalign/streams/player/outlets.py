"""The two outlets that a recording is played into, open or closed as a plan of faults has it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from rtalign.core.records import Sensor
from rtalign.streams.lsl import SignalOutlet, TextOutlet
from rtalign.streams.player.faults import Offered

OutgoingEncoding = Literal["plain", "json"]
"""How a recording's words are written into markers."""


@dataclass(frozen=True, slots=True)
class Setup:
    """How recordings are played.

    speed : times real time.  The declared rate is the recording's times the speed, so that stamps and rate agree for
    whoever listens; a decoder bank then rightly finds another rate than its own unless the speed is 1.
    chunk_s, pause_s (between recordings), linger_s (before the outlets close) : of real time.
    word_delay_s : markers are sent so long after the time they are stamped with.
    wait_s : how long to wait until somebody listens to both streams; 0 begins at once.
    """

    name_meg: str = "rtalign-meg"
    name_words: str = "rtalign-words"
    speed: float = 1.0
    chunk_s: float = 0.02
    encoding: OutgoingEncoding = "plain"
    word_delay_s: float = 0.0
    wait_s: float = 0.0
    pause_s: float = 2.0
    linger_s: float = 0.5

    def __post_init__(self) -> None:
        if not 0 < self.speed <= 100:
            raise ValueError(f"speed {self.speed:g} was asked for; streams are played above 0 and at most 100 times")
        if not 0 < self.chunk_s <= 10:
            raise ValueError(f"chunks of {1000 * self.chunk_s:g} ms were asked for; they last above 0 and at most 10 s")
        if self.encoding not in ("plain", "json"):
            raise ValueError(f"word markers are plain or json, not {self.encoding!r}")
        if not self.name_meg.strip() or not self.name_words.strip() or self.name_meg == self.name_words:
            raise ValueError(
                "the streams need two different names that are not empty; the MEG's and the words' are not"
            )
        for name in ("word_delay_s", "wait_s", "pause_s", "linger_s"):
            if not 0 <= getattr(self, name) <= 86_400:
                raise ValueError(f"{name} is {getattr(self, name):g}; it lies between 0 and a day")


class Outlets:
    """The MEG's outlet and the words'."""

    def __init__(self, setup: Setup, sensors: Sequence[Sensor], sfreq: float) -> None:
        self._setup, self._sensors, self._sfreq = setup, tuple(sensors), sfreq
        self._meg: SignalOutlet | None = None
        self._words: TextOutlet | None = None
        self._columns: np.ndarray | None = None
        self._offered = Offered(False, False)
        self.offer(Offered())

    def offer(self, wanted: Offered) -> None:
        """Open, close and change outlets until they are what is wanted."""
        if wanted == self._offered:
            return
        if self._meg and (not wanted.meg or wanted.without != self._offered.without):
            self._meg.close()
            self._meg = None
        if self._words and not wanted.words:
            self._words.close()
            self._words = None
        if wanted.meg and self._meg is None:
            self._meg = self._signal(wanted.without)
        if wanted.words and self._words is None:
            self._words = TextOutlet(self._setup.name_words, f"rtalign-stream {self._setup.name_words}")
        self._offered = wanted

    def push(self, data: np.ndarray, stamps: np.ndarray) -> bool:
        """False where no outlet is open."""
        if self._meg is None:
            return False
        self._meg.push(data if self._columns is None else data[:, self._columns], stamps)
        return True

    def push_word(self, text: str, stamp: float) -> bool:
        if self._words is None:
            return False
        self._words.push(text, stamp)
        return True

    @property
    def heard(self) -> tuple[bool, bool]:
        """Whether somebody listens to the MEG, and to the words."""
        return bool(self._meg and self._meg.n_consumers), bool(self._words and self._words.n_consumers)

    def close(self) -> None:
        self.offer(Offered(False, False, self._offered.without))

    def _signal(self, without: frozenset[str]) -> SignalOutlet:
        kept = [i for i, sensor in enumerate(self._sensors) if sensor.name not in without]
        self._columns = np.array(kept) if without else None
        sensors = [self._sensors[i] for i in kept]
        name = self._setup.name_meg
        return SignalOutlet(name, sensors, self._sfreq * self._setup.speed, f"rtalign-stream {name}")
