"""XdfRecording: one stream of an XDF file with the words that were heard in it."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from rtalign.core.records import Chunk, Sensor, Word
from rtalign.recordings import sensors as sensing
from rtalign.recordings.xdf.channels import Found
from rtalign.recordings.xdf.clock import CountedClock, Stretch
from rtalign.recordings.xdf.reader import Stream, XdfFile

N_SLICES, SLICE_SAMPLES = 48, 16


class XdfRecording:
    """A stream read where it lies.  Breaks of the stream are gaps of time between chunks, counted at one rate."""

    def __init__(
        self,
        file: XdfFile,
        stream: Stream,
        clock: CountedClock,
        found: Found,
        *,
        name: str,
        subject: str,
        notes: Sequence[str] = (),
    ) -> None:
        self.path, self.name, self.subject = file.path, name, subject
        self._file, self._stream, self.clock = file, stream, clock
        self.sensors: tuple[Sensor, ...] = found[0]
        self._picks, self._factors = np.array(found[1], int), np.array(found[2], float)
        self.sfreq = clock.sfreq
        self.start = clock.stretches[0].start
        self.n_samples = stream.n_samples
        self.words: tuple[Word, ...] = ()
        self.sound_s: float | None = None  # no stream tells when a story's sound began
        self.notes: tuple[str, ...] = (*notes, *found[3])

    def __repr__(self) -> str:
        return (
            f"<XdfRecording {self.name}: {len(self.sensors)} sensors, {self.sfreq:g} Hz, "
            f"{self.seconds:.1f} s, {len(self.words)} words>"
        )

    @property
    def channel_names(self) -> tuple[str, ...]:
        """Every channel of the stream that has a name, used or not."""
        return tuple(channel.label for channel in self._stream.header.channels) or tuple(s.name for s in self.sensors)

    @property
    def seconds(self) -> float:
        """From the first sample to the end of the last, breaks and all."""
        last = self.clock.stretches[-1]
        return last.start + last.n / self.sfreq - self.start

    def with_words(self, words: Iterable[Word], notes: Sequence[str] = ()) -> XdfRecording:
        """The same recording with these words, on its own clock; an error where none of them lies inside."""
        heard = copy.copy(self)
        heard.words = tuple(words)
        end = self.start + self.seconds
        outside = sum(not self.start <= word.onset < end for word in heard.words)
        if heard.words and outside == len(heard.words):
            raise ValueError(
                f"{self.name} has signal from {self.start:.1f} to {end:.1f} s, and all of its {outside} words lie "
                f"outside (from {heard.words[0].onset:.1f} s on); is the table of another recording?"
            )
        late = [f"{outside} of {len(heard.words)} words lie outside the signal"] if outside else []
        heard.notes = (*self.notes, *notes, *late)
        return heard

    def chunks(self, seconds: float = 10.0, start: float | None = None) -> Iterator[Chunk]:
        """The signal in order, SI units, float64; from the sample at start on.  A chunk ends where a stretch does."""
        size = max(round(seconds * self.sfreq), 1)
        for stretch in self.clock.stretches:
            skipped = max(round((start - stretch.start) * self.sfreq), 0) if start is not None else 0
            for a in range(stretch.first + skipped, stretch.first + stretch.n, size):
                stop = min(a + size, stretch.first + stretch.n)
                yield Chunk(self._read(a, stop), stretch.start + (a - stretch.first) / self.sfreq, self.sfreq)

    def peek(self, start: float, seconds: float) -> Chunk:
        """A stretch from anywhere, cut to the unbroken part that it begins in."""
        at, first, stop = self._unbroken(start, seconds)
        return Chunk(self._read(first, stop), at.start + (first - at.first) / self.sfreq, self.sfreq)

    def extra(self, channel: str, start: float, seconds: float) -> Chunk:
        """A stretch of one channel of the stream, up to its next break, in the stream's own unit."""
        column = sensing.place_of(channel, self.channel_names, self.name)
        at, first, stop = self._unbroken(start, seconds)
        data = self._file.numbers(self._stream, first, stop)[:, column : column + 1].astype(np.float64)
        return Chunk(data, at.start + (first - at.first) / self.sfreq, self.sfreq)

    def pick(self, names: Sequence[str]) -> XdfRecording:
        """The same recording with these sensors, in this order."""
        picked, chosen = sensing.narrowed(self, names)
        picked._picks, picked._factors = self._picks[chosen], self._factors[chosen]
        return picked

    def fingerprint(self) -> str:
        """A hash over words, sensors, clock and a sample of the signal.

        Why a sample: ten hours are 40 GB.  A change of single samples between the slices goes unseen.
        """
        digest = hashlib.sha256(repr((self._file.size, self.sfreq, self.n_samples)).encode())
        for stretch in self.clock.stretches:
            digest.update(repr((stretch.first, stretch.n, round(stretch.start, 9))).encode())
        for place in np.unique(np.linspace(0, max(self.n_samples - SLICE_SAMPLES, 0), N_SLICES).astype(int)):
            digest.update(self._file.numbers(self._stream, int(place), int(place) + SLICE_SAMPLES).tobytes())
        for record in (*self.sensors, *self.words):
            digest.update(repr(record).encode())
        return digest.hexdigest()[:32]

    def _unbroken(self, start: float, seconds: float) -> tuple[Stretch, int, int]:
        """The stretch in which a time lies, and the samples from there on that it holds."""
        stretches = self.clock.stretches
        begins = [stretch.start for stretch in stretches]
        at = stretches[max(int(np.searchsorted(begins, start + 0.5 / self.sfreq, side="right")) - 1, 0)]
        first = at.first + min(max(round((start - at.start) * self.sfreq), 0), at.n)
        return at, first, min(first + round(seconds * self.sfreq), at.first + at.n)

    def _read(self, first: int, stop: int) -> np.ndarray:
        return self._file.numbers(self._stream, first, stop)[:, self._picks] * self._factors
