"""Words meet samples: each word's brain signal at every lag, or the reason why there is none."""

from __future__ import annotations

import heapq
from typing import Protocol

import numpy as np

from rtalign.core.records import Epoch, SkippedWord, Word
from rtalign.signal.timeline import AFTER, LATER


class Memory(Protocol):
    """Signal that can be read by time: the ring live, the tape on disk."""

    def fits(self, start: float, stop: float) -> str | None: ...

    def read(self, times: np.ndarray) -> np.ndarray: ...


class Epocher:
    """Holds words until the signal around them is whole."""

    def __init__(self, lags_s: np.ndarray, memory: Memory) -> None:
        self._lags = np.array(lags_s, dtype=float)
        if self._lags.ndim != 1 or not len(self._lags):
            raise ValueError(f"lags of shape {self._lags.shape} came; at least one lag, in one row, is needed")
        self._first, self._last = float(self._lags.min()), float(self._lags.max())
        self._memory = memory
        self._waiting: list[tuple[float, int, int, Word]] = []
        self._timeless: list[SkippedWord] = []
        self._n_words = 0

    def push_word(self, word: Word) -> None:
        """A word may come before or after its samples."""
        if not np.isfinite(word.onset):
            self._timeless.append(SkippedWord(word, "no onset"))
            return
        self._n_words += 1
        heapq.heappush(self._waiting, (word.onset, word.index, self._n_words, word))

    def collect(self, ended: bool = False) -> list[Epoch | SkippedWord]:
        """The words whose fate is now known, by onset.  After the end of the signal, that is all of them."""
        done: list[Epoch | SkippedWord] = list(self._timeless)
        self._timeless = []
        while self._waiting:
            word = self._waiting[0][-1]
            reason = self._memory.fits(word.onset + self._first, word.onset + self._last)
            if reason == LATER and not ended:
                break  # the words behind it come later still
            heapq.heappop(self._waiting)
            if reason is None:
                done.append(Epoch(word, self._memory.read(word.onset + self._lags)))
            else:
                done.append(SkippedWord(word, AFTER if reason == LATER else reason))
        return done
