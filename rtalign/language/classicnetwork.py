"""Classic models behind the one Protocol, from a folder of config.json, safetensors and tokenizer.json."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from pydantic import ValidationError

from rtalign.language.classic import Classic, Shape
from rtalign.language.network import LeftToRight, States, costs_of
from rtalign.recipe import plain

BOS = "<|bos|>"


class ClassicNetwork(LeftToRight):
    """A classic model read token by token or in blocks; it forgets nothing at once and refuses no length."""

    room: int | None = None
    sees: int | None = None
    blocks = True
    batch = 2048

    def __init__(self, model: Classic) -> None:
        self.n_layers, self.dim = model.shape.num_hidden_layers + 1, model.shape.hidden_size
        self._model = model
        self._device = model.embedding.weight.device

    def tensor(self, values: Any) -> torch.Tensor:
        return torch.as_tensor(values, dtype=torch.long, device=self._device)

    @torch.inference_mode()
    def run(self, ids: torch.Tensor, layers: Sequence[int], cache: Any = None, keep: bool = True) -> States:
        hidden, state = self._model(ids, cache)
        return States([hidden[layer] for layer in layers], hidden[-1], state if keep else None)

    @torch.inference_mode()
    def surprise(self, before: torch.Tensor, ids: torch.Tensor) -> torch.Tensor:
        return costs_of(self._model.head, before, ids)


def save(folder: Path, model: Classic, tokenizer: Any) -> None:
    """Write a model; tokenizer is one of the tokenizers library."""
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(model.shape.model_dump_json(indent=1) + "\n", encoding="utf-8")
    save_file({name: value.contiguous() for name, value in model.state_dict().items()}, folder / "model.safetensors")
    tokenizer.save(str(folder / "tokenizer.json"))


def open_shape(folder: Path) -> Shape:
    try:
        return Shape.model_validate(json.loads((folder / "config.json").read_text(encoding="utf-8")))
    except ValidationError as error:
        raise ValueError(plain(error, f"{folder / 'config.json'}")) from None


def open_weights(folder: Path, model: Classic) -> None:
    """Fill a model from its folder.  Raises ValueError where names or shapes differ."""
    from safetensors.torch import load_file

    try:
        model.load_state_dict(load_file(folder / "model.safetensors"))
    except (OSError, RuntimeError) as error:
        first = " ".join(str(error).split())[:200]
        raise ValueError(f"the weights in {folder} do not fit its config.json ({first}); train it again") from None


def open_tokenizer(folder: Path) -> Any:
    from transformers import PreTrainedTokenizerFast

    return PreTrainedTokenizerFast(tokenizer_file=str(folder / "tokenizer.json"), bos_token=BOS)
