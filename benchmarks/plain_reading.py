"""The plain way to follow a story: transformers alone, a growing cache, a word at a time as the words come."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import transformers
from transformers.initialization import no_init_weights

from rtalign.core.machine import cpu_count
from rtalign.simulation import shipped_story, story_words


@dataclass
class Follower:
    """A causal model in bfloat16 on every core, which keeps all hidden states of the word that it has read."""

    network: Any
    cache: Any

    @classmethod
    def open(cls, folder: str) -> Follower:
        """Random weights in the shape of a folder's configuration."""
        torch.set_num_threads(cpu_count())
        config = transformers.AutoConfig.from_pretrained(folder)
        with no_init_weights():
            network = transformers.AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16).eval()
        for weights in network.parameters():
            torch.nn.init.normal_(weights, std=0.02)
        return cls(network, transformers.DynamicCache(config=config))

    @torch.inference_mode()
    def read(self, tokens: list[int]) -> list[np.ndarray]:
        """Hidden states of every layer, averaged over a word's tokens.  No word is predicted: the head is left out."""
        seen = self.network.model(
            torch.tensor([tokens]), past_key_values=self.cache, use_cache=True, output_hidden_states=True
        )
        return [state[0].float().mean(0).numpy() for state in seen.hidden_states]


def follow(folder: str, words_a_second: float, seconds: float) -> dict[str, Any]:
    """Read a story as it is told, and how far behind the teller that ends.

    Parameters
    ----------
    folder : str
        Configuration and tokenizer.
    words_a_second : float
        Pace of the story.
    seconds : float
        How long it is told.

    Returns
    -------
    dict
        Words told and read in that time, milliseconds a word, and how long after its onset the last one was read.
    """
    follower = Follower.open(folder)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    story = story_words(shipped_story())
    follower.read(tokenizer.encode(" " + story[0]))  # what is made once is not a word's cost
    spent: list[float] = []
    delay = 0.0
    start = time.perf_counter()
    told = int(seconds * words_a_second)
    for index in range(told):
        onset = index / words_a_second
        if (now := time.perf_counter() - start) > seconds:
            break
        time.sleep(max(onset - now, 0.0))
        before = time.perf_counter()
        follower.read(tokenizer.encode(" " + story[index % len(story)]))
        spent.append(time.perf_counter() - before)
        delay = time.perf_counter() - start - onset
    return {
        "words_told": told, "words_read": len(spent), "ms_a_word": round(1000 * float(np.median(spent)), 1),
        "last_word_read_s_after_its_onset": round(delay, 2), "cores": cpu_count(), "precision": "bfloat16",
    }  # fmt: skip
