"""Folds: every word in one of them or purged, and no window shared across a boundary."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtalign.core.recipe import FitRecipe
from rtalign.decoding.folds import PURGED, assign_folds

RECIPE = FitRecipe()


def story(n: int, seed: int = 0) -> np.ndarray:
    return np.cumsum(np.random.default_rng(seed).uniform(0.1, 0.7, n))


@given(st.integers(200, 2000), st.floats(0.5, 5.5), st.integers(0, 5))
def test_windows_of_different_folds_share_no_sample(n: int, gap: float, seed: int) -> None:
    onset = story(n, seed)
    fold = assign_folds([onset], RECIPE, gap)
    kept = fold != PURGED
    across = np.diff(fold[kept]) != 0
    assert (np.diff(onset[kept])[across] >= gap).all()
    assert set(fold[kept]) == set(range(5))


@given(st.lists(st.integers(80, 400), min_size=5, max_size=40))
def test_whole_recordings_stay_together(sizes: list[int]) -> None:
    fold = assign_folds([story(n, i) for i, n in enumerate(sizes)], RECIPE, 2.0)
    parts = np.split(fold, np.cumsum(sizes)[:-1])
    assert all(len(set(p.tolist())) == 1 for p in parts)
    assert sorted(set(fold.tolist())) == [0, 1, 2, 3, 4]
    assert (np.diff(fold) >= 0).all()


def test_purged_words_are_few() -> None:
    fold = assign_folds([story(3000)], RECIPE, 2.0)
    assert (fold == PURGED).mean() < 0.01


def test_legacy_folds_scatter_neighbours() -> None:
    fold = assign_folds([story(1000)], FitRecipe(fold_kind="legacy"), 2.0)
    assert (np.diff(fold) != 0).mean() > 0.7
    assert np.bincount(fold).tolist() == [200] * 5


def test_too_few_words_are_refused_with_the_number() -> None:
    with pytest.raises(ValueError, match="30 usable words are too few for 5 folds; 50 are needed"):
        assign_folds([story(30)], RECIPE, 2.0)
