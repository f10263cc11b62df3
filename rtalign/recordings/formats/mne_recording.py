"""MneRecording: one story in one head, read from a file of any MEG machine through MNE."""

from __future__ import annotations

import copy
import hashlib
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from rtalign.core.records import Chunk, Sensor, Word
from rtalign.recordings import sensors as sensing
from rtalign.recordings.formats.mne_file import examine

SLICE_BYTES = 16384
N_SLICES = 48


class MneRecording:
    """A recording on disk with the words that were heard in it.

    Time 0 is the first sample of the file, as in BIDS, whatever number the machine gave that sample; a span of a
    file keeps the file's time, so that its words stand where the events table has them.
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
        self.path = Path(path)
        self._file, info, file_notes = examine(self.path)
        self.name = name or self.path.name.split(".")[0]
        self.subject = subject
        self.sound_s: float | None = None  # when the story's sound began by its trigger, where one tells
        self.sfreq = self._file.sfreq
        self._first = 0
        self.n_samples = self._file.n_samples
        found, picks, sensor_notes = sensing.choose(info, bads, self.path.name)
        self.sensors: tuple[Sensor, ...] = found
        self._picks = np.array(picks, int)
        self.words = tuple(words)
        self.notes: tuple[str, ...] = (*notes, *file_notes, *sensor_notes, *self._late_words())

    def __repr__(self) -> str:
        return (
            f"<MneRecording {self.name}: {len(self.sensors)} sensors, {self.sfreq:g} Hz, "
            f"{self.seconds:.1f} s, {len(self.words)} words>"
        )

    @property
    def channel_names(self) -> tuple[str, ...]:
        """Every channel of the file, used or not."""
        return self._file.channels

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
        """A recording of its own inside this one, from start to stop; its time remains the file's."""
        first = min(max(round(start * self.sfreq), self._first), self._first + self.n_samples)
        last = min(max(round(stop * self.sfreq), first), self._first + self.n_samples)
        part = copy.copy(self)
        part.name, part.words = name, tuple(words)
        part._first, part.n_samples = first, last - first
        part.notes = (*notes, *part._late_words())
        return part

    def with_words(self, words: Iterable[Word], notes: Sequence[str] = ()) -> MneRecording:
        """The same recording with these words; an error where none of them lies inside."""
        heard = copy.copy(self)
        heard.words = tuple(words)
        heard.notes = (*notes, *self.notes, *heard._late_words())
        return heard

    def chunks(self, seconds: float = 10.0, start: float | None = None) -> Iterator[Chunk]:
        """The signal in order, SI units, float64.  Stretches the machine did not record are left out."""
        reader = self._file.open()
        n_chunk = max(round(seconds * self.sfreq), 1)
        begin = self._first if start is None else max(round(start * self.sfreq), self._first)
        for first, stop in self._file.stretches():
            last = min(stop, self._first + self.n_samples)
            for a in range(max(first, begin), last, n_chunk):
                data = reader.read(self._picks, a, min(a + n_chunk, last))
                yield Chunk(data, a / self.sfreq, self.sfreq)

    def peek(self, start: float, seconds: float) -> Chunk:
        """A stretch from anywhere, breaks and all, cut to what the recording holds."""
        return self._stretch(self._picks, start, seconds)

    def extra(self, channel: str, start: float, seconds: float) -> Chunk:
        """A stretch of one channel that need not measure the head, such as the sound that was recorded beside it."""
        pick = sensing.place_of(channel, self.channel_names, self.name)
        return self._stretch(np.array([pick]), start, seconds)

    def _stretch(self, picks: np.ndarray, start: float, seconds: float) -> Chunk:
        end = self._first + self.n_samples
        first = min(max(round(start * self.sfreq), self._first), end)
        stop = min(first + round(seconds * self.sfreq), end)
        return Chunk(self._file.open().read(picks, first, stop), first / self.sfreq, self.sfreq)

    def pick(self, names: Sequence[str]) -> MneRecording:
        """The same recording with these sensors, in this order."""
        picked, chosen = sensing.narrowed(self, names)
        picked._picks = self._picks[chosen]
        return picked

    def fingerprint(self) -> str:
        """A hash over words, sensors and a sample of the bytes on disk.

        Why a sample: ten hours are 100 GB.  Size, both ends and slices all over each file tell recordings and
        their filtered copies apart; a change of single samples between the slices goes unseen.
        """
        digest = hashlib.sha256()
        for file in self._file.files:
            digest.update(_sampled(file))
        digest.update(repr((self.sfreq, self.start, self.n_samples, self._file.breaks)).encode())
        for record in (*self.sensors, *self.words):
            digest.update(repr(record).encode())
        return digest.hexdigest()[:32]

    def _late_words(self) -> list[str]:
        """A note on words outside the signal; an error where no word at all lies inside."""
        late = sum(word.onset >= self.start + self.seconds for word in self.words)
        early = sum(word.onset < self.start for word in self.words)
        if self.words and late + early == len(self.words):
            raise ValueError(
                f"{self.name} has {self.seconds:.1f} s of signal, and all of its {len(self.words)} words lie outside "
                f"(from {self.words[0].onset:.1f} s on); onsets count seconds from the first sample of the file"
            )
        counts = Counter({"after the end": late, "before the start": early})
        return [f"{n} of {len(self.words)} words lie {where} of the signal" for where, n in counts.items() if n]


def _sampled(file: Path) -> bytes:
    """A hash over a file's size and slices spread evenly over it, the first and the last bytes among them."""
    size = file.stat().st_size
    digest = hashlib.sha256(str(size).encode())
    with file.open("rb") as stream:
        for place in np.linspace(0, max(size - SLICE_BYTES, 0), N_SLICES).astype(int):
            stream.seek(int(place))
            digest.update(stream.read(SLICE_BYTES))
    return digest.digest()
