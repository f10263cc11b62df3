"""The nuisances of every word: what the brain may answer, and a layer may hold, without any shared computation."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from rtalign.core.records import Word
from rtalign.training.prepare import PreparedRecording, StoredActivations

KNOTS = 6
"""Of the broken line by which an interval may act: the answers to two words overlap as no straight line does."""
NEIGHBOURS = (-2, -1, 0, 1, 2)
"""Words whose static vectors are nuisances; 0 is the word itself."""
STATIC_COMPONENTS = 20
"""Of the static vectors, for each neighbour (docs/decisions/021-unique-r-from-the-same-sums.md)."""
SENTENCE_END = re.compile(r"[.!?\u2026\u3002\uff01\uff1f][\"')\]\u2019\u201d]*$")
"""What the last word of a sentence ends in, where a word table keeps punctuation."""
WORDS_PER_COLUMN = 3
"""Words of a fold there must be for each nuisance: with fewer, taking them out leaves too little of the words."""


@dataclass(frozen=True, slots=True, eq=False)
class Nuisances:
    """Nuisances of the words in use, each with mean 0 and standard deviation 1.

    Attributes
    ----------
    values : ndarray of float32, shape (word, nuisance)
        Over all recordings, in order.
    groups : dict of str to slice
        The columns of each group: timing, duration, position, form, surprisal, neighbours.
    """

    values: np.ndarray
    groups: dict[str, slice]

    @property
    def n(self) -> int:
        """How many columns there are."""
        return self.values.shape[1]

    @property
    def sizes(self) -> dict[str, int]:
        """How many columns each group has."""
        return {name: columns.stop - columns.start for name, columns in self.groups.items()}

    @classmethod
    def of(cls, groups: Mapping[str, np.ndarray]) -> Nuisances:
        """From the columns (word, column) of each group; columns that do not vary are left out."""
        kept = {}
        for name, values in groups.items():
            centred = values - values.mean(0)
            spread = centred.std(0)
            varying = spread > 1e-9 * np.maximum(np.abs(values).max(0, initial=0), 1)
            if varying.any():
                kept[name] = centred[:, varying] / spread[varying]
        if not kept:
            raise ValueError("no nuisance varies over these words, so there is nothing to partial out")
        ends = np.cumsum([part.shape[1] for part in kept.values()]).tolist()
        starts = [0, *ends[:-1]]
        slices = {name: slice(a, b) for name, a, b in zip(kept, starts, ends, strict=True)}
        return cls(np.hstack(list(kept.values())).astype(np.float32), slices)


def find_nuisances(
    prepared: Sequence[PreparedRecording], static: Sequence[StoredActivations], fold: np.ndarray
) -> Nuisances:
    """Compute the nuisances of all words in use.

    Parameters
    ----------
    prepared : sequence of PreparedRecording
        The recordings.
    static : sequence of StoredActivations, shape (word, 1, dim)
        State 0 of every word of each recording, read with surprisal.
    fold : ndarray of int, shape (word,)
        The fold of each word in use, or -1.  The components of static vectors are those of all words in a fold: they
        know of neither signal nor targets.

    Returns
    -------
    Nuisances
        ValueError if there are too few words.
    """
    words = [one.recording.words for one in prepared]
    used = [one.used for one in prepared]
    groups = {
        "timing": timing(words, used),
        "duration": duration(words, used),
        "position": position(words, used),
        "form": form(words, used),
        "surprisal": np.concatenate([one.surprisal()[rows] for one, rows in zip(static, used, strict=True)])[:, None],
    }
    kept, shortest = fold >= 0, int(np.bincount(fold[fold >= 0]).min())
    n_columns = sum(part.shape[1] for part in groups.values())
    components = min(STATIC_COMPONENTS, (shortest // WORDS_PER_COLUMN - n_columns) // len(NEIGHBOURS))
    if components < 1:
        fewest = WORDS_PER_COLUMN * (n_columns + len(NEIGHBOURS))
        raise ValueError(
            f"a fold holds {shortest} words; controls need {fewest} - give more words, or leave --controls out"
        )
    groups["neighbours"] = neighbours([one[:, 0] for one in static], used, kept, components)
    return Nuisances.of(groups)


def timing(words: Sequence[Sequence[Word]], used: Sequence[np.ndarray]) -> np.ndarray:
    """(word, column): onset intervals to two words before and after, by broken lines.

    At the ends of a recording the median stands in.
    """
    onsets = [np.array([word.onset for word in of_run]) for of_run in words]
    gaps = [
        np.concatenate(
            [np.abs(_shifted(of_run, step) - of_run)[rows] for of_run, rows in zip(onsets, used, strict=True)]
        )
        for step in NEIGHBOURS
        if step
    ]
    return np.hstack([broken_line(_known(gap)) for gap in gaps])


def duration(words: Sequence[Sequence[Word]], used: Sequence[np.ndarray]) -> np.ndarray:
    """(word, column): a broken line of how long each word lasts; the median where that is not known."""
    lasting = [[np.nan if of_run[i].duration is None else of_run[i].duration for i in rows]
               for of_run, rows in zip(words, used, strict=True)]  # fmt: skip
    return broken_line(_known(np.concatenate(lasting).astype(float)))


def position(words: Sequence[Sequence[Word]], used: Sequence[np.ndarray]) -> np.ndarray:
    """(word, column): place in the recording and its square, and the number of words since the sentence began.

    Sentences are known where the word table keeps punctuation.
    """
    columns = []
    for of_run, rows in zip(words, used, strict=True):
        place = np.linspace(-1, 1, len(of_run))
        ended = np.array([False, *(bool(SENTENCE_END.search(word.text)) for word in of_run[:-1])])
        index = np.arange(len(of_run))
        since = index - np.maximum.accumulate(np.where(ended, index, 0)) if ended.any() else np.zeros(len(of_run))
        columns.append(np.column_stack([place, place**2, np.log1p(since)])[rows])
    return np.concatenate(columns)


def form(words: Sequence[Sequence[Word]], used: Sequence[np.ndarray]) -> np.ndarray:
    """(word, column): letters of the words before, of the word and of the next, and how often it comes in the story."""
    often = Counter(word.text.casefold() for of_run in words for word in of_run)
    columns = []
    for of_run, rows in zip(words, used, strict=True):
        letters = np.array([sum(map(str.isalnum, word.text)) for word in of_run], float)
        around = [_known(_shifted(letters, step)) for step in NEIGHBOURS]
        frequency = np.log([often[word.text.casefold()] for word in of_run])
        columns.append(np.column_stack([*around, frequency])[rows])
    return np.concatenate(columns)


def neighbours(
    static: Sequence[np.ndarray], used: Sequence[np.ndarray], kept: np.ndarray, components: int
) -> np.ndarray:
    """(word, column): principal components of the static vectors of the words around each word in use.

    Beyond the ends of a recording stands the mean vector.
    """
    fitted = np.concatenate([vectors[rows] for vectors, rows in zip(static, used, strict=True)])[kept].astype(float)
    mean = fitted.mean(0)
    _, axes = np.linalg.eigh((fitted - mean).T @ (fitted - mean))
    turned = [(vectors - mean) @ axes[:, ::-1][:, :components] for vectors in static]
    around = []
    for values, rows in zip(turned, used, strict=True):
        around.append(np.hstack([np.nan_to_num(_shifted(values, step))[rows] for step in NEIGHBOURS]))
    return np.concatenate(around)


def broken_line(values: np.ndarray) -> np.ndarray:
    """(word, KNOTS - 1): a basis of all broken lines with KNOTS knots, as many words between any two of them."""
    knots = np.quantile(values, np.linspace(0, 1, KNOTS)[:-1])
    return np.maximum(values[:, None] - np.unique(knots), 0)


def _shifted(values: np.ndarray, step: int) -> np.ndarray:
    """The value of the word `step` later; NaN beyond the ends."""
    out = np.full(values.shape, np.nan)
    n = max(len(values) - abs(step), 0)
    out[max(-step, 0) : max(-step, 0) + n] = values[max(step, 0) : max(step, 0) + n]
    return out


def _known(values: np.ndarray) -> np.ndarray:
    """The same with the median in the place of what is not known; zeros where nothing is."""
    known = np.isfinite(values)
    return np.where(known, values, np.median(values[known]) if known.any() else 0.0)
