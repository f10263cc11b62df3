"""Attention of a few tokens to a long cache, where several heads share keys and values: these are not copied for each.

transformers repeats keys and values for every head that shares them, as soon as more than one token has a mask.  Over a
cache of hundreds of tokens that is a quarter of the time that a large model reads a few words in.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import torch
from torch.nn import functional

NAME = "rtalign_shared_keys"
"""Of this attention, in the registry of transformers."""

FAMILIES = {"llama", "mistral", "qwen2", "qwen3"}
"""Types of models whose code takes any attention that is registered."""


def share_keys(model: Any) -> None:
    """Let a model on the processor attend so, if its heads share keys; its results change by rounding alone."""
    config = model.config.get_text_config()
    if config.model_type not in FAMILIES or config._attn_implementation != "sdpa":
        return
    if config.num_key_value_heads != config.num_attention_heads:
        _register()
        model.set_attn_implementation(NAME)


@cache
def _register() -> None:
    from transformers import AttentionInterface
    from transformers.masking_utils import AttentionMaskInterface, sdpa_mask

    AttentionInterface.register(NAME, attend)
    AttentionMaskInterface.register(NAME, sdpa_mask)


def attend(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    **options: Any,
) -> tuple[torch.Tensor, None]:
    """The attention of transformers' "sdpa", with its arguments.

    query : (row, head, token, dim).    key, value : (row, shared head, token of the cache, dim).
    """
    n_rows, n_heads, n_tokens, dim = query.shape
    n_sharing = n_heads // key.shape[1]
    if (
        attention_mask is None
        or attention_mask.dtype is not torch.bool
        or attention_mask.shape[1] != 1  # heads that differ
        or options.get("position_bias") is not None
        or n_sharing == 1
    ):
        from transformers.integrations.sdpa_attention import sdpa_attention_forward

        return sdpa_attention_forward(module, query, key, value, attention_mask, **options)
    beside = query.reshape(n_rows, key.shape[1], n_sharing * n_tokens, dim)
    out = functional.scaled_dot_product_attention(
        beside, key, value, attn_mask=attention_mask.repeat(1, 1, n_sharing, 1), scale=options.get("scaling")
    )
    return out.reshape(n_rows, n_heads, n_tokens, value.shape[3]).transpose(1, 2).contiguous(), None
