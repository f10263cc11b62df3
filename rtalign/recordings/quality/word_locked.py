"""Word-locked field strength: whether the field follows words at all, and when, before any decoder is fitted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rtalign.core.recipe import Recipe
from rtalign.core.records import Epoch, Recording
from rtalign.signal.pipeline import Pipeline

MIN_WORDS = 20

CLEAR = 2.5
"""The peak over the median that fields without any response stayed below."""


@dataclass(frozen=True, slots=True, eq=False)
class WordLockedField:
    """The strength of the field that follows words.

    Attributes
    ----------
    lags : ndarray, shape (lag,)
        After word onset, s.
    strength : ndarray, shape (lag,)
        Near 1 where the field does not depend on the words.
    n_words : int
        Words with whole epochs.
    """

    lags: np.ndarray
    strength: np.ndarray
    n_words: int

    @property
    def peak_s(self) -> float | None:
        """The lag at which the field follows words most, s; None where no lag is clearly above the others."""
        return float(self.lags[np.argmax(self.strength)]) if self.ratio >= CLEAR else None

    @property
    def ratio(self) -> float:
        """The peak over the median of all lags."""
        return float(self.strength.max() / np.median(self.strength))


def field_strength(recording: Recording) -> WordLockedField:
    """Measure the word-locked field: the root mean square over sensors of the average epoch over its standard error.

    The recording is read once, a chunk at a time, through the same filters as training.

    Parameters
    ----------
    recording : Recording
        With at least 20 words that have whole epochs.

    Returns
    -------
    WordLockedField
    """
    recipe = Recipe.preset("live")
    pipeline = Pipeline(recipe, recording.sensors, recording.sfreq)
    for word in recording.words:
        pipeline.push(word)
    lags = np.asarray(recipe.lags.seconds, float)
    n, total, squares = 0, np.zeros((len(lags), len(recording.sensors))), np.zeros((len(lags), len(recording.sensors)))
    batches = (pipeline.push(chunk) for chunk in recording.chunks(5.0))
    for batch in (*batches, pipeline.finish()):
        for epoch in batch:
            if isinstance(epoch, Epoch):
                n += 1
                total += epoch.data
                squares += epoch.data.astype(float) ** 2
    if n < MIN_WORDS:
        raise ValueError(f"{recording.name} has {n} words with whole epochs; {MIN_WORDS} are needed to see a response")
    mean = total / n
    error = np.sqrt(np.maximum(squares / n - mean**2, 0.0) / (n - 1))
    z = np.divide(mean, error, out=np.zeros_like(mean), where=error > 0)
    return WordLockedField(lags, np.sqrt((z**2).mean(axis=1)), n)
