"""Words meet samples: each word's brain signal at every lag, or the reason why there is none."""

from __future__ import annotations

import heapq
from typing import Protocol

import numpy as np

from rtalign.core.records import Epoch, SkippedWord, Word
from rtalign.signal.timeline import AFTER, LATER


class SignalBuffer(Protocol):
    """Signal that can be read by time: `RingBuffer` live, `DiskBuffer` for a whole recording."""

    def unreadable(self, start: float, stop: float) -> str | None:
        """Why the time from start to stop cannot be read ("later": not yet); None if it can."""
        ...

    def read(self, times: np.ndarray) -> np.ndarray:
        """The signal at some times, shape (time,) in seconds; returns (time, sensor) float32."""
        ...


class EpochBuilder:
    """Holds words until the signal around them is complete, then reads their epochs from a buffer.

    Parameters
    ----------
    lags_s : ndarray, shape (lag,)
        Seconds after each word's onset.
    buffer : SignalBuffer
        Where the signal is read.
    """

    def __init__(self, lags_s: np.ndarray, buffer: SignalBuffer) -> None:
        self._lags = np.array(lags_s, dtype=float)
        if self._lags.ndim != 1 or not len(self._lags):
            raise ValueError(f"lags have the shape {self._lags.shape}; at least one lag, in one row, is needed")
        self._first, self._last = float(self._lags.min()), float(self._lags.max())
        self._buffer = buffer
        self._waiting: list[tuple[float, int, int, Word]] = []
        self._without_onset: list[SkippedWord] = []
        self._n_words = 0

    def push_word(self, word: Word) -> None:
        """Add a word, before or after its samples."""
        if not np.isfinite(word.onset):
            self._without_onset.append(SkippedWord(word, "no onset"))
            return
        self._n_words += 1
        heapq.heappush(self._waiting, (word.onset, word.index, self._n_words, word))

    def collect(self, ended: bool = False) -> list[Epoch | SkippedWord]:
        """Return the words that are decided, by onset; after the end of the signal (`ended`), all of them."""
        done: list[Epoch | SkippedWord] = list(self._without_onset)
        self._without_onset = []
        while self._waiting:
            word = self._waiting[0][-1]
            reason = self._buffer.unreadable(word.onset + self._first, word.onset + self._last)
            if reason == LATER and not ended:
                break  # the words behind it are later still
            heapq.heappop(self._waiting)
            if reason is None:
                done.append(Epoch(word, self._buffer.read(word.onset + self._lags)))
            else:
                done.append(SkippedWord(word, AFTER if reason == LATER else reason))
        return done
