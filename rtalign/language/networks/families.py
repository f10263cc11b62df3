"""The families of model that are known, by the model_type of their configuration."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["attention", "recurrent", "hybrid", "bidirectional", "classic", "unvouched"]

SEES = 50
"""Previous words that a growing context comes down to where a model reads both ways, and the whole again every word."""


@dataclass(frozen=True, slots=True)
class Family:
    """How a family is read.

    state: the argument that takes what was read before, which is also the field that gives it back.
    blocks: whether several tokens may follow what was read in one call; if not, they follow one by one.
    positions: whether it must be told where in the text the tokens stand.
    inside: whether its blocks keep what they read in themselves, so that it must be put back before every call.
    """

    name: str
    kind: Kind
    state: str = "past_key_values"
    blocks: bool = True
    positions: bool = False
    inside: bool = False


FAMILIES = {
    "llama": Family("Llama", "attention"),
    "gpt2": Family("GPT-2", "attention"),
    "gpt_neox": Family("GPT-NeoX", "attention"),
    "mistral": Family("Mistral", "attention"),
    "qwen2": Family("Qwen2", "attention"),
    "qwen3": Family("Qwen3", "attention"),
    "gemma": Family("Gemma", "attention"),
    "gemma2": Family("Gemma 2", "attention"),
    "gemma3": Family("Gemma 3", "attention"),
    "gemma3_text": Family("Gemma 3", "attention"),
    "opt": Family("OPT", "attention"),
    "bloom": Family("BLOOM", "attention"),
    "smollm3": Family("SmolLM3", "attention"),
    "mamba": Family("Mamba", "recurrent", "cache_params", blocks=False),
    "mamba2": Family("Mamba-2", "recurrent", "cache_params"),
    "falcon_mamba": Family("FalconMamba", "recurrent", "cache_params", blocks=False),
    "rwkv": Family("RWKV", "recurrent", "state"),
    "xlstm": Family("xLSTM", "recurrent", "cache_params"),
    "recurrent_gemma": Family("RecurrentGemma", "hybrid", blocks=False, inside=True),
    "jamba": Family("Jamba", "hybrid", blocks=False),
    "bamba": Family("Bamba", "hybrid", positions=True),
    "bert": Family("BERT", "bidirectional"),
    "roberta": Family("RoBERTa", "bidirectional"),
    "xlm-roberta": Family("XLM-RoBERTa", "bidirectional"),
    "lstm_lm": Family("LSTM", "classic"),
    "gru_lm": Family("GRU", "classic"),
    "memory_lm": Family("segment memory", "classic"),
}
"""Families whose states are right by test.  The scan of Mamba, FalconMamba and Jamba forgets what it read when several
tokens follow at once; so does the convolution of RecurrentGemma."""


def family(kind: str) -> Family:
    """The family of a model type; of one that is not known, a guess that has to prove itself.

    Raises ValueError where transformers has no causal model of the type.
    """
    if kind in FAMILIES:
        return FAMILIES[kind]
    from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

    if kind not in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES:
        known = ", ".join(sorted({known.name for known in FAMILIES.values()}))
        raise ValueError(f"model type {kind!r} reads no text from left to right; families that are read: {known}")
    return Family(kind, "unvouched")


def room(config: Any) -> int | None:
    """The most tokens that a model reads at once; None when its configuration names no limit."""
    limit = getattr(config, "max_position_embeddings", None)
    return int(limit) if limit else None
