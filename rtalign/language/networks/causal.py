"""Causal models of transformers of every family, read on from a cache or in padded batches."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from inspect import signature
from math import prod
from typing import Any

import torch

from rtalign.core.gpu_copies import to_device
from rtalign.language.networks.base import LeftToRightRows, PassOutput, surprisal_in_parts
from rtalign.language.networks.block_hooks import BlockInputs, BlockStates, DeepestBlock, find_blocks
from rtalign.language.networks.families import Family, max_tokens

LOGIT_CAPS = ("final_logit_softcapping", "logits_soft_cap", "output_logit_soft_cap")
"""Names in configurations for the bound to which some models squeeze their logits."""

MOVING_ROTATIONS = ("dynamic", "longrope")
"""Kinds of rotary positions whose frequencies a pass may change in the model itself, for longer texts."""

LOGIT_FACTORS = {"logit_scale": 1, "lm_head_multiplier": 1, "logits_scaling": -1}
"""Names for a number that logits are multiplied with, 1, or divided by, -1."""


@dataclass(frozen=True, slots=True)
class CausalCache:
    """What a model has read: its own cache, the number of tokens, and the states kept in its blocks."""

    state: Any
    n_tokens: int
    block_states: list[Any]


def text_parts(model: Any) -> tuple[Any, Any]:
    """The model of transformers that reads text, without its head, and the head; what sees or hears is left out."""
    inside = getattr(model.base_model, "language_model", None)
    base = model.base_model if inside is None else getattr(inside, "model", inside)
    return base, model.get_output_embeddings()


class CausalNetwork(LeftToRightRows):
    """A causal model of transformers as an IncrementalNetwork.

    Parameters
    ----------
    model : PreTrainedModel
        A model with a language-model head, on its device.
    family : Family
        How it is read.
    batch_tokens : int
        Tokens in one batch, padding included.

    Attributes
    ----------
    head_is_known : bool
        Whether surprisal can be computed; where the head does something of its own, states alone are read.
    """

    head_is_known = True
    fallback_window: int | None = None

    def __init__(self, model: Any, family: Family, batch_tokens: int = 2048) -> None:
        config = model.config.get_text_config()
        self.max_tokens, self.batch_tokens, self.family = max_tokens(config), batch_tokens, family
        self.n_layers, self.dim = int(config.num_hidden_layers) + 1, int(config.hidden_size)
        self._base, self._head = text_parts(model)
        self._cap = next((float(cap) for name in LOGIT_CAPS if (cap := getattr(config, name, None))), None)
        self._factor = prod(float(getattr(config, name, 1) or 1) ** power for name, power in LOGIT_FACTORS.items())
        self._device = model.get_input_embeddings().weight.device
        self._config = config
        rotation = str(getattr(config, "rope_parameters", None) or getattr(config, "rope_scaling", None))
        self._rotation_moves = any(kind in rotation for kind in MOVING_ROTATIONS)
        # The name since transformers 5.24, whatever a family's cache was called before.
        self._cache_argument = "cache" if "cache" in signature(self._base.forward).parameters else ""
        blocks = find_blocks(self._base, self.n_layers - 1)
        self._inputs, self._states = BlockInputs(blocks), BlockStates(blocks if family.state_in_blocks else [])
        self._lock = threading.RLock()  # a pass may hold others

    @property
    def block_steps(self) -> bool:
        return self.family.block_steps

    @property
    def nests(self) -> bool:
        return self.block_steps and not (self.family.state_in_blocks or self._rotation_moves)

    def to_tensor(self, values: Any) -> torch.Tensor:
        return to_device(torch.as_tensor(values, dtype=torch.long), self._device)

    @torch.inference_mode()
    def run(
        self,
        ids: torch.Tensor,
        layers: Sequence[int],
        cache: CausalCache | None = None,
        keep_cache: bool = True,
        last_state: bool = True,
        between: Callable[[], None] | None = None,
    ) -> PassOutput:
        with self._lock:
            if cache is None or self.block_steps:
                return self._pass(ids, layers, cache, keep_cache, last_state, between)
            steps = []
            for token in ids.split(1, dim=1):
                steps.append(self._pass(token, layers, cache, keep_cache=True))
                cache = steps[-1].cache
        hidden = [torch.cat(parts, 1) for parts in zip(*(step.hidden for step in steps), strict=True)]
        return PassOutput(hidden, torch.cat([step.last for step in steps], 1), cache)

    def _pass(
        self,
        ids: torch.Tensor,
        layers: Sequence[int],
        cache: CausalCache | None,
        keep_cache: bool,
        last_state: bool = True,
        between: Callable[[], None] | None = None,
    ) -> PassOutput:
        family, n_before = self.family, cache.n_tokens if cache else 0
        argument = self._cache_argument or family.cache_argument
        arguments = {argument: cache.state} if cache else self._new_cache(argument, keep_cache)
        if family.needs_positions:
            arguments["position_ids"] = torch.arange(n_before, n_before + ids.shape[1], device=ids.device)[None]
        if keep_cache:
            self._states.restore(cache.block_states if cache else None, ids.shape[0])
        stop = not (keep_cache or last_state or self.n_layers - 1 in layers)
        with self._inputs.recorded(layers, stop, between) as inputs:
            try:
                out = self._base(input_ids=ids, use_cache=keep_cache, return_dict=True, **arguments)
            except DeepestBlock:
                hidden = [self._checked(inputs[layer]) for layer in layers]
                return PassOutput(hidden, hidden[-1], None)
        last = out.last_hidden_state.to(self._device)
        hidden = [last if layer == self.n_layers - 1 else self._checked(inputs[layer]) for layer in layers]
        if not keep_cache:
            return PassOutput(hidden, last, None)
        state = getattr(out, argument, None)
        state = arguments.get(argument) if state is None else state
        return PassOutput(hidden, last, CausalCache(state, n_before + ids.shape[1], self._states.save()))

    def _checked(self, state: torch.Tensor | None) -> torch.Tensor:
        if state is None:
            raise ValueError(f"{self.family.name}: its blocks were not called as blocks; use another model")
        return state.to(self._device)

    def _new_cache(self, argument: str, keep_cache: bool) -> dict[str, Any]:
        """Arguments at the beginning of a text, if a model is not to make its own cache, or makes none."""
        grows = self.family.kind == "attention" and self._device.type == "cpu"
        if not (keep_cache and (grows or self.family.state_in_blocks)):
            return {}
        from rtalign.language.networks.roomy_cache import roomy_cache

        return {argument: roomy_cache(self._config)}

    @torch.inference_mode()
    def token_surprisal(self, last: torch.Tensor, ids: torch.Tensor) -> torch.Tensor:
        if not self.head_is_known:
            return torch.full(ids.shape, torch.nan, device=last.device)
        return surprisal_in_parts(self._logits, last, ids)

    def _logits(self, last: torch.Tensor) -> torch.Tensor:
        # Some models norm their last state in float32, whatever the precision of their weights.
        weight = getattr(self._head, "weight", None)
        logits: torch.Tensor = self._head(last if weight is None else last.to(weight.dtype)) * self._factor
        return logits if self._cap is None else self._cap * torch.tanh(logits / self._cap)
