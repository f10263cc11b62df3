"""Integer weights: both ways of multiplying them, against the exact product."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from rtalign.language.loading import int8
from rtalign.language.loading.int8 import FULL_SCALE, PACKED_ROWS, DigitLinear, Int8Linear, int8_linear

needs_instructions = pytest.mark.skipif(not int8.multiplies_bytes(), reason="this processor multiplies no bytes")


def relative(found: torch.Tensor, truth: torch.Tensor) -> float:
    return float(torch.linalg.norm(found.double() - truth.double()) / torch.linalg.norm(truth.double()))


def weights_of(linear: torch.nn.Module) -> torch.Tensor:
    """(output, input)"""
    packed = linear.packed
    packed = packed.to_dense().T if packed.is_mkldnn else packed
    return packed.double() * linear.scale.double()[:, None]


def made(
    weight: torch.Tensor, bias: torch.Tensor | None, kind: type, monkeypatch: pytest.MonkeyPatch
) -> torch.nn.Module:
    monkeypatch.setattr(int8, "multiplies_bytes", lambda: kind is DigitLinear)
    linear = int8_linear(weight, bias, "cpu")
    assert type(linear) is kind
    return linear


BOTH = pytest.mark.parametrize("kind", [Int8Linear, pytest.param(DigitLinear, marks=needs_instructions)])


@BOTH
def test_each_row_is_rounded_by_no_more_than_half_a_step(kind: type, monkeypatch: pytest.MonkeyPatch) -> None:
    few = min(PACKED_ROWS.values())
    weight, x = torch.randn(64, 96), torch.randn(3 * max(PACKED_ROWS.values()), 96)
    linear = made(weight, torch.arange(64.0), kind, monkeypatch)
    back = weights_of(linear)
    assert ((back - weight).abs() <= linear.scale.double()[:, None] / 2 + 1e-7).all()
    exact = (x.bfloat16() if kind is Int8Linear else x).double() @ back.T
    for rows in (x, x[:few], x[:1]):  # the kernel of few rows, and the way of many
        found = linear(rows) - torch.arange(64.0)
        assert relative(found, exact[: len(rows)]) < (2**-8 if kind is Int8Linear else 1e-4)


def test_weights_that_are_widened_in_parts_give_the_product_of_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(int8, "WIDENED", 3 * int8.STEP * 96)
    weight, x = torch.randn(5 * int8.STEP + 7, 96), torch.randn(40, 96)
    linear = made(weight, None, Int8Linear, monkeypatch)
    assert relative(linear(x), x.bfloat16().double() @ weights_of(linear).T) < 2**-8


@needs_instructions
@pytest.mark.parametrize("shape", [(1, 1), (5, 7), (96, 64), (300, 1000)])
def test_digits_are_the_inputs_to_fifteen_bits(shape: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    """The product of the rounded inputs, but for the last bits of float32."""
    linear = made(torch.randn(shape), None, DigitLinear, monkeypatch)
    x = torch.randn(9, shape[1]) * torch.logspace(-20, 20, 9)[:, None]
    step = x.double().abs().amax(1, keepdim=True) / FULL_SCALE
    exact = (x.double() / step).round() * step @ weights_of(linear).T
    rounding = step.float().double() * weights_of(linear).abs().sum(1)  # of the step itself, which moves a round
    assert ((linear(x).double() - exact).abs() <= 1e-5 * exact.abs() + rounding).all()


@needs_instructions
def test_a_token_does_not_depend_on_those_beside_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even in the last bit, nor on the number of threads; a row that is not finite stays so, and alone."""
    linear = made(torch.randn(200, 300), torch.randn(200), DigitLinear, monkeypatch)
    x = torch.randn(70, 300)
    x[3], x[11, 7], x[12, 8] = 0, torch.nan, torch.inf
    whole = linear(x)
    for start, stop in ((0, 1), (3, 5), (9, 30), (20, 70)):
        assert torch.equal(linear(x[start:stop]).nan_to_num(), whole[start:stop].nan_to_num())
    assert torch.equal(whole[3], linear.bias)
    assert np.flatnonzero(~whole.isfinite().all(1).numpy()).tolist() == [11, 12]
    assert linear(x[:0]).shape == (0, 200)
    assert linear(x.view(7, 10, 300)).shape == (7, 10, 200)


def test_a_torch_that_multiplies_bytes_in_another_way_is_not_asked_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(int8, "_supports", lambda *names: True)

    def missing(*args: object) -> torch.Tensor:
        raise RuntimeError("no such operator")

    for broken in (lambda *args: torch.zeros(1, 1), missing):
        monkeypatch.setattr(int8, "_bytes_times", broken)
        assert not int8.multiplies_bytes.__wrapped__()
    monkeypatch.setattr(int8, "_supports", lambda *names: False)
    assert not int8.multiplies_bytes.__wrapped__()
