"""The nuisances of every word: what the brain may answer, and a layer may hold, without any shared computation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rtalign.decoding.controls.nuisance_basis import STATIC_COMPONENTS, NuisanceBasis
from rtalign.training.prepare import PreparedRecording, StoredActivations


@dataclass(frozen=True, slots=True, eq=False)
class Nuisances:
    """Nuisances of the words in use.

    Attributes
    ----------
    values : ndarray, shape (word, nuisance)
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


def find_nuisances(
    prepared: Sequence[PreparedRecording],
    static: Sequence[StoredActivations],
    fold: np.ndarray,
    basis: NuisanceBasis | None = None,
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

    Returns
    -------
    tuple of Nuisances and NuisanceBasis
        ValueError if there are too few words.
    """
    words, used = [one.recording.words for one in prepared], [one.used for one in prepared]
    vectors, surprisal = [one[:, 0] for one in static], [one.surprisal() for one in static]
    if basis is None:
        kept = np.split(fold >= 0, np.cumsum([len(rows) for rows in used])[:-1])
        rows = [own[mask] for own, mask in zip(used, kept, strict=True)]
        basis = NuisanceBasis.fit(words, vectors, surprisal, rows, STATIC_COMPONENTS)
    basis = basis.at_most(int(np.bincount(fold[fold >= 0]).min()))
    stories = zip(words, map(basis.project, vectors), surprisal, strict=True)
    facts = [basis.facts(*story) for story in stories]
    values = np.concatenate([basis.values(own, rows) for own, rows in zip(facts, used, strict=True)])
    return Nuisances(values.astype(np.float32), basis.groups), basis
