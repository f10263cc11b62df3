"""Models of random weights in the shapes that are measured, written to a folder as real ones are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
import transformers

from rtalign.language.networks import BOS, ClassicConfig, ClassicModel, save_classic
from rtalign.simulation import shipped_story, story_words
from rtalign_offline.small_lm import train_tokenizer

PLAIN = {"hidden_size": 256, "num_hidden_layers": 4, "num_attention_heads": 8}
WIDE = PLAIN | {"intermediate_size": 704, "num_key_value_heads": 4, "max_position_embeddings": 4096}
SCAN = {"hidden_size": 256, "num_hidden_layers": 4}
MIXED = {"num_key_value_heads": 4, "num_attention_heads": 8, "intermediate_size": 704}

SMALL: dict[str, dict[str, Any]] = {
    "llama": WIDE,
    "gpt2": {"n_embd": 256, "n_layer": 4, "n_head": 8, "n_positions": 4096},
    "gpt_neox": PLAIN | {"intermediate_size": 1024, "max_position_embeddings": 4096},
    "mistral": WIDE,
    "gemma": WIDE | {"head_dim": 32},
    "gemma2": WIDE | {"head_dim": 32},
    "gemma3_text": WIDE | {"head_dim": 32},
    "qwen2": WIDE,
    "qwen3": WIDE | {"head_dim": 32},
    "opt": PLAIN | {"ffn_dim": 1024, "word_embed_proj_dim": 256, "max_position_embeddings": 4096},
    "bloom": {"hidden_size": 256, "n_layer": 4, "n_head": 8},
    "mamba": SCAN | {"state_size": 16},
    "mamba2": SCAN | {"state_size": 64, "num_heads": 8, "head_dim": 64, "n_groups": 1, "chunk_size": 64},
    "falcon_mamba": SCAN | {"state_size": 16},
    "rwkv": SCAN | {"attention_hidden_size": 256, "intermediate_size": 1024},
    "xlstm": SCAN | {"num_heads": 4},
    "recurrent_gemma": SCAN
    | MIXED
    | {"lru_width": 256, "num_key_value_heads": 1, "block_types": ["recurrent", "recurrent", "attention"]},
    "jamba": SCAN
    | MIXED
    | {"attn_layer_period": 4, "attn_layer_offset": 2, "expert_layer_period": 2, "num_experts": 2},
    "bamba": SCAN
    | MIXED
    | {"attn_layer_indices": [2], "mamba_n_heads": 8, "mamba_d_head": 64, "mamba_d_state": 64, "mamba_n_groups": 1},
    "bert": PLAIN | {"intermediate_size": 1024, "pad_token_id": 1},
    "lstm_lm": SCAN,
    "gru_lm": SCAN,
    "memory_lm": SCAN,
}
"""About three million parameters each, so that what surrounds the matrices shows."""

LLAMA = {"num_key_value_heads": 8, "num_attention_heads": 32, "vocab_size": 128256, "max_position_embeddings": 8192}

ONE_BILLION = LLAMA | {
    "hidden_size": 2048,
    "num_hidden_layers": 16,
    "intermediate_size": 8192,
    "tie_word_embeddings": True,
}
"""Llama 3.2 1B."""

THREE_BILLION = LLAMA | {
    "hidden_size": 3072,
    "num_hidden_layers": 28,
    "num_attention_heads": 24,
    "intermediate_size": 8192,
    "tie_word_embeddings": True,
}
"""Llama 3.2 3B."""

EIGHT_BILLION = LLAMA | {"hidden_size": 4096, "num_hidden_layers": 32, "intermediate_size": 14336}
"""Llama 3 8B."""

TWELVE_BILLION = {
    "hidden_size": 5120,
    "num_hidden_layers": 36,
    "num_attention_heads": 40,
    "intermediate_size": 20480,
    "vocab_size": 50688,
    "max_position_embeddings": 2048,
}
"""Pythia 12B."""


def write(folder: Path, kind: str, weights: bool = True, **shape: Any) -> str:
    """A model of random weights; its folder, as load() takes it.  weights: or none, for load() to draw."""
    core = train_tokenizer(" ".join(story_words(shipped_story())), 2000)
    torch.manual_seed(0)
    if kind.endswith("_lm"):
        config = ClassicConfig(model_type=kind, vocab_size=core.get_vocab_size(), **shape)
        save_classic(folder, ClassicModel(config).eval(), core)
        return str(folder)
    signs = {"bos_token": BOS}
    auto = transformers.AutoModelForCausalLM
    if kind == "bert":
        core.add_special_tokens(["[PAD]", "[CLS]", "[SEP]", "[MASK]"])
        signs = {"pad_token": "[PAD]", "cls_token": "[CLS]", "sep_token": "[SEP]", "mask_token": "[MASK]"}
        auto = transformers.AutoModelForMaskedLM
    tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_object=core, **signs)
    tokens = {"bos_token_id": 0, "eos_token_id": 0, "pad_token_id": None, "vocab_size": len(tokenizer)}
    config = transformers.AutoConfig.for_model(kind, **(tokens | shape))
    (auto.from_config(config) if weights else config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return str(folder)
