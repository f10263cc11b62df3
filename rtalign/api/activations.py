"""encode: words to a language model's activations and surprisal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from rtalign.api.inputs import layers_text, load_model
from rtalign.api.word_table import import_xarray, texts
from rtalign.core.progress import Progress
from rtalign.core.recipe import Recipe

if TYPE_CHECKING:
    from rtalign.language.model import LanguageModel


@dataclass(frozen=True, eq=False, repr=False)
class Activations:
    """What a language model makes of the words of one story.

    Attributes
    ----------
    words : tuple of str
        The story.
    layers : tuple of int
        Hidden states; 0 is the embedding.
    depth : ndarray, shape (layer,)
        0 = embedding, 1 = last layer.
    data : ndarray of float32, shape (word, layer, dim)
        Hidden states, the tokens of a word pooled into one vector.
    surprisal : ndarray, shape (word,)
        -log p(word | context) in nats; NaN where no word comes before.
    model : str
        The model's name.
    """

    words: tuple[str, ...]
    layers: tuple[int, ...]
    depth: np.ndarray
    data: np.ndarray
    surprisal: np.ndarray
    model: str

    def __len__(self) -> int:
        return len(self.words)

    def __repr__(self) -> str:
        words, layers, dim = self.data.shape
        return f"<Activations of {self.model}: {words:,} words, {layers} layers, {dim} dimensions>"

    def to_xarray(self) -> Any:
        """Give the data their axes, where xarray is installed.

        Returns
        -------
        xarray.DataArray
            (word, layer, dim) with layer and depth, text and surprisal of each word as coordinates; the model as
            attribute.
        """
        word, layer = ("word",), ("layer",)
        coordinates = {
            "layer": np.array(self.layers),
            "depth": (layer, self.depth),
            "text": (word, list(self.words)),
            "surprisal": (word, self.surprisal),
        }
        return import_xarray().DataArray(
            self.data, coordinates, ("word", "layer", "dim"), "activations", {"model": self.model}
        )


def encode(
    words: Any,
    model: LanguageModel | str = "smollm2",
    layers: int | str | Sequence[int] = 9,
    context: str = "growing:1000",
    *,
    device: str = "cpu",
) -> Activations:
    """Read a story with a language model.

    Parameters
    ----------
    words : WordTable, DataFrame, path, sequence of str, or text
        The story, in order.
    model : str or LanguageModel
        ``smollm2`` (packaged), a folder, a .gguf file, or a Hugging Face id that is in the local cache.
    layers : int, sequence of int, or "all"
        How many hidden states, spread from 10 % to 90 % of depth; or which.
    context : str
        ``growing:N`` keeps up to N words; ``window:K`` reads each word after exactly its K previous words.
    device : str
        ``cpu`` or ``cuda``.

    Returns
    -------
    Activations
        The same numbers that `align` decodes, before their projection.

    Examples
    --------
    >>> encode("once upon a time", layers=[0, 15, 30]).data.shape
    (4, 3, 576)
    """
    recipe = Recipe().with_settings("language", layers=layers_text(layers), context=context).language
    story = texts(words)
    if not story:
        raise ValueError("there is no word to read; give at least one")
    loaded = load_model(model, device, recipe.precision, Progress(quiet=True))
    info = loaded.info
    chosen = recipe.layer_indices(info.n_layers)
    read = loaded.encode(story, recipe, chosen)
    depth = np.array(chosen) / max(info.n_layers - 1, 1)
    return Activations(tuple(story), tuple(chosen), depth, read.activations, read.surprisal, info.id)
