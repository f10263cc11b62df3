"""The size that a configuration states: whether any model has it, and how many parameters it makes."""

from __future__ import annotations

from typing import Any

from rtalign.language.networks.families import family_of

LIMITS = {"num_hidden_layers": 1000, "hidden_size": 1 << 17, "intermediate_size": 1 << 20, "vocab_size": 1 << 24}
"""Larger than any published model's; building one with more would fill the memory before a weight is read."""


def check_shape(name: str, config: Any) -> None:
    """Raise ValueError where a configuration states a size that no model has."""
    for key, most in LIMITS.items():
        value = getattr(config, key, None)
        values = value if isinstance(value, (list, tuple)) else [1 if value is None else value]
        if not all(isinstance(one, int) and 1 <= one <= most for one in values):
            raise ValueError(f"model {name}: its config.json states {key} = {value!r:.40}; it must be 1 to {most:,}")


def count_parameters(config: Any) -> int:
    """Parameters of the model that a configuration describes, without allocating any of them."""
    import torch  # the window lists models without it
    from transformers import AutoModelForCausalLM, AutoModelForImageTextToText

    kind = AutoModelForImageTextToText if family_of(config.model_type).multimodal else AutoModelForCausalLM
    with torch.device("meta"):
        return int(kind.from_config(config).num_parameters())
