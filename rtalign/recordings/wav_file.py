"""Wav files: read whole, or a stretch at a time from the disk."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np

PCM, FLOAT, EXTENSIBLE = 1, 3, 0xFFFE
MAX_CHUNKS = 1000
"""A wav has a handful; a file of other bytes could seem to have any number."""

MAX_BYTES = 2 * 1024**3
"""Of a file that is read whole."""


@dataclass(frozen=True, slots=True)
class SampleFormat:
    """What the fmt chunk of a wav says.  code : PCM or FLOAT, else not read.  bits : of one sample of one channel."""

    code: int
    n_channels: int
    rate: int
    bits: int

    @property
    def readable(self) -> bool:
        """Whether `WavFile` decodes it."""
        known = (self.code == PCM and self.bits in (8, 16, 24, 32)) or (self.code == FLOAT and self.bits in (32, 64))
        return known and 1 <= self.n_channels <= 64 and 100 <= self.rate <= 1_000_000

    @property
    def frame_bytes(self) -> int:
        """What one sample of every channel takes."""
        return self.bits // 8 * self.n_channels


class WavFile:
    """An open wav of PCM samples of 8 to 32 bits, or floats; several channels are averaged.

    Parameters
    ----------
    path : Path
        The file; it stays open until `close`.

    Attributes
    ----------
    rate : int
        Samples a second.
    n_frames : int
        Samples of every channel.

    Raises
    ------
    ValueError
        Where the file is no wav, holds no sound, or is of a format that is not read.
    """

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb")
        try:
            self._format, self._begin, n_bytes = self._read_header(path)
        except BaseException:
            self._file.close()
            raise
        self.rate, self.n_frames = self._format.rate, n_bytes // self._format.frame_bytes

    @property
    def seconds(self) -> float:
        """The length of the sound."""
        return self.n_frames / self.rate

    def read(self, first: int, n: int) -> np.ndarray:
        """Read n samples, the mean of the channels.

        Parameters
        ----------
        first : int
            The first sample; it may lie before the beginning.
        n : int
            How many samples.

        Returns
        -------
        ndarray, shape (n,), float32
            From -1 to 1; silence before the beginning and after the end.
        """
        samples = np.zeros(n, np.float32)
        a, b = max(first, 0), min(first + n, self.n_frames)
        if a < b:
            width = self._format.frame_bytes
            self._file.seek(self._begin + a * width)
            decoded = self._decode(self._file.read((b - a) * width))
            samples[a - first : a - first + len(decoded)] = decoded
        return samples

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _read_header(self, path: Path) -> tuple[SampleFormat, int, int]:
        """The format, where the samples begin, and how many bytes they take."""
        size = path.stat().st_size
        riff = self._file.read(12)
        if riff[:4] != b"RIFF" or riff[8:] != b"WAVE":
            raise ValueError(f"{path.name} is no wav: it begins {riff[:4]!r}; save it as a wav")
        format: SampleFormat | None = None
        for _ in range(MAX_CHUNKS):
            header = self._file.read(8)
            if len(header) < 8:
                break
            name, length = struct.unpack("<4sI", header)
            begin = self._file.tell()
            if name == b"fmt ":
                format = _sample_format(self._file.read(min(length, 40)))
            elif name == b"data" and format is not None:
                _refuse_unreadable(format, path)
                return format, begin, min(length, size - begin)  # a program that streams did not know the length
            self._file.seek(begin + length + length % 2)
        raise ValueError(f"{path.name} is a wav without sound in it; copy it again")

    def _decode(self, raw: bytes) -> np.ndarray:
        """(frame,) the mean of the channels; an unfinished last frame is dropped."""
        raw = raw[: len(raw) // self._format.frame_bytes * self._format.frame_bytes]
        bits = self._format.bits
        values: np.ndarray
        if self._format.code == FLOAT:
            values = np.nan_to_num(np.frombuffer(raw, f"<f{bits // 8}").astype(np.float32))
        elif bits == 8:
            values = (np.frombuffer(raw, np.uint8).astype(np.float32) - 128) / 128
        elif bits == 24:
            wide = np.zeros((len(raw) // 3, 4), np.uint8)
            wide[:, 1:] = np.frombuffer(raw, np.uint8).reshape(-1, 3)
            values = wide.view("<i4")[:, 0].astype(np.float32) / 2**31
        else:
            values = np.frombuffer(raw, f"<i{bits // 8}").astype(np.float32) / 2 ** (bits - 1)
        return values.reshape(-1, self._format.n_channels).mean(axis=1)


@dataclass(frozen=True, slots=True)
class Sound:
    """The wav that was played in a recording.

    Attributes
    ----------
    file : str
        Its path.
    start : float
        When its first sample was played, in seconds of the replay.
    """

    file: str
    start: float


def read_wav(path: Path) -> tuple[np.ndarray, float]:
    """Read a whole wav.

    Parameters
    ----------
    path : Path
        A file that `WavFile` reads, of at most 2 GiB.

    Returns
    -------
    samples : ndarray, shape (sample,), float32
        The mean of the channels, from -1 to 1.
    rate : float
        Samples a second.
    """
    if not path.is_file():
        raise FileNotFoundError(f"there is no sound {path}")
    if path.stat().st_size > MAX_BYTES:
        raise ValueError(f"{path.name} has {path.stat().st_size / 2**30:.1f} GiB; a run's sound has at most 2")
    wav = WavFile(path)
    try:
        return wav.read(0, wav.n_frames), float(wav.rate)
    finally:
        wav.close()


def _sample_format(raw: bytes) -> SampleFormat | None:
    if len(raw) < 16:
        return None
    code, n_channels, rate, _, _, bits = struct.unpack("<HHIIHH", raw[:16])
    if code == EXTENSIBLE and len(raw) >= 26:
        code = struct.unpack("<H", raw[24:26])[0]
    return SampleFormat(code, n_channels, rate, bits)


def _refuse_unreadable(format: SampleFormat, path: Path) -> None:
    if not format.readable:
        raise ValueError(
            f"{path.name} is of a format that is not read (format {format.code}, {format.bits} bits, "
            f"{format.n_channels} channels, {format.rate} Hz); save it as PCM of 16 bits"
        )
