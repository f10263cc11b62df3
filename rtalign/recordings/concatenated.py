"""Several recordings one after the other on one time axis, as a day in the scanner was."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Generic, TypeVar

import numpy as np

from rtalign.core.records import Annotation, BadStretch, Chunk, Recording, Word

PAUSE_S = 2.0
"""Between two recordings: long enough that no epoch reaches across, and that the filters begin anew."""

R = TypeVar("R", bound=Recording)


class ConcatenatedRecording(Generic[R]):
    """One recording made of several with the same sensors and rate; it begins at 0.

    Parameters
    ----------
    recordings : sequence of Recording
        In the order in which they are joined, with a pause between.

    Attributes
    ----------
    parts : tuple of Recording
        The recordings it is made of.
    stories : tuple of tuple of Word
        The words of each part, on the common time axis and numbered on.  The language model's context is reset with
        each.
    annotations : tuple of Annotation
        What an operator wrote while a part was recorded, on the common time axis.
    """

    def __init__(self, recordings: Sequence[R]) -> None:
        first = recordings[0]
        for other in recordings[1:]:
            if other.sfreq != first.sfreq:
                raise ValueError(f"{other.name} is at {other.sfreq:g} Hz and {first.name} at {first.sfreq:g} Hz")
            if [s.name for s in other.sensors] != [s.name for s in first.sensors]:
                raise ValueError(f"{other.name} has other sensors than {first.name}; choose those that all have")
        self.parts = tuple(recordings)
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
        self.annotations = tuple(
            Annotation(self.to_common_time(k, note.time), note.text)
            for k, one in enumerate(recordings)
            for note in getattr(one, "annotations", ())
        )
        self.bad_stretches = tuple(self._move(bad, k) for k, one in enumerate(recordings) for bad in one.bad_stretches)

    def chunks(self, seconds: float = 10.0, start: float | None = None) -> Iterator[Chunk]:
        """Yield the signal in order; the pauses between recordings are gaps in time."""
        begin = 0.0 if start is None else start
        for k, part in enumerate(self.parts):
            if self._offset(k) + part.start + part.seconds <= begin:
                continue
            for chunk in part.chunks(seconds, max(begin - self._offset(k), part.start)):
                yield Chunk(chunk.data, chunk.start + self._offset(k), chunk.sfreq)

    def fingerprint(self) -> str:
        """Return a hash that changes when any part changes."""
        return hashlib.sha256("".join(part.fingerprint() for part in self.parts).encode()).hexdigest()[:32]

    def signal_fingerprint(self) -> str:
        """Return a hash that changes when the signal of any part changes."""
        return hashlib.sha256("".join(part.signal_fingerprint() for part in self.parts).encode()).hexdigest()[:32]

    def to_common_time(self, part: int, time_s: float) -> float:
        """Move a time of one part, by its number, onto the common axis."""
        return time_s + self._offset(part)

    def _offset(self, k: int) -> float:
        """What is added to a part's own time."""
        return float(self._firsts[k]) / self.sfreq - self.parts[k].start

    def _move(self, bad: BadStretch, k: int) -> BadStretch:
        return replace(bad, start=bad.start + self._offset(k), stop=bad.stop + self._offset(k))

    def _story(self, k: int) -> tuple[Word, ...]:
        before = sum(len(part.words) for part in self.parts[:k])
        return tuple(
            replace(word, index=before + i, onset=word.onset + self._offset(k))
            for i, word in enumerate(self.parts[k].words)
        )
