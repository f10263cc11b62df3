"""The records that travel: chunks of signal, words, epochs, and the words that had to be skipped."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

UNITS = {"axial": "fT", "mag": "fT", "planar": "fT/cm", "eeg": "uV"}
"""What a sensor of each kind is counted in, everywhere after the signal chain."""

SI = {"axial": "T", "mag": "T", "planar": "T/m", "eeg": "V"}
"""What every recording is read in, and what streams and files of our own say."""

SCALES = {"axial": 1e15, "mag": 1e15, "planar": 1e13, "eeg": 1e6}
"""From SI (T, T/m, V), which every recording is read in, to those units."""


@dataclass(frozen=True, slots=True)
class Sensor:
    """One channel that measures the head: its name, kind, and place in head or device space (m)."""

    name: str
    kind: str
    position: tuple[float, float, float]
    normal: tuple[float, float, float]


def sensor_to_dict(sensor: Sensor) -> dict[str, Any]:
    """A sensor as JSON holds it, with the unit of its values after the signal chain; places rounded to 0.01 mm."""
    position, normal = ([round(x, 5) for x in place] for place in (sensor.position, sensor.normal))
    return {
        "name": sensor.name,
        "kind": sensor.kind,
        "unit": UNITS[sensor.kind],
        "position": position,
        "normal": normal,
    }


def sensor_from_dict(entry: Mapping[str, Any]) -> Sensor:
    """The sensor that `sensor_to_dict` described."""
    x, y, z = (float(v) for v in entry["position"])
    i, j, k = (float(v) for v in entry["normal"])
    return Sensor(str(entry["name"]), str(entry["kind"]), (x, y, z), (i, j, k))


@dataclass(frozen=True, slots=True, eq=False)
class Chunk:
    """A stretch of evenly sampled signal.  data : (sample, sensor); start : time of the first sample, s."""

    data: np.ndarray
    start: float
    sfreq: float

    @property
    def end(self) -> float:
        """The time at which the next sample would stand."""
        return self.start + len(self.data) / self.sfreq


@dataclass(frozen=True, slots=True)
class Word:
    """A word as it was heard.  index counts the words of one recording from 0."""

    index: int
    text: str
    onset: float
    duration: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Epoch:
    """A word with its brain signal, whole.  data : (lag, sensor)."""

    word: Word
    data: np.ndarray


@dataclass(frozen=True, slots=True)
class SkippedWord:
    """A word that could not be used, and why."""

    word: Word
    reason: str


class Recording(Protocol):
    """One uninterrupted story in one head: sensors, words, and signal that can be read in any chunks.

    The language model's context is reset between recordings.  A session of seven runs is seven recordings.
    """

    @property
    def name(self) -> str: ...

    @property
    def subject(self) -> str: ...

    @property
    def sfreq(self) -> float: ...

    @property
    def start(self) -> float: ...

    @property
    def n_samples(self) -> int: ...

    @property
    def seconds(self) -> float:
        """From the first sample to the end of the last, breaks and all."""
        ...

    @property
    def sensors(self) -> tuple[Sensor, ...]: ...

    @property
    def words(self) -> tuple[Word, ...]: ...

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader should be told: sensors left out, rows dropped, faults known of this recording."""
        ...

    def chunks(self, seconds: float = 10.0, start: float | None = None) -> Iterator[Chunk]:
        """The signal in order, SI units, float64 or float32, one column a sensor; from the sample at start on."""
        ...

    def fingerprint(self) -> str:
        """A hash that changes when the signal, the sensors or the words change."""
        ...


AXIAL = frozenset({2001, 4002, 5001, 6001, 7001, 7501, 9001, 9101, 9102})
"""Gradiometers that see what a magnetometer sees: NeuroMag's axial one, Magnes, CTF, KIT, BabySQUID, Artemis123,
KRISS and both of Compumedics.  Why as numbers: whoever reads a stream's description need not load MNE for them."""
