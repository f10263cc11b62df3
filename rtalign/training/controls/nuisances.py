"""The nuisances of every word: what the brain may answer, and a layer may hold, without any shared computation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rtalign.decoding.controls.nuisance_basis import STATIC_COMPONENTS, WORDS_PER_COLUMN, NuisanceBasis
from rtalign.report.verdict import ENVELOPE
from rtalign.training.prepare import PreparedRecording, StoredActivations


@dataclass(frozen=True, slots=True, eq=False)
class Nuisances:
    """Nuisances of the words in use.

    Attributes
    ----------
    values : ndarray, shape (word, nuisance)
        Over all recordings, in order.
    groups : dict of str to slice
        The columns of each group: timing, duration, position, form, surprisal, neighbours, envelope.
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


def find_nuisances(
    prepared: Sequence[PreparedRecording],
    static: Sequence[StoredActivations],
    fold: np.ndarray,
    basis: NuisanceBasis | None = None,
    loudness: np.ndarray | None = None,
) -> tuple[Nuisances, NuisanceBasis]:
    """Compute the nuisances of all words in use.

    Parameters
    ----------
    prepared : sequence of PreparedRecording
        The recordings.
    static : sequence of StoredActivations, shape (word, 1, dim)
        State 0 of every word of each recording, read with surprisal.
    fold : ndarray of int, shape (word,)
        The fold of each word in use, or -1.
    basis : NuisanceBasis, optional
        Of the bank that is scored; by default that of the words in a fold, which knows of neither signal nor targets.
    loudness : ndarray, shape (word, step), optional
        Of the sound around each word in use; left out where there are too few words for it.

    Returns
    -------
    tuple of Nuisances and NuisanceBasis
        ValueError if there are too few words.
    """
    words, used = [one.recording.words for one in prepared], [one.used for one in prepared]
    vectors, surprisal = [one[:, 0] for one in static], [one.surprisal() for one in static]
    kept = fold >= 0
    if basis is None:
        masks = np.split(kept, np.cumsum([len(rows) for rows in used])[:-1])
        rows = [own[mask] for own, mask in zip(used, masks, strict=True)]
        basis = NuisanceBasis.fit(words, vectors, surprisal, rows, STATIC_COMPONENTS)
    fewest = int(np.bincount(fold[kept]).min())
    room = 0 if loudness is None else WORDS_PER_COLUMN * loudness.shape[1]
    if fewest < basis.fewest_words + room:
        loudness, room = None, 0
    basis = basis.at_most(fewest - room)
    stories = zip(words, map(basis.project, vectors), surprisal, strict=True)
    facts = [basis.facts(*story) for story in stories]
    values = np.concatenate([basis.values(own, rows) for own, rows in zip(facts, used, strict=True)])
    groups = basis.groups
    if loudness is not None:
        groups |= {ENVELOPE: slice(values.shape[1], values.shape[1] + loudness.shape[1])}
        scaled = (loudness - loudness[kept].mean(0)) / np.maximum(loudness[kept].std(0), 1e-12)
        values = np.hstack([values, scaled])
    return Nuisances(values.astype(np.float32), groups), basis
