"""Models of transformers with the weights of their files, or with random ones of the same shape."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

import torch
from torch import nn
from torch.nn import functional

from rtalign.language.loading.locate import Place
from rtalign.language.networks.families import Family

LEFT = {"dt_proj"}
"""Matrices whose weights Mamba and Jamba read past the module; they are small."""

Precision = Literal["float32", "bfloat16", "int8"]


class Int8Linear(nn.Module):
    """A matrix of whole numbers from -127 to 127, each row with the scale of its largest entry."""

    # Not called weight: code of a model that reads a weight past its module must fail and not read whole numbers.
    packed: torch.Tensor
    scale: torch.Tensor

    def __init__(self, weight: torch.Tensor, bias: torch.Tensor | None) -> None:
        """weight : (output, input)."""
        super().__init__()
        scale = weight.float().abs().amax(1).clamp(min=1e-30) / 127
        self.register_buffer("packed", (weight.float() / scale[:, None]).round().to(torch.int8))
        self.register_buffer("scale", scale)
        self.bias = None if bias is None else nn.Parameter(bias.detach().float(), requires_grad=False)
        self.out_features, self.in_features = weight.shape

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out = functional.linear(x, self.packed.to(x.dtype)) * self.scale
        return out if self.bias is None else out + self.bias


def to_int8(blocks: Iterable[nn.Module]) -> int:
    """Replace the matrices inside some blocks, in place; returns how many."""
    from transformers.pytorch_utils import Conv1D

    n = 0
    for block in blocks:
        for parent in list(block.modules()):
            for name, child in list(parent.named_children()):
                # Subclasses of Linear do more than multiply.
                if name in LEFT or type(child) not in (nn.Linear, Conv1D):
                    continue
                linear: Any = child
                weight = linear.weight.detach()
                setattr(parent, name, Int8Linear(weight.T if type(child) is Conv1D else weight, linear.bias))
                n += 1
    return n


def stored_as(precision: Precision) -> Any:
    """The dtype in which weights are read from their files: int8 is made from them as they lie there."""
    return {"float32": torch.float32, "bfloat16": torch.bfloat16, "int8": "auto"}[precision]


def trained(place: Place, config: Any, kind: Family, precision: Precision, spread: str | None) -> Any:
    """The model in a folder.  spread: accelerate's device map, None for one device.  Raises ValueError if not whole."""
    if not any(place.folder.glob("*.safetensors")):
        raise ValueError(f"model {place.id}: {place.folder} holds no .safetensors; pickled weights are never read")
    try:
        model, found = _class(kind).from_pretrained(
            place.folder,
            config=_settled(config, precision),
            local_files_only=True,
            trust_remote_code=False,
            use_safetensors=True,
            dtype=stored_as(precision),
            output_loading_info=True,
            **({"device_map": spread} if spread else {}),
        )
    except (OSError, ValueError, RuntimeError) as error:
        raise ValueError(f"model {place.id}: the weights in {place.folder} do not load ({_first(error)})") from error
    missing = sorted(name for name in found["missing_keys"] if "pooler" not in name)
    if missing:
        raise ValueError(f"model {place.id}: {len(missing)} weights are missing, {missing[0]} first; fetch it again")
    return model


def untrained(config: Any, kind: Family, precision: Precision, seed: int) -> Any:
    """The same architecture with weights drawn from a seed, leaving torch's own random numbers where they were."""
    dtype = torch.bfloat16 if precision == "bfloat16" else torch.float32
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return _class(kind).from_config(_settled(config, precision), dtype=dtype)


def _class(kind: Family) -> Any:
    from transformers import AutoModelForCausalLM, AutoModelForMaskedLM

    return AutoModelForMaskedLM if kind.kind == "bidirectional" else AutoModelForCausalLM


def _settled(config: Any, precision: Precision) -> Any:
    """A configuration without the settings that were for training or another precision.

    Raises ValueError for shapes of a known family whose states cannot be had.
    """
    if config.model_type == "opt" and config.word_embed_proj_dim != config.hidden_size:
        wide = f"its embedding has {config.word_embed_proj_dim} dimensions, its hidden states {config.hidden_size}"
        raise ValueError(f"OPT: {wide}; use another size of it")
    if config.model_type == "xlstm":
        if config.qk_dim != int(config.hidden_size * config.qk_dim_factor):
            raise ValueError(f"xLSTM: {config.hidden_size} dimensions give keys that are no multiple of 64; not read")
        config.mode, config.return_last_states = "inference", True
        config.autocast_kernel_dtype = "bfloat16" if precision == "bfloat16" else "float32"
    return config


def _first(error: Exception) -> str:
    return str(error).strip().splitlines()[0][:200] if str(error).strip() else type(error).__name__
