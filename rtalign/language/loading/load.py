"""A name to a network: found, checked to be whole and to fit, loaded, and described."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from rtalign.core import cache
from rtalign.language.loading import capacity
from rtalign.language.loading.locate import Place, find, quiet
from rtalign.language.loading.names import Name
from rtalign.language.loading.weights import Precision, to_int8, trained, untrained
from rtalign.language.networks.base import Network
from rtalign.language.networks.bidirectional import Bidirectional, Signs
from rtalign.language.networks.block_hooks import blocks_of
from rtalign.language.networks.causal import Causal
from rtalign.language.networks.classic import Classic, ClassicNetwork, open_shape, open_tokenizer, open_weights
from rtalign.language.networks.controls import Random, Static
from rtalign.language.networks.families import Family, family
from rtalign.language.networks.verify import vouch
from rtalign.language.tokens import Cutter, Tokeniser, WholeWords
from rtalign.language.types import ModelInfo


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked for.  limit: bytes that may be used, None for what is free; say: told of work that takes long."""

    name: Name
    device: str = "cpu"
    precision: Precision = "float32"
    limit: int | None = None
    allow_download: bool = False
    say: Callable[[str], None] | None = None


Parts = tuple[Network, Cutter, ModelInfo]


def load_parts(asked: Asked) -> Parts:
    """Network, tokeniser and description."""
    _check_device(asked.device)
    if asked.name.what == "random":
        return _random(asked.name)
    place = find(asked.name.base, asked.allow_download, asked.say)
    kind = family(_model_type(place.folder))
    with quiet():
        if kind.kind == "classic":
            return _classic(asked, place, kind)
        return _hub(asked, place, kind)


def _check_device(device: str) -> None:
    if device.startswith("cuda") and not torch.cuda.is_available():
        raise ValueError(f"device {device!r}: torch {torch.__version__} sees no CUDA device here - use cpu")


def _model_type(folder: Path) -> str:
    return str(json.loads((folder / "config.json").read_text(encoding="utf-8")).get("model_type", "unknown"))


def _random(name: Name) -> Parts:
    network = Random(int(name.base), name.seed)
    what = ModelInfo(str(name), "random", network.n_layers, network.dim, 0, f"1-{name.seed}", "whole words", False)
    return network, WholeWords(), what


def _classic(asked: Asked, place: Place, kind: Family) -> Parts:
    if asked.precision != "float32":
        raise ValueError(f"model {place.id}: {kind.name} models are small; read them in float32, not {asked.precision}")
    shape = open_shape(place.folder)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(asked.name.seed)
        model = Classic(shape)
    if asked.name.what != "untrained":
        open_weights(place.folder, model)
    model = model.to(asked.device).eval().requires_grad_(False)
    tokeniser = Tokeniser(open_tokenizer(place.folder))
    static = asked.name.what == "static"
    network: Network = Static(model.embedding) if static else ClassicNetwork(model)
    return network, tokeniser, _info(asked, place, kind.name, network, tokeniser, model)


def _hub(asked: Asked, place: Place, kind: Family) -> Parts:
    from transformers import AutoConfig

    tokenizer = _tokenizer(place)
    tokeniser = Tokeniser(tokenizer)
    config = AutoConfig.from_pretrained(place.folder, local_files_only=True, trust_remote_code=False)
    text, precision = config.get_text_config(), asked.precision
    size = capacity.size_of(place.folder, text)
    spread = capacity.place_for(place.id, size, precision, asked.device, asked.limit)
    batch = capacity.batch_tokens(text, size, precision, asked.device, asked.limit)
    if asked.name.what == "untrained":
        model = untrained(config, kind, precision, asked.name.seed)
    else:
        model = trained(place, config, kind, precision, spread)
    model = _fewer_bits(model) if asked.precision == "int8" else model
    model = (model if spread else model.to(asked.device)).eval().requires_grad_(False)
    network = _network(asked, model, kind, tokenizer, batch)
    return network, tokeniser, _info(asked, place, kind.name, network, tokeniser, model)


def _network(asked: Asked, model: Any, kind: Family, tokenizer: Any, batch: int) -> Network:
    if asked.name.what == "static":
        return Static(model.get_input_embeddings(), batch)
    if kind.kind == "bidirectional":
        names = "cls_token_id", "sep_token_id", "mask_token_id", "pad_token_id"
        found = [getattr(tokenizer, name) for name in names]
        if None in found:
            raise ValueError(f"{kind.name}: the tokenizer has no {names[found.index(None)]}; use another model")
        return Bidirectional(model, Signs(*found), batch)
    return vouch(model, kind, asked.precision, batch) if kind.kind == "unvouched" else Causal(model, kind, batch)


def _fewer_bits(model: Any) -> Any:
    """A model whose blocks hold int8 and whose other weights are float32.

    Packed as the weights were stored, and the rest widened after it: nothing is ever held four bytes wide in between.
    """
    base = getattr(model.base_model, "language_model", model.base_model)
    blocks = blocks_of(base, int(model.config.get_text_config().num_hidden_layers))
    kind = model.config.model_type
    if kind == "rwkv":
        with torch.inference_mode():  # it rescales its weights at its first pass
            base.eval()(input_ids=torch.zeros(1, 2, dtype=torch.long))
    if not to_int8(blocks):
        raise ValueError(f"{kind}: its blocks hold no plain matrices; use bfloat16 or float32")
    return model.float()


def _tokenizer(place: Place) -> Any:
    from transformers import AutoTokenizer

    try:
        return AutoTokenizer.from_pretrained(place.folder, local_files_only=True, trust_remote_code=False)
    except (OSError, ValueError, ImportError) as error:
        first = " ".join(str(error).split())[:200] or type(error).__name__
        raise ValueError(f"model {place.id}: no tokenizer in {place.folder} ({first})") from error


def _info(asked: Asked, place: Place, kind: str, network: Network, tokeniser: Tokeniser, model: Any) -> ModelInfo:
    """Whatever was trained has the revision of its files; what was drawn, one of its own."""
    revision, seed = place.revision, asked.name.seed
    if asked.name.what == "untrained":
        revision = f"untrained-{seed}-" + cache.key(place.revision, seed)[:8]
    used = model.get_input_embeddings() if asked.name.what == "static" else model
    packed = [part for name, part in used.named_buffers() if name.endswith("packed")]
    return ModelInfo(
        id=str(Name(place.id, asked.name.what, seed)),
        family=kind,
        n_layers=network.n_layers,
        dim=network.dim,
        n_parameters=sum(part.numel() for part in [*used.parameters(), *packed]),
        revision=revision,
        tokenizer=tokeniser.fingerprint(),
        has_bos=tokeniser.bos is not None,
        precision=asked.precision,
        n_bytes=sum(part.nbytes for part in [*used.parameters(), *used.buffers()]),
    )
