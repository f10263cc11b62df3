"""What a layer adds is what regression of the words leaves, and decoding it un-mixes a planted ladder."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression

from rtalign.decoding.controls.innovation import WORDS_PER_DIRECTION, innovations

N_LAYERS, WIDE = 3, 4


def layers(n_words: int) -> np.ndarray:
    """(word, layer x wide), each layer a mixture of the one below and something of its own."""
    rng = np.random.default_rng(2)
    values = rng.standard_normal((n_words, N_LAYERS, WIDE)) + 5
    for layer in range(1, N_LAYERS):
        values[:, layer] += 0.8 * values[:, layer - 1]
    return values.reshape(n_words, -1)


def test_innovations_are_what_regression_on_the_layers_below_leaves() -> None:
    values = layers(200)
    found, by_layer = innovations(values, N_LAYERS, 2).reshape(200, N_LAYERS, WIDE), values.reshape(200, N_LAYERS, WIDE)
    assert np.abs(found[:, 0] - (by_layer[:, 0] - by_layer[:, 0].mean(0))).max() < 1e-9
    for layer in range(1, N_LAYERS):
        below = by_layer[:, :layer, :2].reshape(200, -1)
        left = by_layer[:, layer] - LinearRegression().fit(below, by_layer[:, layer]).predict(below)
        assert np.abs(found[:, layer] - left).max() < 1e-6


@pytest.mark.parametrize("n_words", [9, 12, 30])
def test_few_words_are_not_explained_away(n_words: int) -> None:
    """With as many columns as words, nothing would be left of a layer."""
    found = innovations(layers(n_words), N_LAYERS, WIDE).reshape(n_words, N_LAYERS, WIDE)
    freedom = 1 - 1 / WORDS_PER_DIRECTION - 1 / n_words
    assert found[:, -1].var() > 0.2 * freedom
