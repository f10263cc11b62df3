"""Controls: static vectors have no context, and random vectors have nothing else."""

from __future__ import annotations

import numpy as np

from rtalign.core.recipe import LanguageRecipe
from rtalign.language import load
from tests.helpers.tiny_models import STORY, write_model


def test_static_vectors_are_the_embedding_without_context(tmp_path):
    folder = write_model(tmp_path / "tiny", "llama")
    language = load(folder + ":static")
    whole = load(folder).encode(STORY, LanguageRecipe(), [0])
    reading = language.encode(STORY, LanguageRecipe(), LanguageRecipe().layer_indices(language.info.n_layers))
    np.testing.assert_allclose(reading.activations, whole.activations, rtol=1e-6)
    assert np.isnan(reading.surprisal).all()
    assert language.info.id == "tiny:static"
    live = language.reader(LanguageRecipe(context="window:3"), [0])
    np.testing.assert_allclose(live.push(STORY[0]).activations[0], whole.activations[0], rtol=1e-6)


def test_the_random_control_is_normal_and_repeatable():
    language = load("random:40")
    layers = LanguageRecipe().layer_indices(language.info.n_layers)
    assert layers == list(range(1, 10))
    how = LanguageRecipe(context="growing:30")
    one = language.encode(STORY * 3, how, layers)
    live = language.reader(how, layers)
    np.testing.assert_array_equal(one.activations, np.concatenate([live.push(w).activations for w in STORY * 3]))
    flat = one.activations.reshape(len(one.activations), -1)
    assert abs(flat.mean()) < 0.01
    assert abs(flat.std() - 1) < 0.01
    apart = np.corrcoef(flat) - np.eye(len(flat))
    assert np.abs(apart).max() < 0.3
    alone = language.encode([*STORY, STORY[0].upper()], LanguageRecipe(context="window:0"), layers)
    np.testing.assert_array_equal(alone.activations[0], alone.activations[-1])
    other = load("random:40:1").encode(STORY, how, layers)
    assert abs(np.corrcoef(other.activations.ravel(), one.activations[: len(STORY)].ravel())[0, 1]) < 0.05
