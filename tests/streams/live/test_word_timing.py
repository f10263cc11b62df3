"""Words of markers on the signal's time axis."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rtalign.core.records import SkippedWord, Word
from rtalign.streams.events import Notice
from rtalign.streams.live.sample_clock import SampleClock
from rtalign.streams.live.word_timing import WordTiming
from rtalign.streams.markers.validation import MarkerWord


def test_a_word_that_came_twice_is_timed_once() -> None:
    clock, timing = SampleClock(100.0), WordTiming(0.0)
    clock.push(10 + np.arange(100) / 100)
    timing.push([MarkerWord("a", 10.5), MarkerWord("a", 10.5), MarkerWord("b", 10.5), MarkerWord("a", 10.6)], 0.0)
    assert [(w.index, w.text) for w in timing.pull(clock, 11.0) if isinstance(w, Word)] == [
        (0, "a"),
        (1, "b"),
        (2, "a"),
    ]
    assert timing.counts["duplicate"] == 1


def timed(ahead_s: list[float], flowing: bool = True, silent_s: float = 0.0) -> tuple[WordTiming, list[Any]]:
    """Words stamped so far ahead of now, the newest of 30 s of samples having come `silent_s` before."""
    clock, timing = SampleClock(100.0), WordTiming(0.0)
    clock.push(10 + np.arange(3_000) / 100)
    found: list[Any] = []
    for number, ahead in enumerate(ahead_s):
        now = 40.0 + silent_s + 0.001 * number
        timing.push([MarkerWord(f"w{number}", now + ahead)], 0.0)
        found += timing.pull(clock, now, flowing)
    return timing, found


@pytest.mark.parametrize("ahead", [-60.0, -10.5, 2.5, 10.0, 59.0, 1e300, np.nan, np.inf])
def test_a_word_stamped_by_another_clock_is_read_and_not_scored_and_reported_once(ahead: float) -> None:
    timing, found = timed([ahead] * 30)
    skipped = [item for item in found if isinstance(item, SkippedWord)]
    notices = [item for item in found if isinstance(item, Notice)]
    assert len(skipped) == 30
    assert len(skipped) + len(notices) == len(found)
    assert [item.word.index for item in skipped] == list(range(30))
    assert all(abs(item.word.onset - 40.0) < 0.1 for item in skipped)
    assert timing.counts["word stamped by another clock"] == 30
    assert [notice.kind for notice in notices] == ["word clock"]


@pytest.mark.parametrize(("ahead", "reported"), [(0.0, False), (-1.5, False), (1.0, True), (-6.0, True)])
def test_words_stamped_a_little_off_are_scored_and_reported_where_it_is_the_rule(ahead: float, reported: bool) -> None:
    _, found = timed([ahead] * 60)
    assert sum(isinstance(item, Word) for item in found) == 60
    assert [item.kind for item in found if isinstance(item, Notice)] == ["word clock"] * reported
    _, found = timed([0.0] * 30 + [ahead] + [0.0] * 30)
    assert not [item for item in found if isinstance(item, Notice)]


def test_while_the_signal_is_lost_words_are_not_ahead_of_it() -> None:
    _, found = timed([0.0] * 30, flowing=False, silent_s=25.0)
    assert all(isinstance(item, Word) for item in found)


def test_a_signal_whose_clock_was_set_back_makes_words_wait_for_no_wrong_sample() -> None:
    """Samples arrive, and their stamps say that they are 25 s old: nothing says where a word belongs."""
    _, found = timed([0.0] * 30, flowing=True, silent_s=25.0)
    assert not [item for item in found if isinstance(item, Word)]
