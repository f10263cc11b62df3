"""Language models of before the transformer, small, in modules of torch alone."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import torch
from pydantic import Field, ValidationError
from torch import nn
from torch.nn import functional

from rtalign.core.recipe import Settings, plain
from rtalign.language.networks.base import LeftToRight, States, costs_of

Kind = Literal["lstm_lm", "gru_lm", "memory_lm"]

DROP = 0.3
"""Share of every layer's input that is hidden while a model learns: small texts are soon known by heart."""


class Shape(Settings):
    """The config.json of a classic model."""

    model_type: Kind = Field(description="lstm_lm and gru_lm: stacked recurrent layers; memory_lm: segment memory.")
    vocab_size: int = Field(ge=2, description="Entries of the vocabulary.")
    hidden_size: int = Field(128, ge=4, description="Dimensions of every layer.")
    num_hidden_layers: int = Field(3, ge=1, description="Layers above the embedding.")
    num_attention_heads: int = Field(4, ge=1, description="Heads of the segment memory's attention.")
    memory: int = Field(128, ge=1, description="Tokens that a layer of the segment memory looks back.")
    trained_on: str = Field("", description="What it was trained on, and how.")


class Classic(nn.Module):
    """Embedding, layers, and the embedding again as head.

    Hidden state 0 is the embedding, k what layer k gives; the last foretells the next token.
    """

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.embedding = nn.Embedding(shape.vocab_size, shape.hidden_size)
        nn.init.normal_(self.embedding.weight, std=0.3)
        self.bias = nn.Parameter(torch.zeros(shape.vocab_size))
        self.drop = nn.Dropout(DROP)
        self.layers = nn.ModuleList([_layer(shape) for _ in range(shape.num_hidden_layers)])

    def forward(self, ids: torch.Tensor, states: Sequence[Any] | None = None) -> tuple[list[torch.Tensor], list[Any]]:
        """Hidden states and what each layer remembers.  ids : (row, token), behind what states remember."""
        hidden, kept = [self.embedding(ids)], []
        for index, layer in enumerate(self.layers):
            found, state = layer(self.drop(hidden[-1]), states[index] if states else None)
            hidden.append(found)
            kept.append(state)
        return hidden, kept

    def get_input_embeddings(self) -> nn.Module:
        return self.embedding

    def head(self, last: torch.Tensor) -> torch.Tensor:
        # A normed state is longer than a recurrent one; unscaled, learning would begin with false certainty.
        scale = 0.25 if self.shape.model_type == "memory_lm" else 1.0
        return functional.linear(last * scale, self.embedding.weight, self.bias)


def _layer(shape: Shape) -> nn.Module:
    if shape.model_type == "memory_lm":
        return Remembering(shape)
    return {"lstm_lm": nn.LSTM, "gru_lm": nn.GRU}[shape.model_type](
        shape.hidden_size, shape.hidden_size, batch_first=True
    )


class Remembering(nn.Module):
    """A block of attention over what the layer below said of the last tokens, segments before this one included.

    Every token looks back equally far, whatever segment it falls in (Transformer-XL's `same length`), and sees others
    at their distance, by its sinusoids and two learned biases; so reading in pieces is reading whole.
    """

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        dim, self.heads, self.memory = shape.hidden_size, shape.num_attention_heads, shape.memory
        self.query, self.place = (nn.Linear(dim, dim, bias=False) for _ in range(2))
        self.key_value, self.out = nn.Linear(dim, 2 * dim, bias=False), nn.Linear(dim, dim)
        self.content_bias, self.place_bias = (nn.Parameter(torch.zeros(self.heads, dim // self.heads)) for _ in "uv")
        self.widen, self.narrow = nn.Linear(dim, 4 * dim), nn.Linear(4 * dim, dim)
        self.norm, self.norm_out = nn.LayerNorm(dim), nn.LayerNorm(dim)

    def forward(self, x: torch.Tensor, before: torch.Tensor | None = None) -> tuple[torch.Tensor, torch.Tensor]:
        known = x if before is None else torch.cat([before, x], 1)
        # In stretches, since nobody looks back farther than the memory: the cost grows with the text, not its square.
        found, at = [], known.shape[1] - x.shape[1]
        for part in x.split(self.memory, 1):
            stop = at + part.shape[1]
            found.append(self._attended(part, known[:, max(at - self.memory, 0) : stop]))
            at = stop
        x = self.norm(x + self.out(torch.cat(found, 1)))
        x = self.norm_out(x + self.narrow(functional.gelu(self.widen(x))))
        # No gradient crosses the segment's edge; only what was said there does.
        return x, known[:, -self.memory :].detach()

    def _attended(self, x: torch.Tensor, known: torch.Tensor) -> torch.Tensor:
        query = self.query(x).unflatten(2, (self.heads, -1))
        key, value = (part.unflatten(2, (self.heads, -1)) for part in self.key_value(known).chunk(2, 2))
        at = torch.arange(known.shape[1], device=x.device)
        distance = at[-x.shape[1] :, None] - at[None]
        place = self.place(sinusoids(self.memory + 1, x)).unflatten(1, (self.heads, -1))
        by_content = torch.einsum("bqhd,bkhd->bhqk", query + self.content_bias, key)
        by_place = torch.einsum("bqhd,phd->bhqp", query + self.place_bias, place)
        where = distance.clamp(0, self.memory).expand(*by_content.shape)
        scores = (by_content + by_place.gather(3, where)) * query.shape[3] ** -0.5
        seen = scores.masked_fill((distance < 0) | (distance > self.memory), -torch.inf).softmax(3)
        return torch.einsum("bhqk,bkhd->bqhd", seen, value).flatten(2)


def sinusoids(n: int, like: torch.Tensor) -> torch.Tensor:
    """(distance, dim), waves of many lengths, for distances 0 to n - 1."""
    dim = like.shape[2]
    rates = 10000.0 ** (-torch.arange(0, dim, 2, device=like.device) / dim)
    angle = torch.arange(n, device=like.device)[:, None] * rates[None]
    return torch.cat([angle.sin(), angle.cos()], 1)[:, :dim].to(like.dtype)


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
