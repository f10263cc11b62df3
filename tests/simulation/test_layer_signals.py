"""Information of layers: new to the layers below, or that of the context only."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np

from rtalign.simulation import SimulationPlan, independent_layers, own_information, planted_information, timed_story


def test_own_information_is_new_to_the_layers_below() -> None:
    rng = np.random.default_rng(0)
    shared, fresh = rng.standard_normal((900, 6)), rng.standard_normal((900, 3, 4))
    mix = rng.standard_normal((3, 10, 16))
    layers = [np.concatenate([shared, fresh[:, k]], axis=1) @ mix[k] for k in range(3)]
    own = own_information(np.stack(layers, axis=1), 4)
    assert own.shape == (900, 3, 4)
    np.testing.assert_allclose(own.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(own.std(axis=0), 1, rtol=1e-4)
    for layer in (1, 2):
        below = np.concatenate(layers[:layer], axis=1)
        below = np.column_stack([below, np.ones(900)])
        left = own[:, layer] - below @ np.linalg.lstsq(below, own[:, layer], rcond=None)[0]
        assert np.mean(left**2) > 0.99
        predictors = np.column_stack([fresh[:, layer], np.ones(900)])
        missed = own[:, layer] - predictors @ np.linalg.lstsq(predictors, own[:, layer], rcond=None)[0]
        assert np.mean(missed**2) < 0.1


def test_own_information_of_few_or_flat_words_is_finite() -> None:
    rng = np.random.default_rng(0)
    own = own_information(rng.standard_normal((20, 4, 30)), 12)
    assert np.isfinite(own).all()
    flat = own_information(np.ones((50, 2, 5)), 3)
    np.testing.assert_array_equal(flat, 0)


def test_independent_layers_are_uncorrelated() -> None:
    x = independent_layers(4000, 3, 4, 0).reshape(4000, -1)
    r = np.corrcoef(x, rowvar=False) - np.eye(12)
    assert np.abs(r).max() < 0.07
    assert np.abs(np.corrcoef(x[1:, 0], x[:-1, 0])[0, 1]) < 0.07


def test_contextual_layers_hold_context_only() -> None:
    """A model of four layers whose states are of the word, or of the word and its context, as it is allowed to see."""
    plan = SimulationPlan(n_words=600, run_words=300, layers="all", n_dims=4, contextual=True)
    story = timed_story(plan)
    rng = np.random.default_rng(0)
    names = [word.text for run in story for word in run]
    meaning = {name: rng.standard_normal(24) for name in sorted(set(names))}
    before = rng.standard_normal((len(names), 24))
    mixing = rng.standard_normal((4, 2, 24, 24))
    starts = {" ".join(word.text for word in run): sum(map(len, story[:i])) for i, run in enumerate(story)}

    def encode(words: list[str], recipe: Any, layers: list[int], *_: Any, surprisal: bool = True) -> Any:
        first = starts[" ".join(words)]
        alone = np.stack([meaning[word] for word in words])
        context = before[first : first + len(words)] * (recipe.context != "window:0")
        states = [alone @ mixing[layer, 0] + context @ mixing[layer, 1] for layer in layers]
        return SimpleNamespace(activations=np.stack(states, axis=1))

    model = SimpleNamespace(info=SimpleNamespace(n_layers=4), encode=encode)
    numbers, information = planted_information(model, plan, story, lambda *_: None)
    assert numbers == [0, 1, 2, 3]
    word = np.stack([meaning[name] for name in names])
    flat = np.concatenate([information[:, layer] for layer in range(4)], axis=1)
    for said in (word, np.roll(word, 1, axis=0)):
        assert 1 - np.var(residual(flat, said), axis=0).mean() < 0.01
    assert np.var(residual(flat, before), axis=0).mean() < 0.35
    _, mixed = planted_information(model, replace(plan, contextual=False), story, lambda *_: None)
    assert 1 - np.var(residual(mixed[:, 0], word), axis=0).mean() > 0.2


def residual(values: np.ndarray, by: np.ndarray) -> np.ndarray:
    """What a least-squares fit on centred columns leaves."""
    x, y = by - by.mean(0), values - values.mean(0)
    return y - x @ np.linalg.lstsq(x, y, rcond=None)[0]
