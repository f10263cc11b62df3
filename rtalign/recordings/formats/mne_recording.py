"""MneRecording: one recording in a file of any MEG machine that MNE reads, or as MNE holds it."""

from __future__ import annotations

import copy
import hashlib
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rtalign.core.head.position import HeadPosition
from rtalign.core.records import Chunk, Sensor, Word
from rtalign.recordings.file_recording import FingerprintedSignal
from rtalign.recordings.formats.mne_file import LoadedSignal, SignalFile, grade_of, read_header, read_loaded
from rtalign.recordings.sensors import channel_index, narrow, select_sensors
from rtalign.recordings.word_tables.units import unit_that_fits

SLICE_BYTES = 16384
N_SLICES = 48


class MneRecording(FingerprintedSignal):
    """A recording on disk with the words that were heard in it.

    Time 0 is the first sample of the file, as in BIDS, whatever number the machine gave that sample; a span of a
    file keeps the file's time, so that its words stay where the events table has them.

    Parameters
    ----------
    path : Path or str
        FIF, CTF .ds, KIT .con or .sqd, or a BTi folder.
    words : iterable of Word
        On the file's time.
    name : str, optional
        By default the file's name.
    subject : str
        Who was recorded.
    bads : collection of str
        Channels to leave out, besides those that the header marks bad.
    notes : sequence of str
        What a user should know; more is added.

    Attributes
    ----------
    sensors : tuple of Sensor
        MEG, or EEG where there is no MEG, without the bad ones.
    sfreq : float
        Samples a second.
    n_samples : int
        Samples of each sensor.
    sound_onset : float or None
        When the sound of its words began, by its trigger; None where it is unknown.
    """

    def __init__(
        self,
        path: Path | str,
        words: Iterable[Word] = (),
        *,
        name: str | None = None,
        subject: str = "unknown",
        bads: Collection[str] = (),
        notes: Sequence[str] = (),
    ) -> None:
        file, info, file_notes = read_header(Path(path))
        self._set(file, info, words, name, subject, bads, [*notes, *file_notes])

    @classmethod
    def from_mne(
        cls,
        raw: Any,
        words: Iterable[Word] = (),
        *,
        name: str | None = None,
        subject: str | None = None,
        bads: Collection[str] = (),
    ) -> MneRecording:
        """Make a recording of what MNE holds, cleaned or cut as it is, without a file.

        Time 0 is the first sample of `raw`, as in `raw.times`.

        Parameters
        ----------
        raw : mne.io.BaseRaw
            Loaded or not; it is read, never changed, and must not be changed while the recording is in use.
        words : iterable of Word
            In order of onset, in seconds after the first sample of `raw`.
        name : str, optional
            By default the name of the file that `raw` was read from.
        subject : str, optional
            By default the one that `raw` names, else unknown.
        bads : collection of str
            Channels to leave out, besides `raw.info["bads"]`.

        Returns
        -------
        MneRecording
        """
        file, notes = read_loaded(raw)
        named = (raw.info["subject_info"] or {}).get("his_id")
        recording = cls.__new__(cls)
        recording._set(file, raw.info, words, name, subject or named or "unknown", bads, notes)
        return recording

    def _set(
        self,
        file: SignalFile,
        info: Any,
        words: Iterable[Word],
        name: str | None,
        subject: str,
        bads: Collection[str],
        notes: Sequence[str],
    ) -> None:
        self._file, self.path = file, file.path
        self.name = name or self.path.name.split(".")[0]
        self.subject = subject
        self.sound_onset: float | None = None
        self.sfreq = self._file.sfreq
        self._first = 0
        self.n_samples = self._file.n_samples
        selected = select_sensors(info, bads, self.path.name)
        self.sensors: tuple[Sensor, ...] = selected.sensors
        self._picks = np.array(selected.picks, int)
        self.words = tuple(words)
        self.bad_stretches = self._file.bad
        self.grade = grade_of(info, self.path)
        self.projectors = [
            dict(zip(item["data"]["col_names"], map(float, field), strict=True))
            for item in info["projs"]
            for field in item["data"]["data"]
        ]
        moved = info["dev_head_t"]
        self.head = HeadPosition.from_matrix(moved["trans"]) if moved is not None else None
        self.notes: tuple[str, ...] = (*notes, *selected.notes, *self._words_outside())

    def __repr__(self) -> str:
        return (
            f"<MneRecording {self.name}: {len(self.sensors)} sensors, {self.sfreq:g} Hz, "
            f"{self.seconds:.1f} s, {len(self.words)} words>"
        )

    @property
    def channel_names(self) -> tuple[str, ...]:
        """Every channel of the file, used as a sensor or not."""
        return self._file.channels

    @property
    def info(self) -> Any:
        """MNE's header, read anew."""
        return self._file.open().info

    @property
    def start(self) -> float:
        """Seconds from the file's first sample to the recording's: 0 unless it is a span of a longer file."""
        return self._first / self.sfreq

    @property
    def first_number(self) -> int:
        """The number that the machine gave the file's first sample."""
        return self._file.first_number

    @property
    def seconds(self) -> float:
        return self.n_samples / self.sfreq

    def span(
        self, start: float, stop: float, words: Iterable[Word] = (), *, name: str, notes: Sequence[str] = ()
    ) -> MneRecording:
        """Return the part from start to stop as a recording of its own; its time remains the file's."""
        first = min(max(round(start * self.sfreq), self._first), self._first + self.n_samples)
        last = min(max(round(stop * self.sfreq), first), self._first + self.n_samples)
        part = copy.copy(self)
        part.name, part.words = name, tuple(words)
        part._first, part.n_samples = first, last - first
        part.notes = (*notes, *part._words_outside())
        return part

    def with_words(self, words: Iterable[Word], notes: Sequence[str] = ()) -> MneRecording:
        """Return the same recording with these words; ValueError where none of them lies inside."""
        copied = copy.copy(self)
        copied.words = tuple(words)
        copied.notes = (*notes, *self.notes, *copied._words_outside())
        return copied

    def chunks(self, seconds: float = 10.0, start: float | None = None) -> Iterator[Chunk]:
        """Yield the signal in order, SI units, float64.  What the machine did not record is left out."""
        reader = self._file.open()
        n_chunk = max(round(seconds * self.sfreq), 1)
        begin = self._first if start is None else max(round(start * self.sfreq), self._first)
        for first, last in self._parts():
            for a in range(max(first, begin), last, n_chunk):
                data = reader.read(self._picks, a, min(a + n_chunk, last))
                yield Chunk(data, a / self.sfreq, self.sfreq)

    @property
    def unbroken(self) -> list[tuple[float, int]]:
        """Start, s, and number of samples of each part without a break, in order."""
        return [(first / self.sfreq, last - first) for first, last in self._parts()]

    def _parts(self) -> list[tuple[int, int]]:
        """First and stop of the same parts."""
        end = self._first + self.n_samples
        parts = [(max(first, self._first), min(stop, end)) for first, stop in self._file.unbroken()]
        return [(first, stop) for first, stop in parts if first < stop]

    def read(self, start: float, seconds: float) -> Chunk:
        """Read the sensors of any stretch of time, breaks and all, cut to what the recording holds."""
        return self._read(self._picks, start, seconds)

    def read_channel(self, channel: str, start: float, seconds: float) -> Chunk:
        """Read one channel that need not be a sensor, such as the recorded sound; data : (sample, 1)."""
        pick = channel_index(channel, self.channel_names, self.name)
        return self._read(np.array([pick]), start, seconds)

    def _read(self, picks: np.ndarray, start: float, seconds: float) -> Chunk:
        end = self._first + self.n_samples
        first = min(max(round(start * self.sfreq), self._first), end)
        stop = min(first + round(seconds * self.sfreq), end)
        return Chunk(self._file.open().read(picks, first, stop), first / self.sfreq, self.sfreq)

    def pick(self, names: Sequence[str]) -> MneRecording:
        """Return the same recording with these sensors, in this order."""
        picked, indices = narrow(self, names)
        picked._picks = self._picks[indices]
        return picked

    def _signal_digest(self) -> hashlib._Hash:
        """A sample of the bytes on disk.

        Why a sample: ten hours are 100 GB.  Size, both ends and slices all over each file distinguish recordings and
        their filtered copies; a change of single samples between the slices goes unseen.
        """
        digest = hashlib.sha256()
        if isinstance(self._file, LoadedSignal):
            digest.update(self._file.digest)
        for file in self._file.files:
            digest.update(_hash_of_slices(file))
        digest.update(repr((self.sfreq, self.start, self.n_samples, self._file.breaks)).encode())
        return digest

    def _words_outside(self) -> list[str]:
        """A note on words outside the signal; an error where every word is outside."""
        late = sum(word.onset >= self.start + self.seconds for word in self.words)
        early = sum(word.onset < self.start for word in self.words)
        if self.words and late + early == len(self.words):
            raise ValueError(
                f"{self.name} has {self.seconds:.1f} s of signal, and all of its {len(self.words)} words lie outside "
                f"(from {self.words[0].onset:.1f} s on); onsets count seconds from the first sample of the file"
                + unit_that_fits(self.words, self.start, self.seconds, self.sfreq)
            )
        counts = Counter({"after the end": late, "before the start": early})
        return [f"{n} of {len(self.words)} words lie {where} of the signal" for where, n in counts.items() if n]


def _hash_of_slices(file: Path) -> bytes:
    """A hash of a file's size and of slices spread evenly over it, the first and the last bytes among them."""
    size = file.stat().st_size
    digest = hashlib.sha256(str(size).encode())
    with file.open("rb") as stream:
        for place in np.linspace(0, max(size - SLICE_BYTES, 0), N_SLICES).astype(int):
            stream.seek(int(place))
            digest.update(stream.read(SLICE_BYTES))
    return digest.digest()
