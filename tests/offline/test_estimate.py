"""Estimates of a training run: memory follows the precision of the model."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from rtalign.core.recipe import Recipe
from rtalign.language import load
from rtalign_offline import estimate_training
from rtalign_offline.estimate import ComponentRates, lag_seconds, measure_components, target_seconds
from tests.helpers.small_world import world
from tests.helpers.tiny_models import write_model


@pytest.mark.parametrize(("precision", "bytes_each"), [("float32", 4.0), ("bfloat16", 2.0), ("int8", 1.0)])
def test_a_loaded_model_knows_its_bytes(precision: str, bytes_each: float, tmp_path: Path) -> None:
    """Row by row: int8 leaves the vocabulary, the norms and one scale a row in float32."""
    folder = write_model(tmp_path / "tiny", "llama", hidden_size=256, intermediate_size=512, vocab_size=500)
    model = load(folder, precision=precision)
    info = model.info
    bytes_per_parameter = info.n_bytes / info.n_parameters
    assert bytes_each <= bytes_per_parameter < (2.0 if precision == "int8" else bytes_each * 1.05)
    recipe = Recipe().with_settings("language", precision=precision, layers="2", components=2)
    recipe = recipe.with_settings("lags", start_s=0.0, stop_s=0.1, step_s=0.1)
    recordings = [world(120, seed=1)[0]]
    expected = estimate_training(recordings, model, recipe)["memory_mb"]
    object.__setattr__(info, "n_bytes", info.n_bytes + 10**9)
    assert estimate_training(recordings, model, recipe)["memory_mb"] == pytest.approx(expected + 1000, abs=1.1)


def test_the_time_of_components_grows_with_words_layers_and_dimensions() -> None:
    rates = ComponentRates(covariance=2e-6, projection=1e-6, decomposition=0.1, dim=512, power=3)
    assert rates.basis_seconds(1000, 3, 512) == pytest.approx(3 * (0.002 + 0.1))
    assert rates.basis_seconds(1000, 3, 1024) == pytest.approx(3 * (0.008 + 0.8))
    assert rates.basis_seconds(1000, 3, 1024, cores=4) == pytest.approx(3 * (0.002 + 0.8))
    assert replace(rates, power=2).basis_seconds(1000, 3, 1024) == pytest.approx(3 * (0.008 + 0.4))
    assert rates.projection_seconds(1000, 3, 1024) == pytest.approx(3 * 0.002)
    assert rates.seconds(1000, 3, 1024) == pytest.approx(3 * (0.008 + 0.8 + 0.002))
    found = measure_components(64, 5)
    assert found.dim == 64
    assert found.projection > 0
    assert found.basis_seconds(5000, 1, 64) > 0


def test_targets_take_longer_the_more_words_they_have() -> None:
    recipe = Recipe.preset("live").with_settings("fit", null_draws=20)
    few, many = (target_seconds(words, 3, 10, recipe) for words in (1000, 60_000))
    assert 0 < few < many


def test_moments_that_are_there_already_make_a_lag_cheaper() -> None:
    """The decompositions of 16 training sets are most of a lag of few words and many sensors."""
    recipe = Recipe.preset("live").with_settings("fit", null_draws=20)
    alone, shared = (lag_seconds(200, 120, 1, 2, recipe, in_sweep=known) for known in (False, True))
    assert 0 < shared < alone
