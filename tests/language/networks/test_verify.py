"""Models of unknown families: read correctly, or refused with the reason; and a known family is one line."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import transformers

from rtalign.core.recipe import LanguageRecipe
from rtalign.language import Reading, load
from rtalign.language.networks import FAMILIES, Family
from tests.helpers.tiny_models import (
    GATED,
    STORY,
    UNUSUAL_HEADS,
    assert_same,
    full_reading,
    load_plain,
    tokenizer,
    write_model,
)

pytestmark = pytest.mark.usefixtures("one_thread")


WORDS = STORY[:30]


def layers_of(language):
    return list(range(language.info.n_layers))


def write_unknown(folder, kind, **changes):
    config = transformers.AutoConfig.for_model(kind, **(GATED | {"bos_token_id": 0, "eos_token_id": 0} | changes))
    torch.manual_seed(3)
    transformers.AutoModelForCausalLM.from_config(config).save_pretrained(folder)
    tokenizer().save_pretrained(folder)
    return str(folder)


@pytest.mark.parametrize("kind", ["phi3", "olmo2", "lfm2", "zamba2"])
def test_a_model_of_an_unknown_family_is_read_if_verified(kind, tmp_path):
    changes = {
        "phi3": {"pad_token_id": 0},
        "lfm2": {"layer_types": ["conv", "full_attention", "conv"], "block_ff_dim": 64},
        "zamba2": {"mamba_d_state": 8, "n_mamba_heads": 4, "mamba_headdim": 24, "chunk_size": 16, "mamba_ngroups": 1}
        | {"layers_block_type": ["mamba", "hybrid", "mamba"], "num_mem_blocks": 1, "adapter_rank": 4},
    }.get(kind, {})
    folder = write_unknown(tmp_path / "tiny", kind, **changes)
    language = load(folder)
    assert language.info.family == kind
    states, costs = full_reading(folder, WORDS)
    assert_same(language.encode(WORDS, LanguageRecipe(), layers_of(language)), states, costs)
    live = language.reader(LanguageRecipe(), layers_of(language))
    assert_same(Reading.join([live.push(word) for word in WORDS]), states, costs)


RARE = [pytest.param(kind, marks=pytest.mark.slow) for kind in ("mistral3", "qwen2_vl", "qwen3_vl")]


@pytest.mark.parametrize("kind", [*UNUSUAL_HEADS, "llava", "qwen2_5_vl", "llama4", *RARE])
def test_unusual_heads_and_text_inside_models_that_see(kind, tmp_path):
    folder = write_model(tmp_path / "tiny", kind)
    language = load(folder)
    states, costs = full_reading(folder, WORDS)
    assert_same(language.encode(WORDS, LanguageRecipe(), layers_of(language)), states, costs)
    live = language.reader(LanguageRecipe(), layers_of(language))
    assert_same(Reading.join([live.push(word) for word in WORDS]), states, costs)


def test_of_a_model_that_sees_the_text_part_alone_is_counted(tmp_path):
    folder = write_model(tmp_path / "tiny", "llava")
    text = sum(w.numel() for name, w in load_plain(folder)[0].named_parameters() if "vision" not in name)
    projector = sum(w.numel() for name, w in load_plain(folder)[0].named_parameters() if "projector" in name)
    assert load(folder).info.n_parameters == text - projector


def test_states_are_read_where_the_head_is_unknown(tmp_path, monkeypatch):
    folder = write_unknown(tmp_path / "tiny", "cohere", logit_scale=0.05)
    monkeypatch.setattr("rtalign.language.networks.causal.LOGIT_FACTORS", {})
    said = []
    language = load(folder, report=said.append)
    assert said == ["cohere: its head is more than a matrix; states are read, surprisal is not known"]
    states, _ = full_reading(folder, WORDS)
    assert_same(language.encode(WORDS, LanguageRecipe(), layers_of(language)), states, np.full(len(WORDS), np.nan))


@pytest.mark.parametrize(
    ("kind", "changes", "reason"),
    [
        ("bart", {}, "its 3 layers are not one list of blocks"),
        (
            "openai-gpt",
            {"n_embd": 48, "n_layer": 3, "n_head": 4},
            "its states differ when a text is read in pieces",
        ),
    ],
)
def test_an_unreadable_model_is_refused_in_one_line(kind, changes, reason, tmp_path):
    folder = write_unknown(tmp_path / "tiny", kind, **changes)
    with pytest.raises(ValueError, match=f"model type '{kind}' is not read: {reason}") as error:
        load(folder)
    assert "\n" not in str(error.value)


def test_a_family_is_one_line(tmp_path, monkeypatch):
    """A line in FAMILIES is all that a causal family needs: it is then read by its name and without verification."""
    folder = write_unknown(tmp_path / "tiny", "phi3", pad_token_id=0)
    monkeypatch.setitem(FAMILIES, "phi3", Family("Phi-3", "attention"))
    monkeypatch.setattr("rtalign.language.loading.load.verify_model", None)
    language = load(folder)
    assert language.info.family == "Phi-3"
    states, costs = full_reading(folder, WORDS)
    assert_same(language.encode(WORDS, LanguageRecipe(), layers_of(language)), states, costs)
