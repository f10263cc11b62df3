"""A lock between processes that its owner's death opens."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path


class FileLock:
    """A file that one process at a time may hold; the system lets go of it when that process ends, however it ends.

    Parameters
    ----------
    path : Path
        The file; it stays where it is, as removing it would let two processes lock two files of one name.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: int | None = None

    def acquire(self) -> bool:
        """Take the lock, or return False where another process has it."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        file = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o644)
        if not _try_lock(file):
            os.close(file)
            return False
        os.ftruncate(file, 0)
        os.write(file, f"process {os.getpid()} on {socket.gethostname()}\n".encode())
        self._file = file
        return True

    def release(self) -> None:
        """Let go; harmless where the lock is not held."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def owner(self) -> str:
        """Who has it, as its file says."""
        return self.path.read_text(encoding="utf-8", errors="replace").strip()[:100] or "another process"


def _try_lock(file: int) -> bool:
    try:
        if sys.platform == "win32":
            import msvcrt

            os.lseek(file, 1 << 20, os.SEEK_SET)  # beyond the text, which others may read
            msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
            os.lseek(file, 0, os.SEEK_SET)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
