"""Models of transformers with the weights of their files, with random ones, or with int8 ones."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any, Literal

import torch
from torch import nn
from torch.nn import functional

from rtalign.language.loading.locate import ModelFiles, first_line
from rtalign.language.networks.families import Family

NOT_PACKED = {"dt_proj"}
"""Matrices that stay as they are: Mamba and Jamba read their weights without calling the module.  They are small."""

Precision = Literal["float32", "bfloat16", "int8"]


PACKED_ROWS = {True: 8, False: 24}
"""Rows up to which torch's kernel for int8 weights, which takes four at a time, is the quicker way: where the processor
multiplies bfloat16, and where it does not."""

WIDENED = 1 << 20
"""Weights that are widened at a time: they stay in the cache until they are multiplied."""
STEP = 128
"""Outputs of a product come in so many at a time; other numbers cost half as much again."""


class Int8Linear(nn.Module):
    """A linear layer with integer weights from -127 to 127 and one scale for each row.

    Inputs are rounded to bfloat16, in which torch's kernel multiplies, so that few rows and many give the same.
    """

    # Not called weight: code that reads a weight without calling its module must fail, not use the integers.
    packed: torch.Tensor
    scale: torch.Tensor

    def __init__(self, weight: torch.Tensor, bias: torch.Tensor | None) -> None:
        """weight : (output, input)."""
        super().__init__()
        scale = weight.float().abs().amax(1).clamp(min=1e-30) / 127
        self.register_buffer("packed", (weight.float() / scale[:, None]).round().to(torch.int8).contiguous())
        self.register_buffer("scale", scale)
        self.bias = None if bias is None else nn.Parameter(bias.detach().float(), requires_grad=False)
        self.out_features, self.in_features = weight.shape

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        rows = x.reshape(-1, self.in_features).bfloat16()
        if x.device.type != "cpu":
            product = functional.linear(rows, self.packed.bfloat16())
        elif len(rows) <= PACKED_ROWS[_multiplies_bfloat16()]:
            ones = torch.ones(self.out_features, dtype=torch.bfloat16)
            product = torch._weight_int8pack_mm(rows.contiguous(), self.packed, ones)
        else:
            product = self._widened(rows if _multiplies_bfloat16() else rows.float())
        out = product.to(x.dtype) * self.scale.to(x.dtype)
        out = out if self.bias is None else out + self.bias.to(x.dtype)
        return out.reshape(*x.shape[:-1], self.out_features)

    def _widened(self, rows: torch.Tensor) -> torch.Tensor:
        """Rows times the weights, of which some outputs' at a time are widened to the dtype of the rows."""
        n = max(WIDENED // self.in_features // STEP, 1) * STEP
        out = rows.new_empty(len(rows), self.out_features)
        wide = rows.new_empty(n, self.in_features)
        for start in range(0, self.out_features, n):
            own = self.packed[start : start + n]
            out[:, start : start + n] = functional.linear(rows, wide[: len(own)].copy_(own))
        return out


@cache
def _multiplies_bfloat16() -> bool:
    """Whether this processor has instructions for products of bfloat16; without them float32 is quicker."""
    probes = (getattr(torch.cpu, f"_is_{name}_supported", None) for name in ("avx512_bf16", "amx_tile"))
    return any(probe() for probe in probes if probe is not None)


def to_int8(blocks: Iterable[nn.Module]) -> int:
    """Replace the linear layers inside some blocks, in place; returns how many were replaced."""
    from transformers.pytorch_utils import Conv1D

    n = 0
    for block in blocks:
        for parent in list(block.modules()):
            for name, child in list(parent.named_children()):
                # A subclass of Linear may do more than multiply.
                if name in NOT_PACKED or type(child) not in (nn.Linear, Conv1D):
                    continue
                linear: Any = child
                weight = linear.weight.detach()
                setattr(parent, name, Int8Linear(weight.T if type(child) is Conv1D else weight, linear.bias))
                n += 1
    return n


def load_trained(files: ModelFiles, config: Any, family: Family, precision: Precision, device_map: str | None) -> Any:
    """The model in a folder.  Raises ValueError if it is not complete.

    device_map : accelerate's device map, or the GPU that the weights are read straight to; None for the processor.
    """
    if not any(files.folder.glob("*.safetensors")):
        raise ValueError(f"model {files.id}: {files.folder} holds no .safetensors; pickled weights are never read")
    try:
        model, report = _class(family).from_pretrained(
            files.folder,
            config=_prepared(config, precision),
            local_files_only=True,
            trust_remote_code=False,
            use_safetensors=True,
            dtype=_file_dtype(precision),
            output_loading_info=True,
            **({"device_map": device_map} if device_map else {}),
        )
    except Exception as error:  # the readers fail in every possible way on foreign bytes
        raise ValueError(
            f"model {files.id}: the weights in {files.folder} do not load ({first_line(error)})"
        ) from error
    missing = sorted(name for name in report["missing_keys"] if "pooler" not in name)
    if missing:
        raise ValueError(f"model {files.id}: {len(missing)} weights are missing, {missing[0]} first; download it again")
    refuse_infinite(files, model)
    return model


def refuse_infinite(files: ModelFiles, model: nn.Module) -> None:
    """Raise ValueError with the first tensor of weights that holds NaN or infinity."""
    for name, weight in model.named_parameters():
        if weight.device.type != "meta" and weight.is_floating_point() and weight.numel():
            low, high = weight.detach().aminmax()  # both are NaN where any value is
            if not (torch.isfinite(low) and torch.isfinite(high)):
                raise ValueError(f"model {files.id}: its weights {name} hold NaN or infinity; download it again")


def make_untrained(config: Any, family: Family, precision: Precision, seed: int) -> Any:
    """The same architecture with random weights.  The state of torch's own random generator is left unchanged."""
    dtype = torch.float32 if precision == "float32" else torch.bfloat16
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return _class(family).from_config(_prepared(config, precision), dtype=dtype)


def _file_dtype(precision: Precision) -> Any:
    """The dtype in which weights are read from their files; int8 is made from them as they are stored."""
    return {"float32": torch.float32, "bfloat16": torch.bfloat16, "int8": "auto"}[precision]


def _class(family: Family) -> Any:
    from transformers import AutoModelForCausalLM, AutoModelForImageTextToText, AutoModelForMaskedLM

    if family.multimodal:
        return AutoModelForImageTextToText
    return AutoModelForMaskedLM if family.kind == "bidirectional" else AutoModelForCausalLM


def _prepared(config: Any, precision: Precision) -> Any:
    """A configuration without the settings that are for training or another precision.

    Raises ValueError for shapes of a known family whose states cannot be read.
    """
    if config.model_type == "opt" and config.word_embed_proj_dim != config.hidden_size:
        sizes = f"its embedding has {config.word_embed_proj_dim} dimensions, its hidden states {config.hidden_size}"
        raise ValueError(f"OPT: {sizes}; use another size of it")
    if config.model_type == "xlstm":
        if config.qk_dim != int(config.hidden_size * config.qk_dim_factor):
            raise ValueError(f"xLSTM: {config.hidden_size} dimensions give keys that are no multiple of 64; not read")
        config.mode, config.return_last_states = "inference", True
        config.autocast_kernel_dtype = "bfloat16" if precision == "bfloat16" else "float32"
    return config
