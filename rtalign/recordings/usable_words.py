"""Which words of a recording can be used: those that are chosen, and whose whole epoch is in the signal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Protocol

import numpy as np

from rtalign.core.recipe import Recipe, WordRecipe
from rtalign.core.records import BadStretch, Chunk, Recording, Sensor, Word
from rtalign.core.text.word_text import count_rows_without_word
from rtalign.language import choose_content_words, has_parts_of_speech
from rtalign.recordings.file_recording import FileRecording
from rtalign.signal.chain import Chain
from rtalign.signal.timeline import Timeline

NOTHING = Sensor("nothing", "eeg", (0.0, 0.0, 0.0), (0.0, 0.0, 1.0))
CHUNK_S = 60.0


class KnownSignal(Protocol):
    """What knows which times of a recording's filtered signal can be read."""

    def mark_bad(self, stretches: Iterable[BadStretch]) -> None: ...

    def unreadable(self, start: float, stop: float) -> str | None: ...


def usable_words(recording: Recording, signal: KnownSignal, recipe: Recipe) -> tuple[np.ndarray, Counter[str]]:
    """Indices of the chosen words whose whole epoch is in the signal, and why the others cannot be used.

    Rows of the word table that are no words are counted too, by what they are.
    """
    lags = recipe.lags.seconds
    signal.mark_bad(recording.bad_stretches)
    used, skipped = [], count_rows_without_word(recording.notes)
    for i in np.flatnonzero(chosen_words(recording.words, recipe.words)):
        onset = recording.words[i].onset
        reason = signal.unreadable(onset + lags[0], onset + lags[-1])
        if reason is None:
            used.append(i)
        else:
            skipped[reason] += 1
    return np.array(used, int), skipped


def chosen_words(words: Sequence[Word], recipe: WordRecipe) -> np.ndarray:
    """(word,) whether a recipe decodes each, wherever its signal is there."""
    if recipe.which == "all":
        return np.ones(len(words), bool)
    return content_words(tuple(words), recipe.tagger)


@lru_cache(maxsize=64)
def content_words(words: tuple[Word, ...], tagger: str) -> np.ndarray:
    """(word,) whether each is one; remembered, as reading a story asks for them more than once."""
    return choose_content_words(words, tagger)


def require_tagger(recipe: Recipe, recordings: Iterable[Recording]) -> None:
    """Raise ValueError where content words are wanted and neither a word table nor a tagger can tell them."""
    if recipe.words.which == "content":
        for recording in recordings:  # a tagger need not tag whole stories to show that it is there
            words = recording.words if has_parts_of_speech(recording.words) else recording.words[:1]
            choose_content_words(words, recipe.words.tagger)


def expected_signal(recording: FileRecording, recipe: Recipe, read: bool = False) -> Timeline:
    """Which times of a recording the signal chain will give.

    Parameters
    ----------
    recording : FileRecording
        The recording.
    recipe : Recipe
        Its chain is used.
    read : bool
        Whether to read the samples: bad values break the signal as well, and without it only breaks that the file
        states are known.

    Returns
    -------
    Timeline
        As that of the filtered signal; its end is known.

    Raises
    ------
    ValueError
        Where the chain cannot be built at the recording's rate.
    """
    sensors = recording.sensors if read else [NOTHING]
    chain = Chain(recipe.chain, sensors, recording.sfreq)
    timeline = Timeline(chain.rate, len(sensors), warmup_s=chain.warmup_s)
    for chunk in recording.chunks() if read else _silence(recording):
        for ready in chain.push(chunk):
            timeline.extend(ready)
        timeline.reasons.extend(chain.take_bad_values())
    for ready in chain.finish():
        timeline.extend(ready)
    timeline.ended = True
    return timeline


def _silence(recording: FileRecording) -> Iterator[Chunk]:
    """Zeros wherever the recording has samples."""
    size = max(round(CHUNK_S * recording.sfreq), 1)
    zeros = np.zeros((size, 1))
    for start, n in recording.unbroken:
        for first in range(0, n, size):
            yield Chunk(zeros[: min(size, n - first)], start + first / recording.sfreq, recording.sfreq)
