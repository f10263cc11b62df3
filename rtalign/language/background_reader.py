"""Language models on a thread of their own, so that the signal never waits for them: live, or ahead of a replay."""

from __future__ import annotations

import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Protocol

import numpy as np

from rtalign.core.machine import let_others_first
from rtalign.core.records import Word
from rtalign.language.reading import Reading

TargetFunction = Callable[[np.ndarray], np.ndarray]
"""Converts activations (word, layer, dim) to targets (word, target)."""


@dataclass(frozen=True, slots=True, eq=False)
class EncodedWord:
    """A word that the language model has read.

    Attributes
    ----------
    word : Word
        The word.
    target : ndarray, shape (target,)
        What the decoders are to predict.
    surprisal : float
        In nats; NaN where there is none.
    n_tokens : int
        Number of tokens.
    seconds : float
        Time that it took to read the word.
    """

    word: Word
    target: np.ndarray
    surprisal: float
    n_tokens: int
    seconds: float


class WordReader(Protocol):
    """Reads a story as its words come, as an IncrementalReader does."""

    def read(self, words: Sequence[str]) -> Reading: ...

    def skip(self, words: Sequence[str]) -> None: ...

    @property
    def room(self) -> int: ...

    def prepare(self, serve: Callable[[], None], words_wait: bool) -> bool: ...


WORDS_AT_ONCE = 8
"""Words that are read together where so many wait: a large model reads its weights once for all of them."""

WORDS_GATHERED = 3
"""Words that a patient reader waits for: their tokens, about four, cost a large model hardly more than one does."""


class BackgroundReader(Protocol):
    """Words go in, and come out encoded, in the same order, when the model has read them.

    Attributes
    ----------
    backlog : int
        Number of words that went in and have not come out.
    """

    @property
    def backlog(self) -> int: ...

    def push(self, word: Word) -> None:
        """Request a word."""
        ...

    def pull(self) -> list[EncodedWord]:
        """The words that have been read since the last call; never waits.  Raises the error of the thread, if any."""
        ...

    def give_up(self, word: Word) -> None:
        """A word that was requested is no longer wanted: it is context alone, and need not come out."""
        ...

    def restart(self) -> None:
        """Begin a new story: the words so far are no context for those that follow."""
        ...

    def set_targets(self, targets: TargetFunction) -> None:
        """Compute the targets of later words in another way."""
        ...

    def close(self) -> None:
        """Stop the thread."""
        ...


class LiveReader:
    """A BackgroundReader for words that are not known in advance.  Words that wait are read together.

    Parameters
    ----------
    make_reader : callable
        Makes a reader at the beginning of a story; called on the thread.
    targets : callable
        Converts activations to targets.
    n_threads : int, optional
        Cores that the model may take; with more than one, it takes what nothing else needs.  By default those that
        torch has in this process.
    patience_s : float
        How long a word may wait for others to be read with, but for no longer than two readings take; 0 for not at all.
    """

    def __init__(
        self,
        make_reader: Callable[[], WordReader],
        targets: TargetFunction,
        n_threads: int | None = None,
        patience_s: float = 0.0,
    ) -> None:
        self._make_reader, self._targets, self._n_threads = make_reader, targets, n_threads
        self._patience_s, self._last_s = patience_s, 0.0
        self._requests: queue.SimpleQueue[Word | str | None] = queue.SimpleQueue()
        self._waiting: deque[Word | str | None] = deque()
        self._came: dict[int, float] = {}
        self._results: queue.SimpleQueue[EncodedWord | int | BaseException] = queue.SimpleQueue()
        self._given_up: set[int] = set()
        self._error: BaseException | None = None
        self.backlog = 0
        self._thread = threading.Thread(target=self._work, name="language model", daemon=True)
        self._thread.start()

    def push(self, word: Word) -> None:
        self.backlog += 1
        self._came[word.index] = time.monotonic()
        self._requests.put(word)

    def pull(self) -> list[EncodedWord]:
        """As in BackgroundReader; words that were read before an error are returned before it is raised."""
        words: list[EncodedWord] = []
        while self._error is None and not self._results.empty():
            result = self._results.get()
            if isinstance(result, BaseException):
                self._error = result
            elif isinstance(result, int):
                self.backlog -= result
            else:
                words.append(result)
        if self._error is not None and not words:
            raise self._error
        self.backlog -= len(words)
        return words

    def give_up(self, word: Word) -> None:
        """As in BackgroundReader; consecutive words that are given up are read together, which is faster."""
        self._given_up.add(word.index)

    def restart(self) -> None:
        self._requests.put("restart")

    def set_targets(self, targets: TargetFunction) -> None:
        """As in BackgroundReader; words that have been read stay context."""
        self._targets = targets

    def close(self) -> None:
        self._requests.put(None)
        self._thread.join(timeout=5)

    def _work(self) -> None:
        try:
            if self._n_threads is not None:
                _take_threads(self._n_threads)
            reader = self._make_reader()
            while True:
                self._take_requests()
                if self._is_due():
                    request = self._waiting.popleft()
                    if request is None:
                        return
                    if not isinstance(request, Word):
                        reader = self._make_reader()
                    elif request.index in self._given_up:
                        self._skip(reader, self._together(request, len(self._waiting) + 1))
                    else:
                        self._read(reader, self._together(request))
                    self._take_requests()
                if not reader.prepare(partial(self._serve, reader), self._is_due()) and not self._is_due():
                    self._wait()
        except Exception as error:  # the boundary of the thread: pull raises it
            self._results.put(error)

    def _take_requests(self) -> None:
        while not self._requests.empty():
            self._waiting.append(self._requests.get())

    def _is_due(self) -> bool:
        """Whether the first request is to be done now; a word may wait for others."""
        others = list(islice(self._waiting, WORDS_GATHERED))
        if len(others) >= WORDS_GATHERED or not all(isinstance(one, Word) for one in others):
            return True
        return bool(others) and self._seconds_left() <= 0

    def _seconds_left(self) -> float:
        """How long the first word may wait for others."""
        first = self._waiting[0]
        if not isinstance(first, Word) or first.index in self._given_up:
            return 0.0
        came = self._came.get(first.index, 0.0)
        return came + min(self._patience_s, 2 * self._last_s) - time.monotonic()

    def _wait(self) -> None:
        """Wait for the next request, or until the first word has waited for long enough."""
        with suppress(queue.Empty):
            timeout = max(self._seconds_left(), 0) if self._waiting else None
            self._waiting.append(self._requests.get(timeout=timeout))

    def _serve(self, reader: WordReader) -> None:
        """Read the words that are due while the next context is under way; those beyond the room must wait for it."""
        self._take_requests()
        while self._is_due() and reader.room and isinstance(first := self._waiting[0], Word):
            if first.index in self._given_up:
                return
            self._waiting.popleft()
            self._read(reader, self._together(first, min(reader.room, WORDS_AT_ONCE)))
            self._take_requests()

    def _together(self, first: Word, most: int = WORDS_AT_ONCE) -> list[Word]:
        """The words that wait, from the first on, as long as all are given up or none is."""
        given_up, words = first.index in self._given_up, [first]
        while len(words) < most and self._waiting and isinstance(word := self._waiting[0], Word):
            if (word.index in self._given_up) != given_up:
                break
            words.append(word)
            self._waiting.popleft()
        return words

    def _skip(self, reader: WordReader, words: Sequence[Word]) -> None:
        reader.skip([word.text for word in words])
        self._forget(words)
        self._results.put(len(words))

    def _read(self, reader: WordReader, words: Sequence[Word]) -> None:
        start = time.perf_counter()
        reading = reader.read([word.text for word in words])
        targets = self._targets(reading.activations)
        self._last_s = time.perf_counter() - start
        self._forget(words)
        for word, target, surprisal, n_tokens in zip(words, targets, reading.surprisal, reading.n_tokens, strict=True):
            self._results.put(EncodedWord(word, target, float(surprisal), int(n_tokens), self._last_s / len(words)))

    def _forget(self, words: Sequence[Word]) -> None:
        """What is noted of words that have been read, which may have been given up meanwhile."""
        for word in words:
            self._given_up.discard(word.index)
            self._came.pop(word.index, None)


def _take_threads(n: int) -> None:
    """Let torch use so many threads from this one; with more than one, all else goes first."""
    import torch

    torch.set_num_threads(n)
    if n > 1:
        let_others_first()


class AheadReader:
    """A BackgroundReader for a story that is known in advance: it reads in large blocks, ahead of the requests.

    The results are those of a LiveReader; only the waiting differs.  Memory does not grow with the story, as only the
    words near the last request are kept.  A request for a word farther back waits until the story has been read again
    up to there.

    Parameters
    ----------
    words : sequence of Word
        The story.
    stream : callable
        Reads the story from its beginning, in stretches, as ``LanguageModel.stream`` does.
    targets : callable
        Converts activations to targets.
    ahead : int
        Words that are read beyond the last request.
    kept : int
        Words that are kept behind the last request.
    """

    def __init__(
        self,
        words: Sequence[Word],
        stream: Callable[[], Iterator[tuple[int, Reading]]],
        targets: TargetFunction,
        ahead: int = 2000,
        kept: int = 4000,
    ) -> None:
        self._positions = {word.index: position for position, word in enumerate(words)}
        self._stream, self._targets = stream, targets
        self._ahead, self._kept = ahead, kept
        self._results: dict[int, tuple[np.ndarray, float, int, float]] = {}
        self._requests: list[Word] = []
        self._error: BaseException | None = None
        self._last_request = self._n_dropped = 0
        self._read_again = self._stop = False
        self._condition = threading.Condition()
        self._thread = threading.Thread(target=self._work, name="language model", daemon=True)
        self._thread.start()

    @property
    def backlog(self) -> int:
        return len(self._requests)

    def push(self, word: Word) -> None:
        with self._condition:
            self._requests.append(word)
            self._last_request = self._positions[word.index]
            self._read_again |= self._last_request < self._n_dropped
            self._condition.notify()

    def pull(self) -> list[EncodedWord]:
        if self._error is not None:
            raise self._error
        with self._condition:
            ready = [word for word in self._requests if self._positions[word.index] in self._results]
            self._requests = [word for word in self._requests if self._positions[word.index] not in self._results]
            return [EncodedWord(word, *self._results[self._positions[word.index]]) for word in ready]

    def give_up(self, word: Word) -> None:
        """As in BackgroundReader; the story is read as a whole in any case."""
        with self._condition:
            self._requests = [request for request in self._requests if request.index != word.index]

    def restart(self) -> None:
        """Drop the open requests; the contexts stay as they are, since the story is known in advance."""
        with self._condition:
            self._requests = []

    def set_targets(self, targets: TargetFunction) -> None:
        """As in BackgroundReader; the story is read again, since the results kept so far have the old targets."""
        with self._condition:
            self._targets, self._results, self._read_again = targets, {}, True
            self._condition.notify()

    def close(self) -> None:
        with self._condition:
            self._stop = True
            self._condition.notify()
        self._thread.join(timeout=5)

    def _work(self) -> None:
        try:
            while not self._stop:
                self._read_story()
                with self._condition:
                    self._condition.wait_for(lambda: self._stop or self._read_again)
        except Exception as error:  # the boundary of the thread: pull raises it
            self._error = error

    def _read_story(self) -> None:
        """Read from the first word to the last, or until the reader is closed or has to begin again."""
        with self._condition:
            self._read_again, self._n_dropped = False, 0
            convert = self._targets
        position, start = 0, time.perf_counter()
        for _, part in self._stream():
            targets = convert(part.activations)
            seconds = (time.perf_counter() - start) / len(targets)
            with self._condition:
                if self._read_again:
                    return
                for target, surprisal, n_tokens in zip(targets, part.surprisal, part.n_tokens, strict=True):
                    self._results[position] = target, float(surprisal), int(n_tokens), seconds
                    position += 1
                self._drop_old()
                while not (self._stop or self._read_again or position - self._ahead <= self._last_request):
                    self._condition.wait()
                if self._stop or self._read_again:
                    return
            start = time.perf_counter()

    def _drop_old(self) -> None:
        """Drop the results far behind the last request and behind every open one."""
        first = min([self._last_request, *(self._positions[word.index] for word in self._requests)]) - self._kept
        while self._n_dropped < first:
            self._results.pop(self._n_dropped, None)
            self._n_dropped += 1
