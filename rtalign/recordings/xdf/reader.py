"""XDF files: indexed in one pass over their chunks, read a stretch at a time."""

from __future__ import annotations

import struct
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np

from rtalign.recordings.stream_channels.description import MAX_CHARACTERS
from rtalign.recordings.xdf import writer
from rtalign.recordings.xdf.header import XdfHeader, parse_header

MAX_CHUNKS = 20_000_000
MAX_STREAMS = 1000
MAX_TEXT_CHUNK = 256 << 20
"""Chunks of text, and of numbers with some stamps left out, must be parsed in memory."""
BLOCK = 1 << 20


class XdfStream:
    """One stream of a file: its header, where its chunks are, and its clock offsets.

    Attributes
    ----------
    number : int
        As the file counts its streams.
    header : XdfHeader
        What the stream says of itself.
    places, sizes : array of int
        Where the samples of each chunk begin in the file, and how many bytes they take.
    first, n : array of int
        The number of each chunk's first sample, and how many it holds.
    since, until : array of float
        The first and the last stamp of each chunk, on the sender's clock, s.
    offsets : list of (float, float)
        When each clock offset was measured, on the sender's clock, and what to add there.
    n_samples : int
        In all chunks.
    """

    def __init__(self, number: int, header: XdfHeader) -> None:
        self.number, self.header = number, header
        self.places, self.sizes, self.first, self.n = array("q"), array("q"), array("q"), array("q")
        self.since, self.until = array("d"), array("d")
        self.offsets: list[tuple[float, float]] = []
        self.n_samples = 0

    def __repr__(self) -> str:
        return f"<XdfStream {self.header.name!r}: {self.n_samples} samples in {len(self.places)} chunks>"

    @property
    def dtype(self) -> np.dtype:
        """The number type of its values."""
        return np.dtype(writer.FORMATS[self.header.format])

    @property
    def sample_bytes(self) -> int:
        """Bytes of the values of one sample; of text, at least."""
        is_text = self.header.format == "string"
        return self.header.n_channels * (2 if is_text else self.dtype.itemsize)

    @property
    def interval(self) -> float:
        """Seconds between a sample that has a stamp and the next that has none."""
        return 1 / self.header.sfreq if self.header.sfreq else 0.0

    def add(self, place: int, size: int, n: int, since: float, until: float) -> None:
        """Enter a chunk of n samples."""
        for column, value in zip(
            (self.places, self.sizes, self.first, self.n), (place, size, self.n_samples, n), strict=True
        ):
            column.append(value)
        self.since.append(since)
        self.until.append(until)
        self.n_samples += n


class XdfFile:
    """The streams of a file.

    Parameters
    ----------
    path : Path or str
        An .xdf file; damaged chunks are skipped.

    Attributes
    ----------
    streams : dict from int to XdfStream
        By their numbers.
    notes : list of str
        What could not be read.
    size : int
        Bytes of the file.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        if not self.path.is_file():
            raise FileNotFoundError(f"there is no recording {self.path}")
        self.size = self.path.stat().st_size
        self.streams: dict[int, XdfStream] = {}
        self.notes: list[str] = []
        self._damaged = 0
        with self.path.open("rb") as file:
            self._index(file)
        if self._damaged:
            self.notes.append(f"{self._damaged} chunks of {self.path.name} are damaged and left out")

    def numbers(self, stream: XdfStream, first: int, stop: int) -> np.ndarray:
        """Read samples of every channel.

        Parameters
        ----------
        stream : XdfStream
            A stream of numbers.
        first, stop : int
            The samples from first up to stop, cut to what there is.

        Returns
        -------
        ndarray, shape (sample, channel)
            As stored.
        """
        first, stop = max(first, 0), min(stop, stream.n_samples)
        out = np.empty((max(stop - first, 0), stream.header.n_channels), stream.dtype)
        if first >= stop:
            return out
        with self.path.open("rb") as file:
            for i in range(_chunk_of(stream, first), _chunk_of(stream, stop - 1) + 1):
                a, b = max(first - stream.first[i], 0), min(stop - stream.first[i], stream.n[i])
                at = stream.first[i] + a - first
                out[at : at + b - a] = self._values(file, stream, i, a, b)
        return out

    def stamps(self, stream: XdfStream, i: int) -> np.ndarray:
        """Return the stamp of every sample of chunk i, shape (sample,); those left out are counted on."""
        before = stream.until[i - 1] if i else 0.0
        n, explicit = stream.n[i], self._explicit(stream, i)
        with self.path.open("rb") as file:
            if explicit == n:
                raw = _read(file, stream.places[i], stream.sizes[i])
                return np.ndarray((n,), "<f8", raw, 1, (stream.sample_bytes + 9,)).astype(float)
            if explicit <= 1 and (not explicit or _read(file, stream.places[i], 1) == b"\x08"):
                return stream.since[i] + np.arange(n) * stream.interval
            return np.array(
                [stamp for stamp, _ in _samples_in(_read(file, stream.places[i], stream.sizes[i]), stream, n, before)]
            )

    def texts(self, stream: XdfStream) -> Iterator[tuple[str, float]]:
        """Yield every marker of a text stream with its stamp: the first channel, where there are several."""
        with self.path.open("rb") as file:
            before = 0.0
            for i in range(len(stream.places)):
                raw = _read(file, stream.places[i], stream.sizes[i])
                for stamp, place in _samples_in(raw, stream, stream.n[i], before):
                    at, length = _varlen(raw, place)
                    yield raw[at : at + length].decode("utf-8", "replace"), stamp
                    before = stamp

    def _explicit(self, stream: XdfStream, i: int) -> int:
        """How many of a chunk's samples have a stamp of their own, by the chunk's size."""
        return (stream.sizes[i] - stream.n[i] * (stream.sample_bytes + 1)) // 8

    def _values(self, file: BinaryIO, stream: XdfStream, i: int, a: int, b: int) -> np.ndarray:
        """(sample, channel) of samples a to b of chunk i."""
        explicit, n, width = self._explicit(stream, i), stream.n[i], stream.sample_bytes
        shape = (b - a, stream.header.n_channels)
        if explicit == n or explicit == 0 or (explicit == 1 and _read(file, stream.places[i], 1) == b"\x08"):
            step = width + (9 if explicit == n else 1)
            lead = 9 if explicit else 1
            raw = _read(file, stream.places[i] + lead + a * step, (b - a - 1) * step + width)
            return np.ndarray(shape, stream.dtype, raw, 0, (step, stream.dtype.itemsize))
        raw = _read(file, stream.places[i], stream.sizes[i])
        places = [at for _, at in _samples_in(raw, stream, n, 0.0)][a:b]
        return np.array([np.frombuffer(raw, stream.dtype, shape[1], at) for at in places]).reshape(shape)

    def _index(self, file: BinaryIO) -> None:
        if file.read(4) != writer.MAGIC:
            raise ValueError(f"{self.path.name} is no XDF file: it does not begin with XDF:; is it packed or damaged?")
        place, n_chunks = 4, 0
        while place < self.size:
            n_chunks += 1
            if n_chunks > MAX_CHUNKS:
                raise ValueError(f"{self.path.name} has more than {MAX_CHUNKS:,} chunks; cut the recording into parts")
            file.seek(place)
            start, length = _varlen(file.read(9), 0)
            stop = place + start + length
            if length < 2 or stop > self.size:
                following = _after_boundary(file, place)
                if following is None:
                    self.notes.append(
                        f"{self.path.name} ends within a chunk; its last {self.size - place:,} bytes are left out"
                    )
                    return
                self._damaged += 1
                place = following
                continue
            file.seek(place + start)
            (tag,) = struct.unpack("<H", file.read(2))
            self._enter_chunk(file, tag, place + start + 2, length - 2)
            place = stop

    def _enter_chunk(self, file: BinaryIO, tag: int, place: int, size: int) -> None:
        """Enter what one chunk holds, by its tag."""
        if tag not in (writer.STREAM_HEADER, writer.SAMPLES, writer.CLOCK_OFFSET):
            return
        number = int.from_bytes(file.read(4), "little")
        place, size = place + 4, size - 4
        if tag == writer.STREAM_HEADER and size >= 0 and number not in self.streams:
            self._open_stream(number, file.read(min(size, MAX_CHARACTERS + 1)))
        elif number not in self.streams or size < 1 or tag == writer.STREAM_HEADER:
            self._damaged += 1
        elif tag == writer.CLOCK_OFFSET:
            pair = struct.unpack("<dd", file.read(16)) if size >= 16 else (np.nan, np.nan)
            if np.isfinite(pair).all():
                self.streams[number].offsets.append(pair)
        else:
            start, n = _varlen(file.read(9), 0)
            stream = self.streams[number]
            room = size - start - n * (stream.sample_bytes + 1)
            if start and n and room >= 0 and self._add_samples(file, stream, place + start, size - start, n):
                return
            self._damaged += n != 0

    def _open_stream(self, number: int, content: bytes) -> None:
        try:
            if len(self.streams) >= MAX_STREAMS:
                raise ValueError(f"more than {MAX_STREAMS} streams")
            self.streams[number] = XdfStream(number, parse_header(content))
        except ValueError as error:
            raise ValueError(f"{self.path.name} cannot be read: it has {error}") from None

    def _add_samples(self, file: BinaryIO, stream: XdfStream, place: int, size: int, n: int) -> bool:
        """Enter a chunk of samples; False where its size and its content contradict each other."""
        last = stream.until[-1] if len(stream.until) else 0.0
        if stream.header.format == "string":
            if size > MAX_TEXT_CHUNK or not _is_whole(_read(file, place, size), stream, n):
                return False
            stream.add(place, size, n, last, last)
            return True
        rest = size - n * (stream.sample_bytes + 1)
        explicit = rest // 8
        if rest % 8 or explicit > n:
            return False
        head = _read(file, place, 9)
        if explicit == n:
            tail = _read(file, place + (n - 1) * (stream.sample_bytes + 9), 9)
            ends = (_stamp(head), _stamp(tail))
        elif explicit == 0:
            ends = (last + stream.interval, last + n * stream.interval)
        elif explicit == 1 and head[0] == 8:
            ends = (_stamp(head), _stamp(head) + (n - 1) * stream.interval)
        elif size <= MAX_TEXT_CHUNK and _is_whole(raw := _read(file, place, size), stream, n):
            stamps = [stamp for stamp, _ in _samples_in(raw, stream, n, last)]
            ends = (stamps[0], stamps[-1])
        else:
            return False
        if not np.isfinite(ends).all():
            return False
        stream.add(place, size, n, *ends)
        return True


def _chunk_of(stream: XdfStream, sample: int) -> int:
    return int(np.searchsorted(np.frombuffer(stream.first, np.int64), sample, side="right")) - 1


def _read(file: BinaryIO, place: int, size: int) -> bytes:
    file.seek(place)
    raw = file.read(size)
    if len(raw) != size:
        raise ValueError(f"{file.name} became shorter while it was read; is it still being written?")
    return raw


def _stamp(sample: bytes) -> float:
    """The stamp before a sample's values; NaN where it is missing."""
    return float(struct.unpack_from("<d", sample, 1)[0]) if sample[0] == 8 else np.nan


def _varlen(raw: bytes, at: int) -> tuple[int, int]:
    """Where the content begins, and the length written before it; (0, 0) where there is no length."""
    size = raw[at] if at < len(raw) else 0
    if size not in (1, 4, 8) or at + 1 + size > len(raw):
        return 0, 0
    return at + 1 + size, int.from_bytes(raw[at + 1 : at + 1 + size], "little")


def _samples_in(raw: bytes, stream: XdfStream, n: int, before: float) -> Iterator[tuple[float, int]]:
    """Stamp and place of the values of each of a chunk's n samples, as far as they are in the chunk."""
    at = 0
    for _ in range(n):
        if at >= len(raw):
            return
        explicit = raw[at] != 0
        if at + 1 + 8 * explicit > len(raw):
            return
        before = struct.unpack_from("<d", raw, at + 1)[0] if explicit else before + stream.interval
        at += 1 + 8 * explicit
        stop = _end_of_values(raw, at, stream)
        if not at < stop <= len(raw):
            return
        yield before, at
        at = stop


def _end_of_values(raw: bytes, at: int, stream: XdfStream) -> int:
    """Where the next sample begins; 0 where this one is broken."""
    if stream.header.format != "string":
        return at + stream.sample_bytes
    for _ in range(stream.header.n_channels):
        at, length = _varlen(raw, at)
        if not at:
            return 0
        at += length
    return at


def _is_whole(raw: bytes, stream: XdfStream, n: int) -> bool:
    """Whether a chunk holds n samples with finite stamps."""
    stamps = [stamp for stamp, _ in _samples_in(raw, stream, n, 0.0)]
    return len(stamps) == n and bool(np.isfinite(stamps).all())


def _after_boundary(file: BinaryIO, place: int) -> int | None:
    """Where the chunk after the next boundary begins; None where there is none."""
    at = place
    kept = b""
    while True:
        file.seek(at)
        block = file.read(BLOCK)
        if not block:
            return None
        index = (kept + block).find(writer.BOUNDARY_MARK)
        if index >= 0:
            return at - len(kept) + index + len(writer.BOUNDARY_MARK)
        kept = (kept + block)[-(len(writer.BOUNDARY_MARK) - 1) :]
        at += len(block)
