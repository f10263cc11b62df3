"""Recurrent and hybrid families: read in pieces as at once, or refused where that is not possible."""

from __future__ import annotations

import numpy as np
import pytest

from rtalign.core.recipe import LanguageRecipe
from rtalign.language import Reading, growing_context, load, sliding_windows
from tests.helpers.tiny_models import RECURRENT, STORY, assert_same, full_reading, window_pass, write_model

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
    states, costs = full_reading(folders(kind), WORDS)
    layers = layers_of(language)
    assert len(layers) == states.shape[1]
    assert_same(language.encode(WORDS, LanguageRecipe(), layers), states, costs)
    live = language.reader(LanguageRecipe(), layers)
    assert_same(Reading.join([live.push(word) for word in WORDS]), states, costs)


@pytest.mark.parametrize("kind", ["recurrent_gemma", "xlstm", "rwkv"])
def test_a_text_may_begin_with_a_single_token(kind, folders):
    language = load(folders(kind))
    layers = layers_of(language)
    language.reader(LanguageRecipe(), layers).push("something")
    states, costs = full_reading(folders(kind), ["a", *WORDS[:9]], bos=False)
    live = language.reader(LanguageRecipe(bos=False), layers)
    first = live.push("a")
    assert first.n_tokens[0] == 1
    assert_same(Reading.join([first, *(live.push(word) for word in WORDS[:9])]), states, costs)


@pytest.mark.parametrize("kind", RECURRENT)
def test_a_full_context_continues_from_its_newer_half(kind, folders, monkeypatch):
    monkeypatch.setattr(growing_context, "BLOCK", 7)
    monkeypatch.setattr(growing_context, "PREFILL_TOKENS", 5)
    language = load(folders(kind))
    layers, how = layers_of(language), LanguageRecipe(context="growing:8")
    whole = language.encode(WORDS[:22], how, layers)
    live = language.reader(how, layers)
    assert_same(Reading.join([live.push(word) for word in WORDS[:22]]), whole.activations, whole.surprisal)
    for index in (7, 8, 15, 21):
        start = 0 if index < 8 else ((index - 8) // 4 + 1) * 4
        assert_same(one(whole, index), *window_pass(folders(kind), WORDS, index, index - start))


@pytest.mark.parametrize("kind", SLOW)
def test_without_block_steps_a_long_context_is_read_correctly(kind, folders):
    language = load(folders(kind))
    language._network.batch_tokens = 20
    states, costs = full_reading(folders(kind), WORDS)
    assert_same(language.encode(WORDS, LanguageRecipe(), layers_of(language)), states, costs)


@pytest.mark.parametrize("kind", RECURRENT)
def test_a_window_equals_a_pass_over_it_alone(kind, folders, monkeypatch):
    monkeypatch.setattr(sliding_windows, "STRETCH", 16)
    language = load(folders(kind))
    language._network.batch_tokens = 90
    reading = language.encode(WORDS, LanguageRecipe(context="window:5"), layers_of(language))
    for index in (0, 1, 5, 6, 20, len(WORDS) - 1):
        assert_same(one(reading, index), *window_pass(folders(kind), WORDS, index, 5))


@pytest.mark.parametrize("kind", RECURRENT)
def test_layer_0_is_the_embedding_without_context(kind, folders):
    language = load(folders(kind))
    here = language.encode(["lighthouse", "so", "ferry"], LanguageRecipe(), [0]).activations[2]
    there = language.encode(["clock", "of", "salt", "the", "ferry"], LanguageRecipe(), [0]).activations[4]
    np.testing.assert_allclose(here, there, rtol=1e-6)


def test_hidden_states_of_different_widths_are_refused(tmp_path):
    folder = write_model(tmp_path / "tiny", "opt", word_embed_proj_dim=24)
    with pytest.raises(ValueError, match=r"OPT: its embedding has 24 dimensions, its hidden states 48"):
        load(folder)


def test_xlstm_of_an_unsupported_width_is_refused(tmp_path):
    folder = write_model(tmp_path / "tiny", "xlstm", hidden_size=64)
    with pytest.raises(ValueError, match=r"xLSTM: 64 dimensions give keys that are no multiple of 64"):
        load(folder)
