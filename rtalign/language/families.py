"""The families of model that are known to give right hidden states, by the model_type of their configuration."""

from __future__ import annotations

from typing import Any

ATTENTION = {
    "llama": "Llama",
    "gpt2": "GPT-2",
    "gpt_neox": "GPT-NeoX",
    "mistral": "Mistral",
    "qwen2": "Qwen2",
    "qwen3": "Qwen3",
    "gemma": "Gemma",
}
"""Causal attention: one cache grows token by token, hidden state 0 is the embedding, the last one is normed."""

LATER = {
    "mamba": "recurrent",
    "mamba2": "recurrent",
    "falcon_mamba": "recurrent",
    "rwkv": "recurrent",
    "recurrent_gemma": "recurrent",
    "xlstm": "recurrent",
    "bert": "bidirectional",
    "roberta": "bidirectional",
}
"""Families that the project means to read and does not yet."""


def family(kind: str) -> str:
    """The name of a model's family.  Raises ValueError for one that is not read."""
    if kind in ATTENTION:
        return ATTENTION[kind]
    why = f"{LATER[kind]} models are not read yet" if kind in LATER else "nothing vouches for its hidden states"
    raise ValueError(f"model type {kind!r}: {why}; families that are: {', '.join(ATTENTION.values())}")


def room(config: Any) -> int | None:
    """The most tokens that a model reads at once; None when its configuration names no limit."""
    limit = getattr(config, "max_position_embeddings", None)
    return int(limit) if limit else None
