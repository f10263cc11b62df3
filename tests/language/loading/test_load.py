"""Loading: complete models only, in a reproducible way, on devices that exist."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from rtalign.core.recipe import LanguageRecipe
from rtalign.language import load
from tests.helpers.tiny_models import STORY, tokenizer, write_model


def test_untrained_weights_are_repeatable(tmp_path):
    folder = write_model(tmp_path / "tiny", "llama")
    trained = load(folder)
    twin, again, other = (load(folder, untrained=True, seed=seed) for seed in (0, 0, 1))
    assert twin.info.id == "tiny:untrained"
    assert twin.info.n_parameters == trained.info.n_parameters
    assert len({trained.info.revision, twin.info.revision, other.info.revision}) == 3
    state = torch.get_rng_state()
    load(folder, untrained=True)
    assert torch.equal(state, torch.get_rng_state())
    read = [model.encode(STORY, LanguageRecipe(), [1]).activations for model in (trained, twin, again, other)]
    np.testing.assert_array_equal(read[1], read[2])
    assert not np.allclose(read[0], read[1])
    assert not np.allclose(read[1], read[3])


def test_untrained_by_name_equals_untrained_by_option(tmp_path):
    folder = write_model(tmp_path / "tiny", "gpt2")
    by_name, by_option = load(folder + ":untrained:4"), load(folder, untrained=True, seed=4)
    assert by_name.info == by_option.info
    assert by_name.info.id == "tiny:untrained:4"
    assert tokenizer().bos_token_id == 0


def test_a_model_that_is_not_causal_is_refused(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "t5"}))
    with pytest.raises(ValueError, match=r"model type 't5' reads no text from left to right; families .* BLOOM"):
        load(str(tmp_path))


def test_pickled_weights_are_never_read(tmp_path):
    folder = tmp_path / "tiny"
    write_model(folder, "llama")
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(ValueError, match="pickled weights are never read"):
        load(str(folder))


def test_a_model_with_a_missing_weight_is_refused(tmp_path):
    import safetensors.torch

    folder = tmp_path / "tiny"
    write_model(folder, "llama")
    weights = safetensors.torch.load_file(folder / "model.safetensors")
    del weights["model.layers.1.mlp.up_proj.weight"]
    safetensors.torch.save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ValueError, match=r"1 weights are missing, model\.layers\.1\.mlp\.up_proj\.weight"):
        load(str(folder))


def test_a_revision_depends_on_content_not_on_location(tmp_path):
    one, two = load(write_model(tmp_path / "a" / "tiny", "gpt2")), load(write_model(tmp_path / "b" / "tiny", "gpt2"))
    assert one.info == two.info


def test_a_missing_device_is_refused(tmp_path):
    if torch.cuda.is_available():
        pytest.skip("this machine has the device")
    with pytest.raises(ValueError, match="sees no CUDA device here - use cpu"):
        load(write_model(tmp_path / "tiny", "llama"), device="cuda")
