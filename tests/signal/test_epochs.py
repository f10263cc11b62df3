"""Interpolation is exact where it must be; every word becomes an epoch or a reason."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtalign.core.records import BadStretch, Chunk, Epoch, SkippedWord, Word
from rtalign.signal.epochs import EpochBuilder
from rtalign.signal.ring_buffer import RingBuffer
from tests.helpers.interpolation import values_at

RATE = 100.0
LAGS = np.round(np.arange(-0.5, 1.0001, 0.02), 9)


def waves(times: np.ndarray) -> np.ndarray:
    """(time, sensor): known functions of time, up to 25 Hz."""
    hz = np.array([0.0, 1.0, 5.0, 10.0, 15.0, 20.0, 25.0])
    return np.cos(2 * np.pi * hz * times[:, None] + np.arange(len(hz)))


def words(*onsets: float) -> list[Word]:
    return [Word(index, f"w{index}", onset) for index, onset in enumerate(onsets)]


@pytest.mark.parametrize("start", [0.0, -3.21, 1.7e9])
def test_interpolation_error_is_below_a_third_of_a_percent(start: float) -> None:
    grid = np.arange(1000) / RATE
    times = np.random.default_rng(0).uniform(0.1, 9.8, 2000)
    got = values_at(waves(grid).astype(np.float32), start, RATE, start + times)
    assert np.abs(got - waves((start + times) - start)).max() < 0.003
    assert got.dtype == np.float32


def test_on_a_sample_the_sample_itself_is_returned() -> None:
    x = np.random.default_rng(0).standard_normal((300, 4)).astype(np.float32)
    rows = np.arange(5, 290)
    for first in (0.0, 12.3):
        np.testing.assert_allclose(values_at(x, first, RATE, first + rows / RATE), x[rows], atol=1e-5)


def test_a_constant_stays_a_constant() -> None:
    x = np.full((100, 2), 1234.5, np.float32)
    times = np.random.default_rng(0).uniform(0.05, 0.94, 500)
    np.testing.assert_allclose(values_at(x, 0.0, RATE, times), 1234.5, rtol=3e-7)


def test_each_time_is_read_by_itself() -> None:
    x = np.random.default_rng(0).standard_normal((300, 5)).astype(np.float32)
    times = np.random.default_rng(1).uniform(0.1, 2.9, 200)
    wanted = values_at(x, 0.0, RATE, times)
    np.testing.assert_array_equal(
        np.concatenate([values_at(x, 0.0, RATE, times[k : k + 1]) for k in range(200)]), wanted
    )


def test_an_epoch_is_the_signal_at_onset_plus_lag() -> None:
    ring = RingBuffer(RATE, 7, 20.0)
    epocher = EpochBuilder(LAGS, ring)
    ring.append(Chunk(waves(np.arange(1000) / RATE).astype(np.float32), 0.0, RATE))
    heard = words(2.0, 3.333, 4.0051)
    for word in heard:
        epocher.push_word(word)
    done = epocher.collect()
    assert [epoch.word for epoch in done] == heard
    for epoch in done:
        assert isinstance(epoch, Epoch)
        np.testing.assert_allclose(epoch.data, waves(epoch.word.onset + LAGS), atol=3e-3)


@settings(max_examples=40)
@given(onsets=st.lists(st.floats(-2, 12), max_size=12), sizes=st.lists(st.integers(1, 400), min_size=1, max_size=5))
def test_every_word_becomes_an_epoch_or_a_reason_once(onsets: list[float], sizes: list[int]) -> None:
    x = waves(np.arange(1000) / RATE).astype(np.float32)
    ring = RingBuffer(RATE, 7, 20.0)
    epocher = EpochBuilder(LAGS, ring)
    for word in words(*onsets):
        epocher.push_word(word)
    done, at, turn = [], 0, 0
    while at < len(x):
        n = sizes[turn % len(sizes)]
        ring.append(Chunk(x[at : at + n], at / RATE, RATE))
        done += epocher.collect()
        at, turn = at + n, turn + 1
    done += epocher.collect(ended=True)
    assert [item.word for item in done] == sorted(words(*onsets), key=lambda word: (word.onset, word.index))
    for item in done:
        inside = 0.53 < item.word.onset < 8.95
        outside = item.word.onset < 0.5 or item.word.onset > 9.0
        assert inside <= isinstance(item, Epoch)
        assert outside <= isinstance(item, SkippedWord)
    assert epocher.collect(ended=True) == []


def test_each_reason_is_given() -> None:
    ring = RingBuffer(RATE, 7, 3.0)
    epocher = EpochBuilder(LAGS, ring)
    x = np.zeros((300, 7), np.float32)
    for word in words(0.2, 1.0, 2.5, 3.4, 6.5, 7.8, float("nan")):
        epocher.push_word(word)
    ring.append(Chunk(x, 0.0, RATE))
    done = epocher.collect()
    ring.append(Chunk(x[:250], 5.5, RATE))
    epocher.push_word(Word(7, "late", 1.2))
    done += epocher.collect()
    done += epocher.collect(ended=True)
    reasons = {item.word.index: item.reason if isinstance(item, SkippedWord) else None for item in done}
    assert reasons == {
        0: "window before recording",
        1: None,
        2: "gap in the signal",
        3: "gap in the signal",
        4: None,
        5: "window after recording",
        6: "no onset",
        7: "older than the buffer",
    }


def test_a_word_that_reaches_into_a_bad_stretch_is_skipped_with_its_reason() -> None:
    ring = RingBuffer(RATE, 7, 20.0)
    ring.mark_bad([BadStretch(5.0, 6.0, "muscle"), BadStretch(5.5, 7.0, "blink"), BadStretch(12.0, 12.0, "joined")])
    ring.append(Chunk(np.zeros((1500, 7), np.float32), 0.0, RATE))
    epocher = EpochBuilder(LAGS, ring)
    for word in words(3.99, 4.0, 6.2, 6.49, 7.6, 10.99, 11.5, 12.6):
        epocher.push_word(word)
    reasons = [item.reason if isinstance(item, SkippedWord) else None for item in epocher.collect()]
    assert reasons == [None, "muscle", "blink", "blink", None, None, "joined", None]


def test_while_the_filters_settle_the_reason_is_what_began_them() -> None:
    ring = RingBuffer(RATE, 7, 30.0, warmup_s=2.0)
    ring.mark_bad([BadStretch(14.0, 14.0, "joined")])
    for start in (2.0, 9.0, 16.0):
        ring.append(Chunk(np.zeros((400, 7), np.float32), start, RATE))
    epocher = EpochBuilder(LAGS, ring)
    for word in words(0.4, 0.6, 3.0, 5.5, 7.4, 9.4, 10.0, 12.5, 14.0, 15.9, 17.0):
        epocher.push_word(word)
    reasons = [item.reason if isinstance(item, SkippedWord) else None for item in epocher.collect()]
    gap = "gap in the signal"
    assert reasons == [
        "window before recording", "filter warm-up", None, gap, gap, gap, None, "joined", "joined", "joined", None
    ]  # fmt: skip


@pytest.mark.parametrize("lags", [np.zeros(0), np.zeros((2, 2))])
def test_lags_that_are_no_row_are_refused(lags: np.ndarray) -> None:
    with pytest.raises(ValueError, match="at least one lag"):
        EpochBuilder(lags, RingBuffer(RATE, 7, 3.0))
