"""Tiny language models with a tokenizer of their own, written to a folder, and plain ways to read them."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers

STORY = """
Nobody on the island could say when the old clock had stopped, for nobody had looked at it since the baker's
daughter went away in 1987. It hung above the harbour-master's door, green with salt, and its hands pointed at
four minutes to nine. Every summer some visitor offered to mend it; every summer the harbour master thanked him,
smiled, and said that the clock was right twice a day, which was more than he could say of the ferry.
""".split()  # noqa: SIM905

SMALL = {"vocab_size": 400, "hidden_size": 48, "num_hidden_layers": 3, "num_attention_heads": 4}
GATED = SMALL | {"intermediate_size": 96, "num_key_value_heads": 2, "max_position_embeddings": 512}
SLIDING = {"head_dim": 12, "sliding_window": 40, "query_pre_attn_scalar": 12}

CONFIGS = {
    "llama": GATED,
    "gpt2": {"vocab_size": 400, "n_embd": 48, "n_layer": 3, "n_head": 4, "n_positions": 512},
    "gpt_neox": SMALL | {"intermediate_size": 96, "max_position_embeddings": 512},
    "mistral": GATED | {"sliding_window": 40, "head_dim": 12},
    "qwen2": GATED,
    "qwen3": GATED | {"head_dim": 12},
    "gemma": GATED | {"head_dim": 12},
    "gemma2": GATED | SLIDING | {"final_logit_softcapping": 3.0},
    "gemma3_text": GATED | SLIDING,
    "opt": SMALL | {"ffn_dim": 96, "word_embed_proj_dim": 48, "max_position_embeddings": 512},
    "bloom": {"vocab_size": 400, "hidden_size": 48, "n_layer": 3, "n_head": 4},
    "smollm3": GATED,
}
"""Models with causal attention, whose hidden states transformers numbers as rtalign does."""

SCAN = {"vocab_size": 400, "hidden_size": 32, "num_hidden_layers": 3}
HYBRID = SCAN | {"num_attention_heads": 4, "num_key_value_heads": 2, "intermediate_size": 64}

UNUSUAL_HEADS = {
    "cohere2": GATED | {"logit_scale": 0.05, "sliding_window": 40, "pad_token_id": 0},
    "granite": GATED | {"logits_scaling": 7.0, "embedding_multiplier": 3.0},
    "falcon_h1": GATED
    | {"mamba_d_ssm": 32, "mamba_n_heads": 4, "mamba_d_head": 8, "mamba_n_groups": 1, "mamba_d_state": 8}
    | {"mamba_chunk_size": 16, "lm_head_multiplier": 0.3},
}
"""Models whose logits are their head's times a number."""

EYES = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
EYES |= {"image_size": 28, "patch_size": 14}
QWEN_EYES = {"depth": 1, "num_heads": 2, "patch_size": 14}
ROTARY = {"rope_parameters": {"rope_type": "default", "rope_theta": 1e4, "mrope_section": [2, 2, 2]}, "head_dim": 12}

MULTIMODAL = {
    "mistral3": {
        "text_config": GATED | {"model_type": "mistral", "head_dim": 12},
        "vision_config": EYES | {"model_type": "pixtral", "head_dim": 8},
    },
    "llava": {
        "text_config": GATED | {"model_type": "llama"},
        "vision_config": EYES | {"model_type": "clip_vision_model"},
    },
    "qwen2_vl": {"text_config": GATED | ROTARY, "vision_config": QWEN_EYES | {"embed_dim": 16, "hidden_size": 48}},
    "qwen2_5_vl": {
        "text_config": GATED | ROTARY,
        "vision_config": QWEN_EYES | {"hidden_size": 16, "out_hidden_size": 48, "intermediate_size": 32},
    },
    "qwen3_vl": {
        "text_config": GATED | ROTARY,
        "vision_config": QWEN_EYES
        | {"hidden_size": 16, "out_hidden_size": 48, "intermediate_size": 32, "deepstack_visual_indexes": []},
    },
    "llama4": {
        "text_config": GATED
        | {"head_dim": 12, "intermediate_size_mlp": 96, "num_local_experts": 2, "no_rope_layers": [1, 1, 0]},
        "vision_config": EYES | {"vision_output_dim": 32, "projector_input_dim": 32, "projector_output_dim": 32},
    },
}
"""Models that also see, with eyes as small as they get."""

RECURRENT = {
    "mamba": SCAN | {"state_size": 8},
    "mamba2": SCAN | {"state_size": 8, "num_heads": 8, "head_dim": 8, "n_groups": 2, "chunk_size": 16},
    "falcon_mamba": SCAN | {"state_size": 8},
    "rwkv": SCAN | {"attention_hidden_size": 32, "intermediate_size": 64, "rescale_every": 2},
    "xlstm": SCAN | {"hidden_size": 128, "num_hidden_layers": 2, "num_heads": 2, "chunk_size": 16},
    "recurrent_gemma": HYBRID
    | {"lru_width": 32, "attention_window_size": 40, "block_types": ["recurrent", "recurrent", "attention"]},
    "jamba": HYBRID
    | {"attn_layer_period": 2, "attn_layer_offset": 1, "expert_layer_period": 2, "num_experts": 4, "mamba_d_state": 8},
    "bamba": HYBRID
    | {"attn_layer_indices": [1], "mamba_n_heads": 8, "mamba_d_head": 8, "mamba_d_state": 8, "mamba_chunk_size": 16}
    | {"mamba_n_groups": 2, "max_position_embeddings": 512},
}
"""Recurrent and hybrid models."""


@cache
def tokenizer(bos: bool = True) -> Any:
    """A byte-level BPE trained on the story, as GPT-2, Pythia, Llama 3 and SmolLM2 have."""
    core = Tokenizer(models.BPE())
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = decoders.ByteLevel()
    core.post_processor = processors.ByteLevel(trim_offsets=True)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=400, special_tokens=["<|bos|>"], initial_alphabet=alphabet, show_progress=False
    )
    core.train_from_iterator([" ".join(STORY)], trainer)
    names = {"bos_token": "<|bos|>"} if bos else {}
    return transformers.PreTrainedTokenizerFast(tokenizer_object=core, **names)


def write_model(folder: Path, kind: str, bos: bool = True, **changes: Any) -> str:
    """Write a model with random weights; returns the folder as load() takes it."""
    tokens = {"bos_token_id": 0, "eos_token_id": 0, "pad_token_id": None}
    known = CONFIGS | RECURRENT | UNUSUAL_HEADS | MULTIMODAL
    config = transformers.AutoConfig.for_model(kind, **(tokens | known[kind] | changes))
    if kind == "xlstm":
        config.autocast_kernel_dtype = "float32"  # transformers would round the states of a reference to bfloat16
    random_network(_class_of(kind), config).save_pretrained(folder)
    tokenizer(bos).save_pretrained(folder)
    return str(folder)


def _class_of(kind: str) -> Any:
    multimodal = kind in MULTIMODAL
    return transformers.AutoModelForImageTextToText if multimodal else transformers.AutoModelForCausalLM


def random_network(kind: Any, config: Any) -> Any:
    """A network with random weights, six times larger than usual so that its layers differ."""
    torch.manual_seed(3)
    network = kind.from_config(config)
    with torch.no_grad():
        for weight in network.parameters():
            if weight.ndim > 1:
                weight.mul_(6)
    return network


@cache
def load_plain(folder: str) -> Any:
    """Network and tokenizer as transformers gives them, without any code of rtalign."""
    kind = transformers.AutoConfig.from_pretrained(folder).model_type
    network = _class_of(kind).from_pretrained(folder).eval()
    return network, transformers.AutoTokenizer.from_pretrained(folder)


@torch.no_grad()
def full_pass(network: Any, ids: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """(layer, token, dim), 0 the embedding and the last normed, and (token, vocabulary) -log p of the next token.

    Where transformers does not number hidden states so, the blocks are called here one after another.
    """
    kind, tensor = network.config.model_type, torch.tensor([ids])
    network = network.language_model if kind == "llama4" else network
    if kind in ("mamba", "mamba2", "falcon_mamba", "rwkv"):
        base = network.base_model
        hidden = [base.get_input_embeddings()(tensor)]
        network(tensor)  # RWKV rescales its weights at its first pass
        for index, block in enumerate(base.blocks if kind == "rwkv" else base.layers):
            state = block(hidden[-1])
            state = state[0] if kind == "rwkv" else state
            halved = kind == "rwkv" and (index + 1) % network.config.rescale_every == 0
            hidden.append(state / 2 if halved else state)
        hidden[-1] = (base.ln_out if kind == "rwkv" else base.norm_f)(hidden[-1])
    else:
        hidden = network(tensor, output_hidden_states=True, use_cache=False).hidden_states
    logits = network(tensor, use_cache=False).logits[0]
    return torch.stack(list(hidden))[:, 0].numpy(), -torch.log_softmax(logits.double(), 1).numpy()


def full_reading(
    folder: str, words: list[str], bos: bool = True, tokens: str = "mean"
) -> tuple[np.ndarray, np.ndarray]:
    """(word, layer, dim) and (word,) surprisal: one pass over the joint tokenisation, pooled by a loop.

    Tokens without letter or digit are left out.
    """
    network, tokenizer = load_plain(folder)
    encoded = tokenizer(" ".join(words), add_special_tokens=False, return_offsets_mapping=True)
    ids = ([tokenizer.bos_token_id] if bos else []) + encoded["input_ids"]
    hidden, cost = full_pass(network, ids)
    states, costs, end = [], [], 0
    for word in words:
        start, end = end, end + len(word) + (end > 0)
        own = [k + bos for k, (a, b) in enumerate(encoded["offset_mapping"]) if b > start and b <= end]
        own = [k for k in own if any(map(str.isalnum, tokenizer.decode(ids[k])))] or own
        pooled = {"mean": hidden[:, own].mean(1), "last": hidden[:, own[-1]], "first": hidden[:, own[0]]}
        states.append(pooled[tokens])
        costs.append(sum(cost[k - 1, ids[k]] for k in own) if start else np.nan)
    return np.array(states), np.array(costs)


def window_pass(folder: str, words: list[str], index: int, previous: int) -> tuple[np.ndarray, np.ndarray]:
    """The word's states and surprisal from one pass over its context's tokens, cut from the whole text."""
    network, tokenizer = load_plain(folder)
    whole = tokenizer(" ".join(words), add_special_tokens=False, return_offsets_mapping=True)
    edges = np.cumsum([0] + [len(word) + 1 for word in words]) - 1
    start, own_start, stop = edges[max(index - previous, 0)], edges[index], edges[index + 1]
    pairs = zip(whole["input_ids"], whole["offset_mapping"], strict=True)
    chosen = [(token, b) for token, (_, b) in pairs if start < b <= stop]
    ids = [tokenizer.bos_token_id] + [token for token, _ in chosen]
    own = [1 + k for k, (_, b) in enumerate(chosen) if b > own_start]
    own = [k for k in own if any(map(str.isalnum, tokenizer.decode(ids[k])))] or own
    hidden, cost = full_pass(network, ids)
    known = index > 0 and previous > 0
    costs = sum(float(cost[k - 1, ids[k]]) for k in own) if known else np.nan
    return hidden[:, own].mean(1)[None], np.array([costs])


def assert_same(reading: Any, states: np.ndarray, costs: np.ndarray, tolerance: float = 1e-4) -> None:
    """Compare activations token norm by token norm, and surprisal."""
    error = np.linalg.norm(reading.activations - states, axis=2) / np.linalg.norm(states, axis=2)
    assert error.max() < tolerance
    np.testing.assert_allclose(reading.surprisal, costs, rtol=tolerance, atol=tolerance)
