"""Hdf5Recording: one recording whose signal is a matrix in an HDF5 file."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from rtalign.core.records import Chunk, Sensor, Word
from rtalign.recordings.file_recording import FingerprintedSignal
from rtalign.recordings.sensors import channel_index, narrow, plain_name, unknown_positions
from rtalign.recordings.word_tables.units import unit_that_fits

KINDS = {"mag": "mag", "grad": "planar"}
NOWHERE = (0.0, 0.0, 0.0)
N_SLICES, SLICE_SAMPLES = 48, 16
MAX_ATTRIBUTE_BYTES, MAX_CHANNELS = 4 << 20, 2000
MAX_PACKING = 100
"""A matrix that takes so much less on the disk than it claims holds no signal: the floats of MEG hardly pack at all."""


class Hdf5Recording(FingerprintedSignal):
    """A recording in a file whose matrix called data, (channel, sample) in SI units, has its channels as attributes.

    Parameters
    ----------
    path : Path
        The file.
    words : iterable of Word
        In seconds from the first sample.
    name : str
        The recording's name.
    subject : str
        Who was recorded.
    bads : collection of str
        Channels to leave out.
    notes : sequence of str
        What a user should know; more is added.

    Attributes
    ----------
    channel_names : tuple of str
        Every row of the matrix.
    sensors : tuple of Sensor
        Those of MEG, without the bad ones; the file does not say where they are.
    sound_onset : float or None
        When the sound of its words began; None where it is unknown.
    """

    start = 0.0

    def __init__(
        self,
        path: Path,
        words: Iterable[Word],
        *,
        name: str,
        subject: str,
        bads: Collection[str] = (),
        notes: Sequence[str] = (),
    ) -> None:
        self.path, self.name, self.subject = path, name, subject
        self.words = tuple(words)
        with _opened(path) as data:
            self.n_samples = int(data.shape[1])
            self.sfreq, self.channel_names, kinds = _describe(data)
            data[0, self.n_samples - 1]  # a file that was cut short still opens; reading its last sample fails
        unwanted = {plain_name(bad) for bad in bads}
        picks = [
            i
            for i, (channel, kind) in enumerate(zip(self.channel_names, kinds, strict=True))
            if kind in KINDS and plain_name(channel) not in unwanted
        ]
        if not picks:
            raise ValueError(f"{path.name} has no sensor left among its {len(kinds)} channels; unmark some")
        self._picks = np.array(picks, int)
        self.sensors = tuple(Sensor(self.channel_names[i], KINDS[kinds[i]], NOWHERE, NOWHERE) for i in picks)
        left_out = [n for n, kind in zip(self.channel_names, kinds, strict=True) if kind in KINDS]
        left_out = [n for n in left_out if plain_name(n) in unwanted]
        self.sound_onset: float | None = None
        self.notes: tuple[str, ...] = (
            *notes,
            *([f"left out as bad: {', '.join(left_out)}"] if left_out else []),
            *unknown_positions(self.sensors),
            *self._words_outside(),
        )

    @property
    def seconds(self) -> float:
        return self.n_samples / self.sfreq

    def chunks(self, seconds: float = 10.0, start: float | None = None) -> Iterator[Chunk]:
        """Yield the signal in order, SI units, from the sample at start on."""
        size = max(round(seconds * self.sfreq), 1)
        begin = 0 if start is None else max(round(start * self.sfreq), 0)
        with _opened(self.path) as data:
            for a in range(begin, self.n_samples, size):
                yield Chunk(self._read(data, a, min(a + size, self.n_samples)), a / self.sfreq, self.sfreq)

    @property
    def unbroken(self) -> list[tuple[float, int]]:
        """Start, s, and number of samples of each part without a break: of all."""
        return [(self.start, self.n_samples)]

    def read(self, start: float, seconds: float) -> Chunk:
        """Read the sensors of any stretch of time, cut to what the recording holds."""
        first, stop = self._samples(start, seconds)
        with _opened(self.path) as data:
            return Chunk(self._read(data, first, stop), first / self.sfreq, self.sfreq)

    def read_channel(self, channel: str, start: float, seconds: float) -> Chunk:
        """Read one channel that need not be a sensor, such as the recorded sound; data : (sample, 1)."""
        row = channel_index(channel, self.channel_names, self.name)
        first, stop = self._samples(start, seconds)
        with _opened(self.path) as data:
            return Chunk(np.asarray(data[row : row + 1, first:stop], np.float64).T, first / self.sfreq, self.sfreq)

    def pick(self, names: Sequence[str]) -> Hdf5Recording:
        """Return the same recording with these sensors, in this order."""
        picked, indices = narrow(self, names)
        picked._picks = self._picks[indices]
        return picked

    def _signal_digest(self) -> hashlib._Hash:
        """Slices of the signal; a change between them goes unseen."""
        digest = hashlib.sha256(repr((self.sfreq, self.n_samples)).encode())
        with _opened(self.path) as data:
            for place in np.unique(np.linspace(0, max(self.n_samples - SLICE_SAMPLES, 0), N_SLICES).astype(int)):
                digest.update(np.asarray(data[:, int(place) : int(place) + SLICE_SAMPLES]).tobytes())
        return digest

    def _samples(self, start: float, seconds: float) -> tuple[int, int]:
        """First and stop of the samples of a stretch of time, cut to what the recording holds."""
        first = min(max(round(start * self.sfreq), 0), self.n_samples)
        return first, min(first + round(seconds * self.sfreq), self.n_samples)

    def _read(self, data: Any, first: int, stop: int) -> np.ndarray:
        """(sample, sensor).  Whole columns are read: choosing rows in HDF5 is slower than reading all."""
        return np.asarray(data[:, first:stop]).T[:, self._picks].astype(np.float64)

    def _words_outside(self) -> list[str]:
        outside = sum(not 0 <= word.onset < self.seconds for word in self.words)
        if self.words and outside == len(self.words):
            raise ValueError(
                f"{self.name} has {self.seconds:.1f} s of signal, and all of its {outside} words lie outside "
                f"(from {self.words[0].onset:.1f} s on); is the table of another recording?"
                + unit_that_fits(self.words, 0.0, self.seconds, self.sfreq)
            )
        return [f"{outside} of {len(self.words)} words lie outside the signal"] if outside else []


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """The matrix in the file; every fault of the file is an error of one line."""
    try:
        import h5py  # type: ignore[import-untyped,import-not-found,unused-ignore]
    except ImportError:
        raise ValueError(f"reading {path.name} needs h5py, which is not installed; pip install h5py") from None
    try:
        with h5py.File(path, "r") as file:
            if not isinstance(file.get("data", getlink=True), h5py.HardLink) or file["data"].external:
                raise ValueError("it holds no matrix called data of its own")
            yield file["data"]
    except (OSError, KeyError, ValueError, RuntimeError, AttributeError) as error:
        raise ValueError(
            f"{path.name} cannot be read: {' '.join(str(error).split())[:200]}; is the file whole?"
        ) from error


def _describe(data: Any) -> tuple[float, tuple[str, ...], list[str]]:
    """The rate, the channels' names and their kinds."""
    if data.ndim != 2 or data.dtype.kind != "f" or not data.shape[1]:
        raise ValueError(f"data is {data.shape} of {data.dtype}, not (channel, sample) of floating numbers")
    wanted = ("sample_frequency", "channel_names", "channel_types")
    holders = {key: data.attrs if key in data.attrs else data.file.attrs for key in wanted}
    missing = [key for key in wanted if key not in data.attrs and key not in data.file.attrs]
    if missing:
        raise ValueError(f"it does not say its {' and '.join(missing)}")
    claimed, stored = data.size * data.dtype.itemsize, int(data.id.get_storage_size())
    if stored * MAX_PACKING < claimed:
        raise ValueError(f"data claims {claimed:,} bytes and {stored:,} are stored; no signal packs so well")
    sfreq, names, kinds = (_bounded(holders[key], key) for key in wanted)
    names, kinds = _texts(names), [kind.lower() for kind in _texts(kinds)]
    if not len(names) == len(kinds) == data.shape[0]:
        raise ValueError(f"{data.shape[0]} rows, {len(names)} channel names and {len(kinds)} types do not agree")
    if not 1 <= float(sfreq) < 1e5:
        raise ValueError(f"its sample_frequency {sfreq} is none")
    return float(sfreq), tuple(names), kinds


def _bounded(attributes: Any, key: str) -> Any:
    """An attribute, unless it is larger than any helmet needs.

    Why the number of texts of varying length is limited: many may refer to one long text, each a copy of it.
    """
    attribute = attributes.get_id(key)
    stored, n = int(attribute.get_storage_size()), math.prod(attribute.shape)
    varying = attribute.dtype.kind == "O"
    if stored > MAX_ATTRIBUTE_BYTES or (varying and n > MAX_CHANNELS):
        raise ValueError(f"its {key} takes {stored:,} bytes in {n:,} parts, and no helmet has so many channels")
    return attributes[key]


def _texts(value: Any) -> list[str]:
    """Names, joined by commas or one by one, text or bytes."""
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if isinstance(value, str):
        return [part.strip() for part in value.split(",")]
    return [part.decode("utf-8", "replace") if isinstance(part, bytes) else str(part) for part in np.ravel(value)]
