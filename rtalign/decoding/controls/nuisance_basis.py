"""The nuisances of any words as columns whose knots, medians and axes come from the words that a bank was trained on.

Live, a word's nuisances are known two words later: nothing in them is taken from the rest of the story.  So a bank that
is trained with controls keeps what its own words gave, and an evaluation, a replay and a live session compute the same
columns from it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import numpy as np

from rtalign.core.records import Word
from rtalign.core.storage.tensorfile import TensorFile, save_tensors

KNOTS = 6
"""Of the broken line by which an interval may act: the answers to two words overlap as no straight line does."""
NEIGHBOURS = (-2, -1, 0, 1, 2)
"""Words whose static vectors are nuisances; 0 is the word itself."""
REACH = 2
"""Words before and after a word that its nuisances depend on."""
STATIC_COMPONENTS = 20
"""Of the static vectors, for each neighbour (docs/decisions/021-nuisances-fold-by-fold.md)."""
WORDS_PER_COLUMN = 3
"""Words there must be for each nuisance: with fewer, taking them out leaves too little of the words."""
SENTENCE_END = re.compile(r"[.!?\u2026\u3002\uff01\uff1f][\"')\]\u2019\u201d]*$")
"""What the last word of a sentence ends in, where a word table keeps punctuation."""
FACTS = ("onset", "duration", "letters", "frequency", "place", "since", "surprisal")
"""Columns of what each word brings along; the components of its static vector follow."""
LINES = len(NEIGHBOURS)
"""Broken lines: intervals to four neighbours, and the duration."""
WIDTHS = {"timing": 4 * (KNOTS - 1), "duration": KNOTS - 1, "position": 3, "form": LINES + 1, "surprisal": 1}
"""Columns of each group; those of neighbours follow."""
FILE = "nuisances.safetensors"


@dataclass(slots=True)
class StoryPlace:
    """Where a story has come to.

    Attributes
    ----------
    n_words : int
        Words so far.
    since : int
        Words since the sentence began.
    """

    n_words: int = 0
    since: int = 0

    def push(self, text: str) -> tuple[float, float]:
        """Place of the next word: thousands of words before it, and log of 1 + the words since the sentence began."""
        found = self.n_words / 1000, float(np.log1p(self.since))
        self.n_words += 1
        self.since = 0 if SENTENCE_END.search(text) else self.since + 1
        return found


@dataclass(frozen=True, slots=True, eq=False)
class NuisanceBasis:
    """How words become nuisances, as the words that a bank was trained on gave it.

    Attributes
    ----------
    static_mean : ndarray, shape (dim,)
        Of the static vectors.
    static_axes : ndarray, shape (dim, component)
        Their principal directions.
    counts : dict of str to int
        How often each word comes in the training words.
    punctuated : bool
        Whether these keep the ends of sentences.
    medians : ndarray, shape (fact,)
        Stand in for what is not known: four intervals, duration, letters of five words, surprisal.
    knots : ndarray, shape (LINES, KNOTS - 1)
        Of the broken lines.
    mean, scale : ndarray, shape (column,)
        Of each column over the training words; a scale of 0 leaves a column out.
    """

    static_mean: np.ndarray
    static_axes: np.ndarray
    counts: dict[str, int]
    punctuated: bool
    medians: np.ndarray
    knots: np.ndarray
    mean: np.ndarray
    scale: np.ndarray

    @classmethod
    def fit(
        cls,
        words: Sequence[Sequence[Word]],
        static: Sequence[np.ndarray],
        surprisal: Sequence[np.ndarray],
        rows: Sequence[np.ndarray],
        components: int,
    ) -> NuisanceBasis:
        """From the words of some stories.

        Parameters
        ----------
        words : sequence of sequence of Word
            All words of each story.
        static : sequence of ndarray, shape (word, dim)
            Their static vectors.
        surprisal : sequence of ndarray, shape (word,)
            NaN where it is not known.
        rows : sequence of ndarray of int
            The words that decoders are fitted to, of each story.
        components : int
            How many principal components of a static vector are kept.

        Returns
        -------
        NuisanceBasis
        """
        used = np.concatenate([vectors[own] for vectors, own in zip(static, rows, strict=True)]).astype(float)
        static_mean = used.mean(0)
        _, axes = np.linalg.eigh((used - static_mean).T @ (used - static_mean))
        counts = Counter(word.text.casefold() for story in words for word in story)
        punctuated = any(SENTENCE_END.search(word.text) for story in words for word in story[:-1])
        none = np.zeros(0)
        basis = cls(static_mean, axes[:, ::-1][:, :components], counts, punctuated, none, none, none, none)
        stories = zip(words, map(basis.project, static), surprisal, strict=True)
        facts = [basis.facts(*story) for story in stories]
        raw = np.concatenate([_around(own, at) for own, at in zip(facts, rows, strict=True)])[:, : 2 * LINES + 1]
        medians = np.array([np.median(c[np.isfinite(c)]) if np.isfinite(c).any() else 0.0 for c in raw.T])
        filled = np.where(np.isfinite(raw), raw, medians)[:, :LINES]
        knots = np.quantile(filled, np.linspace(0, 1, KNOTS)[:-1], axis=0).T
        basis = replace(basis, medians=medians, knots=knots)
        columns = np.concatenate([basis._columns(own, at) for own, at in zip(facts, rows, strict=True)])
        mean = columns.mean(0)
        scale = columns.std(0)
        varies = scale > 1e-9 * np.maximum(np.abs(columns).max(0), 1)
        repeated = np.zeros((LINES, KNOTS - 1), bool)
        repeated[:, 1:] = np.diff(knots, axis=1) <= 0
        varies[: repeated.size] &= ~repeated.ravel()
        if not varies.any():
            raise ValueError("no nuisance varies over these words, so there is nothing to partial out")
        return replace(basis, mean=mean, scale=np.where(varies, scale, 0.0))

    @property
    def n(self) -> int:
        """How many nuisances there are."""
        return int(np.count_nonzero(self.scale))

    @property
    def n_components(self) -> int:
        """Components of each static vector."""
        return self.static_axes.shape[1]

    @property
    def words_needed(self) -> int:
        """Words there must be before these nuisances can be taken out."""
        return WORDS_PER_COLUMN * self.n

    @property
    def fewest_words(self) -> int:
        """Words there must be in a fold for one component of each static vector."""
        return WORDS_PER_COLUMN * (int(np.count_nonzero(self.scale[: sum(WIDTHS.values())])) + LINES)

    @property
    def groups(self) -> dict[str, slice]:
        """The columns of each group that varies, in the order of `values`."""
        widths = {**WIDTHS, "neighbours": LINES * self.n_components}
        ends = np.cumsum(list(widths.values())).tolist()
        kept = np.concatenate([[0], np.cumsum(self.scale > 0)]).tolist()
        found = {name: slice(kept[end - n], kept[end]) for (name, n), end in zip(widths.items(), ends, strict=True)}
        return {name: own for name, own in found.items() if own.stop > own.start}

    @property
    def sizes(self) -> dict[str, int]:
        """How many columns each group has."""
        return {name: columns.stop - columns.start for name, columns in self.groups.items()}

    def at_most(self, n_words: int) -> NuisanceBasis:
        """The same with as many components of each static vector as so many words allow.

        Raises
        ------
        ValueError
            Where there are too few words for one.
        """
        if n_words < self.fewest_words:
            raise ValueError(
                f"a fold holds {n_words} words; controls need {self.fewest_words} - "
                "give more words, or leave --controls out"
            )
        n_own = sum(WIDTHS.values())
        allowed = (n_words // WORDS_PER_COLUMN - int(np.count_nonzero(self.scale[:n_own]))) // LINES
        scale = self.scale.copy()
        scale[n_own:].reshape(LINES, -1)[:, allowed:] = 0
        return replace(self, scale=scale)

    def project(self, static: np.ndarray) -> np.ndarray:
        """(word, component): principal components of static vectors (word, dim)."""
        return np.asarray((static - self.static_mean) @ self.static_axes)

    def facts(
        self, words: Sequence[Word], static: np.ndarray, surprisal: np.ndarray, place: StoryPlace | None = None
    ) -> np.ndarray:
        """What words bring along, to their own nuisances and those of their neighbours; nothing from later words.

        Parameters
        ----------
        words : sequence of Word
            The next words of a story.
        static : ndarray, shape (word, component)
            Components of their static vectors.
        surprisal : ndarray, shape (word,)
            NaN where it is not known.
        place : StoryPlace, optional
            Where the story has come to, which is moved on; by default its beginning.

        Returns
        -------
        ndarray, shape (word, fact)
        """
        place = place or StoryPlace()
        known = np.full((len(words), len(FACTS)), np.nan)
        for row, word, surprise in zip(known, words, surprisal, strict=True):
            letters, often = sum(map(str.isalnum, word.text)), self.counts.get(word.text.casefold(), 0)
            at, since = place.push(word.text)
            duration = np.nan if word.duration is None else word.duration
            row[:] = (word.onset, duration, letters, np.log(max(often, 1)), at, self.punctuated * since, surprise)
        return np.column_stack([known, static])

    def values(self, facts: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """Nuisances of some of the words.

        Parameters
        ----------
        facts : ndarray, shape (word, fact)
            Of the words of one story, in order; beyond its ends, a row of NaN is the same as none.
        rows : ndarray of int, shape (word,)
            The words that are wanted.

        Returns
        -------
        ndarray, shape (word, nuisance)
            Each about 0, with a standard deviation of about 1.
        """
        kept = self.scale > 0
        return np.asarray((self._columns(facts, rows)[:, kept] - self.mean[kept]) / self.scale[kept])

    def _columns(self, facts: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """(word, column): all columns as they are."""
        around = _around(facts, rows)
        known = around[:, : 2 * LINES + 1]
        known = np.where(np.isfinite(known), known, self.medians)
        lines = np.maximum(known[:, :LINES, None] - self.knots, 0).reshape(len(rows), -1)
        place, since, frequency, static = np.split(around[:, 2 * LINES + 1 :], [1, 2, 3], axis=1)
        letters, surprisal = known[:, LINES : 2 * LINES], known[:, 2 * LINES :]
        return np.hstack([lines, place, place**2, since, letters, frequency, surprisal, np.nan_to_num(static)])

    def save(self, folder: Path) -> None:
        """Write it into a bank's folder."""
        text = "\n".join(self.counts).encode()
        save_tensors(folder / FILE, {
            **{name: np.asarray(getattr(self, name), np.float64) for name in ARRAYS},
            "words": np.frombuffer(text, np.uint8), "counts": np.array(list(self.counts.values()), np.int64),
            "punctuated": np.array([self.punctuated], np.uint8),
        })  # fmt: skip

    @classmethod
    def load(cls, folder: Path) -> Self | None:
        """Read it from a bank's folder; None where the bank was trained without, ValueError where it is damaged."""
        path = folder / FILE
        if not path.is_file():
            return None
        try:
            file = TensorFile(path)
            words = file["words"].tobytes().decode().split("\n")
            counts = dict(zip(words, file["counts"].tolist(), strict=True))
            arrays = {name: np.array(file[name], float) for name in ARRAYS}
            basis = cls(counts=counts, punctuated=bool(file["punctuated"][0]), **arrays)
            basis._check()
        except (KeyError, TypeError, IndexError, ValueError) as error:
            raise ValueError(f"{path} is damaged: {error}; train the bank again, or copy it again") from None
        return basis

    def _check(self) -> None:
        """Raise ValueError where arrays do not fit each other."""
        n_columns = sum(WIDTHS.values()) + LINES * self.n_components
        expected = {"static_axes": (len(self.static_mean), self.n_components), "medians": (2 * LINES + 1,)}
        expected |= {"knots": (LINES, KNOTS - 1), "mean": (n_columns,), "scale": (n_columns,)}
        for name, shape in expected.items():
            values = getattr(self, name)
            if values.shape != shape or not np.isfinite(values).all():
                raise ValueError(f"{name} is not {shape} finite numbers")


ARRAYS = ("static_mean", "static_axes", "medians", "knots", "mean", "scale")
"""Of a file."""


def _around(facts: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """(word, raw column): intervals, duration, letters of five words, surprisal; place, since, frequency, static."""
    own = dict(zip(FACTS, facts.T[: len(FACTS)], strict=True))
    shifted = {step: _shifted(facts, step) for step in NEIGHBOURS}
    onset, letters = FACTS.index("onset"), FACTS.index("letters")
    gaps = [np.abs(shifted[step][:, onset] - own["onset"]) for step in NEIGHBOURS if step]
    columns = [*gaps, own["duration"], *(shifted[step][:, letters] for step in NEIGHBOURS), own["surprisal"]]
    columns += [own["place"], own["since"], own["frequency"]]
    static = [shifted[step][:, len(FACTS) :] for step in NEIGHBOURS]
    return np.hstack([np.column_stack(columns), *static])[rows]


def _shifted(values: np.ndarray, step: int) -> np.ndarray:
    """The values of the word `step` later; NaN beyond the ends."""
    out = np.full(values.shape, np.nan)
    n = max(len(values) - abs(step), 0)
    out[max(-step, 0) : max(-step, 0) + n] = values[max(step, 0) : max(step, 0) + n]
    return out
