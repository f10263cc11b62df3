"""A thread that owns files: what is handed over waits in a bounded queue, and no caller ever waits for the disk."""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

FLUSH_S = 0.4
SETTLE_S = 10.0
MAX_QUEUE_BYTES = 200 << 20
NOTE_BYTES = 500
"""About what a word, a marker or a line of the log takes in the queue."""


class OwnedFile(Protocol):
    """A file that keeps what it is given until `flush`."""

    @property
    def n_bytes(self) -> int: ...

    def flush(self) -> None: ...

    def sync(self) -> None: ...

    def close(self) -> None: ...


class FileThread:
    """Writes to files as long as it goes; one that cannot be written to does not hold up the others.

    Parameters
    ----------
    folder : Path
        Where the files are.
    files : sequence of OwnedFile
        Flushed in this order, every FLUSH_S.
    lost : callable
        () -> in words, what could not be written so far.
    trouble : callable
        () -> a problem that is no error of the disk, or None; asked for after each write.
    recovered : callable
        Called with the problem that has passed.

    Attributes
    ----------
    problem : str or None
        What is wrong now, and how to fix it.
    bytes_written, disk_free_bytes : int
        As of the last write.
    """

    def __init__(
        self,
        folder: Path,
        files: Sequence[OwnedFile],
        lost: Callable[[], str],
        trouble: Callable[[], str | None] = lambda: None,
        recovered: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._folder, self._files = folder, files
        self._lost, self._trouble, self._recovered = lost, trouble, recovered
        self.problem: str | None = None
        self.bytes_written = 0
        self.disk_free_bytes = shutil.disk_usage(folder).free
        self._began = time.monotonic()
        self._queue: deque[tuple[Callable[[], None], int]] = deque()
        self._queued_bytes = 0
        self._lock, self._stop = threading.Condition(), False
        self._thread = threading.Thread(target=self._work, name="rtalign files", daemon=True)
        self._thread.start()

    def hours_left(self, bytes_an_hour: float) -> float:
        """How long the free disk space lasts at the rate so far; before one is known, at the rate that is given."""
        passed = time.monotonic() - self._began
        hourly = self.bytes_written / passed * 3600 if passed > 10 and self.bytes_written else bytes_an_hour
        return self.disk_free_bytes / max(hourly, 1.0)

    def put(self, job: Callable[[], None], size: int = NOTE_BYTES, is_bulk: bool = False) -> bool:
        """Have the thread do a job; False where it waits for too much already.  is_bulk : it leaves room for others."""
        with self._lock:
            if self._stop or self._queued_bytes + size > (MAX_QUEUE_BYTES if is_bulk else 1.25 * MAX_QUEUE_BYTES):
                if not self._stop:
                    self.problem = (
                        f"the disk does not keep up: {self._lost()} not written - "
                        "record to a faster disk; recording goes on"
                    )
                return False
            self._queue.append((job, size))
            self._queued_bytes += size
        return True

    def close(self) -> None:
        """Write everything and close the files.  A second call does nothing."""
        with self._lock:
            self._stop = True
            self._lock.notify()
        self._thread.join()

    def _work(self) -> None:
        """Whatever is raised here is kept as the problem, for the caller to show."""
        settled = time.monotonic()
        try:
            stopping = False
            while not stopping:
                with self._lock:
                    if not self._stop:
                        self._lock.wait(FLUSH_S)
                    stopping = self._stop
                settle = time.monotonic() - settled > SETTLE_S
                self._write(settle or stopping, stopping)
                settled = time.monotonic() if settle else settled
        except Exception as error:
            self.problem = f"the recorder stopped: {type(error).__name__}: {error} - start the recording again"
            with self._lock:
                self._stop = True
        finally:
            self._end()

    def _write(self, settle: bool, stopping: bool) -> None:
        with self._lock:
            jobs, self._queue, self._queued_bytes = self._queue, deque(), 0
        for job, _ in jobs:
            job()
        failed: OSError | None = None
        for file in self._files:
            try:
                file.flush()
                if settle:
                    file.sync()
            except OSError as error:
                failed = error
        self._update_status(failed, stopping)

    def _update_status(self, failed: OSError | None, stopping: bool) -> None:
        self.bytes_written = sum(file.n_bytes for file in self._files)
        self.disk_free_bytes = shutil.disk_usage(self._folder).free if self._folder.is_dir() else 0
        trouble = self._trouble()
        if failed is not None:
            self.problem = self._describe(failed)
        elif trouble is not None:
            self.problem = trouble
        elif self.problem is not None and not stopping:
            self._recovered(self.problem)
            self.problem = None

    def _describe(self, error: OSError) -> str:
        reason = f"{os.strerror(error.errno or 0)}; {self.disk_free_bytes / 1e9:.1f} GB free"
        return (
            f"cannot write to {self._folder} ({reason}): {self._lost()} not written - "
            "make room there; recording goes on by itself"
        )

    def _end(self) -> None:
        for file in self._files:
            try:
                file.close()
            except OSError as error:
                self.problem = self._describe(error)
        self.bytes_written = sum(file.n_bytes for file in self._files)
