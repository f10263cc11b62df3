"""DecoderBank: the decoders of every layer and lag, with the recipe and the passport they were made with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rtalign.core.decoder_error import DecoderError
from rtalign.core.recipe import Recipe
from rtalign.core.records import DISPLAY_SCALES, Sensor, sensor_from_dict, sensor_to_dict
from rtalign.core.spatial_filter import SpatialFilter
from rtalign.core.storage.json_toml import read_json
from rtalign.core.storage.tensorfile import TensorFile
from rtalign.decoding.controls.nuisance_basis import NuisanceBasis
from rtalign.decoding.projection import Projection

FORMAT, VERSION = "rtalign-bank", 1
ERROR = ("noise", "r", "retrained", "block_words")
"""Tensors that tell the error of the decoders."""
PROJECTION = ("projection_mean", "projection_basis", "projection_variance")
MOST_WEIGHT, LARGEST = 1e6, 1e16
"""Of a weight, in targets a display unit of the field, and of any other number: predictions beyond would overflow."""
TENSORS = "bank.safetensors"
SUMS = "moments_"
"""Prefix of the sums over words, which a slim bank lacks."""
FILES = (TENSORS, "recipe.toml", "passport.json", "summary.json")


@dataclass(frozen=True, slots=True, eq=False)
class DecoderBank:
    """A trained bank of decoders, as a folder on disk holds it; arrays are mapped, and read only when used.

    Attributes
    ----------
    recipe : Recipe
        Every setting that the bank was made with.
    passport : dict
        What must agree before its numbers mean anything elsewhere: model, sensors, chain, recordings, versions.
    layers : tuple of int
        Hidden states that are decoded.
    sensors : tuple of Sensor
        Columns of the signal.
    projection : Projection
        From activations to targets.
    tensors : TensorFile
        Weights, biases, penalties, patterns, curves and moments.
    nuisances : NuisanceBasis or None
        How words become nuisances; None for a bank that was trained without controls.
    spatial : SpatialFilter or None
        What every signal goes through before the decoders; None for none.

    Examples
    --------
    >>> bank = DecoderBank.load(Path("my-bank"))  # doctest: +SKIP
    >>> bank.predict(25, signal).shape  # (word, layer x component) at lag 25  # doctest: +SKIP
    """

    recipe: Recipe
    passport: dict[str, Any]
    layers: tuple[int, ...]
    sensors: tuple[Sensor, ...]
    projection: Projection
    tensors: TensorFile
    nuisances: NuisanceBasis | None = None
    spatial: SpatialFilter | None = None

    @classmethod
    def load(cls, folder: Path) -> DecoderBank:
        """Read a bank from its folder; ValueError with the reason if it is not one."""
        missing = [name for name in FILES if not (folder / name).is_file()]
        if missing:
            raise ValueError(f"{folder} is not a decoder bank: it lacks {', '.join(missing)}")
        passport = _passport(folder / "passport.json")
        recipe = Recipe.from_saved((folder / "recipe.toml").read_text(encoding="utf-8"))
        tensors = TensorFile(folder / TENSORS)
        try:
            layers = tuple(int(n) for n in passport["layers"])
            sensors = tuple(sensor_from_dict(entry) for entry in passport["sensors"])
            mean, basis, variance = (np.array(tensors[name]) for name in PROJECTION)
            projection = Projection(mean, basis, variance, int(passport["components"]))
            expected = (len(recipe.lags.seconds), len(sensors), len(layers) * projection.components)
            if tensors["weights"].shape != expected:
                raise ValueError(f"{folder}: weights are {tensors['weights'].shape}, its passport states {expected}")
            _check_numbers(folder, tensors, sensors)
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"{folder} is not a complete decoder bank: {error}") from None
        spatial = SpatialFilter.load(folder, recipe.chain.spatial, sensors)
        return cls(recipe, passport, layers, sensors, projection, tensors, NuisanceBasis.load(folder), spatial)

    @property
    def lags_s(self) -> np.ndarray:
        """(lag,): seconds after a word's onset."""
        return self.recipe.lags.seconds

    @property
    def model(self) -> dict[str, Any]:
        """The language model it was made with: id, family, n_layers, revision, tokenizer and more."""
        return dict(self.passport["model"])

    @property
    def error(self) -> DecoderError | None:
        """Of its decoders; None for a bank that does not hold it."""
        if not set(ERROR) <= set(self.tensors.names()):
            return None
        noise, r, retrained, block_words = (np.array(self.tensors[name]) for name in ERROR)
        return DecoderError(noise, retrained - r, block_words)

    def require_sums(self, use: str) -> None:
        """ValueError where this is a slim bank, which lacks the sums over words that a use needs."""
        if not any(name.startswith(SUMS) for name in self.tensors.names()):
            raise ValueError(
                f"{self.tensors.path.parent} is a slim bank: it scores, and holds no sums over its words, which {use} "
                "needs - use a bank that was trained without --slim"
            )

    def predict(self, lag: int, signal: np.ndarray) -> np.ndarray:
        """Predict targets (word, layer x component) from the signal (word, sensor) at one lag."""
        return signal @ self.tensors["weights"][lag] + self.tensors["bias"][lag]

    def differences(self, sensors: Sequence[Sensor]) -> list[str]:
        """How these sensors differ from the bank's, as text; empty when they match.  Order does not matter."""
        return sensor_differences(self.sensors, sensors)


def _check_numbers(folder: Path, tensors: TensorFile, sensors: Sequence[Sensor]) -> None:
    """Raise ValueError where numbers that predictions need are none, or such as no training gives."""
    display = np.array([DISPLAY_SCALES[sensor.kind] for sensor in sensors])
    most_weight = MOST_WEIGHT * display[:, None]
    for name in set(tensors.names()) & {"weights", "bias", "mean_x", *PROJECTION}:
        for part in tensors[name]:
            sound = np.isfinite(part)
            if sound.all() and (np.abs(part) <= (most_weight if name == "weights" else LARGEST)).all():
                continue
            what = "numbers that no training gives" if sound.all() else "NaN or infinity"
            raise ValueError(f"{folder}: its {name} hold {what}; train it again, or copy it again")


def sensor_differences(expected: Sequence[Sensor], sensors: Sequence[Sensor]) -> list[str]:
    """How sensors differ from those that decoders were made with.

    Parameters
    ----------
    expected : sequence of Sensor
        Those of the decoders.
    sensors : sequence of Sensor
        Those of a stream or recording, in any order.

    Returns
    -------
    list of str
        One sentence a difference; empty when they match.
    """
    there = {s.name: s for s in sensors}
    missing = [s.name for s in expected if s.name not in there]
    other = [s.name for s in expected if s.name in there and there[s.name].kind != s.kind]
    texts = []
    if missing:
        texts.append(f"the bank expects {len(expected)} sensors; {_listed(missing)} not there")
    if other:
        kinds = {s.name: s.kind for s in expected}
        texts.append(f"{other[0]} is {there[other[0]].kind} here and {kinds[other[0]]} in the bank")
    return texts


def make_passport(
    *,
    sensors: Sequence[Sensor],
    layers: Sequence[int],
    components: int,
    model: Mapping[str, Any],
    created: str,
    recordings: Sequence[Mapping[str, Any]] = (),
    n_words: int = 0,
    chain: Mapping[str, Any] | None = None,
    reading: Mapping[str, Any] | None = None,
    versions: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """The passport of a bank: all that must agree before its numbers mean anything elsewhere.

    Parameters
    ----------
    sensors : sequence of Sensor
        Columns of the signal.
    layers : sequence of int
        Hidden states that are decoded.
    components : int
        Targets a layer.
    model : mapping
        The language model: id, family, n_layers, revision, tokenizer.
    created : str
        Time, as text.
    recordings : sequence of mapping
        What it was trained on, with fingerprints.
    n_words : int
        Words it was trained on.
    chain : mapping
        As `rtalign.signal.describe_chain` gives it.
    reading : mapping
        How the words are read, as `LanguageRecipe.reading` gives it.
    versions : mapping of str to str
        Of the packages used.

    Returns
    -------
    dict
        As passport.json holds it.
    """
    return {
        "format": FORMAT,
        "version": VERSION,
        "created": created,
        "model": dict(model),
        "layers": list(layers),
        "components": components,
        "n_words": n_words,
        "chain": dict(chain or {}),
        "reading": dict(reading or {}),
        "sensors": [sensor_to_dict(s) for s in sensors],
        "recordings": [dict(r) for r in recordings],
        "versions": dict(versions or {}),
    }


def _passport(path: Path) -> dict[str, Any]:
    passport = read_json(path, "the bank is damaged: train it again, or copy it again")
    if passport.get("format") != FORMAT:
        raise ValueError(f"{path} is not the passport of an rtalign bank")
    if passport.get("version") != VERSION:
        raise ValueError(
            f"{path.parent} is a bank of version {passport.get('version')}; this program reads version {VERSION}: "
            "train it again, or use the program that made it"
        )
    return passport


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(names[:6])
    if len(names) > 6:
        return f"{shown} and {len(names) - 6} more are"
    return f"{shown} {'is' if len(names) == 1 else 'are'}"


@dataclass(frozen=True, slots=True, eq=False)
class LagDecoders:
    """Linear decoders of every lag, from a bank or learned live.

    Attributes
    ----------
    weights : ndarray, shape (lag, sensor, target)
        The weights.
    bias : ndarray, shape (lag, target)
        The intercepts.
    n_words : int
        How many words they were learned from.
    """

    weights: np.ndarray
    bias: np.ndarray
    n_words: int

    @classmethod
    def from_bank(cls, bank: DecoderBank) -> LagDecoders:
        """Those of a bank; its weights stay on disk until they are used."""
        return cls(bank.tensors["weights"], bank.tensors["bias"], int(bank.passport["n_words"]))

    def predict(self, epochs: np.ndarray) -> np.ndarray:
        """Predict targets (word, lag, target) from epochs (word, lag, sensor); weights are read once for all words."""
        out = np.empty((len(epochs), *self.bias.shape), np.float32)
        for lag, (weights, bias) in enumerate(zip(self.weights, self.bias, strict=True)):
            out[:, lag] = epochs[:, lag] @ weights + bias
        return out
