"""DecoderBank: the decoders of every layer and lag, with the recipe and the passport they were made under."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rtalign.core.recipe import Recipe
from rtalign.core.records import Sensor, sensor_from_dict, sensor_to_dict
from rtalign.core.tensorfile import TensorFile
from rtalign.decoding.projection import Projection

FORMAT, VERSION = "rtalign-bank", 1
FILES = ("bank.safetensors", "recipe.toml", "passport.json", "summary.json")


@dataclass(frozen=True, slots=True, eq=False)
class DecoderBank:
    """What live and offline prediction need; weights are mapped from the disk, not read until used."""

    recipe: Recipe
    passport: dict[str, Any]
    layers: tuple[int, ...]
    sensors: tuple[Sensor, ...]
    projection: Projection
    tensors: TensorFile

    @classmethod
    def load(cls, folder: Path) -> DecoderBank:
        """A bank from its folder, refused with a reason where it is not one."""
        missing = [name for name in FILES if not (folder / name).is_file()]
        if missing:
            raise ValueError(f"{folder} is not a decoder bank: it lacks {', '.join(missing)}")
        passport = _passport(folder / "passport.json")
        recipe = Recipe.load(folder / "recipe.toml")
        tensors = TensorFile(folder / "bank.safetensors")
        try:
            layers = tuple(int(n) for n in passport["layers"])
            sensors = tuple(sensor_from_dict(entry) for entry in passport["sensors"])
            mean, basis, variance = (np.array(tensors[f"projection_{part}"]) for part in ("mean", "basis", "variance"))
            projection = Projection(mean, basis, variance, int(passport["components"]))
            wanted = (len(recipe.lags.seconds), len(sensors), len(layers) * projection.components)
            if tensors["weights"].shape != wanted:
                raise ValueError(f"{folder}: weights are {tensors['weights'].shape}, its passport says {wanted}")
        except (KeyError, TypeError) as error:
            raise ValueError(f"{folder} is not a whole decoder bank: {error}") from None
        return cls(recipe, passport, layers, sensors, projection, tensors)

    @property
    def lags_s(self) -> np.ndarray:
        return self.recipe.lags.seconds

    @property
    def model(self) -> dict[str, Any]:
        return dict(self.passport["model"])

    def predict(self, lag: int, signal: np.ndarray) -> np.ndarray:
        """(word, sensor) at one lag to (word, layer x component)."""
        return signal @ self.tensors["weights"][lag] + self.tensors["bias"][lag]

    def differences(self, sensors: Sequence[Sensor]) -> list[str]:
        """How these sensors differ from the bank's, in plain words; empty when they match.  Order does not matter."""
        return differences(self.sensors, sensors)


def differences(expected: Sequence[Sensor], sensors: Sequence[Sensor]) -> list[str]:
    """How sensors differ from those that decoders were made with, in plain words."""
    there = {s.name: s for s in sensors}
    missing = [s.name for s in expected if s.name not in there]
    other = [s.name for s in expected if s.name in there and there[s.name].kind != s.kind]
    said = []
    if missing:
        said.append(f"the bank expects {len(expected)} sensors; {_some(missing)} not there")
    if other:
        kinds = {s.name: s.kind for s in expected}
        said.append(f"{other[0]} is {there[other[0]].kind} here and {kinds[other[0]]} in the bank")
    return said


def passport_of(
    recordings: Sequence[Mapping[str, Any]],
    n_words: int,
    sensors: Sequence[Sensor],
    layers: Sequence[int],
    components: int,
    model: Mapping[str, Any],
    chain: Mapping[str, Any],
    versions: Mapping[str, str],
    created: str,
) -> dict[str, Any]:
    """All that must agree before this bank's numbers mean anything elsewhere."""
    return {
        "format": FORMAT,
        "version": VERSION,
        "created": created,
        "model": dict(model),
        "layers": list(layers),
        "components": components,
        "n_words": n_words,
        "chain": dict(chain),
        "sensors": [sensor_to_dict(s) for s in sensors],
        "recordings": [dict(r) for r in recordings],
        "versions": dict(versions),
    }


def _passport(path: Path) -> dict[str, Any]:
    try:
        passport = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        raise ValueError(f"{path} is not JSON; the bank is damaged") from None
    if not isinstance(passport, dict) or passport.get("format") != FORMAT:
        raise ValueError(f"{path} is no passport of an rtalign bank")
    if passport.get("version") != VERSION:
        raise ValueError(
            f"{path.parent} is a bank of version {passport.get('version')}; this program reads version {VERSION}: "
            "train it again, or use the program that made it"
        )
    return passport


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(names[:6])
    if len(names) > 6:
        return f"{shown} and {len(names) - 6} more are"
    return f"{shown} {'is' if len(names) == 1 else 'are'}"


@dataclass(frozen=True, slots=True, eq=False)
class Decoders:
    """weights : (lag, sensor, target).    bias : (lag, target).    n_words : what they were learned from."""

    weights: np.ndarray
    bias: np.ndarray
    n_words: int

    @classmethod
    def of(cls, bank: DecoderBank) -> Decoders:
        """A bank's own; its weights stay on the disk until they are used."""
        return cls(bank.tensors["weights"], bank.tensors["bias"], int(bank.passport["n_words"]))

    def predict_many(self, epochs: np.ndarray) -> np.ndarray:
        """(word, lag, sensor) to (word, lag, target); the weights are read once for all words."""
        out = np.empty((len(epochs), *self.bias.shape), np.float32)
        for lag, (weights, bias) in enumerate(zip(self.weights, self.bias, strict=True)):
            out[:, lag] = epochs[:, lag] @ weights + bias
        return out
