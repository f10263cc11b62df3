"""A language model that follows a story on a thread of its own, so that the signal never waits for it."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from rtalign.core.records import Word
from rtalign.language.types import Reading

Project = Callable[[np.ndarray], np.ndarray]
"""(word, layer, dim) activations to (word, target)."""


@dataclass(frozen=True, slots=True, eq=False)
class Understood:
    """A word as the language model took it.  target : (target,); surprisal in nats, NaN where there is none."""

    word: Word
    target: np.ndarray
    surprisal: float
    n_tokens: int
    seconds: float


class Reads(Protocol):
    """What follows a story word by word."""

    def push(self, word: str) -> Reading: ...


class Following(Protocol):
    """Words go in, and come out understood, in the same order, when the model is ready."""

    @property
    def backlog(self) -> int: ...

    def push(self, word: Word) -> None: ...

    def pull(self) -> list[Understood]: ...

    def restart(self) -> None: ...

    def project_by(self, project: Project) -> None: ...

    def close(self) -> None: ...


class Follower:
    """Reads words as they come; nothing is known of the story beforehand."""

    def __init__(self, reader: Callable[[], Reads], project: Project) -> None:
        self._reader, self._project = reader, project
        self._asked: queue.SimpleQueue[Word | str | None] = queue.SimpleQueue()
        self._done: queue.SimpleQueue[Understood | BaseException] = queue.SimpleQueue()
        self._error: BaseException | None = None
        self.backlog = 0
        self._thread = threading.Thread(target=self._work, name="language model", daemon=True)
        self._thread.start()

    def push(self, word: Word) -> None:
        self.backlog += 1
        self._asked.put(word)

    def pull(self) -> list[Understood]:
        """An error is raised when everything that was read before it has been handed out."""
        found: list[Understood] = []
        while self._error is None and not self._done.empty():
            item = self._done.get()
            if isinstance(item, BaseException):
                self._error = item
            else:
                found.append(item)
        if self._error is not None and not found:
            raise self._error
        self.backlog -= len(found)
        return found

    def restart(self) -> None:
        """A new story: what was read so far is no context for it."""
        self._asked.put("restart")

    def project_by(self, project: Project) -> None:
        """Targets of words asked for from now on are made another way; what was read stays context."""
        self._project = project

    def close(self) -> None:
        self._asked.put(None)
        self._thread.join(timeout=5)

    def _work(self) -> None:
        try:
            reader = self._reader()
            while (word := self._asked.get()) is not None:
                if isinstance(word, Word):
                    self._done.put(self._read(reader, word))
                else:
                    reader = self._reader()
        except Exception as error:  # the boundary of the thread: its owner meets the error in pull
            self._done.put(error)

    def _read(self, reader: Reads, word: Word) -> Understood:
        start = time.perf_counter()
        reading = reader.push(word.text)
        target = self._project(reading.activations)[0]
        seconds = time.perf_counter() - start
        return Understood(word, target, float(reading.surprisal[0]), int(reading.n_tokens[0]), seconds)


class Forerunner:
    """Reads a story whose words are all known, in large blocks, before they are heard.

    The states are those that a Follower finds; only the waiting differs.  It reads at most `ahead` words beyond those
    asked for and keeps `kept` behind them, so that memory does not grow with the story; who goes farther back waits
    until the story has been read again to there.
    """

    def __init__(
        self,
        words: Sequence[Word],
        stream: Callable[[], Iterator[tuple[int, Reading]]],
        project: Project,
        ahead: int = 2000,
        kept: int = 4000,
    ) -> None:
        self._place = {word.index: place for place, word in enumerate(words)}
        self._stream, self._project = stream, project
        self._ahead, self._kept = ahead, kept
        self._read: dict[int, tuple[np.ndarray, float, int, float]] = {}
        self._asked: list[Word] = []
        self._error: BaseException | None = None
        self._wanted = self._forgotten = 0
        self._again = self._stop = False
        self._news = threading.Condition()
        self._thread = threading.Thread(target=self._work, name="language model", daemon=True)
        self._thread.start()

    @property
    def backlog(self) -> int:
        return len(self._asked)

    def push(self, word: Word) -> None:
        with self._news:
            self._asked.append(word)
            self._wanted = self._place[word.index]
            self._again |= self._wanted < self._forgotten
            self._news.notify()

    def pull(self) -> list[Understood]:
        if self._error is not None:
            raise self._error
        with self._news:
            found = [word for word in self._asked if self._place[word.index] in self._read]
            self._asked = [word for word in self._asked if self._place[word.index] not in self._read]
            return [Understood(word, *self._read[self._place[word.index]]) for word in found]

    def restart(self) -> None:
        """The story is what it was."""
        with self._news:
            self._asked = []

    def project_by(self, project: Project) -> None:
        """The story is read again, as what is at hand was made the other way."""
        with self._news:
            self._project, self._read, self._again = project, {}, True
            self._news.notify()

    def close(self) -> None:
        with self._news:
            self._stop = True
            self._news.notify()
        self._thread.join(timeout=5)

    def _work(self) -> None:
        try:
            while not self._stop:
                self._read_through()
                with self._news:
                    self._news.wait_for(lambda: self._stop or self._again)
        except Exception as error:  # the boundary of the thread: its owner meets the error in pull
            self._error = error

    def _read_through(self) -> None:
        """From the first word on, until the end, or until told to stop or to begin again."""
        with self._news:
            self._again, self._forgotten = False, 0
            project = self._project
        place, begun = 0, time.perf_counter()
        for _, part in self._stream():
            targets = project(part.activations)
            seconds = (time.perf_counter() - begun) / len(targets)
            with self._news:
                if self._again:
                    return
                for target, cost, n in zip(targets, part.surprisal, part.n_tokens, strict=True):
                    self._read[place] = target, float(cost), int(n), seconds
                    place += 1
                self._forget()
                while not (self._stop or self._again or place - self._ahead <= self._wanted):
                    self._news.wait()
                if self._stop or self._again:
                    return
            begun = time.perf_counter()

    def _forget(self) -> None:
        """What lies far behind the word that was asked for last, and behind every word that still waits."""
        first = min([self._wanted, *(self._place[word.index] for word in self._asked)]) - self._kept
        while self._forgotten < first:
            self._read.pop(self._forgotten, None)
            self._forgotten += 1
