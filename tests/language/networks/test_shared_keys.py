"""Heads that share keys attend as those of transformers do, without a copy of the keys for each."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from transformers.integrations.sdpa_attention import sdpa_attention_forward

from rtalign.core.recipe import LanguageRecipe
from rtalign.language import load
from rtalign.language.networks import shared_keys
from tests.helpers.tiny_models import STORY, assert_same, full_reading, write_model


@pytest.mark.parametrize("n_tokens", [1, 2, 5, 40])
@pytest.mark.parametrize("n_shared", [1, 2, 6])
def test_attention_is_that_of_transformers(n_tokens: int, n_shared: int) -> None:
    query = torch.randn(2, n_tokens, 6, 8).transpose(1, 2)  # as a model's own heads lie
    key, value = torch.randn(2, n_shared, 40, 8), torch.randn(2, n_shared, 40, 8)
    mask = torch.arange(40) <= torch.arange(40 - n_tokens, 40)[:, None]
    module = SimpleNamespace(num_key_value_groups=6 // n_shared, is_causal=True)
    for given in (mask.expand(2, 1, n_tokens, 40), None):
        ours, _ = shared_keys.attend(module, query, key, value, given, scaling=0.3)  # type: ignore[arg-type]
        theirs, _ = sdpa_attention_forward(module, query, key, value, given, scaling=0.3)  # type: ignore[arg-type]
        assert ours.shape == theirs.shape == (2, n_tokens, 6, 8)
        assert (ours - theirs).abs().max() < 1e-6


@pytest.mark.parametrize("kind", ["llama", "mistral", "qwen2", "gpt2"])
def test_a_model_whose_heads_share_keys_reads_words_together_as_it_reads_the_whole(kind: str, tmp_path) -> None:
    folder = write_model(tmp_path / "tiny", kind)
    language, live = load(folder), []
    config = language._network._base.config
    assert (config._attn_implementation == shared_keys.NAME) == (kind != "gpt2")
    reader = language.reader(LanguageRecipe(), [0, 1, 2])
    states, costs = full_reading(folder, STORY[:40])
    for at in range(0, 40, 4):
        live.append(reader.read(STORY[at : at + 4]))
    assert_same(type(live[0]).join(live), states[:, :3], costs)
