"""Words and bad stretches of markers on the signal's time axis, with everything odd about their times counted."""

from __future__ import annotations

from collections import Counter, deque

import numpy as np

from rtalign.core.records import BadStretch, SkippedWord, Word
from rtalign.core.session import MAX_WORD_DELAY_S
from rtalign.streams.events import Notice
from rtalign.streams.live.sample_clock import SampleClock
from rtalign.streams.markers.validation import BadMarker, Marker, MarkerWord

EARLY_S = 0.25
LATE_S = 2.0
EARLIEST_S = 2.0
"""A word stamped further ahead of the signal was stamped by another clock: it is read as context and not scored."""
LATEST_S = MAX_WORD_DELAY_S
"""The same for a word further behind: the signal around it is no longer there."""
BUFFERED_S = 1.0
"""How long samples may be under way; newest samples that seem older were stamped by a clock that was set."""
ANOTHER_CLOCK, BAD_BY_ANOTHER = "word stamped by another clock", "bad stretch stamped by another clock"
N_TYPICAL = 20
"""Words whose median says whether words as a rule are stamped ahead or behind."""
REPEAT_NOTICE_S = 30.0
"""A notice of one kind is not repeated within so long."""
MAX_WAITING = 1000
SAME_S = 1e-4


TimedMarker = Word | SkippedWord | BadStretch | Notice


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
        self._waiting: deque[tuple[Marker, float]] = deque()
        self._recent: deque[tuple[str, str]] = deque(maxlen=256)
        self._last_onset = -np.inf
        self._ahead: deque[float] = deque(maxlen=N_TYPICAL)
        self._noticed: dict[str, float] = {}

    def push(self, words: list[Marker], offset_s: float) -> None:
        """Take words and bad stretches whose onsets plus `offset_s` are local time."""
        for word in words:
            local = word.onset + offset_s
            key = (word.reason if isinstance(word, BadMarker) else word.text, f"{local / SAME_S:.0f}")
            if key in self._recent:
                self.counts["duplicate"] += 1
                continue
            self._recent.append(key)
            if len(self._waiting) >= MAX_WAITING:
                self._waiting.popleft()
                self.counts["word before any signal"] += 1
            self._waiting.append((word, local))

    def pull(self, clock: SampleClock | None, now: float, flowing: bool = True) -> list[TimedMarker]:
        """What was taken, on the signal's time axis; none before the first sample.

        Parameters
        ----------
        clock : SampleClock or None
            Of the signal.
        now : float
            Local time, s.
        flowing : bool
            Whether samples are arriving: then the newest of them is about now, whatever its stamp says.
        """
        timed: list[TimedMarker] = []
        if clock is None or not clock.started:
            return timed
        newest = clock.to_signal(now)
        if flowing and not 0 <= newest - clock.end <= BUFFERED_S:
            newest = clock.end
        while self._waiting:
            word, local = self._waiting.popleft()
            onset = clock.to_signal(local)
            if isinstance(word, BadMarker):
                timed += self._bad(word, onset, newest)
            else:
                timed += self._timed(word, local, onset, newest, now)
        return timed

    def _bad(self, mark: BadMarker, onset: float, newest: float) -> list[TimedMarker]:
        if not -LATEST_S <= onset + mark.duration - newest <= EARLIEST_S + mark.duration:
            self.counts[BAD_BY_ANOTHER] += 1
            return []
        return [BadStretch(onset, onset + mark.duration, mark.reason)]

    def _timed(self, word: MarkerWord, local: float, onset: float, newest: float, now: float) -> list[TimedMarker]:
        ahead = onset - newest
        self._n += 1
        if not -LATEST_S <= ahead <= EARLIEST_S:
            self.counts[ANOTHER_CLOCK] += 1
            place = f"{ahead:+.3g} s from the signal"
            text = f"the word {word.text!r} is stamped {place} and not scored - which clock stamps it?"
            at_arrival = Word(self._n - 1, word.text, newest, word.duration, word.pos)
            return [SkippedWord(at_arrival, ANOTHER_CLOCK), *self._notice("word clock", text, now)]
        if ahead > EARLY_S:
            self.counts["word early"] += 1
        if ahead < -LATE_S:
            self.counts["word late"] += 1
        if local < self._last_onset:
            self.counts["word out of order"] += 1
        self._last_onset = max(self._last_onset, local)
        timed = Word(self._n - 1, word.text, onset + self._delay_s, word.duration, word.pos)
        return [timed, *self._notice_typical(ahead, now)]

    def _notice_typical(self, ahead: float, now: float) -> list[Notice]:
        """A notice where words as a rule, not one of them, are stamped early or late."""
        self._ahead.append(ahead)
        typical = float(np.median(self._ahead))
        if len(self._ahead) < N_TYPICAL or -LATE_S <= typical <= EARLY_S:
            return []
        text = f"words are stamped {typical:+.2g} s from the newest sample - does another clock stamp them?"
        return self._notice("word clock", text, now, "as a rule")

    def _notice(self, kind: str, text: str, now: float, case: str = "") -> list[Notice]:
        if now - self._noticed.get(kind + case, -np.inf) < REPEAT_NOTICE_S:
            return []
        self._noticed[kind + case] = now
        return [Notice("warning", kind, text, now)]
