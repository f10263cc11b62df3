"""Small language models from before the transformer, in plain torch: LSTM, GRU, and attention with a segment memory.

They are trained by this project and kept in a folder with config.json, model.safetensors and tokenizer.json.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

import torch
from pydantic import Field, ValidationError
from torch import nn
from torch.nn import functional

from rtalign.core.gpu_copies import to_device
from rtalign.core.recipe import Settings, validation_text
from rtalign.core.storage.json_toml import read_json
from rtalign.language.networks.base import LeftToRightRows, PassOutput, surprisal_in_parts

ClassicType = Literal["lstm_lm", "gru_lm", "memory_lm"]

DROPOUT = 0.3
"""Dropout at the input of every layer during training.  Why so much: small texts are soon overfitted."""


class ClassicConfig(Settings):
    """The config.json of a classic model.

    Attributes
    ----------
    model_type : {"lstm_lm", "gru_lm", "memory_lm"}
        Architecture.
    vocab_size, hidden_size, num_hidden_layers, num_attention_heads : int
        As in transformers; the heads are those of the segment memory.
    memory : int
        Tokens that a layer of the segment memory looks back.
    trained_on : str
        What the model was trained on, and how.
    """

    model_type: ClassicType = Field(
        description="lstm_lm and gru_lm: stacked recurrent layers; memory_lm: segment memory."
    )
    vocab_size: int = Field(ge=2, le=1 << 20, description="Entries of the vocabulary.")
    hidden_size: int = Field(128, ge=4, le=1 << 14, description="Dimensions of every layer.")
    num_hidden_layers: int = Field(3, ge=1, le=1000, description="Layers above the embedding.")
    num_attention_heads: int = Field(4, ge=1, le=1000, description="Heads of the segment memory's attention.")
    memory: int = Field(128, ge=1, le=1 << 16, description="Tokens that a layer of the segment memory looks back.")
    trained_on: str = Field("", description="What it was trained on, and how.")


class ClassicModel(nn.Module):
    """A stack of layers between an embedding and the same embedding as head.

    Hidden state 0 is the embedding, hidden state k the output of layer k; the last one predicts the next token.

    Parameters
    ----------
    config : ClassicConfig
        Architecture and size.  The weights are drawn from torch's default generator.
    """

    def __init__(self, config: ClassicConfig) -> None:
        super().__init__()
        self.config = config
        self.embedding = nn.Embedding(config.vocab_size, config.hidden_size)
        nn.init.normal_(self.embedding.weight, std=0.3)
        self.bias = nn.Parameter(torch.zeros(config.vocab_size))
        self.drop = nn.Dropout(DROPOUT)
        self.layers = nn.ModuleList([_layer(config) for _ in range(config.num_hidden_layers)])

    def forward(self, ids: torch.Tensor, states: Sequence[Any] | None = None) -> tuple[list[torch.Tensor], list[Any]]:
        """Read tokens.

        Parameters
        ----------
        ids : Tensor, shape (row, token)
            Token ids, which follow those that gave ``states``.
        states : sequence or None
            The states returned by the previous call; None at the beginning of a text.

        Returns
        -------
        hidden : list of Tensor, shape (row, token, dim)
            The embedding and the output of each layer.
        states : list
            The state of each layer after these tokens.
        """
        hidden, new_states = [self.embedding(ids)], []
        for index, layer in enumerate(self.layers):
            out, state = layer(self.drop(hidden[-1]), states[index] if states else None)
            hidden.append(out)
            new_states.append(state)
        return hidden, new_states

    def get_input_embeddings(self) -> nn.Module:
        return self.embedding

    def head(self, last: torch.Tensor) -> torch.Tensor:
        """Logits of the next token, (..., vocabulary) from the last hidden state (..., dim)."""
        # A normed state is longer than a recurrent one; without the scale the first predictions would be too certain.
        scale = 0.25 if self.config.model_type == "memory_lm" else 1.0
        return functional.linear(last * scale, self.embedding.weight, self.bias)


def _layer(config: ClassicConfig) -> nn.Module:
    if config.model_type == "memory_lm":
        return SegmentMemoryLayer(config)
    return {"lstm_lm": nn.LSTM, "gru_lm": nn.GRU}[config.model_type](
        config.hidden_size, config.hidden_size, batch_first=True
    )


class SegmentMemoryLayer(nn.Module):
    """A block of attention over the last ``memory`` outputs of the layer below, earlier segments included.

    Every token looks back equally far, whatever segment it is in (``same_length`` of Transformer-XL), and other tokens
    enter by their distance, with sinusoids and two learned biases; so reading in pieces equals reading at once.
    """

    def __init__(self, config: ClassicConfig) -> None:
        super().__init__()
        dim, self.heads, self.memory = config.hidden_size, config.num_attention_heads, config.memory
        self.query, self.place = (nn.Linear(dim, dim, bias=False) for _ in range(2))
        self.key_value, self.out = nn.Linear(dim, 2 * dim, bias=False), nn.Linear(dim, dim)
        self.content_bias, self.place_bias = (nn.Parameter(torch.zeros(self.heads, dim // self.heads)) for _ in "uv")
        self.widen, self.narrow = nn.Linear(dim, 4 * dim), nn.Linear(4 * dim, dim)
        self.norm, self.norm_out = nn.LayerNorm(dim), nn.LayerNorm(dim)

    def forward(self, x: torch.Tensor, before: torch.Tensor | None = None) -> tuple[torch.Tensor, torch.Tensor]:
        inputs = x if before is None else torch.cat([before, x], 1)
        # In parts, as no token looks back farther than the memory: the cost is linear in the length of the text.
        attended, start = [], inputs.shape[1] - x.shape[1]
        for part in x.split(self.memory, 1):
            stop = start + part.shape[1]
            attended.append(self._attend(part, inputs[:, max(start - self.memory, 0) : stop]))
            start = stop
        x = self.norm(x + self.out(torch.cat(attended, 1)))
        x = self.norm_out(x + self.narrow(functional.gelu(self.widen(x))))
        # As in Transformer-XL, no gradient flows into an earlier segment.
        return x, inputs[:, -self.memory :].detach()

    def _attend(self, x: torch.Tensor, inputs: torch.Tensor) -> torch.Tensor:
        query = self.query(x).unflatten(2, (self.heads, -1))
        key, value = (part.unflatten(2, (self.heads, -1)) for part in self.key_value(inputs).chunk(2, 2))
        position = torch.arange(inputs.shape[1], device=x.device)
        distance = position[-x.shape[1] :, None] - position[None]
        place = self.place(sinusoids(self.memory + 1, x)).unflatten(1, (self.heads, -1))
        by_content = torch.einsum("bqhd,bkhd->bhqk", query + self.content_bias, key)
        by_place = torch.einsum("bqhd,phd->bhqp", query + self.place_bias, place)
        index = distance.clamp(0, self.memory).expand(*by_content.shape)
        scores = (by_content + by_place.gather(3, index)) * query.shape[3] ** -0.5
        weights = scores.masked_fill((distance < 0) | (distance > self.memory), -torch.inf).softmax(3)
        return torch.einsum("bhqk,bkhd->bqhd", weights, value).flatten(2)


def sinusoids(n: int, like: torch.Tensor) -> torch.Tensor:
    """(distance, dim) sinusoidal encoding of the distances 0 to n - 1.  like : gives dimensions, device and type."""
    dim = like.shape[2]
    rates = 10000.0 ** (-torch.arange(0, dim, 2, device=like.device) / dim)
    angle = torch.arange(n, device=like.device)[:, None] * rates[None]
    return torch.cat([angle.sin(), angle.cos()], 1)[:, :dim].to(like.dtype)


BOS = "<|bos|>"
"""The beginning-of-text token of the tokenizers of these models; its id is 0."""


class ClassicNetwork(LeftToRightRows):
    """A classic model as an IncrementalNetwork.  It has no limit of length.

    Parameters
    ----------
    model : ClassicModel
        A model on its device, in evaluation mode.
    """

    max_tokens: int | None = None
    fallback_window: int | None = None
    block_steps = True
    nests = False
    batch_tokens = 2048

    def __init__(self, model: ClassicModel) -> None:
        self.n_layers, self.dim = model.config.num_hidden_layers + 1, model.config.hidden_size
        self._model = model
        self._device = model.embedding.weight.device

    def to_tensor(self, values: Any) -> torch.Tensor:
        return to_device(torch.as_tensor(values, dtype=torch.long), self._device)

    @torch.inference_mode()
    def run(
        self,
        ids: torch.Tensor,
        layers: Sequence[int],
        cache: Any = None,
        keep_cache: bool = True,
        last_state: bool = True,
        between: Callable[[], None] | None = None,
    ) -> PassOutput:
        del last_state, between  # the one costs nothing, the other it cannot do
        hidden, states = self._model(ids, cache)
        return PassOutput([hidden[layer] for layer in layers], hidden[-1], states if keep_cache else None)

    @torch.inference_mode()
    def token_surprisal(self, last: torch.Tensor, ids: torch.Tensor) -> torch.Tensor:
        return surprisal_in_parts(self._model.head, last, ids)


def save_classic(folder: Path, model: ClassicModel, tokenizer: Any) -> None:
    """Write a model to a folder that ``load`` reads.

    Parameters
    ----------
    folder : Path
        Made if it does not exist.
    model : ClassicModel
        The trained model.
    tokenizer : tokenizers.Tokenizer
        The tokenizer it was trained with, whose first token is ``BOS``.
    """
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(model.config.model_dump_json(indent=1) + "\n", encoding="utf-8")
    save_file({name: value.contiguous() for name, value in model.state_dict().items()}, folder / "model.safetensors")
    tokenizer.save(str(folder / "tokenizer.json"))


def load_config(folder: Path) -> ClassicConfig:
    try:
        return ClassicConfig.model_validate(read_json(folder / "config.json"))
    except ValidationError as error:
        raise ValueError(validation_text(error, f"{folder / 'config.json'}")) from None


def check_size(folder: Path, config: ClassicConfig) -> None:
    """Raise ValueError where a configuration describes more weights than its file can hold; none are allocated."""
    with torch.device("meta"):
        described = sum(weight.numel() for weight in ClassicModel(config).parameters())
    size = (folder / "model.safetensors").stat().st_size
    if 4 * described > 16 * size:  # a smaller difference is told with the names of the weights
        raise ValueError(f"{folder}: its config.json describes {described:,} weights and its file has {size:,} bytes")


def load_weights(folder: Path, model: ClassicModel) -> None:
    """Load the weights of a folder into a model.  Raises ValueError where names or shapes differ."""
    from safetensors.torch import load_file

    try:
        model.load_state_dict(load_file(folder / "model.safetensors"))
    except (OSError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise ValueError(f"the weights in {folder} do not fit its config.json ({reason}); train it again") from None


def load_tokenizer(folder: Path) -> Any:
    from transformers import PreTrainedTokenizerFast

    return PreTrainedTokenizerFast(tokenizer_file=str(folder / "tokenizer.json"), bos_token=BOS)
