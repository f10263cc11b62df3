"""Words of markers on the signal's time axis."""

from __future__ import annotations

import numpy as np

from rtalign.core.records import Word
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
