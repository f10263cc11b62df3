"""Linear layers with integer weights of eight bits, multiplied in the way that is quick where they are."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any

import torch
from torch import nn
from torch.nn import functional

NOT_PACKED = {"dt_proj"}
"""Matrices that stay as they are: Mamba and Jamba read their weights without calling the module.  They are small."""

PACKED_ROWS = {True: 8, False: 24}
"""Rows up to which torch's kernel for int8 weights, which takes four at a time, is the quicker way: where the processor
multiplies bfloat16, and where it does not."""

WIDENED = 1 << 20
"""Weights that are widened at a time: they stay in the cache until they are multiplied."""
STEP = 128
"""Outputs of a product come in so many at a time; other numbers cost half as much again."""

FULL_SCALE = 127 * 256 + 127
"""The largest input of a row, in steps of that row: its two digits of eight bits are from -128 to 127."""
LEAST_ROWS = 3
"""Inputs are padded to so many: oneDNN takes a quarter longer for one."""
ZERO = 128
"""What a digit of zero is as a byte without a sign."""


def int8_linear(weight: torch.Tensor, bias: torch.Tensor | None, device: str) -> nn.Module:
    """A linear layer with integer weights from -127 to 127 and one scale for each row.

    weight : (output, input).    device : where it is to be.
    """
    wide = weight.float()
    scale = wide.abs().amax(1).clamp(min=1e-30) / 127
    integers = (wide / scale[:, None]).round().to(torch.int8).contiguous()
    kind = DigitLinear if device == "cpu" and multiplies_bytes() else Int8Linear
    return kind(integers, scale, None if bias is None else bias.detach().float())


class _IntegerLinear(nn.Module):
    """Integer weights (output, input), their scale (output,), and perhaps a bias."""

    # Not called weight: code that reads a weight without calling its module must fail, not use the integers.
    packed: torch.Tensor
    scale: torch.Tensor

    def __init__(self, integers: torch.Tensor, scale: torch.Tensor, bias: torch.Tensor | None) -> None:
        super().__init__()
        self.out_features, self.in_features = integers.shape
        self.register_buffer("packed", self._pack(integers))
        self.register_buffer("scale", scale)
        self.bias = None if bias is None else nn.Parameter(bias, requires_grad=False)

    def _pack(self, integers: torch.Tensor) -> torch.Tensor:
        return integers

    def _product(self, rows: torch.Tensor) -> torch.Tensor:
        """(row, output) of (row, input), with the scale."""
        raise NotImplementedError

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out = self._product(x.reshape(-1, self.in_features)).to(x.dtype)
        out = out if self.bias is None else out + self.bias.to(x.dtype)
        return out.reshape(*x.shape[:-1], self.out_features)


class DigitLinear(_IntegerLinear):
    """Eight bits times eight bits, for processors that have instructions for it.

    Every input is two digits of eight bits, high and low, that are rows of one product: an input is rounded by less
    than a 65,000th of the largest in its row, sums are exact, and a token's result does not depend on those beside it.
    """

    def _pack(self, integers: torch.Tensor) -> torch.Tensor:
        packed: torch.Tensor = torch.ops.onednn.qlinear_prepack(integers, None)
        return packed

    def _product(self, rows: torch.Tensor) -> torch.Tensor:
        n, rows = len(rows), functional.pad(rows.float().contiguous(), (0, 0, 0, max(LEAST_ROWS - len(rows), 0)))
        step = rows.abs().amax(1, keepdim=True).clamp_(min=1e-30).div_(FULL_SCALE)
        # The digits are the two lower bytes of an integer, lowest first as on every processor with AVX512.
        digits = rows.div(step).round_().add_(ZERO * 256 + ZERO).to(torch.int32).view(torch.uint8).view(*rows.shape, 4)
        product = _bytes_times(torch.cat([digits[..., 1], digits[..., 0]]), self.packed, self.scale)
        high, low = product.chunk(2)
        return low.add_(high, alpha=256).mul_(step)[:n]


class Int8Linear(_IntegerLinear):
    """Inputs are rounded to bfloat16, in which torch's kernel multiplies, so that few rows and many give the same."""

    def _product(self, rows: torch.Tensor) -> torch.Tensor:
        dtype, rows = rows.dtype, rows.bfloat16()
        if rows.device.type != "cpu":
            product = functional.linear(rows, self.packed.bfloat16())
        elif len(rows) <= PACKED_ROWS[_multiplies_bfloat16()]:
            ones = torch.ones(self.out_features, dtype=torch.bfloat16)
            product = torch._weight_int8pack_mm(rows.contiguous(), self.packed, ones)
        else:
            product = self._widened(rows if _multiplies_bfloat16() else rows.float())
        return product.to(dtype) * self.scale.to(dtype)

    def _widened(self, rows: torch.Tensor) -> torch.Tensor:
        """Rows times the weights, of which some outputs' at a time are widened to the dtype of the rows."""
        n = max(WIDENED // self.in_features // STEP, 1) * STEP
        out = rows.new_empty(len(rows), self.out_features)
        wide = rows.new_empty(n, self.in_features)
        for start in range(0, self.out_features, n):
            own = self.packed[start : start + n]
            out[:, start : start + n] = functional.linear(rows, wide[: len(own)].copy_(own))
        return out


def _bytes_times(rows: torch.Tensor, packed: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    """(row, output) in float32: bytes (row, input) that are ZERO for nothing, times packed weights and their scale."""
    zeros = torch.zeros(len(scale), dtype=torch.int32)
    product: torch.Tensor = torch.ops.onednn.qlinear_pointwise(
        rows, 1.0, ZERO, packed, scale, zeros, None, 1.0, 0, torch.float32, "none", [], ""
    )
    return product


@cache
def multiplies_bytes() -> bool:
    """Whether this processor and this torch multiply bytes, exactly and quickly.

    Without AVX512, oneDNN may have nothing but its reference, which is a thousand times slower.
    """
    if not (_supports("avx512") and _supports("vnni", "avx512_vnni")):
        return False
    integers, rows = torch.arange(-127, 128, dtype=torch.int8)[None], torch.arange(255, dtype=torch.uint8)[None]
    try:
        found = _bytes_times(rows, torch.ops.onednn.qlinear_prepack(integers, None), torch.ones(1))
    except (AttributeError, RuntimeError):  # operators of torch's own, which other versions may not have
        return False
    return int(found) == int((rows.int() - ZERO) @ integers.int().T)


@cache
def _multiplies_bfloat16() -> bool:
    """Whether this processor has instructions for products of bfloat16; without them float32 is quicker."""
    return _supports("avx512_bf16", "amx_tile")


def _supports(*instructions: str) -> bool:
    """Whether torch says that this processor has any of them."""
    probes = (getattr(torch.cpu, f"_is_{name}_supported", None) for name in instructions)
    return any(probe() for probe in probes if probe is not None)


def to_int8(blocks: Iterable[nn.Module], device: str) -> int:
    """Replace the linear layers inside some blocks, in place, for a device; returns how many were replaced."""
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
                setattr(parent, name, int8_linear(weight.T if type(child) is Conv1D else weight, linear.bias, device))
                n += 1
    return n
