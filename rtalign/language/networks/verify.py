"""The test that a model of an unknown family has to pass before its states are believed."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import torch

from rtalign.language.networks.causal import Causal
from rtalign.language.networks.families import Family

CUTS = [0, 1, 6, 7, 16, 24]
"""Where the probe is cut: it opens with a single token, and reads both single tokens and several on."""

FAULTS = (AttributeError, IndexError, KeyError, RuntimeError, TypeError, ValueError)


def vouch(model: Any, family: Family, precision: str, batch: int) -> Causal:
    """A model of an unknown family, read the first way in which reading in pieces is reading whole.

    Raises ValueError naming what is wrong with its states.
    """
    tolerance = 1e-3 if precision == "float32" else 0.1
    try:
        network = Causal(model, family, batch)
        ids = _ids(network, int(model.config.get_text_config().vocab_size))
        layers = range(network.n_layers)
        whole = network.run(ids, layers, keep=False)
    except FAULTS as error:
        raise _refused(family, " ".join(str(error).split())[:150]) from error
    shapes = {tuple(state.shape) for state in whole.hidden}
    if shapes != {(1, ids.shape[1], network.dim)}:
        raise _refused(family, f"its hidden states have different shapes, {sorted(shapes)}")
    if _apart(network.run(ids[:, :-4], layers, keep=False).hidden, [h[:, :-4] for h in whole.hidden]) > tolerance:
        raise _refused(family, "its states change with the words that follow")
    costs = network.surprise(whole.last[0, :-1], ids[0, 1:])
    if (costs - _costs(model, ids)).abs().max() > max(tolerance, 1e-2) * costs.abs().max():
        raise _refused(family, "its head is more than a matrix, so that surprisal would be wrong")
    for way in _ways(family):
        network.family = way
        try:
            pieces = _in_pieces(network, ids)
        except FAULTS:
            continue
        if _apart(pieces, whole.hidden) <= tolerance:
            return network
    raise _refused(family, "read in pieces it says other things than read whole")


def _ways(family: Family) -> list[Family]:
    found = []
    for state in ("past_key_values", "cache_params", "state"):
        plain = replace(family, state=state)
        found += [plain, replace(plain, positions=True), replace(plain, blocks=False)]
        found.append(replace(plain, positions=True, blocks=False))
    return found


def _refused(family: Family, why: str) -> ValueError:
    return ValueError(f"model type {family.name!r} is not read: {why}")


def _ids(network: Causal, n: int) -> torch.Tensor:
    return network.tensor([[(7 + 31 * k * k) % n for k in range(CUTS[-1])]])


def _in_pieces(network: Causal, ids: torch.Tensor) -> list[torch.Tensor]:
    parts, cache = [], None
    for start, stop in pairwise(CUTS):
        states = network.run(ids[:, start:stop], range(network.n_layers), cache)
        parts.append(states.hidden)
        cache = states.cache
    return [torch.cat(layer, 1) for layer in zip(*parts, strict=True)]


def _apart(found: list[torch.Tensor], truth: list[torch.Tensor]) -> float:
    pairs = zip(found, truth, strict=True)
    return max(float(((a - b).float().norm(dim=2) / b.float().norm(dim=2).clamp(min=1e-9)).max()) for a, b in pairs)


@torch.inference_mode()
def _costs(model: Any, ids: torch.Tensor) -> torch.Tensor:
    logits = model(input_ids=ids, use_cache=False).logits[0, :-1].float()
    return -logits.log_softmax(1).gather(1, ids[0, 1:, None])[:, 0]
