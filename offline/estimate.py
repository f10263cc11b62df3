"""train --dry-run: how long it would take and how much it would hold, from a second of measuring on this machine."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from offline.machine import cores
from rtalign import ridge
from rtalign.chain import Chain
from rtalign.data import Recording
from rtalign.moments import Moments
from rtalign.recipe import Recipe
from rtalign.targets import WIDE

SAMPLE_WORDS, SAMPLE_SECONDS = 60, 10.0


def estimate(recordings: Sequence[Recording], model: Any, recipe: Recipe, device: str) -> dict[str, Any]:
    """Seconds per stage, bytes of memory and disk; each figure rests on a small measured piece of the real work."""
    words = sum(len(r.words) for r in recordings)
    n_layers = len(recipe.language.layer_indices(model.info.n_layers))
    components = min(recipe.language.components or model.info.dim, model.info.dim)
    sensors, lags = len(recordings[0].sensors), len(recipe.lags.seconds)
    wide = min(WIDE * components, model.info.dim) * n_layers
    seconds = {
        "signal": _signal_seconds(recordings, recipe),
        "language": _language_seconds(recordings, model, recipe) * words / SAMPLE_WORDS,
        "fit": _fit_seconds(words, sensors, n_layers, components, recipe, device) * lags,
    }
    rate = recipe.chain.min_rate_hz
    tape = sum(r.n_samples / r.sfreq * rate * sensors * 4 for r in recordings)
    bank = lags * (recipe.fit.folds * (sensors * sensors + sensors * wide) + sensors * n_layers * components) * 4
    per_worker = words * (2 * sensors + 2 * n_layers * components) * 4
    return {
        "recordings": len(recordings),
        "words": words,
        "hours": round(sum(r.n_samples / r.sfreq for r in recordings) / 3600, 3),
        "sensors": sensors,
        "layers": n_layers,
        "lags": lags,
        "seconds": {k: round(v, 1) for k, v in seconds.items()} | {"total": round(sum(seconds.values()), 1)},
        "memory_mb": round((words * wide * 4 + per_worker * cores() + 4e8 + model.info.n_parameters * 4) / 1e6),
        "disk_mb": {"cache": round((tape + words * n_layers * model.info.dim * 4) / 1e6), "bank": round(bank / 1e6)},
    }


def say_estimate(result: dict[str, Any]) -> list[str]:
    spent = result["seconds"]
    return [
        f"{result['recordings']} recordings, {result['hours']:.2f} h, {result['words']:,} words; "
        f"{result['sensors']} sensors, {result['layers']} layers, {result['lags']} lags",
        f"about {_span(spent['total'])}: signal {_span(spent['signal'])}, language model {_span(spent['language'])}, "
        f"decoders {_span(spent['fit'])}",
        f"about {result['memory_mb']:,} MB of memory; {result['disk_mb']['cache']:,} MB of cache and "
        f"{result['disk_mb']['bank']:,} MB of bank on disk",
    ]


def _span(seconds: float) -> str:
    if seconds < 90:
        return f"{math.ceil(seconds)} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _signal_seconds(recordings: Sequence[Recording], recipe: Recipe) -> float:
    recording = recordings[0]
    chain = Chain(recipe.chain, recording.sensors, recording.sfreq)

    def work() -> None:
        chain.push(next(iter(recording.chunks(SAMPLE_SECONDS))))

    piece = min(SAMPLE_SECONDS, recording.n_samples / recording.sfreq)
    return _timed(work) * sum(r.n_samples / r.sfreq for r in recordings) / piece


def _language_seconds(recordings: Sequence[Recording], model: Any, recipe: Recipe) -> float:
    words = [word.text for word in recordings[0].words[:SAMPLE_WORDS]]
    layers = recipe.language.layer_indices(model.info.n_layers)
    return _timed(lambda: model.encode(words, recipe.language, layers)) * SAMPLE_WORDS / len(words)


def _fit_seconds(words: int, sensors: int, layers: int, components: int, recipe: Recipe, device: str) -> float:
    """One lag on random data: sums over a few thousand words, scaled up, and one cross-validated fit."""
    rng = np.random.default_rng(0)
    n = min(words, 4000) // recipe.fit.folds + 2
    X = rng.standard_normal((n, sensors), np.float32)
    Y = rng.standard_normal((n, layers * components), np.float32)
    start = time.perf_counter()
    moments = [Moments.of(X, Y, recipe.fit.precision) for _ in range(recipe.fit.folds)]
    sums = time.perf_counter() - start
    fitting = _timed(lambda: ridge.fit(moments, recipe.fit.alphas, None, recipe.fit.precision, device))
    # The wide basis doubles the sums; scores, null and bootstrap cost about as much again.
    return (2 * WIDE * sums * words / (n * recipe.fit.folds) + fitting) / cores()
