"""Memory: sizes are known before loading, and what does not fit is refused with its size."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest
import torch

from rtalign.core.recipe import LanguageRecipe
from rtalign.language import load, sliding_windows
from rtalign.language.loading import ModelSize, capacity
from tests.helpers.tiny_models import CONFIGS, RECURRENT, STORY, assert_same, write_model


@pytest.mark.parametrize("kind", [*CONFIGS, *RECURRENT])
def test_the_size_in_the_headers_is_that_of_the_model(kind, tmp_path):
    from transformers import AutoConfig

    folder = tmp_path / "tiny"
    language = load(write_model(folder, kind))
    config = AutoConfig.from_pretrained(folder).get_text_config()
    assert capacity.model_size(folder, config).parameters == language.info.n_parameters
    if kind != "recurrent_gemma":  # its parts are made of values, not of shapes
        assert capacity.count_parameters(config) == language.info.n_parameters


def test_without_weights_the_size_is_that_of_the_config(tmp_path):
    from transformers import AutoConfig

    folder = tmp_path / "tiny"
    language = load(write_model(folder, "gpt_neox"))
    (folder / "model.safetensors").unlink()
    config = AutoConfig.from_pretrained(folder)
    size = capacity.model_size(folder, config)
    assert size.parameters == language.info.n_parameters
    assert size.stored_bytes == 2 * size.parameters, "int8 is made from weights that are drawn in bfloat16"
    assert load(str(folder) + ":untrained").info.n_parameters == language.info.n_parameters
    assert json.loads((folder / "config.json").read_text())["model_type"] == "gpt_neox"


def test_int8_needs_a_quarter_and_the_vocabulary():
    size = ModelSize(parameters=1000, vocabulary=200, stored_bytes=2000)
    assert [size.weight_bytes(kind) for kind in ("float32", "bfloat16", "int8")] == [4000, 2000, 2000]
    assert ModelSize(1000, 200, 100).weight_bytes("int8") == 800 + 800


def test_a_model_larger_than_memory_is_refused_before_loading(tmp_path, monkeypatch):
    folder = write_model(tmp_path / "tiny", "llama")
    with pytest.raises(ValueError, match=r"needs 0\.3 GB in float32 .* 0\.1 GB are free on cpu - take a smaller model"):
        load(folder, memory_gb=0.1)
    seventy = ModelSize(70_554_000_000, 2_101_346_304, 141_107_000_000)
    monkeypatch.setattr(capacity, "free_bytes", lambda device: int(80e9))
    with pytest.raises(ValueError, match=r"needs 282\.5 GB in float32 \(70\.55 billion .* 80\.0 GB are free"):
        capacity.choose_device_map("llama", seventy, "float32", "cpu")
    monkeypatch.setattr(capacity, "free_bytes", lambda device: int(150e9))
    with pytest.raises(ValueError, match="--precision bfloat16 would fit"):
        capacity.choose_device_map("llama", seventy, "float32", "cpu")
    assert capacity.choose_device_map("llama", seventy, "bfloat16", "cpu") is None


def test_a_model_larger_than_a_gpu_is_spread(monkeypatch):
    size = ModelSize(8_000_000_000, 0, 16_000_000_000)
    free = {"cuda": int(24e9), "cpu": int(60e9)}
    monkeypatch.setattr(capacity, "free_bytes", free.__getitem__)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    assert capacity.choose_device_map("m", size, "bfloat16", "cuda") is None
    assert capacity.choose_device_map("m", size, "float32", "cuda") == "auto"
    with pytest.raises(ValueError, match="bfloat16 would fit"):
        capacity.choose_device_map("m", size, "float32", "cuda", limit=int(24e9))


def test_the_batch_size_changes_no_number(tmp_path):
    config = SimpleNamespace(hidden_size=1000, num_hidden_layers=10, intermediate_size=4000)
    size, each = ModelSize(10**6, 0, 0), 4 * (1000 * 22 + 12000)
    assert capacity.bytes_per_token(config, "float32") == each
    assert capacity.choose_batch_tokens(config, size, "float32", "cpu", int(4e6) + 2 * each * 1000) == 1000
    assert capacity.choose_batch_tokens(config, size, "float32", "cpu", 10**12) == 2048
    assert capacity.choose_batch_tokens(config, size, "float32", "cpu", 0) == capacity.MIN_BATCH_TOKENS
    language = load(write_model(tmp_path / "tiny", "llama"))
    how = LanguageRecipe(context="window:6")
    readings = []
    for batch in (40, 2000):
        language._network.batch_tokens = batch
        readings.append(language.encode(STORY, how, [1, 3]))
    assert_same(readings[0], readings[1].activations, readings[1].surprisal, 1e-5)


def test_a_batch_too_large_for_a_gpu_is_read_in_halves(tmp_path, monkeypatch):
    language = load(write_model(tmp_path / "tiny", "gpt2"))
    how = LanguageRecipe(context="window:3")
    whole = language.encode(STORY, how, [1, 3])
    real, sizes = language._network.read_rows, []

    def small(rows, request):
        sizes.append(len(rows))
        if len(rows) > 5:
            raise torch.OutOfMemoryError("no room")
        return real(rows, request)

    monkeypatch.setattr(language._network, "read_rows", small)
    assert_same(language.encode(STORY, how, [1, 3]), whole.activations, whole.surprisal, 1e-5)
    assert max(sizes) > 5
    assert len(STORY) <= sliding_windows.STRETCH

    def none(*_):
        raise torch.OutOfMemoryError("no room")

    monkeypatch.setattr(language._network, "read_rows", none)
    with pytest.raises(ValueError, match="does not fit in the device's memory - use a shorter context"):
        language.encode(STORY, how, [1])
