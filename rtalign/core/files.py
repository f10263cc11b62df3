"""Files that are never left half written: text replaced as a whole, and a file that only grows."""

from __future__ import annotations

import os
from pathlib import Path

MAX_KEPT_BYTES = 32 << 20


def write_atomically(path: Path, text: str) -> None:
    """Replace a text file as a whole: written under another name in its folder, then renamed."""
    partial = path.with_name(f"{path.name}.partial-{os.getpid()}")
    try:
        with partial.open("w", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


class Appended:
    """Records are handed in with `add` and reach the system with `flush`; those that cannot be written wait.

    Every write goes to the end of what is known to be good, so that a record of which the disk took only a part is
    overwritten by the next one.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o644)
        self._kept: list[bytes] = []
        self._kept_bytes = 0
        self.n_bytes = 0
        self.n_lost = 0
        """Records that found neither space on the disk nor in memory."""

    def add(self, record: bytes) -> None:
        """A record for the next flush."""
        if self._kept_bytes + len(record) > MAX_KEPT_BYTES:
            self.n_lost += 1
            return
        self._kept.append(record)
        self._kept_bytes += len(record)

    def flush(self) -> None:
        """Everything that waits, in one write; OSError where that fails, and then all of it waits on."""
        if self._kept:
            self.write(b"".join(self._kept))
            self._kept, self._kept_bytes = [], 0

    def write(self, record: bytes) -> None:
        """A record now or, with OSError, not at all."""
        os.lseek(self._file, self.n_bytes, os.SEEK_SET)
        try:
            rest = memoryview(record)
            while rest:
                rest = rest[os.write(self._file, rest) :]
        except OSError:
            self._cut()
            raise
        self.n_bytes += len(record)

    def settle(self) -> None:
        """On to the disk itself, so that a power cut cannot take it back."""
        os.fsync(self._file)

    def close(self) -> None:
        if self._file >= 0:
            self._cut()
            os.close(self._file)
            self._file = -1

    def _cut(self) -> None:
        try:
            os.ftruncate(self._file, self.n_bytes)
        except OSError:  # what stays behind the good end is overwritten later, and readers leave it out
            return
