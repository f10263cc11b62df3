"""The language model beside the signal: read ahead or behind, every word once, in bounded memory."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from rtalign.core.records import Word
from rtalign.language import AheadReader, BackgroundReader, EncodedWord, LiveReader

WORDS = [Word(i, f"w{i}", float(i)) for i in range(300)]


def reading(first: int, n: int) -> Any:
    """Activations that say which word they are of."""
    rows = np.arange(first, first + n, dtype=np.float32)
    return SimpleNamespace(activations=rows[:, None, None], surprisal=rows / 10, n_tokens=np.ones(n, int))


def flat(activations: np.ndarray) -> np.ndarray:
    return activations.reshape(len(activations), -1)


def stream(times: list[int]) -> Callable[[], Iterator[tuple[int, Any]]]:
    def read() -> Iterator[tuple[int, Any]]:
        times.append(0)
        for first in range(0, len(WORDS), 10):
            times[-1] = first
            yield first, reading(first, 10)

    return read


def pulled(following: BackgroundReader, n: int) -> list[EncodedWord]:
    found: list[EncodedWord] = []
    end = time.monotonic() + 20
    while len(found) < n and time.monotonic() < end:
        found += following.pull()
        time.sleep(0.001)
    return found


def test_words_come_back_as_themselves_and_no_farther_than_asked() -> None:
    times: list[int] = []
    ahead = AheadReader(WORDS, stream(times), flat, ahead=50, kept=30)
    ahead.push(WORDS[0])
    (first,) = pulled(ahead, 1)
    assert (first.word, first.target.tolist(), first.surprisal) == (WORDS[0], [0.0], 0.0)
    assert times[-1] <= 60
    for word in WORDS[1:]:
        ahead.push(word)
    found = pulled(ahead, 299)
    assert [u.target[0] for u in found] == [float(word.index) for word in WORDS[1:]]
    ahead.close()


def test_what_lies_far_behind_is_forgotten_and_read_again_when_wanted() -> None:
    times: list[int] = []
    ahead = AheadReader(WORDS, stream(times), flat, ahead=50, kept=30)
    for word in WORDS[::10]:  # as they are heard: one after the other
        ahead.push(word)
        pulled(ahead, 1)
    assert len(ahead._results) <= 30 + 50 + 10
    assert len(times) == 1
    ahead.push(WORDS[3])
    (again,) = pulled(ahead, 1)
    assert again.target.tolist() == [3.0]
    assert len(times) == 2
    ahead.close()


def test_a_follower_keeps_the_order_and_begins_anew_when_told() -> None:
    made: list[list[str]] = []

    def reader() -> Any:
        made.append([])
        return SimpleNamespace(push=lambda word: made[-1].append(word) or reading(int(word[1:]), 1))

    follower = LiveReader(reader, flat)
    for word in WORDS[:5]:
        follower.push(word)
    assert follower.backlog > 0
    assert [u.word.index for u in pulled(follower, 5)] == [0, 1, 2, 3, 4]
    follower.restart()
    follower.push(WORDS[7])
    assert pulled(follower, 1)[0].target.tolist() == [7.0]
    assert made == [["w0", "w1", "w2", "w3", "w4"], ["w7"]]
    assert follower.backlog == 0
    follower.close()


@pytest.mark.parametrize("kind", ["behind", "ahead"])
def test_an_error_of_the_model_reaches_whoever_pulls(kind: str) -> None:
    def fails(*_: Any) -> Any:
        raise ValueError("the model is broken")

    following: BackgroundReader = LiveReader(fails, flat) if kind == "behind" else AheadReader(WORDS, fails, flat)
    following.push(WORDS[0])
    with pytest.raises(ValueError, match="the model is broken"):
        pulled(following, 1)
    following.close()
