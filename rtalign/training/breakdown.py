"""Where a result comes from: kinds of words, recordings and halves, and decoders of one lag at another."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Protocol

import numpy as np

from rtalign.core.agreement import Agreement
from rtalign.core.machine import cpu_count
from rtalign.core.parallel import run_ordered
from rtalign.core.progress import Progress
from rtalign.core.recipe import Recipe
from rtalign.core.storage.tensorfile import TensorFile
from rtalign.decoding import ridge
from rtalign.decoding.across_lags import across_lags
from rtalign.decoding.moments import Moments, rotate
from rtalign.language import choose_content_words
from rtalign.training import bank_writer
from rtalign.training.lag.targets import LagTargets
from rtalign.training.prepare import PreparedRecording, read_lag

N_LAGS = 17
"""Lags at most, evenly spaced: every pair of them is scored."""
FEWEST = 20
"""Words that a fold must have of a kind, to be scored by them."""
LONG_GAP = 0.75
"""Share of the words whose gap to the next word is shorter than a long one."""


def coarse_lags(n_lags: int) -> np.ndarray:
    """Indices of the lags at which a breakdown is made."""
    return np.unique(np.linspace(0, n_lags - 1, min(N_LAGS, n_lags)).round().astype(int))


def kinds_of_words(prepared: Sequence[PreparedRecording], recipe: Recipe, progress: Progress) -> dict[str, np.ndarray]:
    """Masks (word in use,) over all recordings, by what the words have in common.

    Parameters
    ----------
    prepared : sequence of PreparedRecording
        The recordings.
    recipe : Recipe
        Its words: where only content words are decoded, there are no others to compare them with.
    progress : Progress
        Says why content words are left out, where nothing tells them.

    Returns
    -------
    dict of str to ndarray of bool
    """
    n_words = sum(len(one.used) for one in prepared)
    kinds = {"all words": np.ones(n_words, bool), **_by_gap(prepared)}
    if recipe.words.which == "all":
        try:
            parts = [choose_content_words(one.recording.words, recipe.words.tagger)[one.used] for one in prepared]
        except ValueError as error:  # no tagger is installed
            progress.say(f"no breakdown by content words: {error}")
        else:
            content = np.concatenate(parts)
            kinds |= {"content words": content, "other words": ~content}
    place = np.arange(n_words)
    kinds |= {"first half": place < n_words // 2, "second half": place >= n_words // 2}
    run = np.repeat(np.arange(len(prepared)), [len(one.used) for one in prepared])
    if len(prepared) > 1:
        names = _short([one.recording.name for one in prepared])
        kinds |= {f"recording {name}": run == k for k, name in enumerate(names)}
    return kinds


def _short(names: Sequence[str]) -> list[str]:
    """Names without the parts, between underscores, that all of them begin with; numbered where two are the same."""
    parts = [name.split("_") for name in names]
    most = min(map(len, parts)) - 1
    shared = next((k for k in range(most) if len({own[k] for own in parts}) > 1), most)
    short = ["_".join(own[shared:]) for own in parts]
    return short if len(set(short)) == len(short) else [f"{k} {name}" for k, name in enumerate(short, 1)]


def _by_gap(prepared: Sequence[PreparedRecording]) -> dict[str, np.ndarray]:
    """Words followed by a long gap and the others; the last word of a recording is neither."""
    gaps = []
    for one in prepared:
        onsets = np.array([word.onset for word in one.recording.words])
        gaps.append(np.append(np.diff(onsets), np.nan)[one.used])
    gap = np.concatenate(gaps)
    known = gap[np.isfinite(gap)]
    if not len(known):
        return {}
    long = float(np.quantile(known, LONG_GAP))
    return {f"next word after {1000 * long:.0f} ms or more": gap >= long, "next word sooner": gap < long}


@dataclass(frozen=True, slots=True, eq=False)
class DecodedLag:
    """Held-out words at one lag, each field one a fold.

    weights : (sensor, target), of decoders that were not trained on the fold's words.
    moments : of the words, with the targets of these decoders.
    predicted : (word of the fold, target).
    """

    weights: Sequence[np.ndarray]
    moments: Sequence[Moments]
    predicted: Sequence[np.ndarray]


def break_down(
    lags_s: np.ndarray,
    decode: Callable[[int], DecodedLag],
    targets: Sequence[np.ndarray],
    kinds: Mapping[str, Sequence[np.ndarray]],
    n_layers: int,
    progress: Progress,
) -> dict[str, Any]:
    """Score kinds of words at a coarse grid of lags, and decoders of each of these lags at each other.

    Parameters
    ----------
    lags_s : ndarray, shape (lag,)
        All lags.
    decode : callable
        Takes the index of a lag.
    targets : sequence of ndarray, shape (word of the fold, target)
        Those of each fold's decoders.
    kinds : mapping of str to sequence of ndarray of bool, shape (word of the fold,)
        Which words of each fold are of a kind.
    n_layers : int
        Of the targets.
    progress : Progress
        Shows the stage.

    Returns
    -------
    dict
        What a summary holds as `breakdown`: `lags_s`, `across` (layer, trained lag, tested lag), and `kinds`, each with
        `name`, `n_words`, `r` and its standard error `error` (layer, lag).
    """
    chosen = coarse_lags(len(lags_s))
    weights: list[Sequence[np.ndarray]] = []
    moments: list[Sequence[Moments]] = []
    by_kind: dict[str, list[np.ndarray]] = {name: [] for name in kinds}
    with progress.stage("breakdown", len(chosen), "lags") as stage:
        for found in run_ordered([partial(decode, int(index)) for index in chosen], cpu_count()):
            weights.append(found.weights)
            moments.append(found.moments)
            for name, rows in kinds.items():
                by_kind[name].append(_score(found.predicted, targets, rows, n_layers))
            stage.advance()
        across = across_lags(weights, moments, n_layers)
    return {"lags_s": lags_s[chosen], "across": across, "kinds": [
        {"name": name, "n_words": int(sum(map(np.sum, kinds[name]))), "r": r, "error": error}
        for name, scores in by_kind.items() for r, error in [np.stack(scores, axis=-1)]
    ]}  # fmt: skip


def _score(
    predicted: Sequence[np.ndarray], targets: Sequence[np.ndarray], rows: Sequence[np.ndarray], n_layers: int
) -> np.ndarray:
    """(2, layer): R of some words, the mean over folds that have enough of them, and its standard error over folds."""
    folds = [
        ridge.correlation(Agreement.of(p[own], y[own])).reshape(n_layers, -1).mean(1)
        for p, y, own in zip(predicted, targets, rows, strict=True)
        if own.sum() >= FEWEST
    ]
    if not folds:
        return np.full((2, n_layers), np.nan)
    error = np.std(folds, axis=0, ddof=1) / np.sqrt(len(folds)) if len(folds) > 1 else np.full(n_layers, np.nan)
    return np.stack([np.mean(folds, axis=0), error])


def _small(moments: Moments) -> Moments:
    """The same in single precision: those of all lags are kept together."""
    return replace(moments, xx=moments.xx.astype(np.float32), xy=moments.xy.astype(np.float32))


class Training(Protocol):
    """What a breakdown needs of a training: see `rtalign.training.trainer.FitInputs`."""

    @property
    def prepared(self) -> Sequence[PreparedRecording]: ...

    @property
    def recipe(self) -> Recipe: ...

    @property
    def fold(self) -> np.ndarray: ...

    @property
    def targets(self) -> LagTargets: ...

    @property
    def penalties(self) -> np.ndarray | None: ...


def of_training(inputs: Training, work: TensorFile, progress: Progress) -> dict[str, Any]:
    """The breakdown of a training whose lags are all fitted; decoders of a coarse grid are solved from its sums again.

    Parameters
    ----------
    inputs : Training
        It extends no bank.
    work : TensorFile
        The sums of all lags.
    progress : Progress
        Shows the stage.
    """
    targets, recipe, folds = inputs.targets, inputs.recipe, range(len(inputs.targets.values))
    turns, precision = targets.rotations.outer, recipe.fit.precision

    def decode(index: int) -> DecodedLag:
        moments = [bank_writer.lag_moments(work, index, k, targets.moments[k]) for k in folds]
        fitted = ridge.fit_ridge(moments, recipe.fit.alphas, targets.rotations, precision, penalties=inputs.penalties)
        signal = read_lag(inputs.prepared, float(recipe.lags.seconds[index]))
        predicted = [signal[inputs.fold == k] @ fitted.weights[k] + fitted.bias[k] for k in folds]
        return DecodedLag(
            list(fitted.weights), [_small(m.rotate(turn)) for m, turn in zip(moments, turns, strict=True)], predicted
        )

    turned = [rotate(y, turn.astype(y.dtype)) for y, turn in zip(targets.values, turns, strict=True)]
    found = kinds_of_words(inputs.prepared, recipe, progress)
    kinds = {name: [mask[inputs.fold == k] for k in folds] for name, mask in found.items()}
    return break_down(recipe.lags.seconds, decode, turned, kinds, targets.n_layers, progress)
