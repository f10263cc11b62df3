"""DiskQueries: questions to the disk, answered in a thread, as a disk may be at the far end of a network."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Hashable
from typing import Any

POLL_S = 0.2
RETRY_S = 2.0
"""What failed or was missing is asked for again: disks are mounted, and files are repaired."""


class DiskQueries:
    """Results of queries by key; the result of a query that failed is its error."""

    def __init__(self) -> None:
        self._asked_at: dict[Hashable, float] = {}
        self._results: dict[Hashable, Any] = {}
        self._waiting: queue.SimpleQueue[tuple[Hashable, Callable[[], Any]]] = queue.SimpleQueue()
        self._stop = threading.Event()

    def start(self) -> None:
        self._stop = threading.Event()
        threading.Thread(target=self._run, args=(self._stop,), name="disk queries", daemon=True).start()

    def get(self, key: Hashable, query: Callable[[], Any]) -> Any:
        """Return the cached result, or None and schedule the query.

        Parameters
        ----------
        key : hashable
            What the query is about.
        query : callable
            Run in the thread; may raise OSError or ValueError.

        Returns
        -------
        object or None
            The newest result, or the error that was raised.
        """
        now, known = time.monotonic(), self._results.get(key)
        failed = known is False or isinstance(known, Exception)
        if key not in self._asked_at or (failed and now - self._asked_at[key] > RETRY_S):
            self._asked_at[key] = now
            self._waiting.put((key, query))
        return known

    def forget(self, key: Hashable) -> None:
        """Run the query again next time."""
        self._asked_at.pop(key, None)
        self._results.pop(key, None)

    def close(self) -> None:
        """Stop the thread after the query that it is running; returns at once."""
        self._stop.set()

    def _run(self, stop: threading.Event) -> None:
        while not stop.is_set():
            try:
                key, query = self._waiting.get(timeout=POLL_S)
            except queue.Empty:
                continue
            try:
                self._results[key] = query()
            except (OSError, ValueError) as error:
                self._results[key] = error
