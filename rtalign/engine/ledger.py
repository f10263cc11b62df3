"""Every word of a session and what became of it: heard, understood, measured, then scored or skipped for a reason."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from rtalign.core.records import Epoch, SkippedWord, Word
from rtalign.language import EncodedWord

RECENT = 300
"""Words that can still be looked at when they are done."""
MOST_WAITING = 400
"""Epochs kept for words that the language model has not read yet; of more, the oldest are given up."""
TOO_SLOW = "the language model was too slow"

Status = Literal["waiting", "scored", "skipped"]


@dataclass(frozen=True, slots=True)
class Entry:
    """One word's line.  latency_s : from the arrival of the last sample it needed to its score."""

    word: Word
    status: Status = "waiting"
    reason: str = ""
    surprisal: float | None = None
    n_tokens: int = 0
    latency_s: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Pair:
    """A word with all that a score needs.  epoch : (lag, sensor); target : (target,); arrived : when it was whole."""

    word: Word
    epoch: np.ndarray
    target: np.ndarray
    arrived: float


class Ledger:
    """Brings together what arrives in any order.  A word that is heard again after a seek is not counted again."""

    def __init__(self) -> None:
        self.recent: deque[Entry] = deque(maxlen=RECENT)
        self.skipped: Counter[str] = Counter()
        self.n_received = self.n_scored = 0
        self._open: dict[int, Entry] = {}
        self._epochs: dict[int, tuple[Epoch, float]] = {}
        self._targets: dict[int, np.ndarray] = {}
        # Closed are all words below _below, and those in _closed: ten hours in order leave the set nearly empty.
        self._below = 0
        self._closed: set[int] = set()
        self._again = False

    @property
    def n_waiting(self) -> int:
        return len(self._open)

    @property
    def n_whole(self) -> int:
        """Words whose epoch waits for the language model."""
        return len(self._epochs)

    @property
    def entries(self) -> list[Entry]:
        """The newest words, done and waiting, in the order in which they were spoken."""
        return sorted([*self.recent, *self._open.values()], key=lambda entry: entry.word.onset)[-RECENT:]

    def hear(self, word: Word) -> bool:
        """Whether the word is new."""
        if word.index < self._below or word.index in self._closed or word.index in self._open:
            return False
        self.n_received += 1
        self._open[word.index] = Entry(word)
        return True

    def understand(self, found: EncodedWord) -> None:
        entry = self._open.get(found.word.index)
        if entry is None:
            return
        surprisal = found.surprisal if np.isfinite(found.surprisal) else None
        self._open[found.word.index] = replace(entry, surprisal=surprisal, n_tokens=found.n_tokens)
        self._targets[found.word.index] = found.target

    def measure(self, found: Epoch | SkippedWord, arrived: float) -> list[Entry]:
        """An epoch, or the reason why there is none; returns the entries that this closes."""
        if found.word.index not in self._open:
            return []
        if isinstance(found, SkippedWord):
            return [self._close(found.word.index, "skipped", found.reason)]
        self._epochs[found.word.index] = found, arrived
        return [
            self._close(next(iter(self._epochs)), "skipped", TOO_SLOW)
            for _ in range(max(len(self._epochs) - MOST_WAITING, 0))
        ]

    def pairs(self, most: int) -> list[Pair]:
        """Words ready to be scored, oldest epoch first."""
        ready = [index for index in self._epochs if index in self._targets][:most]
        return [
            Pair(epoch.word, epoch.data, self._targets[index], arrived)
            for index in ready
            for epoch, arrived in [self._epochs[index]]
        ]

    def score(self, word: Word, latency_s: float) -> Entry:
        self.n_scored += 1
        return self._close(word.index, "scored", "", latency_s)

    def skip(self, word: Word, reason: str) -> Entry:
        return self._close(word.index, "skipped", reason)

    def forget_waiting(self) -> None:
        """After a seek: words under way are void, as if they had not been heard."""
        self.n_received -= len(self._open)
        self._open, self._epochs, self._targets = {}, {}, {}

    def begin_anew(self) -> None:
        """Words that are done may be heard and scored again; those under way go on."""
        self.n_received, self.n_scored = len(self._open), 0
        self.skipped.clear()
        self._below, self._closed, self._again = 0, set(), True

    def give_up(self, reason: str, unread: bool = False) -> list[Entry]:
        """Everything still waiting is skipped; unread: only what the language model has not read."""
        given = [index for index in self._open if not (unread and index in self._targets)]
        return [self._close(index, "skipped", reason) for index in given]

    def _close(self, index: int, status: Status, reason: str, latency_s: float | None = None) -> Entry:
        entry = replace(self._open.pop(index), status=status, reason=reason, latency_s=latency_s)
        self._epochs.pop(index, None)
        self._targets.pop(index, None)
        self._closed.add(index)
        while self._below in self._closed:
            self._closed.remove(self._below)
            self._below += 1
        if self._again:
            self.recent = deque((e for e in self.recent if e.word.index != index), RECENT)
        self.recent.append(entry)
        if status == "skipped":
            self.skipped[reason] += 1
        return entry
