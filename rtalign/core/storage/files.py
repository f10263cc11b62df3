"""Files and folders that are never left half written: text and folders replaced as a whole, and a file that grows."""

from __future__ import annotations

import glob
import os
import re
import shutil
import socket
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

MAX_WAITING_BYTES = 32 << 20
"""Records that an AppendOnlyFile keeps in memory while the disk takes none."""

ABANDONED_S = 86400.0
"""Partial folders of other machines that have not changed for this long are removed."""


def expand_home(text: str | Path) -> Path:
    """A path whose ~ is a user's folder; where that user does not exist the ~ stays, and nothing is found there."""
    return Path(os.path.expanduser(text))


def write_atomically(path: Path, text: str) -> None:
    """Replace a text file as a whole: written under another name in its folder, then renamed.

    Parameters
    ----------
    path : Path
        The file.
    text : str
        Its new contents, written as UTF-8.
    """
    with atomic_file(path) as partial:
        partial.write_text(text, encoding="utf-8", newline="")


@contextmanager
def atomic_file(path: Path) -> Iterator[Path]:
    """A file to write that replaces `path` complete or not at all.

    Parameters
    ----------
    path : Path
        The file.

    Yields
    ------
    Path
        Where to write it, in the same folder; another machine that shares the disk writes elsewhere.
    """
    partial = path.with_name(_partial_name(path))
    try:
        yield partial
        with partial.open("rb+") as file:  # Windows syncs only what may be written
            os.fsync(file.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """A folder to write into that appears at `path` complete or not at all.

    If another process was quicker, its folder stays: two folders of one path have equal contents, as the path holds a
    key of everything that they depend on.

    Parameters
    ----------
    path : Path
        Where the folder will be.

    Yields
    ------
    Path
        The temporary folder, beside the final one; an error in the `with` block deletes it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    _remove_partial(path.parent.glob(f"{glob.escape(path.name)}.partial-*"))
    partial = Path(tempfile.mkdtemp(prefix=_partial_name(path) + "-", dir=path.parent))
    try:
        yield partial
        partial.chmod(0o755)
        try:
            partial.rename(path)
        except OSError:
            if not path.is_dir():
                raise
    finally:
        shutil.rmtree(partial, ignore_errors=True)


@contextmanager
def replaced_folder(path: Path) -> Iterator[Path]:
    """As `atomic_folder`, but a folder that is there already is replaced, once the new one is complete.

    The old one is renamed, which takes no time, and removed when the new one is in its place.
    """
    old: Path | None = None
    try:
        with atomic_folder(path) as partial:
            yield partial
            if path.is_dir():
                old = Path(tempfile.mkdtemp(prefix=_partial_name(path) + "-", dir=path.parent))
                path.rename(old / "old")
    finally:
        if old is not None:
            if not path.exists():  # the new one did not take its place
                (old / "old").rename(path)
            shutil.rmtree(old, ignore_errors=True)


def remove_abandoned(store: Path) -> None:
    """Remove what killed processes left half written in the folders of a cache."""
    _remove_partial(store.glob("*/*.partial-*"))


PARTIAL = re.compile(r".*\.partial-(?P<host>.+)-(?P<process>\d+)(-[a-z0-9_]+)?")


def _partial_name(path: Path) -> str:
    return f"{path.name}.partial-{_machine()}-{os.getpid()}"


def _machine() -> str:
    """Where the number of a process says which process it is: a machine, or one of the containers on it."""
    try:
        return f"{socket.gethostname()}.{os.stat('/proc/self/ns/pid').st_ino}"
    except OSError:
        return socket.gethostname()


def _remove_partial(found: Iterable[Path]) -> None:
    """Remove those whose process has ended; of other machines', those that have not changed for a day."""
    for partial in found:
        match = PARTIAL.fullmatch(partial.name)
        try:
            if match and match["host"] == _machine():
                ended = not psutil.pid_exists(int(match["process"]))
            else:
                newest = max(path.stat().st_mtime for path in [partial, *partial.rglob("*")])
                ended = time.time() - newest > ABANDONED_S
            if ended and partial.is_dir():
                shutil.rmtree(partial, ignore_errors=True)
            elif ended:
                partial.unlink()
        except OSError:  # its own process has just finished or removed it
            continue


class AppendOnlyFile:
    """A file that only grows, of which a full disk never leaves half a record.

    Records are handed in with `add` and written with `flush`; those that cannot be written wait in memory.  Every write
    goes to the end of what is complete, so a record of which the disk took only a part is overwritten by the next one.

    Parameters
    ----------
    path : Path
        The file, which must not exist yet unless it is continued.
    continued : bool
        Go on with a file of text behind its last whole line, where there is one: half a line of a process that was
        killed is cut off.

    Attributes
    ----------
    n_bytes : int
        Bytes of complete records in the file.
    n_lost : int
        Records for which there was space neither on disk nor in memory.
    """

    def __init__(self, path: Path, continued: bool = False) -> None:
        self.path = path
        flags = os.O_RDWR if continued else os.O_WRONLY | os.O_EXCL
        self._file = os.open(path, flags | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o644)
        self._waiting: list[bytes] = []
        self._waiting_bytes = 0
        self.n_bytes = self._whole_lines() if continued else 0
        self.n_lost = 0

    def add(self, record: bytes) -> None:
        """Keep a record for the next flush."""
        if self._waiting_bytes + len(record) > MAX_WAITING_BYTES:
            self.n_lost += 1
            return
        self._waiting.append(record)
        self._waiting_bytes += len(record)

    def flush(self) -> None:
        """Write all waiting records at once; on OSError all of them stay waiting."""
        if self._waiting:
            self.write(b"".join(self._waiting))
            self._waiting, self._waiting_bytes = [], 0

    def write(self, record: bytes) -> None:
        """Write a record now or, with OSError, not at all."""
        os.lseek(self._file, self.n_bytes, os.SEEK_SET)
        try:
            rest = memoryview(record)
            while rest:
                rest = rest[os.write(self._file, rest) :]
        except OSError:
            self._truncate()
            raise
        self.n_bytes += len(record)

    def sync(self) -> None:
        """Make the system write the file to the disk itself, so that a power cut does not lose it."""
        os.fsync(self._file)

    def close(self) -> None:
        """Cut off an incomplete record and close the file."""
        if self._file >= 0:
            self._truncate()
            os.close(self._file)
            self._file = -1

    @property
    def in_place(self) -> bool:
        """Whether the file is still where it was made: not removed, moved or replaced."""
        try:
            return os.path.samestat(os.stat(self.path), os.fstat(self._file))
        except OSError:
            return False

    def _whole_lines(self) -> int:
        """Bytes up to the end of the last whole line."""
        end = os.fstat(self._file).st_size
        while end:
            start = max(end - (1 << 16), 0)
            os.lseek(self._file, start, os.SEEK_SET)
            if (found := os.read(self._file, end - start).rfind(b"\n")) >= 0:
                return start + found + 1
            end = start
        return 0

    def _truncate(self) -> None:
        try:
            os.ftruncate(self._file, self.n_bytes)
        except OSError:  # the incomplete end is overwritten later, and readers ignore it
            return
