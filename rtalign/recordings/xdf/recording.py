"""XdfRecording: one stream of an XDF file, a recording with its words."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Collection, Iterable, Iterator, Sequence
from operator import attrgetter

import numpy as np

from rtalign.core.bad_marks import bad_note
from rtalign.core.head.position import HeadPosition
from rtalign.core.records import Annotation, BadMark, BadStretch, Chunk, Sensor, Word
from rtalign.recordings.file_recording import FingerprintedSignal
from rtalign.recordings.sensors import channel_index, narrow
from rtalign.recordings.stream_channels.labels import find_head_coils
from rtalign.recordings.stream_channels.selection import select_channels
from rtalign.recordings.xdf.clock import CountedClock, XdfSegment
from rtalign.recordings.xdf.marks import bad_stretches, marks_note
from rtalign.recordings.xdf.reader import XdfFile, XdfStream

HEAD_S = 2.0
"""Signal from which the position of the head is read."""
N_SLICES, SLICE_SAMPLES = 48, 16


class XdfRecording(FingerprintedSignal):
    """A stream of an XDF file.  Its breaks are gaps of time between chunks, counted at one rate.

    Parameters
    ----------
    file : XdfFile
        Where the stream is.
    stream : XdfStream
        A stream of numbers.
    clock : CountedClock
        The signal time of its samples.
    name : str
        The recording's name.
    subject : str
        Who was recorded.
    bads : collection of str
        Channels to leave out.
    notes : sequence of str
        What a user should know; more is added.
    marks : sequence of BadMark
        What the operator of the session called bad, in stamps of the common clock: sensors that are bad to the end are
        left out, words in everything else are skipped.

    Attributes
    ----------
    sensors : tuple of Sensor
        MEG, or EEG where there is no MEG, without the bad ones.
    channel_names : tuple of str
        Every channel of the stream, used as a sensor or not.
    words : tuple of Word
        None until `with_words`.
    annotations : tuple of Annotation
        What an operator wrote meanwhile.
    sound_onset : None
        XDF does not say when the sound of the words began.
    origin : tuple of RecordingIdentity
        The recordings that the stream was played from.
    left_out : tuple of str
        Sensors that the operator marked as bad.
    """

    def __init__(
        self,
        file: XdfFile,
        stream: XdfStream,
        clock: CountedClock,
        *,
        name: str,
        subject: str,
        bads: Collection[str] = (),
        notes: Sequence[str] = (),
        marks: Sequence[BadMark] = (),
    ) -> None:
        self.path, self.name, self.subject = file.path, name, subject
        self._file, self._stream, self.clock = file, stream, clock
        header = stream.header
        self.left_out = tuple(dict.fromkeys(mark.sensor for mark in marks if mark.sensor and mark.stop is None))
        bads = [*bads, *self.left_out]
        selected = select_channels(header.channels, header.n_channels, header.type, header.name, bads)
        self.sensors: tuple[Sensor, ...] = selected.sensors
        self.channel_names = selected.names
        self._picks, self._factors = selected.picks, selected.scales
        self.sfreq = clock.sfreq
        self.start = clock.segments[0].start
        self.n_samples = stream.n_samples
        self.words: tuple[Word, ...] = ()
        self.annotations: tuple[Annotation, ...] = ()
        self.sound_onset: float | None = None
        self.origin = header.origin
        self.grade = selected.grade
        self.projectors = header.projectors
        self.head = self._head()
        self.bad_stretches = bad_stretches(marks, clock)
        self.notes: tuple[str, ...] = (*notes, *selected.notes, *marks_note(self.bad_stretches, self.left_out))

    def __repr__(self) -> str:
        return (
            f"<XdfRecording {self.name}: {len(self.sensors)} sensors, {self.sfreq:g} Hz, "
            f"{self.seconds:.1f} s, {len(self.words)} words>"
        )

    @property
    def seconds(self) -> float:
        """From the first sample to the end of the last, breaks and all."""
        last = self.clock.segments[-1]
        return last.start + last.n / self.sfreq - self.start

    def with_words(self, words: Iterable[Word], notes: Sequence[str] = ()) -> XdfRecording:
        """Return the same recording with these words, on its own clock; ValueError where none of them lies inside."""
        copied = copy.copy(self)
        copied.words = tuple(words)
        end = self.start + self.seconds
        outside = sum(not self.start <= word.onset < end for word in copied.words)
        if copied.words and outside == len(copied.words):
            raise ValueError(
                f"{self.name} has signal from {self.start:.1f} to {end:.1f} s, and all of its {outside} words lie "
                f"outside (from {copied.words[0].onset:.1f} s on); is the table of another recording?"
            )
        late = [f"{outside} of {len(copied.words)} words lie outside the signal"] if outside else []
        copied.notes = (*self.notes, *notes, *late)
        return copied

    def mark_bad(self, stretches: Iterable[BadStretch]) -> None:
        """Take stretches that are marked as bad, besides those that an operator marked."""
        more = tuple(stretches)
        self.bad_stretches = tuple(sorted((*self.bad_stretches, *more), key=attrgetter("start", "stop")))
        self.notes = (*self.notes, *bad_note(more))

    def chunks(self, seconds: float = 10.0, start: float | None = None) -> Iterator[Chunk]:
        """Yield the signal in order, SI units, float64, from the sample at start on.  Chunks end at breaks."""
        size = max(round(seconds * self.sfreq), 1)
        for segment in self.clock.segments:
            skipped = max(round((start - segment.start) * self.sfreq), 0) if start is not None else 0
            for a in range(segment.first + skipped, segment.first + segment.n, size):
                stop = min(a + size, segment.first + segment.n)
                yield Chunk(self._read(a, stop), segment.start + (a - segment.first) / self.sfreq, self.sfreq)

    @property
    def unbroken(self) -> list[tuple[float, int]]:
        """Start, s, and number of samples of each part without a break, in order."""
        return [(segment.start, segment.n) for segment in self.clock.segments]

    def read(self, start: float, seconds: float) -> Chunk:
        """Read the sensors of any stretch of time, cut to the unbroken part that it begins in."""
        at, first, stop = self._unbroken(start, seconds)
        return Chunk(self._read(first, stop), at.start + (first - at.first) / self.sfreq, self.sfreq)

    def read_channel(self, channel: str, start: float, seconds: float) -> Chunk:
        """Read one channel of the stream, up to its next break, in the stream's own unit; data : (sample, 1)."""
        column = channel_index(channel, self.channel_names, self.name)
        at, first, stop = self._unbroken(start, seconds)
        data = self._file.numbers(self._stream, first, stop)[:, column : column + 1].astype(np.float64)
        return Chunk(data, at.start + (first - at.first) / self.sfreq, self.sfreq)

    def pick(self, names: Sequence[str]) -> XdfRecording:
        """Return the same recording with these sensors, in this order."""
        picked, indices = narrow(self, names)
        picked._picks, picked._factors = self._picks[indices], self._factors[indices]
        return picked

    def _signal_digest(self) -> hashlib._Hash:
        """The clock and a sample of the signal.

        Why a sample: ten hours are 40 GB.  A change of single samples between the slices goes unseen.
        """
        digest = hashlib.sha256(repr((self._file.size, self.sfreq, self.n_samples)).encode())
        for segment in self.clock.segments:
            digest.update(repr((segment.first, segment.n, round(segment.start, 9))).encode())
        for place in np.unique(np.linspace(0, max(self.n_samples - SLICE_SAMPLES, 0), N_SLICES).astype(int)):
            digest.update(self._file.numbers(self._stream, int(place), int(place) + SLICE_SAMPLES).tobytes())
        return digest

    def _head(self) -> HeadPosition | None:
        """Where the head was at the beginning, where its coils were recorded."""
        if (coils := find_head_coils(self.channel_names)) is None:
            return None
        rows = self._file.numbers(self._stream, 0, min(self.n_samples, round(HEAD_S * self.sfreq)))
        return HeadPosition.from_ctf_coils(np.median(rows[:, coils.ravel()], axis=0).reshape(3, 3))

    def _unbroken(self, start: float, seconds: float) -> tuple[XdfSegment, int, int]:
        """The segment in which a time is, and first and stop of the samples from there on that it holds."""
        segments = self.clock.segments
        begins = [segment.start for segment in segments]
        at = segments[max(int(np.searchsorted(begins, start + 0.5 / self.sfreq, side="right")) - 1, 0)]
        first = at.first + min(max(round((start - at.start) * self.sfreq), 0), at.n)
        return at, first, min(first + round(seconds * self.sfreq), at.first + at.n)

    def _read(self, first: int, stop: int) -> np.ndarray:
        return self._file.numbers(self._stream, first, stop)[:, self._picks] * self._factors
