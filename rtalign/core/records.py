"""The records that travel: chunks of signal, words, epochs, and the words that had to be skipped."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

import numpy as np

DISPLAY_UNITS = {"axial": "fT", "mag": "fT", "planar": "fT/cm", "eeg": "uV"}
"""Unit of each kind of sensor, everywhere after the signal chain."""

SI_UNITS = {"axial": "T", "mag": "T", "planar": "T/m", "eeg": "V"}
"""Units that every recording is read in, and that streams and files of this program state."""

DISPLAY_SCALES = {"axial": 1e15, "mag": 1e15, "planar": 1e13, "eeg": 1e6}
"""Factors from SI units to display units."""


@dataclass(frozen=True, slots=True)
class Sensor:
    """One channel that measures the head.

    Attributes
    ----------
    name : str
        The channel's name.
    kind : str
        axial, mag, planar or eeg; sets the unit.
    position, normal : tuple of float
        Its place in m, and its direction, in head or device coordinates.
    """

    name: str
    kind: str
    position: tuple[float, float, float]
    normal: tuple[float, float, float]


def sensor_to_dict(sensor: Sensor) -> dict[str, Any]:
    """A sensor as a dict for JSON.

    Parameters
    ----------
    sensor : Sensor
        The sensor.

    Returns
    -------
    dict
        Its fields, with the unit of its values after the signal chain; positions rounded to 0.01 mm.
    """
    position, normal = ([round(x, 5) for x in place] for place in (sensor.position, sensor.normal))
    return {
        "name": sensor.name,
        "kind": sensor.kind,
        "unit": DISPLAY_UNITS[sensor.kind],
        "position": position,
        "normal": normal,
    }


def sensor_from_dict(entry: Mapping[str, Any]) -> Sensor:
    """A sensor from the dict that `sensor_to_dict` made.

    Parameters
    ----------
    entry : mapping
        name, kind, position and normal; more keys are ignored.

    Returns
    -------
    Sensor
        The sensor.
    """
    x, y, z = (float(v) for v in entry["position"])
    i, j, k = (float(v) for v in entry["normal"])
    return Sensor(str(entry["name"]), str(entry["kind"]), (x, y, z), (i, j, k))


@dataclass(frozen=True, slots=True, eq=False)
class Chunk:
    """A piece of evenly sampled signal.

    Attributes
    ----------
    data : ndarray, shape (sample, sensor)
        The samples.
    start : float
        Time of the first sample, in seconds.
    sfreq : float
        Sampling rate in Hz.
    """

    data: np.ndarray
    start: float
    sfreq: float

    @property
    def end(self) -> float:
        """Time of the next sample."""
        return self.start + len(self.data) / self.sfreq


@dataclass(frozen=True, slots=True)
class Word:
    """A word as it was spoken.

    Attributes
    ----------
    index : int
        Its number within one recording, from 0.
    text : str
        The word.
    onset : float
        When it begins, in seconds.
    duration : float or None
        How long it lasts, in seconds.
    pos : str or None
        Its part of speech, as its table has it; not part of a recording's fingerprint.
    """

    index: int
    text: str
    onset: float
    duration: float | None = None
    pos: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, eq=False)
class Epoch:
    """A word with its complete brain signal.

    Attributes
    ----------
    word : Word
        The word.
    data : ndarray of float32, shape (lag, sensor)
        The signal at every lag after its onset.
    """

    word: Word
    data: np.ndarray


@dataclass(frozen=True, slots=True)
class SkippedWord:
    """A word that could not be used.

    Attributes
    ----------
    word : Word
        The word.
    reason : str
        Why, as text.
    """

    word: Word
    reason: str


@dataclass(frozen=True, slots=True)
class BadStretch:
    """A piece of time whose signal no word may use.

    Attributes
    ----------
    start, stop : float
        In seconds of the recording; equal where it is a moment.
    reason : str
        Why, as a skipped word gives it.
    """

    start: float
    stop: float
    reason: str


@dataclass(frozen=True, slots=True)
class BadMark:
    """What the operator of a session called bad: everything for some time, or one sensor.

    Attributes
    ----------
    start : float
        In seconds of signal time.
    stop : float or None
        None while it lasts.
    sensor : str
        Its name; empty where all of the signal is meant.
    """

    start: float
    stop: float | None
    sensor: str = ""

    @property
    def reason(self) -> str:
        """Why a word is skipped for it."""
        return f"{self.sensor or 'signal'} marked as bad by the operator"

    def touches(self, start: float, stop: float) -> bool:
        """Whether it reaches into the time from start to stop."""
        return self.start <= stop and (self.stop is None or self.stop >= start)


class Annotation(NamedTuple):
    """What an operator wrote at a time of the signal; an empty text is a bookmark without a name.

    Attributes
    ----------
    time : float
        In seconds of signal time.
    text : str
        What was written.
    """

    time: float
    text: str


class Recording(Protocol):
    """One uninterrupted story in one participant: sensors, words, and signal that can be read in any chunks.

    The language model's context is reset between recordings.  A session of seven runs is seven recordings.

    Attributes
    ----------
    name, subject : str
        Names of the recording and the participant.
    sfreq : float
        Sampling rate in Hz.
    start : float
        Time of the first sample, in seconds.
    n_samples : int
        How many samples.
    sensors : tuple of Sensor
        Columns of the chunks.
    words : tuple of Word
        In order.
    bad_stretches : tuple of BadStretch
        Marked as bad by whoever looked at the signal; words whose signal reaches into one are skipped.
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
        """From the first sample to the end of the last, breaks included."""
        ...

    @property
    def sensors(self) -> tuple[Sensor, ...]: ...

    @property
    def words(self) -> tuple[Word, ...]: ...

    @property
    def bad_stretches(self) -> tuple[BadStretch, ...]: ...

    @property
    def notes(self) -> tuple[str, ...]:
        """What a user should know: sensors left out, rows dropped, known faults of this recording."""
        ...

    def chunks(self, seconds: float = 10.0, start: float | None = None) -> Iterator[Chunk]:
        """The signal from start on, in chunks of some seconds: SI units, float64 or float32, one column a sensor."""
        ...

    def fingerprint(self) -> str:
        """A hash that changes when the signal, the sensors or the words change."""
        ...

    def signal_fingerprint(self) -> str:
        """A hash of the signal alone, the same whichever of its sensors and words were chosen."""
        ...


@dataclass(frozen=True, slots=True)
class RecordingIdentity:
    """What tells a recording from all others, wherever its files are.

    Attributes
    ----------
    name : str
        What it is called; two recordings may share a name.
    fingerprint : str
        Of signal, sensors and words.
    signal : str
        Of the signal alone; empty where it was not noted.
    played : tuple of str
        Fingerprints of recordings that it was recorded from, while they were played as a stream.
    """

    name: str
    fingerprint: str
    signal: str = ""
    played: tuple[str, ...] = ()

    @classmethod
    def of(cls, recording: Recording) -> RecordingIdentity:
        """The identity of a recording that is open."""
        sources: tuple[RecordingIdentity, ...] = getattr(recording, "origin", ())  # that of streams alone
        played = tuple(print_ for one in sources for print_ in (one.fingerprint, one.signal) if print_)
        return cls(recording.name, recording.fingerprint(), recording.signal_fingerprint(), played)

    @property
    def prints(self) -> set[str]:
        """Every fingerprint by which it is known."""
        return {self.fingerprint, self.signal, *self.played} - {""}


def compensation_grade(recording: Recording) -> int | None:
    """Of a CTF machine's gradient compensation; None where a recording does not say."""
    grade: int | None = getattr(recording, "grade", None)  # that of files and streams alone
    return grade


AXIAL_COILS = frozenset({2001, 4002, 5001, 6001, 7001, 7501, 9001, 9101, 9102})
"""MNE's coil types of axial gradiometers, which measure as magnetometers do: NeuroMag's, Magnes, CTF, KIT, BabySQUID,
Artemis123, KRISS and both of Compumedics.  Why numbers: a stream's description is read without loading MNE."""
