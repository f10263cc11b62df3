"""Targets: principal components equal to scikit-learn's, per layer, and honest about the words they were fitted on."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.decomposition import PCA

from rtalign.decoding.gpu.projection import GpuWords
from rtalign.decoding.moments import Moments, Precision
from rtalign.decoding.projection import Words, fit_projection, leading_rotation

RNG = np.random.default_rng(0)
ACTIVATIONS = (RNG.standard_normal((400, 3, 10)) @ np.diag(np.arange(1, 11.0)) + 50).astype(np.float32)


def same_up_to_sign(a: np.ndarray, b: np.ndarray) -> bool:
    return np.allclose(np.abs(a), np.abs(b), atol=1e-3 * np.abs(b).max())


def test_components_equal_scikit_learn_layer_by_layer() -> None:
    projection = fit_projection([ACTIVATIONS[:150], ACTIVATIONS[150:]], 4)
    ours = projection.project(ACTIVATIONS).reshape(400, 3, 4)
    for layer in range(3):
        pca = PCA(4).fit(ACTIVATIONS[:, layer].astype(float))
        assert same_up_to_sign(ours[:, layer], pca.transform(ACTIVATIONS[:, layer].astype(float)))
        assert np.allclose(projection.variance[layer, :4], pca.explained_variance_ratio_, rtol=1e-4)


@pytest.mark.parametrize(("dim", "outlier"), [(60, 1.0), (60, 1e3), (300, 1.0), (300, 1e3)])
def test_components_are_those_of_float64_within_a_ten_thousandth(dim: int, outlier: float) -> None:
    """Of few and of many dimensions, and of a layer with one direction that outweighs all others."""
    rng = np.random.default_rng(1)
    axes = np.linalg.qr(rng.standard_normal((dim, dim)))[0]
    scale = np.arange(1, dim + 1.0) ** -0.7
    scale[0] *= outlier
    activations = (rng.standard_normal((900, 1, dim)) * scale @ axes + 3).astype(np.float32)
    projection = fit_projection([activations], 10)
    exact = activations[:, 0] - activations[:, 0].mean(0, dtype=np.float64)
    vectors = np.linalg.svd(exact, full_matrices=False)[2][:10].T
    basis = projection.basis[0, :, :10]
    angles = np.linalg.norm(basis * np.sign((basis * vectors).sum(0)) - vectors, axis=0)
    assert angles.max() < 1e-4


def test_fewer_words_than_wide_components() -> None:
    few = np.random.default_rng(2).standard_normal((12, 1, 400)).astype(np.float32)
    basis = fit_projection([few], 10).basis[0]
    assert np.allclose(basis.T @ basis, np.eye(20), atol=1e-5)


def test_a_folds_rotation_is_the_pca_of_its_training_words() -> None:
    projection = fit_projection([ACTIVATIONS], 5)
    assert projection.wide == 10  # twice the components: here the whole space, so the rotation is exact
    wide = projection.project(ACTIVATIONS, projection.wide)
    train = slice(100, 400)
    moments = Moments.from_data(np.empty((300, 0)), wide[train], "float64", groups=3)
    turned = leading_rotation(moments.yy, 5)
    for layer in range(3):
        ours = (wide.reshape(400, 3, 10)[:, layer] - wide[train].mean(0).reshape(3, 10)[layer]) @ turned[layer]
        pca = PCA(5).fit(ACTIVATIONS[train, layer].astype(float))
        assert same_up_to_sign(ours, pca.transform(ACTIVATIONS[:, layer].astype(float)))


def test_zero_components_keep_every_dimension() -> None:
    projection = fit_projection([ACTIVATIONS], 0)
    kept = projection.project(ACTIVATIONS).reshape(400, 3, 10)
    centred = ACTIVATIONS - ACTIVATIONS.mean(axis=0)
    assert np.allclose((kept**2).sum(-1), (centred**2).sum(-1), rtol=1e-3)


def test_signs_do_not_depend_on_the_order_of_words() -> None:
    a = fit_projection([ACTIVATIONS], 4)
    b = fit_projection([ACTIVATIONS[::-1]], 4)
    assert np.allclose(a.basis, b.basis, atol=1e-3)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_torch_has_the_covariance_and_the_directions_of_numpy(dtype: Precision) -> None:
    rng = np.random.default_rng(0)
    x = (rng.standard_normal((900, 60)) * np.logspace(1, -1, 60) + 3).astype(np.float32)
    here, there = Words([x[:400], x[400:]]), GpuWords([x[:400], x[400:]], "cpu", block=100)
    np.testing.assert_allclose(there.mean, here.mean, rtol=1e-12)
    found, want, vector = there.covariance(dtype), here.covariance(dtype), rng.standard_normal(60)
    assert found.total == pytest.approx(want.total, rel=1e-6)
    np.testing.assert_allclose(found.times(vector), want.times(vector), rtol=1e-4)
    (values, axes), (others, own) = found.largest(30), want.largest(30)
    np.testing.assert_allclose(values, others, rtol=1e-5)
    np.testing.assert_allclose(np.abs((axes * own).sum(0)), 1, atol=1e-6)
