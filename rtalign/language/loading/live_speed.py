"""How many words a second a model of some size reads live here: from the speed of one matrix, measured."""

from __future__ import annotations

import time

import torch
from torch import nn

from rtalign.core.machine import cpu_count
from rtalign.language.loading.capacity import BYTES
from rtalign.language.loading.catalogue import TOKENS_PER_WORD
from rtalign.language.loading.int8 import int8_linear
from rtalign.language.loading.weights import Precision

AT_ONCE = 4, 64
"""Tokens read at once where a model is only just quick enough: as words, and again for the next context."""

LARGE_MODEL_BYTES = 1_000_000_000
"""Weights from which on one core is not enough to read a story while it is told."""

SHAPE = 4096, 8192
"""Of the measured matrix: too large for any cache, as a model's are."""


def measure_live_speed(precision: Precision = "float32", seconds: float = 0.2) -> float:
    """Measure the weights that one core multiplies in a second with each token, as tokens are read live.

    Parameters
    ----------
    precision : {"float32", "bfloat16", "int8"}
        In which they are held.
    seconds : float
        How long to measure.

    Returns
    -------
    float
        Weights a second and token.
    """
    weight = torch.randn(SHAPE, dtype=torch.float32 if precision == "float32" else torch.bfloat16)
    linear: nn.Module = int8_linear(weight, None, "cpu") if precision == "int8" else _linear(weight)
    dtype = torch.float32 if precision == "int8" else weight.dtype
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.inference_mode():
            spent = [_seconds(linear, torch.randn(n, SHAPE[1], dtype=dtype), seconds) / n for n in AT_ONCE]
    finally:
        torch.set_num_threads(before)
    return weight.numel() * len(spent) / sum(spent)


def _seconds(linear: nn.Module, tokens: torch.Tensor, seconds: float) -> float:
    """Of one product, measured for a while."""
    linear(tokens)
    n, start = 0, time.thread_time()  # what others take of the core does not count
    while (spent := time.thread_time() - start) < seconds / len(AT_ONCE):
        linear(tokens)
        n += 1
    return spent / n


def live_words_per_second(n_parameters: float, precision: Precision, speed: float) -> float:
    """Words a second that a model reads live.

    Parameters
    ----------
    n_parameters : float
        Its weights.
    precision : {"float32", "bfloat16", "int8"}
        In which they are held.
    speed : float
        By `measure_live_speed`.

    Returns
    -------
    float
        On one core, or on all that one core of the signal leaves where the model is large.
    """
    large = n_parameters * BYTES[precision] > LARGE_MODEL_BYTES
    n_cores = max(cpu_count() - 0.5, 1.0) if large else 1.0
    # Twice: the next context, which begins with the newer half of this one, reads as many tokens again.
    return speed * n_cores / (n_parameters * 2 * TOKENS_PER_WORD)


def _linear(weight: torch.Tensor) -> nn.Module:
    linear = nn.Linear(weight.shape[1], weight.shape[0], bias=False, dtype=weight.dtype)
    linear.weight = nn.Parameter(weight, requires_grad=False)
    return linear
