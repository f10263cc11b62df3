"""Several recordings one after the other on one time axis, as a day in the scanner was."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from rtalign.core.records import Chunk, Recording, Word

PAUSE_S = 2.0
"""Between two recordings: long enough that no epoch reaches across, and that the filters begin anew."""


class Joined:
    """A recording made of recordings of the same sensors and rate, beginning at 0.

    stories : the words of each, on the common axis, numbered on.  The language model begins anew with each.
    """

    def __init__(self, recordings: Sequence[Recording]) -> None:
        first = recordings[0]
        for other in recordings[1:]:
            if other.sfreq != first.sfreq:
                raise ValueError(f"{other.name} is at {other.sfreq:g} Hz and {first.name} at {first.sfreq:g} Hz")
            if [s.name for s in other.sensors] != [s.name for s in first.sensors]:
                raise ValueError(f"{other.name} has other sensors than {first.name}; choose those that all have")
        self._parts = tuple(recordings)
        self.name = first.name if len(recordings) == 1 else f"{first.name} and {len(recordings) - 1} more"
        self.subject, self.sfreq, self.sensors = first.subject, first.sfreq, first.sensors
        self.start = 0.0
        pause = round(PAUSE_S * self.sfreq)
        lengths = [round(recording.seconds * self.sfreq) + pause for recording in recordings]
        self._firsts = np.cumsum([0, *lengths])
        self.n_samples = sum(recording.n_samples for recording in recordings)
        self.seconds = (int(self._firsts[-1]) - pause) / self.sfreq
        self.notes = tuple(note for recording in recordings for note in recording.notes)
        self.stories = tuple(self._story(k) for k in range(len(recordings)))
        self.words = tuple(word for story in self.stories for word in story)

    def chunks(self, seconds: float = 10.0, start: float | None = None) -> Iterator[Chunk]:
        """The signal in order; the pauses between recordings are gaps in time."""
        wanted = 0.0 if start is None else start
        for k, recording in enumerate(self._parts):
            if self._offset(k) + recording.start + recording.seconds <= wanted:
                continue
            for chunk in recording.chunks(seconds, max(wanted - self._offset(k), recording.start)):
                yield Chunk(chunk.data, chunk.start + self._offset(k), chunk.sfreq)

    def fingerprint(self) -> str:
        return hashlib.sha256("".join(part.fingerprint() for part in self._parts).encode()).hexdigest()[:32]

    @property
    def parts(self) -> tuple[Recording, ...]:
        return self._parts

    def moved(self, k: int, time_s: float) -> float:
        """A time of one recording on the common axis."""
        return time_s + self._offset(k)

    def _offset(self, k: int) -> float:
        """What turns a recording's own time into the common one."""
        return float(self._firsts[k]) / self.sfreq - self._parts[k].start

    def _story(self, k: int) -> tuple[Word, ...]:
        before = sum(len(part.words) for part in self._parts[:k])
        return tuple(
            replace(word, index=before + i, onset=word.onset + self._offset(k))
            for i, word in enumerate(self._parts[k].words)
        )
