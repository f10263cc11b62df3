"""Read ahead: a recording's signal in small even pieces, read by a thread so that no disk delays one."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator

import numpy as np

from rtalign.core.records import Recording

BLOCK_S = 2.0
N_BLOCKS = 3


class ReadAhead:
    """Iterates over (number of the first sample, (sample, sensor) float32) of `size` samples at most."""

    def __init__(self, recording: Recording, size: int) -> None:
        self._recording, self._size = recording, size
        self._blocks: queue.Queue[tuple[int, np.ndarray] | BaseException | None] = queue.Queue(N_BLOCKS)
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._read, name="read-ahead", daemon=True)
        self._thread.start()

    def __iter__(self) -> Iterator[tuple[int, np.ndarray]]:
        while True:
            block = self._blocks.get()
            if block is None:
                return
            if isinstance(block, BaseException):
                raise block
            first, data = block
            for a in range(0, len(data), self._size):
                yield first + a, data[a : a + self._size]

    def close(self) -> None:
        self._closed.set()
        self._thread.join(10.0)

    def _read(self) -> None:
        last: BaseException | None = None
        try:
            for chunk in self._recording.chunks(BLOCK_S):
                first = round((chunk.start - self._recording.start) * self._recording.sfreq)
                if not self._put((first, np.ascontiguousarray(chunk.data, dtype=np.float32))):
                    return
        except Exception as error:  # the boundary of a thread: whoever iterates raises it
            last = error
        self._put(last)

    def _put(self, block: tuple[int, np.ndarray] | BaseException | None) -> bool:
        """False where nobody wants it any more."""
        while not self._closed.is_set():
            try:
                self._blocks.put(block, timeout=0.2)
            except queue.Full:
                continue
            return True
        return False
