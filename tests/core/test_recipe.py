"""The recipe: read back as written, refused in one line, the same number for the same settings."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtalign.core.recipe import LanguageRecipe, Recipe

PRESETS = [Recipe.preset("live"), Recipe.preset("paper")]


@pytest.mark.parametrize("recipe", PRESETS, ids=["live", "paper"])
def test_a_recipe_is_read_back_as_written(recipe: Recipe) -> None:
    text = recipe.to_toml()
    assert Recipe.from_toml(text) == recipe
    for group in type(recipe).model_fields:
        for field in type(getattr(recipe, group)).model_fields.values():
            assert f"# {field.description}" in text


def test_the_paper_preset_is_the_papers() -> None:
    recipe = Recipe.preset("paper")
    lags = recipe.lags.seconds
    assert len(lags) == 165
    assert lags[0] == -2.5
    assert np.allclose(np.diff(lags), 1 / 30)
    assert (recipe.language.components, recipe.fit.folds) == (50, 5)
    assert recipe.fit.alphas[0] == 1e-4
    assert recipe.fit.alphas[-1] == 1e8


def test_nine_layers_lie_between_10_and_90_percent_of_depth() -> None:
    assert LanguageRecipe().layer_indices(31) == [3, 6, 9, 12, 15, 18, 21, 24, 27]
    assert LanguageRecipe(layers="all").layer_indices(5) == [0, 1, 2, 3, 4]
    assert LanguageRecipe(layers="0,4,2").layer_indices(5) == [0, 2, 4]


@given(st.floats(-2, 0), st.floats(0.1, 2), st.integers(2, 200))
def test_lags_begin_and_end_where_they_were_asked_to(start: float, length: float, n: int) -> None:
    lags = (
        Recipe().with_settings("lags", start_s=start, stop_s=start + length, step_s=max(length / n, 0.001)).lags.seconds
    )
    assert lags[0] == pytest.approx(start, abs=1e-8)
    assert start + length - lags[-1] < max(length / n, 0.001) + 1e-6


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[fit]\nfolds = 2", "fit.folds"),
        ("[fit]\nfoldz = 5", "fit.foldz"),
        ("[language]\ncontext = 'window'", "growing:N or window:K"),
        ("[lags]\nstart_s = 2.0", "the last must not precede the first"),
        ("[chain]\nphase = 'linear'", "chain.phase"),
        ("folds = 5", "outside a section"),
        ("[fit", "not valid TOML"),
        ("[secret]\nx = 1", "secret"),
    ],
)
def test_a_wrong_recipe_is_refused_in_one_line(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words.replace(".", r"\.")) as error:
        Recipe.from_toml(text)
    assert "\n" not in str(error.value)


def test_fingerprints_follow_what_changes_a_number() -> None:
    recipe = Recipe()
    assert recipe.fingerprint() == Recipe().fingerprint()
    other = recipe.with_settings("lags", step_s=0.04)
    assert other.fingerprint() != recipe.fingerprint()
    assert other.fingerprint("chain") == recipe.fingerprint("chain")
