"""Background readers: every word once and in order, in bounded memory, and no error lost."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from rtalign.core.records import Word
from rtalign.language import AheadReader, BackgroundReader, EncodedWord, LiveReader
from rtalign.language.background_reader import WORDS_AT_ONCE

WORDS = [Word(i, f"w{i}", float(i)) for i in range(300)]


def fake_reading(first: int, n: int) -> Any:
    """Activations that say which word they are of."""
    rows = np.arange(first, first + n, dtype=np.float32)
    return SimpleNamespace(activations=rows[:, None, None], surprisal=rows / 10, n_tokens=np.ones(n, int))


def fake_reader(read: Callable[[list[str]], Any], **others: Any) -> Any:
    """Reads consecutive words; it has nothing to prepare."""

    def reading(words: list[str]) -> Any:
        read(words)
        return fake_reading(int(words[0][1:]), len(words))

    return SimpleNamespace(**({"read": reading, "prepare": lambda *_: False} | others))


def flat(activations: np.ndarray) -> np.ndarray:
    return activations.reshape(len(activations), -1)


def stream(times: list[int]) -> Callable[[], Iterator[tuple[int, Any]]]:
    def read() -> Iterator[tuple[int, Any]]:
        times.append(0)
        for first in range(0, len(WORDS), 10):
            times[-1] = first
            yield first, fake_reading(first, 10)

    return read


def pull_words(reader: BackgroundReader, n: int) -> list[EncodedWord]:
    words: list[EncodedWord] = []
    end = time.monotonic() + 20
    while len(words) < n and time.monotonic() < end:
        words += reader.pull()
        time.sleep(0.001)
    return words


def test_an_ahead_reader_stays_within_its_reach() -> None:
    times: list[int] = []
    ahead = AheadReader(WORDS, stream(times), flat, ahead=50, kept=30)
    ahead.push(WORDS[0])
    (first,) = pull_words(ahead, 1)
    assert (first.word, first.target.tolist(), first.surprisal) == (WORDS[0], [0.0], 0.0)
    assert times[-1] <= 60
    for word in WORDS[1:]:
        ahead.push(word)
    words = pull_words(ahead, 299)
    assert [word.target[0] for word in words] == [float(word.index) for word in WORDS[1:]]
    ahead.close()


def test_dropped_words_are_read_again_on_request() -> None:
    times: list[int] = []
    ahead = AheadReader(WORDS, stream(times), flat, ahead=50, kept=30)
    for word in WORDS[::10]:  # one after the other, as in a replay
        ahead.push(word)
        pull_words(ahead, 1)
    assert len(ahead._results) <= 30 + 50 + 10
    assert len(times) == 1
    ahead.push(WORDS[3])
    (again,) = pull_words(ahead, 1)
    assert again.target.tolist() == [3.0]
    assert len(times) == 2
    ahead.close()


def test_a_live_reader_keeps_the_order_and_restarts() -> None:
    made: list[list[str]] = []

    def make_reader() -> Any:
        made.append([])
        return fake_reader(made[-1].extend)

    reader = LiveReader(make_reader, flat)
    for word in WORDS[:5]:
        reader.push(word)
    assert reader.backlog > 0
    assert [word.word.index for word in pull_words(reader, 5)] == [0, 1, 2, 3, 4]
    reader.restart()
    reader.push(WORDS[7])
    assert pull_words(reader, 1)[0].target.tolist() == [7.0]
    assert made == [["w0", "w1", "w2", "w3", "w4"], ["w7"]]
    assert reader.backlog == 0
    reader.close()


@pytest.mark.parametrize("kind", ["live", "ahead"])
def test_an_error_of_the_model_is_raised_by_pull(kind: str) -> None:
    def fails(*_: Any) -> Any:
        raise ValueError("the model is broken")

    reader: BackgroundReader = LiveReader(fails, flat) if kind == "live" else AheadReader(WORDS, fails, flat)
    reader.push(WORDS[0])
    with pytest.raises(ValueError, match="the model is broken"):
        pull_words(reader, 1)
    reader.close()


def test_words_given_up_are_read_together_and_do_not_come_out() -> None:
    calls: list[Any] = []
    gate = threading.Event()

    def make_reader() -> Any:
        gate.wait(20)
        return fake_reader(calls.append, skip=lambda words: calls.append(("skipped", words)))

    reader = LiveReader(make_reader, flat)
    for word in WORDS[:8]:
        reader.push(word)
    for word in WORDS[2:5]:
        reader.give_up(word)
    gate.set()
    assert [word.word.index for word in pull_words(reader, 5)] == [0, 1, 5, 6, 7]
    assert calls == [["w0", "w1"], ("skipped", ["w2", "w3", "w4"]), ["w5", "w6", "w7"]]
    assert reader.backlog == 0
    reader.restart()
    reader.push(WORDS[2])  # after a seek it is wanted again
    assert pull_words(reader, 1)[0].word == WORDS[2]
    reader.close()


def test_words_that_wait_are_read_together_and_the_next_context_is_prepared_when_none_does() -> None:
    calls: list[Any] = []
    gate, prepared = threading.Event(), iter([True, True, False, False, False, False])

    def prepare(_: object, words_wait: bool) -> bool:
        more = not words_wait and next(prepared, False)
        if more:
            calls.append("prepared")
        return more

    def make_reader() -> Any:
        gate.wait(20)
        return fake_reader(lambda words: calls.append(len(words)), prepare=prepare)

    reader = LiveReader(make_reader, flat)
    for word in WORDS[: 2 * WORDS_AT_ONCE + 3]:
        reader.push(word)
    gate.set()
    words = pull_words(reader, 2 * WORDS_AT_ONCE + 3)
    assert [word.target[0] for word in words] == [float(word.index) for word in WORDS[: len(words)]]
    end = time.monotonic() + 20
    while len(calls) < 5 and time.monotonic() < end:
        time.sleep(0.001)
    assert calls == [WORDS_AT_ONCE, WORDS_AT_ONCE, 3, "prepared", "prepared"]
    reader.close()


def test_a_patient_reader_of_a_slow_model_reads_words_together() -> None:
    """It waits for them as long as two readings take, and reads a lonely word then; a quick model does not wait."""
    calls: list[int] = []
    slow = threading.Event()

    def read(words: list[str]) -> None:
        calls.append(len(words))
        if slow.is_set():
            time.sleep(0.5)

    reader = LiveReader(lambda: fake_reader(read), flat, patience_s=20.0)
    for word in WORDS[:3]:  # one by one: readings that take no time are not waited for
        reader.push(word)
        pull_words(reader, 1)
    assert calls == [1, 1, 1]
    slow.set()
    reader.push(WORDS[3])
    pull_words(reader, 1)
    for word in WORDS[4:7]:
        reader.push(word)
        time.sleep(0.02)
    assert [word.word.index for word in pull_words(reader, 3)] == [4, 5, 6]
    assert calls[3:] == [1, 3]
    reader.close()


def test_words_are_read_while_the_next_context_is_prepared() -> None:
    """As many as there is room for; what is no word, or is given up, waits."""
    calls: list[Any] = []
    come, pushed = threading.Event(), threading.Event()

    def prepare(serve: Callable[[], None], words_wait: bool) -> bool:
        if come.is_set() or words_wait:
            return False
        come.set()
        pushed.wait(20)
        serve()
        calls.append("prepared")
        return True

    room = iter([2, 2, 0])
    Reader = type("Reader", (SimpleNamespace,), {"room": property(lambda _: next(room, 0))})
    own = Reader(**vars(fake_reader(calls.append, prepare=prepare)))
    reader = LiveReader(lambda: own, flat)
    come.wait(20)
    for word in WORDS[:3]:
        reader.push(word)
    pushed.set()
    assert [word.word.index for word in pull_words(reader, 3)] == [0, 1, 2]
    assert calls == [["w0", "w1"], "prepared", ["w2"]]
    reader.close()
