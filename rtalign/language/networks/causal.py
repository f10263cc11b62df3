"""Any model of transformers that reads from left to right, run on what it read before or in padded batches."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from rtalign.language.networks.base import LeftToRight, States, costs_of
from rtalign.language.networks.block_hooks import Doors, Insides, blocks_of
from rtalign.language.networks.families import Family, room

CAPS = ("final_logit_softcapping", "logits_soft_cap", "output_logit_soft_cap")
"""What configurations call the bound that some models squeeze their logits into."""


@dataclass(frozen=True, slots=True)
class Carried:
    """What a model has read: its own state, how many tokens, and what its blocks keep in themselves."""

    state: Any
    n_tokens: int
    inside: list[Any]


class Causal(LeftToRight):
    """The weights and nothing else: no state is kept between two calls."""

    sees: int | None = None

    def __init__(self, model: Any, family: Family, batch: int = 2048) -> None:
        config = model.config.get_text_config()
        self.room, self.batch, self.family = room(config), batch, family
        self.n_layers, self.dim = int(config.num_hidden_layers) + 1, int(config.hidden_size)
        self._base = getattr(model.base_model, "language_model", model.base_model)
        self._head = model.get_output_embeddings()
        self._cap = next((float(cap) for name in CAPS if (cap := getattr(config, name, None))), None)
        self._device = model.get_input_embeddings().weight.device
        self._config = config
        blocks = blocks_of(self._base, self.n_layers - 1)
        self._doors, self._insides = Doors(blocks), Insides(blocks if family.inside else [])
        self._alone = threading.Lock()

    @property
    def blocks(self) -> bool:
        return self.family.blocks

    def tensor(self, values: Any) -> torch.Tensor:
        return torch.as_tensor(values, dtype=torch.long, device=self._device)

    @torch.inference_mode()
    def run(self, ids: torch.Tensor, layers: Sequence[int], cache: Carried | None = None, keep: bool = True) -> States:
        with self._alone:
            if cache is None or self.blocks:
                return self._pass(ids, layers, cache, keep)
            steps = []
            for token in ids.split(1, dim=1):
                steps.append(self._pass(token, layers, cache, keep=True))
                cache = steps[-1].cache
        hidden = [torch.cat(parts, 1) for parts in zip(*(step.hidden for step in steps), strict=True)]
        return States(hidden, torch.cat([step.last for step in steps], 1), cache)

    def _pass(self, ids: torch.Tensor, layers: Sequence[int], cache: Carried | None, keep: bool) -> States:
        family, before = self.family, cache.n_tokens if cache else 0
        given = {family.state: cache.state} if cache else self._fresh(keep)
        if family.positions:
            given["position_ids"] = torch.arange(before, before + ids.shape[1], device=ids.device)[None]
        if keep:
            self._insides.put(cache.inside if cache else None, ids.shape[0])
        with self._doors.watched(layers) as seen:
            out = self._base(input_ids=ids, use_cache=keep, return_dict=True, **given)
        last = out.last_hidden_state.to(self._device)
        hidden = [last if layer == self.n_layers - 1 else self._here(seen[layer]) for layer in layers]
        if not keep:
            return States(hidden, last, None)
        state = getattr(out, family.state, None)
        state = given.get(family.state) if state is None else state
        return States(hidden, last, Carried(state, before + ids.shape[1], self._insides.take()))

    def _here(self, found: torch.Tensor | None) -> torch.Tensor:
        if found is None:
            raise ValueError(f"{self.family.name}: its blocks were not called as blocks; use another model")
        return found.to(self._device)

    def _fresh(self, keep: bool) -> dict[str, Any]:
        """What a model is given to open a text with; one that keeps states inside makes no cache of its own."""
        if not (keep and self.family.inside):
            return {}
        from transformers import DynamicCache

        return {self.family.state: DynamicCache(config=self._config)}

    @torch.inference_mode()
    def surprise(self, before: torch.Tensor, ids: torch.Tensor) -> torch.Tensor:
        return costs_of(self._logits, before, ids)

    def _logits(self, before: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self._head(before)
        return logits if self._cap is None else self._cap * torch.tanh(logits / self._cap)
