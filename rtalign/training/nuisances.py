"""The nuisances of every word: what the brain may answer, and a layer may hold, without any shared computation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from rtalign.core.records import Word
from rtalign.training.prepare import PreparedRecording, StoredActivations

KNOTS = 6
"""Of the broken line by which an interval may act: the answers to two words overlap as no straight line does."""
NEIGHBOURS = (-2, -1, 0, 1, 2)
"""Words whose static vectors are nuisances; 0 is the word itself."""
STATIC_COMPONENTS = 50
WORDS_PER_COLUMN = 5
"""Words there must be for each nuisance: with fewer, taking them out adds more noise than it removes."""


@dataclass(frozen=True, slots=True, eq=False)
class Nuisances:
    """Nuisances of the words in use, each with mean 0 and standard deviation 1.

    Attributes
    ----------
    values : ndarray of float32, shape (word, nuisance)
        Over all recordings, in order.
    groups : dict of str to slice
        The columns of each group: timing, form, surprisal, neighbours.
    """

    values: np.ndarray
    groups: dict[str, slice]

    @property
    def n(self) -> int:
        """How many columns there are."""
        return self.values.shape[1]

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
    prepared: Sequence[PreparedRecording], static: Sequence[StoredActivations], kept: np.ndarray
) -> Nuisances:
    """Compute the nuisances of all words in use.

    Parameters
    ----------
    prepared : sequence of PreparedRecording
        The recordings.
    static : sequence of StoredActivations, shape (word, 1, dim)
        State 0 of every word of each recording, read with surprisal.
    kept : ndarray of bool, shape (word,)
        Which of the words in use are in a fold; the components of static vectors are fitted to these alone.

    Returns
    -------
    Nuisances
        ValueError if there are too few words.
    """
    words = [one.recording.words for one in prepared]
    used = [one.used for one in prepared]
    groups = {
        "timing": timing(words, used),
        "form": np.concatenate([form(of_run)[rows] for of_run, rows in zip(words, used, strict=True)]),
        "surprisal": np.concatenate([one.surprisal()[rows] for one, rows in zip(static, used, strict=True)])[:, None],
    }
    room = int(kept.sum()) // WORDS_PER_COLUMN - sum(part.shape[1] for part in groups.values())
    components = min(STATIC_COMPONENTS, room // len(NEIGHBOURS))
    if components < 1:
        raise ValueError(f"{int(kept.sum())} words are too few to take nuisances out of; leave --controls out")
    groups["neighbours"] = neighbours([one[:, 0] for one in static], used, kept, components)
    return Nuisances.of(groups)


def timing(words: Sequence[Sequence[Word]], used: Sequence[np.ndarray]) -> np.ndarray:
    """(word, column): onset intervals to two words before and after, duration, position in the recording.

    Intervals and durations act by broken lines.  At the ends of a recording, and where no duration is known, the median
    stands in.
    """
    columns: list[np.ndarray] = []
    onsets = [np.array([word.onset for word in of_run]) for of_run in words]
    for step in (-2, -1, 1, 2):
        gaps = [np.abs(_shifted(of_run, step) - of_run)[rows] for of_run, rows in zip(onsets, used, strict=True)]
        columns.append(broken_line(_known(np.concatenate(gaps))))
    durations = [np.array([np.nan if word.duration is None else word.duration for word in of_run]) for of_run in words]
    lasting = [of_run[rows] for of_run, rows in zip(durations, used, strict=True)]
    columns.append(broken_line(_known(np.concatenate(lasting))))
    place = [np.linspace(-1, 1, len(of_run))[rows] for of_run, rows in zip(words, used, strict=True)]
    columns.append(np.concatenate(place)[:, None] ** [1, 2])
    return np.hstack(columns)


def form(words: Sequence[Word]) -> np.ndarray:
    """(word, column): letters of the words before, of the word, and of the next."""
    letters = np.array([sum(map(str.isalnum, word.text)) for word in words], float)
    return np.column_stack([_known(_shifted(letters, step)) for step in NEIGHBOURS])


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
