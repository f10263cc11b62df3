"""train: recordings and a language model to a bank of decoders, cross-validated."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from operator import add
from pathlib import Path
from typing import Any

import numpy as np

from rtalign.core import cache
from rtalign.core.machine import workers
from rtalign.core.parallel import run_ordered
from rtalign.core.progress import Progress
from rtalign.core.recipe import Recipe
from rtalign.core.records import Recording
from rtalign.core.tensorfile import TensorFile
from rtalign.decoding import folds, ridge
from rtalign.decoding.bank import DecoderBank, make_passport
from rtalign.decoding.moments import Moments, rotate
from rtalign.decoding.projection import Projection, fit_projection, leading_rotation
from rtalign.scoring.cross_validated import Draws, LagScore, Prepared, score
from rtalign.scoring.curves import Curves
from rtalign.scoring.statistics import by_layer
from rtalign.training import bank_writer, results
from rtalign.training.noise_ceilings import ceilings
from rtalign.training.noise_ceilings import write as write_ceilings
from rtalign.training.prepare import Story, prepare, read_lag, skip_counts, targets_of_folds, used_activations
from rtalign.training.results import new_folder, write_results
from rtalign.training.sensor_moments import Brain, fresh


@dataclass(frozen=True, slots=True, eq=False)
class Job:
    """Everything the fit of one lag needs.

    targets : one (word, layer x wide) a fold; known : their moments, which no lag changes;
    rotations : of the wide basis, per fold and final; share : how much of all words these are, 1 for a new bank;
    earlier : per lag and fold the sums that an extended bank brings, or None.
    work : where decoders are kept; None where only their scores are wanted.
    brain : what other models have found out about the same signal, or None.
    """

    stories: Sequence[Story]
    recipe: Recipe
    fold: np.ndarray
    targets: Sequence[np.ndarray]
    known: Sequence[Moments]
    rotations: ridge.FoldRotations
    draws: Draws
    prepared: Prepared
    share: float
    earlier: TensorFile | None
    device: str
    work: TensorFile | None = None
    brain: Brain | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """What one lag says.  r : (layer,), from the sums; predicted : one (word of the fold, target) a fold."""

    moments: Sequence[Moments]
    fit: ridge.RidgeFit
    r: np.ndarray
    predicted: Sequence[np.ndarray]


def train(
    recordings: Sequence[Recording],
    model: Any,
    recipe: Recipe,
    out: Path,
    progress: Progress,
    *,
    device: str = "cpu",
    extend: DecoderBank | None = None,
    store: Path | None = None,
    extra: dict[str, Any] | None = None,
    repeats: Sequence[Recording] = (),
) -> dict[str, Any]:
    """Fit, test and save a bank in the folder `out`; returns its summary.  repeats : hearings of one same sound.

    What was finished is kept in `store`; the same call goes on from there after an interruption.
    """
    store = store or cache.folder()
    layers = list(extend.layers) if extend else recipe.language.layer_indices(model.info.n_layers)
    stories = prepare(recordings, model, recipe, layers, store, progress)
    fold = folds.assign_folds([s.onsets for s in stories], recipe.fit, float(np.ptp(recipe.lags.seconds)))
    with progress.stage("targets", len(layers), "layers") as stage:
        projection = extend.projection if extend else projection_of(stories, recipe, fold)
        work = bank_writer.lay(store, stories, model, recipe, projection, extend)
        job = replace(job_of(stories, recipe, projection, fold, extend, device), work=work)
        stage.advance(len(layers))
    _fit(job, work, progress)
    n_layers = model.info.n_layers
    depth = np.array(layers) / max(n_layers - 1, 1)
    r, null, boot = (np.array(work[name]) for name in ("r", "null", "boot"))
    curves = Curves(recipe.lags.seconds, np.array(layers), depth, r, null, boot, bank_writer.statistics(work))
    passport = _passport(stories, fold, layers, projection, model, extend)
    skipped = skip_counts(stories, purged=int((fold == folds.PURGED).sum()))
    heard = ceilings(repeats, recipe, progress)
    extra = (extra or {}) | {"pca_variance": projection.variance[:, : projection.components].sum(axis=1).tolist()}
    with new_folder(out) as partial:
        bank_writer.close(work, projection, job.known, job.earlier, partial / "bank.safetensors")
        extra |= {"notes": write_ceilings(partial, heard)}
        return write_results(partial, "train", passport, recipe, skipped, curves, progress, **extra)


def projection_of(stories: Sequence[Story], recipe: Recipe, fold: np.ndarray) -> Projection:
    """The wide basis, from the words that are in a fold."""
    kept = np.split(fold != folds.PURGED, np.cumsum([len(s.used) for s in stories])[:-1])
    activations = [a.only(k) for a, k in zip(used_activations(stories), kept, strict=True)]
    return fit_projection(activations, recipe.language.components)


def job_of(
    stories: Sequence[Story],
    recipe: Recipe,
    projection: Projection,
    fold: np.ndarray,
    extend: DecoderBank | None = None,
    device: str = "cpu",
) -> Job:
    """The lag-independent half of the work."""
    targets = targets_of_folds(stories, projection, fold, recipe.fit.folds)
    n_layers = len(projection.mean)
    known = [Moments.from_data(np.empty((len(y), 0), np.float32), y, "float64", groups=n_layers) for y in targets]
    earlier = extend.tensors if extend else None
    both = [m + bank_writer.recall(earlier, None, k) for k, m in enumerate(known)] if earlier else known
    rotations = _rotations(both, projection.components)
    draws = Draws.plan(fold, n_layers, recipe.fit)
    prepared = draws.prepare([rotate(y, r.astype(np.float32)) for y, r in zip(targets, rotations.outer, strict=True)])
    share = sum(m.n for m in known) / sum(m.n for m in both)
    return Job(stories, recipe, fold, targets, known, rotations, draws, prepared, share, earlier, device)


def _rotations(known: Sequence[Moments], components: int) -> ridge.FoldRotations:
    """Each fold's principal components, from the other folds' words alone; the bank's own from all of them."""
    others = [reduce(add, (m for i, m in enumerate(known) if i != k)) for k in range(len(known))]
    final = np.zeros((*known[0].yy.shape[:2], components))
    final[:, np.arange(components), np.arange(components)] = 1  # the wide basis is in order of variance already
    return ridge.FoldRotations([leading_rotation(m.yy, components) for m in others], final)


def _fit(job: Job, work: TensorFile, progress: Progress) -> None:
    """Every lag that is not done yet, side by side."""
    done = work["done"]
    todo = np.flatnonzero(done == 0)
    with progress.stage("decoders", len(done), "lags") as stage:
        stage.skip(len(done) - len(todo))
        for index in run_ordered([_lag(job, int(i)) for i in todo], workers(_bytes(job))):
            done[index] = 1
            stage.advance()


def _bytes(job: Job) -> float:
    n_folds, kept = len(job.known), job.rotations.final.shape[0] * job.rotations.final.shape[2]
    return lag_bytes(len(job.fold), job.stories[0].tape.n_sensors, kept, n_folds)


def _lag(job: Job, index: int) -> Callable[[], int]:
    return lambda: fit_lag(job, index)


def lag_bytes(n_words: int, n_sensors: int, n_targets: int, n_folds: int) -> float:
    """What fitting one lag holds in memory: the words' signals twice, predictions, and one fold of these at work."""
    return 4.0 * n_words * (2 * n_sensors + n_targets * (1 + 3 / n_folds))


def fit_lag(job: Job, index: int) -> int:
    """Fit, test and store one lag."""
    found = look(job, index)
    _store(job, index, found, score(job.draws, found.predicted, job.prepared))
    return index


def look(job: Job, index: int) -> Look:
    """Fit one lag and predict its held-out words."""
    signal = read_lag(job.stories, float(job.recipe.lags.seconds[index]))
    precision, n_layers = job.recipe.fit.precision, len(job.rotations.final)
    seen = job.brain.moments(index) if job.brain else fresh(job.stories, signal, job.fold, job.recipe.fit)
    heard = [signal[job.fold == k] for k in range(len(job.known))]
    del signal
    moments = [
        Moments.from_data(x, y, precision, len(known.yy), same_y=known, same_x=sensors)
        for x, y, known, sensors in zip(heard, job.targets, job.known, seen, strict=True)
    ]
    if job.earlier:
        moments = [m + bank_writer.recall(job.earlier, index, k) for k, m in enumerate(moments)]
    shared = job.brain.bases(index) if job.brain else None
    fit = ridge.fit_ridge(moments, job.recipe.fit.alphas, job.rotations, precision, job.device, bases=shared)
    predicted = [x @ w + b for x, w, b in zip(heard, fit.weights, fit.bias, strict=True)]
    return Look(moments, fit, fit.r.reshape(len(fit.r), n_layers, -1).mean(axis=(0, 2)), predicted)


def _store(job: Job, index: int, found: Look, scored: LagScore) -> None:
    """One lag's row of everything.

    R comes from the sums, and so covers an extended bank's earlier words too; null and bootstrap are drawn on the words
    at hand, and narrowed to what all words together would give.
    """
    assert job.work is not None
    work, n_layers, fit, r = job.work, len(job.rotations.final), found.fit, found.r
    total = reduce(add, found.moments)
    work["weights"][index], work["bias"][index] = fit.final_weights, fit.final_bias
    work["mean_x"][index], work["alphas"][index] = total.mean_x, fit.final_alpha
    work["patterns"][:, index] = bank_writer.patterns(total.xx / total.n, fit.final_weights, n_layers)
    work["r"][:, index] = r
    for name, values in by_layer(fit.agreements, n_layers).items():
        work[bank_writer.STATISTIC + name][:, index] = values
    work["null"][:, :, index] = scored.null * np.sqrt(job.share)
    work["boot"][:, :, index] = r + (scored.boot - scored.r) * np.sqrt(job.share)
    for k, m in enumerate(found.moments):
        work["moments_mean_x"][index, k] = m.mean_x
        work["moments_xx"][index, k], work["moments_xy"][index, k] = m.xx, m.xy


def _passport(
    stories: Sequence[Story],
    fold: np.ndarray,
    layers: Sequence[int],
    projection: Projection,
    model: Any,
    extend: DecoderBank | None,
) -> dict[str, Any]:
    entries = [results.recording_entry(s) for s in stories]
    before: dict[str, Any] = extend.passport if extend else {"recordings": [], "n_words": 0}
    return make_passport(
        recordings=[*before["recordings"], *entries],
        n_words=int(before["n_words"]) + int((fold != folds.PURGED).sum()),
        sensors=stories[0].recording.sensors,
        layers=layers,
        components=projection.components,
        model=results.model_entry(model),
        chain=stories[0].chain,
        versions=results.versions(),
        created=results.now(),
    )
