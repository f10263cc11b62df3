"""The ring keeps the newest signal, and knows what it does not have."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtalign.core.records import Chunk
from rtalign.signal.ring_buffer import RingBuffer
from tests.helpers.interpolation import values_at

RATE = 100.0


def signal(n: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((n, 3)).astype(np.float32)


def filled(x: np.ndarray, sizes: list[int], seconds: float = 4.0, start: float = 7.0) -> RingBuffer:
    ring = RingBuffer(RATE, 3, seconds)
    at, turn = 0, 0
    while at < len(x):
        n = sizes[turn % len(sizes)]
        ring.append(Chunk(x[at : at + n], start + at / RATE, RATE))
        at, turn = at + n, turn + 1
    return ring


@settings(max_examples=40)
@given(sizes=st.lists(st.integers(1, 700), min_size=1, max_size=6), n=st.integers(100, 1500))
def test_cutting_differently_changes_nothing(sizes: list[int], n: int) -> None:
    x = signal(n)
    times = 7 + np.linspace(max(n - 380, 10), n - 10, 50) / RATE
    np.testing.assert_array_equal(filled(x, sizes).read(times), values_at(x, 7.0, RATE, times))


def test_the_memory_is_taken_once() -> None:
    ring = RingBuffer(RATE, 3, 4.0)
    before = ring._memory
    ring.append(Chunk(signal(1000), 0.0, RATE))
    assert ring._memory is before
    assert 400 <= len(before) < 420


def test_every_reason_why_a_span_is_unreadable() -> None:
    ring = RingBuffer(RATE, 3, 4.0)
    assert ring.end is None
    assert ring.unreadable(0.0, 0.1) == "later"
    ring.append(Chunk(signal(200), 10.0, RATE))
    assert ring.unreadable(9.5, 10.5) == "window before recording"
    assert ring.unreadable(10.5, 11.0) is None
    assert ring.unreadable(11.5, 12.5) == "later"
    assert ring.unreadable(20.0, 21.0) == "later"
    ring.append(Chunk(signal(300), 15.0, RATE))
    assert ring.unreadable(11.5, 12.5) == "gap in the signal"
    assert ring.unreadable(11.5, 16.0) == "gap in the signal"
    assert ring.unreadable(13.0, 13.5) == "gap in the signal"
    assert ring.unreadable(14.0, 16.0) == "gap in the signal"
    assert ring.unreadable(15.5, 16.0) is None
    ring.append(Chunk(signal(350), 18.0, RATE))
    assert ring.unreadable(10.5, 11.0) == "older than the buffer"
    assert ring.unreadable(15.5, 16.0) == "older than the buffer"
    assert ring.unreadable(9.5, 10.5) == "window before recording"
    assert ring.end == pytest.approx(21.5)


@settings(max_examples=200)
@given(start=st.floats(9, 16), length=st.floats(0, 2), rows=st.integers(1, 700))
def test_only_what_is_readable_can_be_read(start: float, length: float, rows: int) -> None:
    ring = filled(signal(rows), [64], start=10.0)
    times = np.linspace(start, start + length, 7)
    if ring.unreadable(start, start + length) is None:
        assert np.isfinite(ring.read(times)).all()
    else:
        with pytest.raises(ValueError, match="asked for"):
            ring.read(times)


@pytest.mark.parametrize("extra", [0, 1])
def test_the_margins_are_half_a_kernel(extra: int) -> None:
    """Three rows before a time on the grid and four behind it, neither more nor fewer."""
    ring = filled(signal(100), [100], start=10.0)
    assert (ring.unreadable(10.03 - 0.01 * extra, 10.5) is None) == (extra == 0)
    assert (ring.unreadable(10.5, 10.95 + 0.01 * extra) is None) == (extra == 0)


def test_the_oldest_row_is_readable_and_the_one_before_is_not() -> None:
    ring = filled(signal(1000), [90], start=0.0)
    oldest = (1000 - len(ring._memory)) / RATE
    assert ring.unreadable(oldest + 0.03, 9.0) is None
    assert ring.unreadable(oldest + 0.02, 9.0) == "older than the buffer"


def test_inputs_are_not_changed_and_not_kept() -> None:
    x = signal(300)
    ring, copy = filled(x, [100]), x.copy()
    times = 7 + np.linspace(0.5, 2.5, 20)
    before = ring.read(times)
    np.testing.assert_array_equal(x, copy)
    x[:] = 0
    np.testing.assert_array_equal(ring.read(times), before)


def test_empty_chunks_are_harmless() -> None:
    ring = filled(signal(100), [100])
    ring.append(Chunk(signal(0), 999.0, RATE))
    assert ring.end == pytest.approx(8.0)
    empty = RingBuffer(RATE, 3, 4.0)
    empty.append(Chunk(signal(0), 999.0, RATE))
    assert empty.end is None


@pytest.mark.parametrize(
    ("chunk", "fact"),
    [
        (Chunk(np.zeros((5, 2), np.float32), 8.0, RATE), r"\(5, 2\).*3 sensors"),
        (Chunk(np.zeros((5, 3), np.float32), 8.0, 1000.0), "1000 Hz.*100 Hz"),
        (Chunk(np.zeros((5, 3), np.float32), 7.5, RATE), "7.5000 s, before the end"),
    ],
)
def test_an_impossible_chunk_is_refused(chunk: Chunk, fact: str) -> None:
    with pytest.raises(ValueError, match=fact):
        filled(signal(100), [100]).append(chunk)
