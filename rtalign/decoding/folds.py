"""Which words are held out together, so that no test word shares signal with a training word."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rtalign.core.recipe import FitRecipe

PURGED = -1
"""The fold of a word that is too near a boundary to be trained on or scored."""


def assign_folds(onsets: Sequence[np.ndarray], recipe: FitRecipe, gap: float) -> np.ndarray:
    """The fold of every word.

    Parameters
    ----------
    onsets : sequence of ndarray, shape (word,)
        Seconds, one array a recording, in order.
    recipe : FitRecipe
        How many folds, and of which kind.
    gap : float
        Seconds between the last word of a fold and the first of the next inside one recording: the length of an epoch,
        so that their windows share no sample.

    Returns
    -------
    ndarray of int, shape (word,)
        Over all recordings, 0 to folds - 1, or PURGED.
    """
    n_words = sum(len(o) for o in onsets)
    if n_words < 10 * recipe.folds:
        raise ValueError(f"{n_words} usable words are too few for {recipe.folds} folds; {10 * recipe.folds} are needed")
    if recipe.fold_kind == "legacy":
        return np.random.default_rng(recipe.seed).permutation(np.arange(n_words) % recipe.folds)
    if len(onsets) >= recipe.folds:
        return _by_recording([len(o) for o in onsets], recipe.folds)
    return _by_position(onsets, recipe.folds, gap)


def _by_recording(sizes: Sequence[int], n_folds: int) -> np.ndarray:
    """Keep whole recordings together; a recording joins the fold that its middle word falls in."""
    middles = np.cumsum(sizes) - np.asarray(sizes) / 2
    fold = np.minimum((middles / sum(sizes) * n_folds).astype(int), n_folds - 1)
    if len(set(fold.tolist())) < n_folds:  # recordings of very unequal length: give every fold its share of them
        fold = np.arange(len(sizes)) * n_folds // len(sizes)
    return np.repeat(fold, sizes)


def _by_position(onsets: Sequence[np.ndarray], n_folds: int, gap: float) -> np.ndarray:
    """Cut the words in order into equal parts; purge words within half a gap of a boundary inside a recording."""
    n_words = sum(len(o) for o in onsets)
    fold = np.arange(n_words) * n_folds // n_words
    first = 0
    for onset in onsets:
        part = fold[first : first + len(onset)]
        cuts = np.flatnonzero(np.diff(part)) + 1
        for cut in cuts:
            boundary = (onset[cut - 1] + onset[cut]) / 2
            part[np.abs(onset - boundary) < gap / 2] = PURGED
        first += len(onset)
    if len(set(fold.tolist()) - {PURGED}) < n_folds:
        raise ValueError(f"the recording is too short for {n_folds} folds with {gap:g} s between them; use fewer folds")
    return fold
