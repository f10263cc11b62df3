"""Tiny language models with a tokenizer of their own, written to a folder as real ones are."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

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

CONFIGS = {
    "llama": GATED,
    "gpt2": {"vocab_size": 400, "n_embd": 48, "n_layer": 3, "n_head": 4, "n_positions": 512},
    "gpt_neox": SMALL | {"intermediate_size": 96, "max_position_embeddings": 512},
    "mistral": GATED | {"sliding_window": 40, "head_dim": 12},
    "qwen2": GATED,
    "qwen3": GATED | {"head_dim": 12},
    "gemma": GATED | {"head_dim": 12},
}


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


def write(folder: Path, kind: str, bos: bool = True, **changes: Any) -> str:
    """A model of random weights, large enough that its layers differ; the folder's name for load()."""
    config = transformers.AutoConfig.for_model(
        kind, **(CONFIGS[kind] | {"bos_token_id": 0, "eos_token_id": 0} | changes)
    )
    torch.manual_seed(3)
    model = transformers.AutoModelForCausalLM.from_config(config)
    with torch.no_grad():
        for weight in model.parameters():
            if weight.ndim > 1:
                weight.mul_(6)
    model.save_pretrained(folder)
    tokenizer(bos).save_pretrained(folder)
    return str(folder)
