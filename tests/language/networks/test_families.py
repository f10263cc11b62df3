"""Recurrent, hybrid and unknown models: read in pieces = read whole, and refused where that cannot be had."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import transformers

from rtalign.core.recipe import LanguageRecipe
from rtalign.language import Reading, growing_context, load, sliding_windows
from tests.helpers.tiny_models import GATED, RECURRENT, STORY, assert_same, lone, plain, tokenizer, write

pytestmark = pytest.mark.usefixtures("one_thread")

WORDS = STORY[:30]
SLOW = ["mamba", "falcon_mamba", "jamba", "recurrent_gemma"]


def layers_of(language):
    return list(range(language.info.n_layers))


def one(reading, index):
    return Reading(reading.activations[[index]], reading.surprisal[[index]], reading.n_tokens[[index]])


@pytest.mark.parametrize("kind", RECURRENT)
def test_blocks_and_single_words_equal_the_plain_full_pass(kind, folders, monkeypatch):
    monkeypatch.setattr(growing_context, "BLOCK", 24)
    language = load(folders(kind))
    states, costs = plain(folders(kind), WORDS)
    layers = layers_of(language)
    assert len(layers) == states.shape[1]
    assert_same(language.encode(WORDS, LanguageRecipe(), layers), states, costs)
    live = language.reader(LanguageRecipe(), layers)
    assert_same(Reading.join([live.push(word) for word in WORDS]), states, costs)


@pytest.mark.parametrize("kind", ["recurrent_gemma", "xlstm", "rwkv"])
def test_a_text_may_open_with_a_single_token_whatever_was_read_before(kind, folders):
    language = load(folders(kind))
    layers = layers_of(language)
    language.reader(LanguageRecipe(), layers).push("something")
    states, costs = plain(folders(kind), ["a", *WORDS[:9]], bos=False)
    live = language.reader(LanguageRecipe(bos=False), layers)
    first = live.push("a")
    assert first.n_tokens[0] == 1
    assert_same(Reading.join([first, *(live.push(word) for word in WORDS[:9])]), states, costs)


@pytest.mark.parametrize("kind", RECURRENT)
def test_a_full_context_goes_on_from_its_newer_half(kind, folders, monkeypatch):
    monkeypatch.setattr(growing_context, "BLOCK", 7)
    monkeypatch.setattr(growing_context, "PREFILL_TOKENS", 5)
    language = load(folders(kind))
    layers, how = layers_of(language), LanguageRecipe(context="growing:8")
    whole = language.encode(WORDS[:22], how, layers)
    live = language.reader(how, layers)
    assert_same(Reading.join([live.push(word) for word in WORDS[:22]]), whole.activations, whole.surprisal)
    for index in (7, 8, 15, 21):
        start = 0 if index < 8 else ((index - 8) // 4 + 1) * 4
        assert_same(one(whole, index), *lone(folders(kind), WORDS, index, index - start))


@pytest.mark.parametrize("kind", SLOW)
def test_a_long_context_of_a_model_that_cannot_go_on_in_blocks_is_read_on_token_by_token(kind, folders):
    language = load(folders(kind))
    language._network.batch_tokens = 20
    states, costs = plain(folders(kind), WORDS)
    assert_same(language.encode(WORDS, LanguageRecipe(), layers_of(language)), states, costs)


@pytest.mark.parametrize("kind", RECURRENT)
def test_a_window_equals_a_pass_over_it_alone(kind, folders, monkeypatch):
    monkeypatch.setattr(sliding_windows, "STRETCH", 16)
    language = load(folders(kind))
    language._network.batch_tokens = 90
    reading = language.encode(WORDS, LanguageRecipe(context="window:5"), layers_of(language))
    for index in (0, 1, 5, 6, 20, len(WORDS) - 1):
        assert_same(one(reading, index), *lone(folders(kind), WORDS, index, 5))


@pytest.mark.parametrize("kind", RECURRENT)
def test_layer_0_is_the_embedding_and_knows_no_context(kind, folders):
    language = load(folders(kind))
    here = language.encode(["lighthouse", "so", "ferry"], LanguageRecipe(), [0]).activations[2]
    there = language.encode(["clock", "of", "salt", "the", "ferry"], LanguageRecipe(), [0]).activations[4]
    np.testing.assert_allclose(here, there, rtol=1e-6)


@pytest.mark.parametrize("kind", ["phi3", "olmo2", "lfm2", "zamba2"])
def test_a_causal_model_of_no_known_family_is_read_once_it_has_proven_itself(kind, tmp_path):
    changes = {
        "phi3": {"pad_token_id": 0},
        "lfm2": {"layer_types": ["conv", "full_attention", "conv"], "block_ff_dim": 64},
        "zamba2": {"mamba_d_state": 8, "n_mamba_heads": 4, "mamba_headdim": 24, "chunk_size": 16, "mamba_ngroups": 1}
        | {"layers_block_type": ["mamba", "hybrid", "mamba"], "num_mem_blocks": 1, "adapter_rank": 4},
    }.get(kind, {})
    folder = write_unknown(tmp_path / "tiny", kind, **changes)
    language = load(folder)
    assert language.info.family == kind
    states, costs = plain(folder, WORDS)
    assert_same(language.encode(WORDS, LanguageRecipe(), layers_of(language)), states, costs)
    live = language.reader(LanguageRecipe(), layers_of(language))
    assert_same(Reading.join([live.push(word) for word in WORDS]), states, costs)


def write_unknown(folder, kind, **changes):
    config = transformers.AutoConfig.for_model(kind, **(GATED | {"bos_token_id": 0, "eos_token_id": 0} | changes))
    torch.manual_seed(3)
    transformers.AutoModelForCausalLM.from_config(config).save_pretrained(folder)
    tokenizer().save_pretrained(folder)
    return str(folder)


def test_an_unknown_model_whose_head_is_more_than_a_matrix_is_refused(tmp_path):
    folder = write_unknown(tmp_path / "tiny", "cohere", logit_scale=0.05)
    with pytest.raises(ValueError, match=r"model type 'cohere' is not read: its head is more than a matrix"):
        load(folder)


@pytest.mark.parametrize(
    ("kind", "changes", "why"),
    [
        ("bart", {}, "its 3 layers are not one list of blocks"),
        (
            "openai-gpt",
            {"n_embd": 48, "n_layer": 3, "n_head": 4},
            "its states differ when a text is read in pieces",
        ),
    ],
)
def test_an_unknown_model_whose_states_cannot_be_had_is_refused_in_one_line(kind, changes, why, tmp_path):
    folder = write_unknown(tmp_path / "tiny", kind, **changes)
    with pytest.raises(ValueError, match=f"model type '{kind}' is not read: {why}") as error:
        load(folder)
    assert "\n" not in str(error.value)


def test_a_model_whose_hidden_states_change_their_width_is_refused(tmp_path):
    folder = write(tmp_path / "tiny", "opt", word_embed_proj_dim=24)
    with pytest.raises(ValueError, match=r"OPT: its embedding has 24 dimensions, its hidden states 48"):
        load(folder)


def test_xlstm_of_an_unfitting_width_is_refused(tmp_path):
    folder = write(tmp_path / "tiny", "xlstm", hidden_size=64)
    with pytest.raises(ValueError, match=r"xLSTM: 64 dimensions give keys that are no multiple of 64"):
        load(folder)
