"""Files to weights: a model and its tokenizer, checked to be whole."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from rtalign import cache
from rtalign.language.families import family, room
from rtalign.language.network import Network
from rtalign.language.places import Place, find
from rtalign.language.quiet import quiet
from rtalign.language.reading import ModelInfo
from rtalign.language.tokens import Tokeniser


def load_parts(
    name: str, device: str, allow_download: bool, seed: int | None, say: Callable[[str], None] | None
) -> tuple[Network, Tokeniser, ModelInfo]:
    """Network, tokeniser and description of a model by name; with a seed, its untrained twin."""
    _check_device(device)
    place = find(name, allow_download, say)
    kind = family(_model_type(place.folder))
    with quiet():
        tokeniser = Tokeniser(_tokenizer(place))
        model = _trained(place) if seed is None else _untrained(place, seed)
    model = model.to(device).eval()
    return Network(model, room(model.config)), tokeniser, _info(model, tokeniser, place, kind, seed)


def _check_device(device: str) -> None:
    if device.startswith("cuda") and not torch.cuda.is_available():
        raise ValueError(f"device {device!r}: torch {torch.__version__} sees no CUDA device here - use cpu")


def _model_type(folder: Path) -> str:
    return str(json.loads((folder / "config.json").read_text(encoding="utf-8")).get("model_type", "unknown"))


def _tokenizer(place: Place) -> Any:
    from transformers import AutoTokenizer

    try:
        return AutoTokenizer.from_pretrained(place.folder, local_files_only=True, trust_remote_code=False)
    except (OSError, ValueError, ImportError) as error:
        raise ValueError(f"model {place.id}: no tokenizer in {place.folder} ({_first(error)})") from error


def _trained(place: Place) -> Any:
    from transformers import AutoModelForCausalLM

    if not any(place.folder.glob("*.safetensors")):
        raise ValueError(f"model {place.id}: {place.folder} holds no .safetensors; pickled weights are never read")
    try:
        model, found = AutoModelForCausalLM.from_pretrained(
            place.folder,
            local_files_only=True,
            trust_remote_code=False,
            use_safetensors=True,
            dtype=torch.float32,
            output_loading_info=True,
        )
    except (OSError, ValueError, RuntimeError) as error:
        raise ValueError(f"model {place.id}: the weights in {place.folder} do not load ({_first(error)})") from error
    missing = sorted(found["missing_keys"])
    if missing:
        raise ValueError(f"model {place.id}: {len(missing)} weights are missing, {missing[0]} first; fetch it again")
    return model


def _untrained(place: Place, seed: int) -> Any:
    from transformers import AutoConfig, AutoModelForCausalLM

    config = AutoConfig.from_pretrained(place.folder, local_files_only=True, trust_remote_code=False)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return AutoModelForCausalLM.from_config(config, dtype=torch.float32)


def _info(model: Any, tokeniser: Tokeniser, place: Place, kind: str, seed: int | None) -> ModelInfo:
    revision = place.revision
    if seed is not None:
        revision = f"untrained-{seed}-" + cache.key(place.revision, seed)[:8]
    return ModelInfo(
        id=place.id if seed is None else f"{place.id}+untrained",
        family=kind,
        n_layers=int(model.config.num_hidden_layers) + 1,
        dim=int(model.config.hidden_size),
        n_parameters=sum(weight.numel() for weight in model.parameters()),
        revision=revision,
        tokenizer=tokeniser.fingerprint(),
        has_bos=tokeniser.bos is not None,
    )


def _first(error: Exception) -> str:
    return str(error).strip().splitlines()[0][:200] if str(error).strip() else type(error).__name__
