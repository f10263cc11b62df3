"""raw.xdf while it is recorded: MEG, markers and clock offsets, in chunks of at most a second."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from rtalign.core.storage.files import AppendOnlyFile
from rtalign.recordings.xdf import writer

WORDS = 1
ANNOTATIONS = "annotations"
BOUNDARY_S = 10.0
MAX_CHUNK_BYTES = 16 << 20
MAX_TEXT_BYTES = 64 << 20
"""Markers that wait while the disk takes none."""
MARKER_BYTES = 100
"""What a marker takes beside its text."""


@dataclass(slots=True)
class StreamExtent:
    """First and last time stamp of a stream so far, and its number of samples."""

    first: float = 0.0
    last: float = 0.0
    n: int = 0

    def add(self, first: float, last: float, n: int) -> None:
        self.first = self.first if self.n else first
        self.last, self.n = last, self.n + n


class RawFile:
    """Collects what comes until `flush` writes it as chunks of the format.

    The MEG header is written with the first samples, whose number type it names; a change of the sensors or of the
    type begins a new stream in the same file.  Markers may come before any MEG is described.

    Parameters
    ----------
    path : Path
        The file, which must not exist.
    words : str
        Name of the stream of words.

    Attributes
    ----------
    n_samples, n_markers : int
        In the file.
    n_samples_lost, n_markers_lost : int
        Which could not be written.
    problem : str or None
        Why samples could not be taken; cleared by its reader.
    """

    def __init__(self, path: Path, words: str) -> None:
        self._file = AppendOnlyFile(path)
        self._signal: writer.SignalStream | None = None
        self._meg = WORDS
        self._annotations: int | None = None
        self._begun = False
        self._early: list[tuple[float, float]] = []
        self._waiting: list[tuple[np.ndarray, np.ndarray]] = []
        self._texts: list[tuple[str, float]] = []
        self._text_bytes = 0
        self._extents: dict[int, StreamExtent] = {WORDS: StreamExtent()}
        self.n_samples = self.n_markers = self.n_samples_lost = self.n_markers_lost = 0
        self._failure: OSError | None = None
        self.problem: str | None = None
        self._seconds = 0.0
        self._bounded = time.monotonic()
        now = time.strftime("%Y-%m-%dT%H:%M:%S+0000", time.gmtime())
        self._file.add(writer.file_header({"datetime": now}) + writer.text_header(WORDS, words, time.time()))

    @property
    def n_bytes(self) -> int:
        return self._file.n_bytes

    @property
    def seconds(self) -> float:
        """Seconds of MEG in the file."""
        return self._seconds

    @property
    def in_place(self) -> bool:
        """Whether the file is still where it was made."""
        return self._file.in_place

    @property
    def bytes_an_hour(self) -> float:
        """What the MEG takes, by its description; 0 before there is one."""
        signal = self._signal
        return 3600 * signal.sfreq * (len(signal.channels) * 4 + 9) if signal else 0.0

    def add_samples(self, data: np.ndarray, stamps: np.ndarray) -> None:
        """data : (sample, channel); stamps : (sample,)."""
        if not len(data):
            return
        n_channels = len(self._signal.channels) if self._signal else 0
        if self._signal is None or data.shape != (len(stamps), n_channels):
            self.n_samples_lost += len(data)
            self.problem = f"MEG came with {data.shape[-1]} channels instead of {n_channels}"
            return
        form = writer.format_of(data.dtype)
        if not self._begun or form != self._signal.format:
            self._begin(form)
        self._waiting.append((data, stamps))
        if sum(part.nbytes for part, _ in self._waiting) > MAX_CHUNK_BYTES:
            self._encode()

    def add_marker(self, text: str, stamp: float) -> None:
        """stamp : on the sender's clock, in seconds."""
        if self._texts and self._text_bytes + len(text) > MAX_TEXT_BYTES:
            self.n_markers_lost += 1
            return
        self._texts.append((text, stamp))
        self._text_bytes += len(text) + MARKER_BYTES

    def add_annotation(self, text: str, stamp: float) -> None:
        """What the operator wrote, in a stream of its own.  stamp : on the local clock, in seconds."""
        if self._annotations is None:
            number = self._annotations = self._new_stream()
            self._file.add(writer.text_header(number, ANNOTATIONS, time.time(), writer.ANNOTATIONS))
        self._file.add(writer.texts(self._annotations, [(text, stamp)]))
        self._extents[self._annotations].add(stamp, stamp, 1)

    def add_clock_offset(self, stream: str, collected: float, offset: float) -> None:
        """An offset of the stream "meg" or "words", measured at a time of the sender's clock."""
        if stream == "words":
            self._file.add(writer.clock_offset(WORDS, collected, offset))
        elif self._begun:
            self._file.add(writer.clock_offset(self._meg, collected, offset))
        else:  # measured before the first sample, and so before the stream has its number
            self._early.append((collected, offset))

    def change_stream(self, meg: writer.SignalStream) -> None:
        """Describe the MEG from here on; the same description again changes nothing."""
        if self._signal is not None and replace(meg, format=self._signal.format) == self._signal:
            return
        self._encode()
        self._signal, self._begun = meg, False

    def flush(self) -> None:
        """Markers and offsets that cannot be written wait for the next flush; samples are counted as lost."""
        self._encode()
        self._encode_texts()
        if time.monotonic() - self._bounded > BOUNDARY_S:
            self._file.add(writer.boundary())
            self._bounded = time.monotonic()
        failure, self._failure = self._failure, None
        if failure is not None:
            raise failure
        self._file.flush()

    def sync(self) -> None:
        """Have the system write to the disk itself."""
        self._file.sync()

    def close(self) -> None:
        """End every stream and close the file."""
        try:
            self.flush()
            ends = [writer.stream_footer(k, extent.first, extent.last, extent.n) for k, extent in self._extents.items()]
            self._file.write(b"".join([writer.boundary(), *ends]))
        finally:
            self.n_markers_lost += len(self._texts)
            self._file.close()

    def _begin(self, form: str) -> None:
        assert self._signal is not None
        self._encode()
        self._meg = self._new_stream()
        self._signal = replace(self._signal, format=form)
        self._file.add(writer.signal_header(self._meg, self._signal, time.time()))
        for pair in self._early:
            self._file.add(writer.clock_offset(self._meg, *pair))
        self._begun, self._early = True, []

    def _new_stream(self) -> int:
        """The number of a stream that begins."""
        number = max(self._extents) + 1
        self._extents[number] = StreamExtent()
        return number

    def _encode_texts(self) -> None:
        """Write the markers that wait as one chunk; those that the disk refuses go on waiting."""
        if not self._texts:
            return
        try:
            self._file.flush()
            self._file.write(writer.texts(WORDS, self._texts))
        except OSError as error:
            self._failure = error
            return
        self._extents[WORDS].add(self._texts[0][1], self._texts[-1][1], len(self._texts))
        self.n_markers += len(self._texts)
        self._texts, self._text_bytes = [], 0

    def _encode(self) -> None:
        """Write the samples that wait as one chunk, after everything that waits longer, or count them as lost."""
        if not self._waiting or self._signal is None:
            return
        data, stamps = (np.concatenate(parts) for parts in zip(*self._waiting, strict=True))
        self._waiting = []
        try:
            self._file.flush()
            self._file.write(writer.numbers(self._meg, data, stamps, self._signal.format))
        except OSError as error:
            self.n_samples_lost += len(data)
            self._failure = error
            return
        self._extents[self._meg].add(float(stamps[0]), float(stamps[-1]), len(data))
        self.n_samples += len(data)
        self._seconds += len(data) / self._signal.sfreq if self._signal.sfreq else 0.0
