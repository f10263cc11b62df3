"""FileRecording: what every recording on disk offers beyond the samples in order."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, Self

from rtalign.core.head.position import HeadPosition
from rtalign.core.records import BadStretch, Chunk, Recording, Sensor, Word
from rtalign.recordings.stream_channels.projectors import Projector


class FileRecording(Recording, Protocol):
    """A recording whose file can be read from anywhere, and narrowed to some of its sensors.

    Attributes
    ----------
    path : Path
        The file, or the folder that is one recording.
    notes : tuple of str
        What a user should know: sensors left out, rows dropped, known faults.
    sound_onset : float or None
        When the sound of its words began, in seconds of the recording; None where it is unknown.
    left_out : tuple of str
        Sensors that its operator marked as bad while it was recorded.
    """

    path: Path
    notes: tuple[str, ...]
    sound_onset: float | None
    left_out: tuple[str, ...]

    @property
    def channel_names(self) -> tuple[str, ...]:
        """Every channel of the file, used as a sensor or not."""
        ...

    @property
    def unbroken(self) -> list[tuple[float, int]]:
        """Start, s, and number of samples of each part without a break, in order."""
        ...

    def read(self, start: float, seconds: float) -> Chunk:
        """Read the sensors of any stretch of time, cut to what the recording holds."""
        ...

    def read_channel(self, channel: str, start: float, seconds: float) -> Chunk:
        """Read one channel that need not be a sensor, such as the recorded sound; data : (sample, 1)."""
        ...

    def pick(self, names: Sequence[str]) -> Self:
        """Return the same recording with these sensors, in this order."""
        ...


class FingerprintedSignal:
    """The two fingerprints of a recording, from one digest of its signal.

    Attributes
    ----------
    grade : int or None
        Of a CTF machine's gradient compensation; None where it is not known.
    head : HeadPosition or None
        Where the head was in the helmet; None where it is not known.
    projectors : sequence of dict of str to float
        Fields that its projectors (SSP) take out, applied already or not, by the channels' names.
    """

    sensors: tuple[Sensor, ...]
    words: tuple[Word, ...]
    bad_stretches: tuple[BadStretch, ...] = ()
    left_out: tuple[str, ...] = ()
    grade: int | None = None
    head: HeadPosition | None = None
    projectors: Sequence[Projector] = ()

    def fingerprint(self) -> str:
        """Return a hash of words, sensors, bad stretches and signal, of which only samples may be read."""
        digest = self._signal_digest()
        for record in (*self.sensors, *self.words, *self.bad_stretches):
            digest.update(repr(record).encode())
        return digest.hexdigest()[:32]

    def signal_fingerprint(self) -> str:
        """Return a hash of the same signal, whichever sensors and words were chosen."""
        return self._signal_digest().hexdigest()[:32]

    def _signal_digest(self) -> hashlib._Hash:
        raise NotImplementedError
