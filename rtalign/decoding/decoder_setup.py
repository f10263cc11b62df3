"""What a live session takes from a bank: its layers, its sensors, and how activations become targets."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rtalign.core.recipe import Recipe
from rtalign.core.records import Sensor
from rtalign.decoding.bank import DecoderBank, make_passport, sensor_differences
from rtalign.decoding.controls.nuisance_basis import NuisanceBasis
from rtalign.decoding.projection import Projection, fit_projection

STATIC = 0
"""The hidden state that knows no other word."""


@dataclass(frozen=True, slots=True, eq=False)
class DecoderSetup:
    """What is decoded in a live session, from a bank, or from a text where there is no bank yet.

    Attributes
    ----------
    recipe : Recipe
        Every setting that changes a number.
    layers : tuple of int
        Hidden states that are decoded.
    n_layers : int
        Hidden states of the model.
    projection : Projection
        From activations to targets.
    sensors : tuple of Sensor
        Those of the bank; without a bank empty, until a stream has named its own.
    bank : DecoderBank or None
        The bank, if there is one.
    model : dict
        The language model: id, family, n_layers, revision, tokenizer.
    nuisances : NuisanceBasis or None
        How words become nuisances, for unique R; None without a bank, or of one that was trained without controls.
    """

    recipe: Recipe
    layers: tuple[int, ...]
    n_layers: int
    projection: Projection
    sensors: tuple[Sensor, ...]
    bank: DecoderBank | None
    model: dict[str, Any]
    nuisances: NuisanceBasis | None = None

    @classmethod
    def from_bank(cls, bank: DecoderBank) -> DecoderSetup:
        """The setup that a bank was made with."""
        n_layers = int(bank.model["n_layers"])
        return cls(bank.recipe, bank.layers, n_layers, bank.projection, bank.sensors, bank, bank.model, bank.nuisances)

    @classmethod
    def from_text(cls, model: Any, words: Sequence[str], recipe: Recipe) -> DecoderSetup:
        """Principal components of any text, so that decoders can be learned without a bank."""
        layers = tuple(recipe.language.layer_indices(model.info.n_layers))
        reading = model.encode(words, recipe.language, layers, surprisal=False)
        projection = fit_projection([reading.activations], recipe.language.components)
        info = {"id": model.info.id, "family": model.info.family, "n_layers": model.info.n_layers}
        info |= {"revision": model.info.revision, "tokenizer": model.info.tokenizer}
        return cls(recipe, layers, model.info.n_layers, projection, (), None, info)

    @property
    def lags_s(self) -> np.ndarray:
        """(lag,): seconds after a word's onset."""
        return self.recipe.lags.seconds

    @property
    def depth(self) -> np.ndarray:
        """(layer,): 0 the embedding, 1 the last hidden state."""
        return np.array(self.layers) / max(self.n_layers - 1, 1)

    def difference(self, other: DecoderSetup) -> str | None:
        """What keeps another bank from replacing this one during a session; None if it can."""
        pairs = {
            "model": (self.model["revision"], other.model["revision"]),
            "context": (self.recipe.language, other.recipe.language),
            "layers": (self.layers, other.layers),
            "lags": (self.recipe.lags, other.recipe.lags),
            "choice of words": (self.recipe.words, other.recipe.words),
        }
        return next((name for name, (mine, theirs) in pairs.items() if mine != theirs), None)

    @property
    def states(self) -> tuple[int, ...]:
        """Hidden states that are read of each word: those decoded, behind state 0 where controls need it."""
        return (STATIC, *self.layers) if self.nuisances else self.layers

    def targets(self, activations: np.ndarray) -> np.ndarray:
        """What is kept of a word's states (word, state, dim): its targets, behind them components of its state 0 where
        there are nuisances."""
        n = len(self.layers)
        targets = self.projection.project(activations[:, -n:])
        if self.nuisances is None:
            return targets
        return np.hstack([targets, self.nuisances.project(activations[:, 0])])

    def split(self, kept: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Targets (target,) and static components (component,) of what is kept of a word."""
        n = len(self.layers) * self.projection.components
        return kept[:n], kept[n:]

    def passport(self, sensors: Sequence[Sensor], n_words: int, scored: str) -> dict[str, Any]:
        """The bank's passport, or without a bank one of what was used; `scored` is the time, as text."""
        if self.bank is not None:
            return {**self.bank.passport, "scored": scored, "n_words": n_words, "recordings": []}
        return make_passport(
            sensors=sensors,
            layers=self.layers,
            components=self.projection.components,
            model=self.model,
            reading=self.recipe.language.reading,
            created=scored,
            n_words=n_words,
        )


@dataclass(frozen=True, slots=True, eq=False)
class SensorMap:
    """How the columns of a stream become the sensors of a bank.

    Attributes
    ----------
    sensors : tuple of Sensor
        Sensors of the bank that the stream has, in the bank's order.
    columns : ndarray of int, shape (sensor present,)
        Their columns in the stream.
    places : ndarray of int, shape (sensor present,)
        Their columns in the bank.
    fill : ndarray or None, shape (lag, sensor of the bank)
        Training means, which replace sensors that are missing; None if none is.
    differences : tuple of str
        How the stream differs from the bank.
    """

    sensors: tuple[Sensor, ...]
    columns: np.ndarray
    places: np.ndarray
    fill: np.ndarray | None
    differences: tuple[str, ...]

    @property
    def names(self) -> list[str]:
        """Of the sensors."""
        return [sensor.name for sensor in self.sensors]

    @classmethod
    def match(cls, setup: DecoderSetup, stream: Sequence[Sensor], left_out: Collection[str] = ()) -> SensorMap:
        """Match a stream to a setup; a sensor of another kind counts as missing, as its values have another unit.

        left_out : sensors that were left out of the stream on purpose: that they are missing is no difference.
        """
        expected = setup.sensors or tuple(stream)
        there = {(sensor.name, sensor.kind): column for column, sensor in enumerate(stream)}
        present = [i for i, s in enumerate(expected) if (s.name, s.kind) in there]
        columns = [there[expected[i].name, expected[i].kind] for i in present]
        fill = None
        if len(present) < len(expected):
            bank = setup.bank
            mean_x = bank.tensors["mean_x"] if bank else np.zeros((len(setup.lags_s), len(expected)))
            fill = np.array(mean_x, np.float32)
        sensors = tuple(expected[i] for i in present)
        differences = tuple(sensor_differences([s for s in expected if s.name not in left_out], stream))
        return cls(sensors, np.array(columns, int), np.array(present, int), fill, differences)

    def select(self, data: np.ndarray) -> np.ndarray:
        """(sample, column of the stream) to (sample, sensor present); no copy where they agree."""
        n = data.shape[1]
        same = len(self.columns) == n and bool((self.columns == np.arange(n)).all())
        return data if same else data[:, self.columns]

    def fill_missing(self, epoch: np.ndarray) -> np.ndarray:
        """(lag, sensor present) to (lag, sensor); a missing sensor has its training mean, and adds nothing."""
        if self.fill is None:
            return epoch
        out = self.fill.copy()
        out[:, self.places] = epoch
        return out
