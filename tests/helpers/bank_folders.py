"""A bank for tests of what is around the decoders: its papers are right, its weights are zeros."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from rtalign.core.recipe import Recipe
from rtalign.core.records import Sensor
from rtalign.core.storage.tensorfile import TensorFile
from rtalign.decoding.bank import make_passport

MODEL = {"id": "smollm2", "family": "Llama", "n_layers": 31, "revision": "0", "tokenizer": "0"}


def helmet(n: int, kind: str = "axial") -> tuple[Sensor, ...]:
    return tuple(Sensor(f"MLC{i + 11}", kind, (0.0, 0.0, 0.1), (0.0, 0.0, 1.0)) for i in range(n))


def write(
    folder: Path, sensors: Sequence[Sensor], recipe: Recipe | None = None, model: str = "smollm2", best: float = 0.0617
) -> Path:
    """A bank of layers 3 and 9, four components each."""
    recipe = recipe or Recipe()
    folder.mkdir(parents=True)
    layers, dim, components, lag = (3, 9), 6, 4, len(recipe.lags.seconds)
    target = len(layers) * components
    TensorFile.create(folder / "bank.safetensors", {
        "projection_mean": ("float64", (len(layers), dim)),
        "projection_basis": ("float32", (len(layers), dim, components)),
        "projection_variance": ("float32", (len(layers), components)),
        "weights": ("float32", (lag, len(sensors), target)),
        "bias": ("float32", (lag, target)),
    })  # fmt: skip
    told = make_passport(
        sensors=sensors,
        layers=layers,
        components=components,
        model={**MODEL, "id": model},
        created="2026-01-01",
        n_words=3109,
    )
    (folder / "passport.json").write_text(json.dumps(told))
    (folder / "recipe.toml").write_text(recipe.to_toml())
    (folder / "summary.json").write_text(json.dumps({"alignment_score": {"best": best, "best_layer": 9}}))
    return folder
