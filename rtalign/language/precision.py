"""Weights in fewer bits: eight for the matrices of the blocks, one scale a row, everything else left as it is.

Why weights alone: rounding the activations too (as torch's dynamic quantisation does) runs faster and moves every
matrix product three times as far.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

import torch
from torch import nn
from torch.nn import functional

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
