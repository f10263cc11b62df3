"""Words of markers on the signal's time axis, with everything odd about their times counted."""

from __future__ import annotations

from collections import Counter, deque

import numpy as np

from rtalign.core.records import Word
from rtalign.streams.events import Notice
from rtalign.streams.live.sample_clock import SampleClock
from rtalign.streams.markers.validation import MarkerWord

EARLY_S = 0.25
LATE_S = 2.0
FARTHEST_S = 60.0
"""A word further from now than this was stamped by another clock."""
MAX_WAITING = 1000
SAME_S = 1e-4


class WordTiming:
    """Numbers words from 0 and gives each its signal time; keeps them while there is no signal yet.

    Early, late and disordered words are counted and passed on: whether their samples are still there is not known here.

    Parameters
    ----------
    delay_s : float
        From a marker to the sound at the ear, s.

    Attributes
    ----------
    counts : Counter of str
        Words with an odd time, by reason.
    """

    def __init__(self, delay_s: float) -> None:
        self.counts: Counter[str] = Counter()
        self._delay_s = delay_s
        self._n = 0
        self._waiting: deque[tuple[MarkerWord, float]] = deque()
        self._recent: deque[tuple[str, int]] = deque(maxlen=256)
        self._last_onset = -np.inf

    def push(self, words: list[MarkerWord], offset_s: float) -> None:
        """Take words whose onsets plus `offset_s` are local time."""
        for word in words:
            local = word.onset + offset_s
            key = (word.text, round(local / SAME_S))
            if key in self._recent:
                self.counts["duplicate"] += 1
                continue
            self._recent.append(key)
            if len(self._waiting) >= MAX_WAITING:
                self._waiting.popleft()
                self.counts["word before any signal"] += 1
            self._waiting.append((word, local))

    def pull(self, clock: SampleClock | None, now: float) -> list[Word | Notice]:
        """The words taken, on the signal's time axis; none before the first sample."""
        timed: list[Word | Notice] = []
        if clock is None or not clock.started:
            return timed
        while self._waiting:
            word, local = self._waiting.popleft()
            timed.append(self._timed(word, local, clock, now))
        return timed

    def _timed(self, word: MarkerWord, local: float, clock: SampleClock, now: float) -> Word | Notice:
        early = local - now
        if abs(early) > FARTHEST_S:
            self.counts["word stamped by another clock"] += 1
            text = f"the word {word.text!r} is stamped {early:+.0f} s from now and left out - which clock stamps it?"
            return Notice("warning", "word clock", text, now)
        if early > EARLY_S:
            self.counts["word early"] += 1
        if early < -LATE_S:
            self.counts["word late"] += 1
        if local < self._last_onset:
            self.counts["word out of order"] += 1
        self._last_onset = max(self._last_onset, local)
        self._n += 1
        return Word(self._n - 1, word.text, clock.to_signal(local) + self._delay_s, word.duration)
