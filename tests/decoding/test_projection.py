"""Targets: principal components equal to scikit-learn's, per layer, and honest about the words they were fitted on."""

from __future__ import annotations

import numpy as np
from sklearn.decomposition import PCA

from rtalign.decoding.moments import Moments
from rtalign.decoding.projection import fit_projection, leading_rotation

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
