"""A wav, read piece by piece from the disk."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np

PLAIN, FLOAT, EXTENDED = 1, 3, 0xFFFE
MOST_CHUNKS = 1000
"""A wav has a handful; a file of other bytes could seem to have any number."""


class Wav:
    """Whole numbers of 8 to 32 bits, or floats; several channels become one."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb")
        try:
            self._read_head(path)
        except BaseException:
            self._file.close()
            raise

    @property
    def seconds(self) -> float:
        return self.n_frames / self.rate

    def read(self, first: int, n: int) -> np.ndarray:
        """(n,) from -1 to 1; silence before the beginning and behind the end."""
        found = np.zeros(n, np.float32)
        a, b = max(first, 0), min(first + n, self.n_frames)
        if a < b:
            self._file.seek(self._begin + a * self._width)
            got = self._decoded(self._file.read((b - a) * self._width))
            found[a - first : a - first + len(got)] = got
        return found

    def close(self) -> None:
        self._file.close()

    def _read_head(self, path: Path) -> None:
        size = path.stat().st_size
        riff = self._file.read(12)
        if riff[:4] != b"RIFF" or riff[8:] != b"WAVE":
            raise ValueError(f"{path.name} is no wav: it begins {riff[:4]!r}; save it as a wav")
        form: tuple[int, ...] | None = None
        for _ in range(MOST_CHUNKS):
            head = self._file.read(8)
            if len(head) < 8:
                break
            name, length = struct.unpack("<4sI", head)
            place = self._file.tell()
            if name == b"fmt ":
                form = _format(self._file.read(min(length, 40)))
            elif name == b"data" and form is not None:
                self._take(form, place, min(length, size - place), path)  # a sender may not have known the length
                return
            self._file.seek(place + length + length % 2)
        raise ValueError(f"{path.name} is a wav without sound in it; copy it again")

    def _take(self, form: tuple[int, ...], begin: int, n_bytes: int, path: Path) -> None:
        kind, self._channels, self.rate, bits = form
        good = (kind == PLAIN and bits in (8, 16, 24, 32)) or (kind == FLOAT and bits in (32, 64))
        if not good or not 1 <= self._channels <= 64 or not 100 <= self.rate <= 1_000_000:
            raise ValueError(
                f"{path.name} is of a kind that is not read (format {kind}, {bits} bits, {self._channels} channels, "
                f"{self.rate} Hz); save it as PCM of 16 bits"
            )
        self._kind, self._bytes, self._begin = kind, bits // 8, begin
        self._width = self._bytes * self._channels
        self.n_frames = n_bytes // self._width

    def _decoded(self, raw: bytes) -> np.ndarray:
        raw = raw[: len(raw) // self._width * self._width]
        values: np.ndarray
        if self._kind == FLOAT:
            values = np.nan_to_num(np.frombuffer(raw, f"<f{self._bytes}").astype(np.float32))
        elif self._bytes == 1:
            values = (np.frombuffer(raw, np.uint8).astype(np.float32) - 128) / 128
        elif self._bytes == 3:
            wide = np.zeros((len(raw) // 3, 4), np.uint8)
            wide[:, 1:] = np.frombuffer(raw, np.uint8).reshape(-1, 3)
            values = wide.view("<i4")[:, 0].astype(np.float32) / 2**31
        else:
            values = np.frombuffer(raw, f"<i{self._bytes}").astype(np.float32) / 2 ** (8 * self._bytes - 1)
        return values.reshape(-1, self._channels).mean(axis=1)


def _format(raw: bytes) -> tuple[int, ...] | None:
    """(kind, channels, rate, bits)"""
    if len(raw) < 16:
        return None
    kind, channels, rate, _, _, bits = struct.unpack("<HHIIHH", raw[:16])
    if kind == EXTENDED and len(raw) >= 26:
        kind = struct.unpack("<H", raw[24:26])[0]
    return kind, channels, rate, bits
