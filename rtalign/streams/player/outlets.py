"""The two outlets that a recording is played into, open or closed as a plan of faults says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from rtalign.core.records import RecordingIdentity, Sensor
from rtalign.recordings.stream_channels.projectors import Projector
from rtalign.streams.lsl import SignalOutlet, TextOutlet
from rtalign.streams.player.faults import OutletState

OutgoingEncoding = Literal["plain", "json"]
"""How a recording's words are written into markers."""


@dataclass(frozen=True, slots=True)
class PlayerSettings:
    """How recordings are played.

    Attributes
    ----------
    name_meg, name_words : str
        Names of the two streams.
    speed : float
        Times real time.  The declared rate is the recording's times the speed, so that stamps and rate agree for a
        receiver; a decoder bank then correctly finds another rate than its own unless the speed is 1.
    chunk_s : float
        Length of a chunk in real time, s.
    encoding : {"plain", "json"}
        How words are written into markers.
    word_delay_s : float
        How long after its stamp a marker is sent, s.
    wait_s : float
        How long to wait until both streams have a receiver, s; 0 begins at once.
    pause_s, linger_s : float
        Real time between recordings, and before the outlets close, s.

    Raises
    ------
    ValueError
        If a setting is outside its range.
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
            raise ValueError(f"speed {self.speed:g} was asked for; it lies above 0 and at most at 100")
        if not 0 < self.chunk_s <= 10:
            raise ValueError(f"chunks of {1000 * self.chunk_s:g} ms were asked for; they last above 0 and at most 10 s")
        if self.encoding not in ("plain", "json"):
            raise ValueError(f"word markers are plain or json, not {self.encoding!r}")
        if not self.name_meg.strip() or not self.name_words.strip() or self.name_meg == self.name_words:
            raise ValueError(f"the streams need two different names, not {self.name_meg!r} and {self.name_words!r}")
        times = {"word_delay_s": self.word_delay_s, "wait_s": self.wait_s}
        for name, seconds in (times | {"pause_s": self.pause_s, "linger_s": self.linger_s}).items():
            if not 0 <= seconds <= 86_400:
                raise ValueError(f"{name} is {seconds:g}; it lies between 0 and a day")


class Outlets:
    """The outlets of the MEG and of the words.

    Parameters
    ----------
    settings : PlayerSettings
        Names and speed.
    sensors : sequence of Sensor
        Of the recording.
    sfreq : float
        Its rate, Hz.
    origin : sequence of RecordingIdentity
        The recordings that are played into them.
    grade : int or None
        Of a CTF machine's gradient compensation, in all of them; None where it is not known.
    projectors : sequence of dict of str to float
        Fields that their projectors take out, by the sensors' names.
    """

    def __init__(
        self,
        settings: PlayerSettings,
        sensors: Sequence[Sensor],
        sfreq: float,
        origin: Sequence[RecordingIdentity] = (),
        grade: int | None = None,
        projectors: Sequence[Projector] = (),
    ) -> None:
        self._origin, self._grade, self._projectors = tuple(origin), grade, tuple(projectors)
        self._settings, self._sensors, self._sfreq = settings, tuple(sensors), sfreq
        self._meg: SignalOutlet | None = None
        self._words: TextOutlet | None = None
        self._columns: np.ndarray | None = None
        self._state = OutletState(False, False)
        self.set_state(OutletState())

    def set_state(self, state: OutletState) -> None:
        """Open, close and change outlets until they are as the state says."""
        if state == self._state:
            return
        if self._meg and (not state.meg or state.without != self._state.without):
            self._meg.close()
            self._meg = None
        if self._words and not state.words:
            self._words.close()
            self._words = None
        if state.meg and self._meg is None:
            self._meg = self._open_signal(state.without)
        if state.words and self._words is None:
            self._words = TextOutlet(self._settings.name_words, f"rtalign-stream {self._settings.name_words}")
        self._state = state

    def push(self, data: np.ndarray, stamps: np.ndarray) -> bool:
        """Send samples, (sample, sensor) and (sample,); False where the outlet is closed."""
        if self._meg is None:
            return False
        self._meg.push(data if self._columns is None else data[:, self._columns], stamps)
        return True

    def push_marker(self, text: str, stamp: float) -> bool:
        """Send a marker; False where the outlet is closed."""
        if self._words is None:
            return False
        self._words.push(text, stamp)
        return True

    @property
    def received(self) -> tuple[bool, bool]:
        """Whether the MEG, and the words, have a receiver."""
        return bool(self._meg and self._meg.n_consumers), bool(self._words and self._words.n_consumers)

    def close(self) -> None:
        self.set_state(OutletState(False, False, self._state.without))

    def _open_signal(self, without: frozenset[str]) -> SignalOutlet:
        kept = [i for i, sensor in enumerate(self._sensors) if sensor.name not in without]
        self._columns = np.array(kept) if without else None
        sensors = [self._sensors[i] for i in kept]
        name, sfreq = self._settings.name_meg, self._sfreq * self._settings.speed
        return SignalOutlet(name, sensors, sfreq, f"rtalign-stream {name}", self._origin, self._grade, self._projectors)
