"""Every word of a session and its state: received, read by the model, cut from the signal, then scored or skipped."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from rtalign.core.records import Epoch, SkippedWord, Word
from rtalign.language import EncodedWord

N_RECENT = 300
"""Finished words of which the entry is kept."""
MAX_WAITING_EPOCHS = 400
"""Epochs kept for words that the language model has not read yet; beyond it the older half is skipped.

Why half: the model reads the oldest word first, so with one word skipped at a time it would only read skipped ones."""
TOO_SLOW = "the language model was too slow"

WordState = Literal["waiting", "scored", "skipped"]


@dataclass(frozen=True, slots=True)
class WordEntry:
    """What is known of one word of the session.

    Attributes
    ----------
    word : Word
        The word itself.
    status : {"waiting", "scored", "skipped"}
        What became of it so far.
    reason : str
        Why it was skipped; empty otherwise.
    surprisal : float or None
        In nats; None while the language model has not read the word, and where there is none.
    n_tokens : int
        How many tokens the word is made of; 0 while it has not been read.
    latency_s : float or None
        From the arrival of the last sample that the word needed to its score.
    """

    word: Word
    status: WordState = "waiting"
    reason: str = ""
    surprisal: float | None = None
    n_tokens: int = 0
    latency_s: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class ReadyWord:
    """A word with all that a score needs.

    Attributes
    ----------
    word : Word
        The word itself.
    epoch : ndarray, shape (lag, sensor)
        The signal around it.
    target : ndarray, shape (target,)
        What the decoders should predict.
    complete_at : float
        Monotonic time at which the epoch was complete, in seconds.
    """

    word: Word
    epoch: np.ndarray
    target: np.ndarray
    complete_at: float


class Ledger:
    """Joins what arrives in any order: words, their activations, their epochs.

    Every word that is received ends as scored or as skipped with a reason.  A word that comes again, as after a seek,
    is not counted again.

    Attributes
    ----------
    recent : deque of WordEntry
        The newest finished words.
    skipped : Counter
        How many words were skipped, by reason.
    n_received, n_scored : int
        Words so far.
    """

    def __init__(self) -> None:
        self.recent: deque[WordEntry] = deque(maxlen=N_RECENT)
        self.skipped: Counter[str] = Counter()
        self.n_received = self.n_scored = 0
        self._waiting: dict[int, WordEntry] = {}
        self._epochs: dict[int, tuple[Epoch, float]] = {}
        self._targets: dict[int, np.ndarray] = {}
        # Finished are all words below _below, and those in _finished: ten hours in order leave the set nearly empty.
        self._below = 0
        self._finished: set[int] = set()
        self._was_reset = False

    @property
    def n_waiting(self) -> int:
        """Words received and neither scored nor skipped."""
        return len(self._waiting)

    @property
    def n_epochs(self) -> int:
        """Words whose epoch waits for the language model."""
        return len(self._epochs)

    @property
    def entries(self) -> list[WordEntry]:
        """The newest words, finished and waiting, in the order of their onsets."""
        return sorted([*self.recent, *self._waiting.values()], key=lambda entry: entry.word.onset)[-N_RECENT:]

    def add_word(self, word: Word) -> bool:
        """Receive a word.

        Returns
        -------
        bool
            Whether it is new.
        """
        if word.index < self._below or word.index in self._finished or word.index in self._waiting:
            return False
        self.n_received += 1
        self._waiting[word.index] = WordEntry(word)
        return True

    def add_activations(self, encoded: EncodedWord) -> None:
        """Receive what the language model made of a word."""
        entry = self._waiting.get(encoded.word.index)
        if entry is None:
            return
        surprisal = encoded.surprisal if np.isfinite(encoded.surprisal) else None
        self._waiting[encoded.word.index] = replace(entry, surprisal=surprisal, n_tokens=encoded.n_tokens)
        self._targets[encoded.word.index] = encoded.target

    def add_epoch(self, epoch: Epoch | SkippedWord, complete_at: float) -> list[WordEntry]:
        """Receive a word's epoch, or the reason why there is none.

        Parameters
        ----------
        epoch : Epoch or SkippedWord
            What the signal gave for the word.
        complete_at : float
            Monotonic time at which it was complete.

        Returns
        -------
        list of WordEntry
            The words that are finished by this.
        """
        if epoch.word.index not in self._waiting:
            return []
        if isinstance(epoch, SkippedWord):
            return [self._finish(epoch.word.index, "skipped", epoch.reason)]
        self._epochs[epoch.word.index] = epoch, complete_at
        unread = [index for index in self._epochs if index not in self._targets]
        if len(unread) <= MAX_WAITING_EPOCHS:
            return []
        return [self._finish(index, "skipped", TOO_SLOW) for index in unread[: len(unread) - MAX_WAITING_EPOCHS // 2]]

    def ready_words(self, n: int) -> list[ReadyWord]:
        """Up to n words that can be scored, the one with the oldest epoch first."""
        ready = [index for index in self._epochs if index in self._targets][:n]
        return [
            ReadyWord(epoch.word, epoch.data, self._targets[index], complete_at)
            for index in ready
            for epoch, complete_at in [self._epochs[index]]
        ]

    def mark_scored(self, word: Word, latency_s: float) -> WordEntry:
        """The word has a score."""
        self.n_scored += 1
        return self._finish(word.index, "scored", "", latency_s)

    def mark_skipped(self, word: Word, reason: str) -> WordEntry:
        """The word will have no score."""
        return self._finish(word.index, "skipped", reason)

    def drop_waiting(self) -> None:
        """After a seek: forget the words under way, as if they had not been received."""
        self.n_received -= len(self._waiting)
        self._waiting, self._epochs, self._targets = {}, {}, {}

    def reset(self) -> None:
        """Count from zero; finished words may be received and scored again, those under way go on."""
        self.n_received, self.n_scored = len(self._waiting), 0
        self.skipped.clear()
        self._below, self._finished, self._was_reset = 0, set(), True

    def skip_waiting(self, reason: str, unread_only: bool = False) -> list[WordEntry]:
        """Skip all words under way, or those alone that the language model has not read; returns their entries."""
        skipped = [index for index in self._waiting if not (unread_only and index in self._targets)]
        return [self._finish(index, "skipped", reason) for index in skipped]

    def _finish(self, index: int, status: WordState, reason: str, latency_s: float | None = None) -> WordEntry:
        entry = replace(self._waiting.pop(index), status=status, reason=reason, latency_s=latency_s)
        self._epochs.pop(index, None)
        self._targets.pop(index, None)
        self._finished.add(index)
        while self._below in self._finished:
            self._finished.remove(self._below)
            self._below += 1
        if self._was_reset:
            self.recent = deque((e for e in self.recent if e.word.index != index), N_RECENT)
        self.recent.append(entry)
        if status == "skipped":
            self.skipped[reason] += 1
        return entry
