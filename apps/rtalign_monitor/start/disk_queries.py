"""Errands: questions to the disk, answered by a thread of their own, as a disk may be at the far end of a network."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Hashable
from typing import Any

PATIENCE_S = 0.2
AGAIN_S = 2.0
"""What failed or was not there is asked for again: disks come back, and people mend files."""


class Errands:
    """`answer` is None until there is one; an errand that failed is answered by its error."""

    def __init__(self) -> None:
        self._asked: dict[Hashable, float] = {}
        self._answers: dict[Hashable, Any] = {}
        self._waiting: queue.SimpleQueue[tuple[Hashable, Callable[[], Any]]] = queue.SimpleQueue()
        self._stop = threading.Event()

    def start(self) -> None:
        self._stop = threading.Event()
        threading.Thread(target=self._run, args=(self._stop,), name="errands", daemon=True).start()

    def answer(self, key: Hashable, do: Callable[[], Any]) -> Any:
        """The newest answer if there is one; the first to ask sends for it."""
        now, known = time.monotonic(), self._answers.get(key)
        bad = known is False or isinstance(known, Exception)
        if key not in self._asked or (bad and now - self._asked[key] > AGAIN_S):
            self._asked[key] = now
            self._waiting.put((key, do))
        return known

    def forget(self, key: Hashable) -> None:
        """Ask anew next time."""
        self._asked.pop(key, None)
        self._answers.pop(key, None)

    def close(self) -> None:
        """Returns at once; an errand under way is finished and then nobody waits for it."""
        self._stop.set()

    def _run(self, stop: threading.Event) -> None:
        while not stop.is_set():
            try:
                key, do = self._waiting.get(timeout=PATIENCE_S)
            except queue.Empty:
                continue
            try:
                self._answers[key] = do()
            except (OSError, ValueError) as error:
                self._answers[key] = error
