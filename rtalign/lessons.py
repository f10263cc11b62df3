"""Lessons: decoders learned beside the scoring, in a thread of their own."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np

from rtalign.adaptation import Adapter
from rtalign.decoders import Decoders
from rtalign.decoding import Decoding


class Lessons:
    """Gives words to an adapter and brings back its decoders.  Owned by the engine's thread."""

    def __init__(self, adapter: Adapter) -> None:
        self._adapter = adapter
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="lesson")
        self._running: Future[Decoders | None] | None = None
        self._stopped = False

    @classmethod
    def of(cls, decoding: Decoding) -> Lessons:
        """From a bank, or from nothing where there is none."""
        d = decoding
        return cls(Adapter(d.recipe, len(d.layers) * d.projection.components, len(d.sensors), d.bank))

    @property
    def running(self) -> bool:
        return self._running is not None

    def add(self, epoch: np.ndarray, target: np.ndarray) -> None:
        """A word that has been scored.  epoch : (lag, sensor); target : (target,)."""
        self._adapter.add(epoch, target)

    def step(self, may_begin: bool = True) -> Decoders | None:
        """New decoders when a lesson has just ended; begins the next one when there is enough to learn."""
        learned = None
        if self._running and self._running.done():
            learned, self._running = self._running.result(), None
        if self._running is None and may_begin and self._adapter.due:
            self._running = self._pool.submit(self._adapter.freeze().solve, lambda: self._stopped)
        return learned

    def close(self) -> None:
        self._stopped = True
        self._pool.shutdown(wait=True, cancel_futures=True)
