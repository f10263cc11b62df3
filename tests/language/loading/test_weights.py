"""Weights in lower precision: small changes, the same ones in every way of reading."""

from __future__ import annotations

import numpy as np
import pytest

from rtalign.core.recipe import LanguageRecipe, Recipe
from rtalign.language import load
from tests.helpers.tiny_models import RECURRENT, STORY, write_model


def relative(found, truth):
    return np.linalg.norm(found - truth) / np.linalg.norm(truth)


@pytest.mark.parametrize("precision", ["bfloat16", "int8"])
def test_lower_precision_changes_states_by_less_than_a_tenth(precision, tmp_path):
    folder = write_model(tmp_path / "tiny", "llama")
    import safetensors.torch

    file = tmp_path / "tiny" / "model.safetensors"
    gentle = {name: part / 6 if part.ndim > 1 else part for name, part in safetensors.torch.load_file(file).items()}
    safetensors.torch.save_file(gentle, file, metadata={"format": "pt"})
    exact = load(folder).encode(STORY, LanguageRecipe(), [1, 3])
    fewer = load(folder, precision=precision)
    assert fewer.info.precision == precision
    rough = fewer.encode(STORY, LanguageRecipe(precision=precision), [1, 3])
    assert rough.activations.dtype == np.float32
    assert 1e-6 < relative(rough.activations, exact.activations) < 0.1
    np.testing.assert_allclose(rough.surprisal[1:], exact.surprisal[1:], rtol=0.1)


@pytest.mark.parametrize("kind", RECURRENT)
def test_recurrent_models_tell_surprisal_in_bfloat16(kind, tmp_path):
    language = load(write_model(tmp_path / "tiny", kind), precision="bfloat16")
    reading = language.encode(STORY[:9], LanguageRecipe(precision="bfloat16"), [1])
    assert np.isfinite(reading.surprisal[1:]).all()


def test_a_model_in_another_precision_is_refused(tmp_path):
    language = load(write_model(tmp_path / "tiny", "gpt2"))
    with pytest.raises(ValueError, match=r"the recipe says precision int8; tiny was loaded in float32"):
        language.encode(STORY, LanguageRecipe(precision="int8"), [1])


def test_precision_is_part_of_the_recipe():
    recipe = Recipe().with_settings("language", precision="int8")
    assert Recipe.from_toml(recipe.to_toml()) == recipe
    assert recipe.fingerprint("language") != Recipe().fingerprint("language")
    assert Recipe.from_toml('[language]\ncontext = "window:3"\n').language.precision == "float32"
