"""Intrinsic dimensions are those of scikit-learn, and of clouds whose dimension is known."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.neighbors import NearestNeighbors

from rtalign.training.dimension import participation_ratio, two_nearest_neighbours


def cloud(dim: int, n: int = 900, space: int = 30, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.uniform(size=(n, dim)) @ rng.standard_normal((dim, space)) + 3


@pytest.mark.parametrize("dim", [2, 5])
def test_both_are_those_of_scikit_learn(dim: int) -> None:
    values = cloud(dim)
    eigenvalues = PCA().fit(values).explained_variance_
    assert participation_ratio(values) == pytest.approx(eigenvalues.sum() ** 2 / (eigenvalues**2).sum(), rel=1e-6)
    distances, _ = NearestNeighbors(n_neighbors=3).fit(values).kneighbors(values)
    expected = len(values) / np.log(distances[:, 2] / distances[:, 1]).sum()
    assert two_nearest_neighbours(values) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("dim", [2, 5])
def test_a_cloud_of_known_dimension_has_it(dim: int) -> None:
    assert two_nearest_neighbours(cloud(dim)) == pytest.approx(dim, rel=0.15)


def test_words_that_repeat_count_once() -> None:
    values = cloud(3)
    assert two_nearest_neighbours(np.concatenate([values, values])) == pytest.approx(two_nearest_neighbours(values))
    assert np.isnan(two_nearest_neighbours(np.ones((10, 4))))
    assert np.isnan(participation_ratio(np.ones((10, 4))))
