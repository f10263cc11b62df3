"""The families of language models, by the ``model_type`` of their configuration.

To add a family, add one line to ``FAMILIES``: its ``model_type`` in transformers, its name, its kind, and what is
unusual about its cache (see ``Family``).  For a causal transformer the defaults are right.  Then add a small
configuration under the same ``model_type`` to ``CONFIGS`` or ``RECURRENT`` in ``tests/helpers/tiny_models.py``: the
tests of ``tests/language`` compare every entry there, word by word and in blocks, with one full pass of transformers.
A model of a family without a line is read as well, if ``verify_model`` finds a way to read it correctly.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["attention", "recurrent", "hybrid", "bidirectional", "classic", "unverified"]

BIDIRECTIONAL_WINDOW = 50
"""Previous words, at most, that replace a growing context where a model is bidirectional: it reads them again for
every word."""


@dataclass(frozen=True, slots=True)
class Family:
    """How the models of a family are read.

    Attributes
    ----------
    name : str
        Name for people.
    kind : str
        Architecture.  "bidirectional" and "classic" have network classes of their own.
    cache_argument : str
        The argument of ``forward`` that takes the cache, and the field of its output that returns it.
    block_steps : bool
        Whether several tokens may follow a cache in one call; if not, they follow one by one.
    needs_positions : bool
        Whether ``forward`` needs the positions of the tokens.
    state_in_blocks : bool
        Whether the blocks keep their state in themselves, so that it has to be restored before every call.
    multimodal : bool
        Whether a language model is one part of a model that also sees or hears; that part alone is read.
    """

    name: str
    kind: Kind
    cache_argument: str = "past_key_values"
    block_steps: bool = True
    needs_positions: bool = False
    state_in_blocks: bool = False
    multimodal: bool = False


FAMILIES = {
    "llama": Family("Llama", "attention"),
    "gpt2": Family("GPT-2", "attention"),
    "gpt_neox": Family("GPT-NeoX", "attention"),
    "mistral": Family("Mistral", "attention"),
    "qwen2": Family("Qwen2", "attention"),
    "qwen3": Family("Qwen3", "attention"),
    "gemma": Family("Gemma", "attention"),
    "gemma2": Family("Gemma 2", "attention"),
    "gemma3": Family("Gemma 3", "attention", multimodal=True),
    "gemma3_text": Family("Gemma 3", "attention"),
    "opt": Family("OPT", "attention"),
    "bloom": Family("BLOOM", "attention"),
    "smollm3": Family("SmolLM3", "attention"),
    "mamba": Family("Mamba", "recurrent", "cache_params", block_steps=False),
    "mamba2": Family("Mamba-2", "recurrent", "cache_params"),
    "falcon_mamba": Family("FalconMamba", "recurrent", "cache_params", block_steps=False),
    "rwkv": Family("RWKV", "recurrent", "state"),
    "xlstm": Family("xLSTM", "recurrent", "cache_params"),
    "recurrent_gemma": Family("RecurrentGemma", "hybrid", block_steps=False, state_in_blocks=True),
    "jamba": Family("Jamba", "hybrid", block_steps=False),
    "bamba": Family("Bamba", "hybrid", needs_positions=True),
    "bert": Family("BERT", "bidirectional"),
    "roberta": Family("RoBERTa", "bidirectional"),
    "xlm-roberta": Family("XLM-RoBERTa", "bidirectional"),
    "lstm_lm": Family("LSTM", "classic"),
    "gru_lm": Family("GRU", "classic"),
    "memory_lm": Family("segment memory", "classic"),
}
"""Families whose hidden states are tested.  Why ``block_steps=False``: the scan of Mamba, FalconMamba and Jamba and the
convolution of RecurrentGemma drop their state when several tokens follow it in one call."""


def family_of(model_type: str) -> Family:
    """Look up the family of a model type.

    Parameters
    ----------
    model_type : str
        The ``model_type`` of a configuration.

    Returns
    -------
    Family
        The known family, or one of kind "unverified" for any other causal model of transformers, alone or inside a
        model that also sees.

    Raises
    ------
    ValueError
        If transformers has no such model of this type.
    """
    if model_type in FAMILIES:
        return FAMILIES[model_type]
    from transformers.models.auto import modeling_auto as models

    if model_type in models.MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES:
        return Family(model_type, "unverified", multimodal=True)
    if model_type not in models.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES:
        known = ", ".join(sorted({family.name for family in FAMILIES.values()}))
        raise ValueError(f"model type {model_type!r} reads no text from left to right; families that are read: {known}")
    return Family(model_type, "unverified")


def max_tokens(config: Any) -> int | None:
    """The longest context that a configuration allows, in tokens; None where it states no limit."""
    limit = getattr(config, "max_position_embeddings", None)
    return int(limit) if limit else None
