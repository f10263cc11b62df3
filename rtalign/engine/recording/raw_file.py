"""raw.xdf while it is recorded: MEG, markers and clock offsets, in chunks of at most a second."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from rtalign.core.files import AppendOnlyFile
from rtalign.core.records import Sensor
from rtalign.recordings.xdf import writer

WORDS = 1
BOUNDARY_S = 10.0
MAX_CHUNK_BYTES = 16 << 20


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
    type begins a new stream in the same file.

    Parameters
    ----------
    path : Path
        The file, which must not exist.
    meg : SignalStream
        Channels, sensors and rate of the MEG stream.
    words : str
        Name of the stream of words.

    Attributes
    ----------
    problem : str or None
        Why samples could not be taken; cleared by its reader.
    """

    def __init__(self, path: Path, meg: writer.SignalStream, words: str) -> None:
        self._file = AppendOnlyFile(path)
        self._signal, self._meg = meg, WORDS
        self._begun = False
        self._early: list[tuple[float, float]] = []
        self._waiting: list[tuple[np.ndarray, np.ndarray]] = []
        self._texts: list[tuple[str, float]] = []
        self._extents: dict[int, StreamExtent] = {WORDS: StreamExtent()}
        self._dropped = 0
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

    def take_dropped(self) -> int:
        """Samples that could not be written since the last call."""
        dropped, self._dropped = self._dropped, 0
        return dropped

    def add_samples(self, data: np.ndarray, stamps: np.ndarray) -> None:
        """data : (sample, channel); stamps : (sample,)."""
        if not len(data):
            return
        if data.shape != (len(stamps), len(self._signal.channels)):
            self._dropped += len(data)
            self.problem = f"MEG came with {data.shape[-1]} channels instead of {len(self._signal.channels)}"
            return
        form = writer.format_of(data.dtype)
        if not self._begun or form != self._signal.format:
            self._begin(form)
        self._waiting.append((data, stamps))
        if sum(part.nbytes for part, _ in self._waiting) > MAX_CHUNK_BYTES:
            self._encode()

    def add_marker(self, text: str, stamp: float) -> None:
        """stamp : on the sender's clock, in seconds."""
        self._texts.append((text, stamp))

    def add_clock_offset(self, stream: str, collected: float, offset: float) -> None:
        """An offset of the stream "meg" or "words", measured at a time of the sender's clock."""
        if stream == "words":
            self._file.add(writer.clock_offset(WORDS, collected, offset))
        elif self._begun:
            self._file.add(writer.clock_offset(self._meg, collected, offset))
        else:  # measured before the first sample, and so before the stream has its number
            self._early.append((collected, offset))

    def change_stream(
        self, sensors: tuple[Sensor, ...], sfreq: float, channels: tuple[str, ...], units: tuple[str, ...]
    ) -> None:
        """Describe the MEG from here on; the same sensors and rate again change nothing."""
        old = self._signal
        fewer = not units and len(channels) < len(old.channels)  # only the sensors were named, of a stream with more
        same = fewer or (channels == old.channels and units in ((), old.units))
        if same and sfreq == old.sfreq and sensors == old.sensors:
            return
        self._encode()
        self._signal = replace(old, sensors=sensors, sfreq=sfreq, channels=channels, units=units)
        self._begun = False

    def flush(self) -> None:
        """Markers and offsets that cannot be written wait for the next flush; samples are counted as dropped."""
        self._encode()
        if self._texts:
            self._file.add(writer.texts(WORDS, self._texts))
            self._extents[WORDS].add(self._texts[0][1], self._texts[-1][1], len(self._texts))
            self._texts = []
        if time.monotonic() - self._bounded > BOUNDARY_S:
            self._file.add(writer.boundary())
            self._bounded = time.monotonic()
        self._file.flush()
        failure, self._failure = self._failure, None
        if failure is not None:
            raise failure

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
            self._file.close()

    def _begin(self, form: str) -> None:
        self._encode()
        self._meg = max(self._extents) + 1
        self._extents[self._meg] = StreamExtent()
        self._signal = replace(self._signal, format=form)
        self._file.add(writer.signal_header(self._meg, self._signal, time.time()))
        for pair in self._early:
            self._file.add(writer.clock_offset(self._meg, *pair))
        self._begun, self._early = True, []

    def _encode(self) -> None:
        """Write the samples that wait as one chunk, after everything that waits longer, or drop them."""
        if not self._waiting:
            return
        data, stamps = (np.concatenate(parts) for parts in zip(*self._waiting, strict=True))
        self._waiting = []
        try:
            self._file.flush()
            self._file.write(writer.numbers(self._meg, data, stamps, self._signal.format))
        except OSError as error:
            self._dropped += len(data)
            self._failure = error
            return
        self._extents[self._meg].add(float(stamps[0]), float(stamps[-1]), len(data))
        self._seconds += len(data) / self._signal.sfreq if self._signal.sfreq else 0.0
