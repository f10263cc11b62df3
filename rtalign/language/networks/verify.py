"""The test that a model of an unknown family has to pass before its hidden states are used."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import torch

from rtalign.language.networks.causal import CausalNetwork
from rtalign.language.networks.families import Family

CUTS = [0, 1, 6, 7, 16, 24]
"""Where the test text is cut: its first piece is a single token, and both single tokens and several follow later."""

MODEL_ERRORS = (AttributeError, IndexError, KeyError, RuntimeError, TypeError, ValueError)


def verify_model(model: Any, family: Family, precision: str, batch_tokens: int) -> CausalNetwork:
    """Find a way to read a model of an unknown family such that reading in pieces equals reading at once.

    Parameters
    ----------
    model : PreTrainedModel
        A causal model of transformers.
    family : Family
        A family of kind "unverified".
    precision : str
        Precision of the weights, which decides how exact the states have to be.
    batch_tokens : int
        Tokens in one batch.

    Returns
    -------
    CausalNetwork
        The network, with the first settings that passed; without surprisal, where the head is more than a matrix.

    Raises
    ------
    ValueError
        With the reason why the model cannot be read.
    """
    tolerance = 1e-3 if precision == "float32" else 0.1
    try:
        network = CausalNetwork(model, family, batch_tokens)
        ids = _test_ids(network, int(model.config.get_text_config().vocab_size))
        layers = range(network.n_layers)
        whole = network.run(ids, layers, keep_cache=False)
    except MODEL_ERRORS as error:
        raise _refusal(family, " ".join(str(error).split())[:150]) from error
    shapes = {tuple(state.shape) for state in whole.hidden}
    if shapes != {(1, ids.shape[1], network.dim)}:
        raise _refusal(family, f"its hidden states have different shapes, {sorted(shapes)}")
    shorter = network.run(ids[:, :-4], layers, keep_cache=False)
    if _relative_error(shorter.hidden, [h[:, :-4] for h in whole.hidden]) > tolerance:
        raise _refusal(family, "its states change with the words that follow")
    surprisal = network.token_surprisal(whole.last[0, :-1], ids[0, 1:])
    off = (surprisal - _full_surprisal(model, ids)).abs().max()
    network.head_is_known = bool(off <= max(tolerance, 1e-2) * surprisal.abs().max())
    for candidate in _candidates(family):
        network.family = candidate
        try:
            pieces = _read_in_pieces(network, ids)
        except MODEL_ERRORS:
            continue
        if _relative_error(pieces, whole.hidden) <= tolerance:
            return network
    raise _refusal(family, "its states differ when a text is read in pieces")


def _candidates(family: Family) -> list[Family]:
    """Settings to try, in this order."""
    candidates = []
    for argument in ("past_key_values", "cache_params", "state"):
        plain = replace(family, cache_argument=argument)
        candidates += [plain, replace(plain, needs_positions=True), replace(plain, block_steps=False)]
        candidates.append(replace(plain, needs_positions=True, block_steps=False))
    return candidates


def _refusal(family: Family, reason: str) -> ValueError:
    return ValueError(f"model type {family.name!r} is not read: {reason}")


def _test_ids(network: CausalNetwork, vocabulary: int) -> torch.Tensor:
    return network.to_tensor([[(7 + 31 * k * k) % vocabulary for k in range(CUTS[-1])]])


def _read_in_pieces(network: CausalNetwork, ids: torch.Tensor) -> list[torch.Tensor]:
    parts, cache = [], None
    for start, stop in pairwise(CUTS):
        output = network.run(ids[:, start:stop], range(network.n_layers), cache)
        parts.append(output.hidden)
        cache = output.cache
    return [torch.cat(layer, 1) for layer in zip(*parts, strict=True)]


def _relative_error(states: list[torch.Tensor], expected: list[torch.Tensor]) -> float:
    """The largest over all tokens and layers."""
    pairs = zip(states, expected, strict=True)
    return max(float(((a - b).float().norm(dim=2) / b.float().norm(dim=2).clamp(min=1e-9)).max()) for a, b in pairs)


@torch.inference_mode()
def _full_surprisal(model: Any, ids: torch.Tensor) -> torch.Tensor:
    """(token,) from the second on, by the model's own head."""
    logits = model(input_ids=ids, use_cache=False).logits[0, :-1].float()
    return -logits.log_softmax(1).gather(1, ids[0, 1:, None])[:, 0]
