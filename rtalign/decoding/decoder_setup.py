"""What live scoring needs beside the words and the signal: which layers, which sensors, and how targets are made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rtalign.core.recipe import Recipe
from rtalign.core.records import Sensor
from rtalign.decoding.bank import DecoderBank, differences, passport_of
from rtalign.decoding.projection import Projection, fit_projection


@dataclass(frozen=True, slots=True, eq=False)
class Decoding:
    """A bank's frame, or one made from a text where there is no bank yet.

    sensors : those of the bank; empty without one, until a stream has told its own.
    """

    recipe: Recipe
    layers: tuple[int, ...]
    n_layers: int
    projection: Projection
    sensors: tuple[Sensor, ...]
    bank: DecoderBank | None
    model: dict[str, Any]

    @classmethod
    def of(cls, bank: DecoderBank) -> Decoding:
        n_layers = int(bank.model["n_layers"])
        return cls(bank.recipe, bank.layers, n_layers, bank.projection, bank.sensors, bank, bank.model)

    @classmethod
    def from_text(cls, model: Any, words: Sequence[str], recipe: Recipe) -> Decoding:
        """Principal components of a text that nobody has heard yet, so that decoders can be learned from nothing."""
        layers = tuple(recipe.language.layer_indices(model.info.n_layers))
        reading = model.encode(words, recipe.language, layers, surprisal=False)
        projection = fit_projection([reading.activations], recipe.language.components)
        info = {"id": model.info.id, "family": model.info.family, "n_layers": model.info.n_layers}
        info |= {"revision": model.info.revision, "tokenizer": model.info.tokenizer}
        return cls(recipe, layers, model.info.n_layers, projection, (), None, info)

    @property
    def lags_s(self) -> np.ndarray:
        return self.recipe.lags.seconds

    @property
    def depth(self) -> np.ndarray:
        """(layer,): 0 the embedding, 1 the last hidden state."""
        return np.array(self.layers) / max(self.n_layers - 1, 1)

    def differs(self, other: Decoding) -> str | None:
        """What keeps another bank from taking this one's place while words are being read; None where nothing does."""
        pairs = {
            "model": (self.model["revision"], other.model["revision"]),
            "context": (self.recipe.language, other.recipe.language),
            "layers": (self.layers, other.layers),
            "lags": (self.recipe.lags, other.recipe.lags),
            "choice of words": (self.recipe.words, other.recipe.words),
        }
        return next((what for what, (mine, theirs) in pairs.items() if mine != theirs), None)

    def targets(self, activations: np.ndarray) -> np.ndarray:
        """(word, layer, dim) to (word, target)."""
        return self.projection.project(activations)

    def passport(self, sensors: Sequence[Sensor], n_words: int, scored: str) -> dict[str, Any]:
        """The bank's passport, or one of what was used where there is no bank."""
        if self.bank is not None:
            return {**self.bank.passport, "scored": scored, "n_words": n_words, "recordings": []}
        return passport_of([], n_words, sensors, self.layers, self.projection.components, self.model, {}, {}, scored)


@dataclass(frozen=True, slots=True, eq=False)
class Fitting:
    """How the columns of a stream become the sensors of a bank.

    sensors : those that are there, in the bank's order.    columns : (sensor there,) their places in the stream.
    places : (sensor there,) their places in the bank.    fill : (lag, sensor of the bank), where the others stand.
    differences : in plain words, what does not fit.
    """

    sensors: tuple[Sensor, ...]
    columns: np.ndarray
    places: np.ndarray
    fill: np.ndarray | None
    differences: tuple[str, ...]

    @classmethod
    def of(cls, decoding: Decoding, stream: Sequence[Sensor]) -> Fitting:
        """A sensor of another kind than the bank's counts as missing: its numbers have another unit."""
        expected = decoding.sensors or tuple(stream)
        there = {(sensor.name, sensor.kind): column for column, sensor in enumerate(stream)}
        found = [i for i, s in enumerate(expected) if (s.name, s.kind) in there]
        columns = [there[expected[i].name, expected[i].kind] for i in found]
        fill = None
        if len(found) < len(expected):
            mean_x = (
                decoding.bank.tensors["mean_x"] if decoding.bank else np.zeros((len(decoding.lags_s), len(expected)))
            )
            fill = np.array(mean_x, np.float32)
        sensors = tuple(expected[i] for i in found)
        told = tuple(differences(expected, stream))
        return cls(sensors, np.array(columns, int), np.array(found, int), fill, told)

    def pick(self, data: np.ndarray) -> np.ndarray:
        """(sample, column of the stream) to (sample, sensor there); no copy where they agree."""
        n = data.shape[1]
        same = len(self.columns) == n and bool((self.columns == np.arange(n)).all())
        return data if same else data[:, self.columns]

    def whole(self, epoch: np.ndarray) -> np.ndarray:
        """(lag, sensor there) to (lag, sensor); what is not there stands at its training mean and adds nothing."""
        if self.fill is None:
            return epoch
        out = self.fill.copy()
        out[:, self.places] = epoch
        return out
