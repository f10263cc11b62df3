"""train: recordings and a language model to a bank of decoders, cross-validated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial, reduce
from operator import add
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rtalign.core.cache import cache_folder
from rtalign.core.files import replaced_folder
from rtalign.core.machine import worker_count
from rtalign.core.parallel import run_ordered
from rtalign.core.progress import Progress
from rtalign.core.recipe import Recipe
from rtalign.core.records import Recording
from rtalign.core.tensorfile import TensorFile
from rtalign.decoding import folds, ridge
from rtalign.decoding.bank import DecoderBank, make_passport
from rtalign.decoding.block_pairs import block_pairs
from rtalign.decoding.moments import Moments, rotate
from rtalign.decoding.projection import Projection, fit_projection, leading_rotation
from rtalign.scoring.cross_validated import Draws, Prepared, score
from rtalign.scoring.curves import Curves, LagScore
from rtalign.scoring.sign_flips import draw_signs, null_of_pairs
from rtalign.scoring.statistics import by_layer
from rtalign.training import bank_writer, results
from rtalign.training.noise_ceilings import measure_noise_ceilings, write_noise_ceilings
from rtalign.training.prepare import (
    ActivationRequest,
    PreparedRecording,
    count_skipped,
    fold_targets,
    prepare_recordings,
    read_lag,
)
from rtalign.training.results import write_results
from rtalign.training.sensor_moments import SensorMomentsFile, fold_moments

if TYPE_CHECKING:
    from rtalign.language.model import LanguageModel


@dataclass(frozen=True, slots=True, eq=False)
class FitInputs:
    """Everything that the fit of one lag needs, the same for all lags.

    Attributes
    ----------
    prepared : sequence of PreparedRecording
        Signal and onsets.
    recipe : Recipe
        Its lags and fit are used.
    projection : Projection
        The wide basis of the targets.
    fold : ndarray of int, shape (word,)
        The fold of every word in use, over all recordings.
    targets : sequence of ndarray, shape (word, layer x wide)
        One a fold.
    target_moments : sequence of Moments
        Of the targets alone, one a fold.
    rotations : FoldRotations
        Of the wide basis, per fold and final.
    draws, drawn_targets : Draws, Prepared
        The shifts and bootstrap samples, and the targets prepared for them.
    share : float
        These words as a part of all words, 1 for a new bank.
    earlier : TensorFile or None
        The sums of the bank that is extended.
    device : str
        Of the search for penalties.
    work : TensorFile or None
        The file that takes the decoders; None where only their scores are wanted.
    sensor_moments : SensorMomentsFile or None
        Moments of the same signal, computed before for all models.
    """

    prepared: Sequence[PreparedRecording]
    recipe: Recipe
    projection: Projection
    fold: np.ndarray
    targets: Sequence[np.ndarray]
    target_moments: Sequence[Moments]
    rotations: ridge.FoldRotations
    draws: Draws
    drawn_targets: Prepared
    share: float
    earlier: TensorFile | None
    device: str
    work: TensorFile | None = None
    sensor_moments: SensorMomentsFile | None = None

    @property
    def n_layers(self) -> int:
        """How many layers are decoded."""
        return len(self.rotations.final)


@dataclass(frozen=True, slots=True, eq=False)
class LagFit:
    """The fit of one lag.

    Attributes
    ----------
    moments : sequence of Moments
        One a fold.
    fit : RidgeFit
        Decoders and their scores.
    r : ndarray, shape (layer,)
        Mean over folds and targets, from the sums.
    predicted : sequence of ndarray, shape (word of the fold, target)
        Held-out predictions, one a fold.
    pairs : ndarray, shape (layer, block, block)
        R taken apart; see `rtalign.decoding.block_pairs`.
    """

    moments: Sequence[Moments]
    fit: ridge.RidgeFit
    r: np.ndarray
    predicted: Sequence[np.ndarray]
    pairs: np.ndarray


def train(
    recordings: Sequence[Recording],
    model: LanguageModel,
    recipe: Recipe,
    out: Path,
    progress: Progress | None = None,
    *,
    device: str = "cpu",
    extend: DecoderBank | None = None,
    store: Path | None = None,
    extra: dict[str, Any] | None = None,
    repeats: Sequence[Recording] = (),
) -> dict[str, Any]:
    """Fit, cross-validate and save a bank of decoders.

    What is finished is kept in `store`; after an interruption the same call continues from there.

    Parameters
    ----------
    recordings : sequence of Recording
        Of one person, with the same sensors.
    model : LanguageModel
        As `rtalign.language.load` gives it.
    recipe : Recipe
        Every setting that changes a number.
    out : Path
        Folder of the bank; an older one is replaced.
    progress : Progress, optional
        Shows the stages; by default nothing is shown.
    device : str
        Of the search for penalties: "cpu" or a device of torch.
    extend : DecoderBank, optional
        A bank whose words are added to these, without reading its recordings again.
    store : Path, optional
        The cache folder; by default `rtalign.core.cache_folder()`.
    extra : dict, optional
        More entries of summary.json.
    repeats : sequence of Recording
        Recordings of one and the same sound, for the noise ceiling.

    Returns
    -------
    dict
        The contents of summary.json.

    Examples
    --------
    >>> summary = train(recordings, load("smollm2"), Recipe.preset("live"), Path("my-bank"))  # doctest: +SKIP
    """
    store, progress = store or cache_folder(), progress or Progress(quiet=True)
    layers = list(extend.layers) if extend else recipe.language.layer_indices(model.info.n_layers)
    prepared = prepare_recordings(
        recordings, ActivationRequest(model, recipe.language, layers), recipe, store, progress
    )
    fold = folds.assign_folds([one.onsets for one in prepared], recipe.fit, float(np.ptp(recipe.lags.seconds)))
    with progress.stage("targets", len(layers), "layers") as stage:
        projection = extend.projection if extend else fit_wide_basis(prepared, recipe, fold)
        folder = bank_writer.work_folder(store, prepared, model, recipe, extend)
        work = bank_writer.open_bank_file(folder, len(prepared[0].recording.sensors), recipe, projection)
        inputs = make_fit_inputs(prepared, recipe, projection, fold, earlier=extend.tensors if extend else None)
        inputs = replace(inputs, work=work, device=device)
        stage.advance(len(layers))
    _fit_lags(inputs, work, progress)
    extra = (extra or {}) | {"pca_variance": projection.variance[:, : projection.components].sum(axis=1).tolist()}
    extra |= {"null": null_method(recipe)}
    curves = _curves(work, recipe, layers, model.info.n_layers)
    skipped = count_skipped(prepared, purged=int((fold == folds.PURGED).sum()))
    ceilings = measure_noise_ceilings(repeats, recipe, progress)
    passport = _passport(inputs, layers, model, extend)
    with replaced_folder(out) as partial_out:
        bank = partial_out / "bank.safetensors"
        bank_writer.finish_bank_file(work, projection, inputs.target_moments, inputs.earlier, bank)
        extra |= {"notes": write_noise_ceilings(partial_out, ceilings)}
        return write_results(partial_out, "train", passport, recipe, skipped, curves, progress, **extra)


def _curves(work: TensorFile, recipe: Recipe, layers: Sequence[int], n_layers: int) -> Curves:
    depth = np.array(layers) / max(n_layers - 1, 1)
    r, null, boot = (np.array(work[name]) for name in ("r", "null", "boot"))
    return Curves(recipe.lags.seconds, np.array(layers), depth, r, null, boot, bank_writer.statistics(work))


def fit_wide_basis(prepared: Sequence[PreparedRecording], recipe: Recipe, fold: np.ndarray) -> Projection:
    """Fit the wide basis to the words that are in a fold."""
    kept = np.split(fold != folds.PURGED, np.cumsum([len(one.used) for one in prepared])[:-1])
    activations = [one.used_activations.select(k) for one, k in zip(prepared, kept, strict=True)]
    return fit_projection(activations, recipe.language.components)


def make_fit_inputs(
    prepared: Sequence[PreparedRecording],
    recipe: Recipe,
    projection: Projection,
    fold: np.ndarray,
    earlier: TensorFile | None = None,
) -> FitInputs:
    """Compute what does not depend on the lag."""
    targets = fold_targets(prepared, projection, fold, recipe.fit.folds)
    n_layers = len(projection.mean)
    own = [Moments.from_data(np.empty((len(y), 0), np.float32), y, "float64", groups=n_layers) for y in targets]
    total = [m + bank_writer.earlier_moments(earlier, None, k) for k, m in enumerate(own)] if earlier else own
    rotations = _rotations(total, projection.components)
    draws = Draws.plan(fold, n_layers, recipe.fit, shifts=null_method(recipe)["method"] == "shifts")
    drawn = draws.prepare([rotate(y, r.astype(np.float32)) for y, r in zip(targets, rotations.outer, strict=True)])
    share = sum(m.n for m in own) / sum(m.n for m in total)
    return FitInputs(
        prepared, recipe, projection, fold, targets, own, rotations, draws, drawn, share, earlier, device="cpu"
    )


def _rotations(moments: Sequence[Moments], components: int) -> ridge.FoldRotations:
    """Each fold's principal components, from the other folds' words alone; the final ones from all words."""
    others = [reduce(add, (m for i, m in enumerate(moments) if i != k)) for k in range(len(moments))]
    final = np.zeros((*moments[0].yy.shape[:2], components))
    final[:, np.arange(components), np.arange(components)] = 1  # the wide basis is in order of variance already
    return ridge.FoldRotations([leading_rotation(m.yy, components) for m in others], final)


def _fit_lags(inputs: FitInputs, work: TensorFile, progress: Progress) -> None:
    """Fit every lag that is not done yet, several at the same time."""
    done = work["done"]
    todo = np.flatnonzero(done == 0)
    with progress.stage("decoders", len(done), "lags") as stage:
        stage.skip(len(done) - len(todo))
        jobs = [partial(_fit_and_store, inputs, int(index)) for index in todo]
        for index in run_ordered(jobs, worker_count(_bytes(inputs))):
            done[index] = 1
            stage.advance()


def _bytes(inputs: FitInputs) -> float:
    n_folds, n_targets = len(inputs.targets), inputs.n_layers * inputs.rotations.final.shape[2]
    return lag_bytes(len(inputs.fold), inputs.prepared[0].signal.n_sensors, n_targets, n_folds)


def lag_bytes(n_words: int, n_sensors: int, n_targets: int, n_folds: int) -> float:
    """Memory that the fit of one lag takes: the words' signals twice, predictions, and one fold of these in use."""
    return 4.0 * n_words * (2 * n_sensors + n_targets * (1 + 3 / n_folds))


def _fit_and_store(inputs: FitInputs, index: int) -> int:
    fitted = fit_lag(inputs, index)
    _store(inputs, index, fitted, score(inputs.draws, fitted.predicted, inputs.drawn_targets))
    return index


def fit_lag(inputs: FitInputs, index: int) -> LagFit:
    """Fit the decoders of one lag and predict its held-out words."""
    recipe, shared = inputs.recipe, inputs.sensor_moments
    signal = read_lag(inputs.prepared, float(recipe.lags.seconds[index]))
    sensors = shared.moments(index) if shared else fold_moments(inputs.prepared, signal, inputs.fold, recipe.fit)
    fold_signals = [signal[inputs.fold == k] for k in range(len(inputs.targets))]
    del signal
    moments = [
        Moments.from_data(x, y, recipe.fit.precision, inputs.n_layers, same_y=known, same_x=seen)
        for x, y, known, seen in zip(fold_signals, inputs.targets, inputs.target_moments, sensors, strict=True)
    ]
    own = moments
    if inputs.earlier:
        moments = [m + bank_writer.earlier_moments(inputs.earlier, index, k) for k, m in enumerate(own)]
    bases = shared.bases(index) if shared else ridge.eigen_bases(moments, recipe.fit.precision)
    precision, alphas = recipe.fit.precision, recipe.fit.alphas
    fit = ridge.fit_ridge(moments, alphas, inputs.rotations, precision, inputs.device, bases=bases)
    predicted = [x @ w + b for x, w, b in zip(fold_signals, fit.weights, fit.bias, strict=True)]
    pairs = block_pairs(fold_signals, inputs.targets, own, fit.alpha, bases, inputs.rotations)
    return LagFit(moments, fit, fit.r.reshape(len(fit.r), inputs.n_layers, -1).mean(axis=(0, 2)), predicted, pairs)


def null_method(recipe: Recipe) -> dict[str, Any]:
    """Which null a bank has, for its summary."""
    return {"method": "shifts" if recipe.fit.fold_kind == "legacy" else "signs", "draws": recipe.fit.null_draws}


def null_of_lag(fitted: LagFit, scored: LagScore, recipe: Recipe) -> np.ndarray:
    """(draw, layer): R of unrelated words, decoders refitted.

    Shuffled folds share signal with each other, which no block of theirs is free of; they keep the shifts.
    """
    if null_method(recipe)["method"] == "shifts":
        return scored.null
    signs = draw_signs(recipe.fit.null_draws, fitted.pairs.shape[1], recipe.fit.seed)
    return null_of_pairs(fitted.pairs, signs)


def _store(inputs: FitInputs, index: int, fitted: LagFit, scored: LagScore) -> None:
    """Write one lag's part of every array of the bank.

    R comes from the sums, and so covers an extended bank's earlier words too; null and bootstrap are drawn on the new
    words, and narrowed to what all words together would give.
    """
    assert inputs.work is not None
    work, n_layers, fit, r = inputs.work, inputs.n_layers, fitted.fit, fitted.r
    total = reduce(add, fitted.moments)
    work["weights"][index], work["bias"][index] = fit.final_weights, fit.final_bias
    work["mean_x"][index], work["alphas"][index] = total.mean_x, fit.final_alpha
    work["patterns"][:, index] = bank_writer.patterns(total.xx / total.n, fit.final_weights, n_layers)
    work["r"][:, index] = r
    for name, values in by_layer(fit.agreements, n_layers).items():
        work[bank_writer.STATISTIC + name][:, index] = values
    work["null"][:, :, index] = null_of_lag(fitted, scored, inputs.recipe) * np.sqrt(inputs.share)
    work["boot"][:, :, index] = r + (scored.boot - scored.r) * np.sqrt(inputs.share)
    for k, m in enumerate(fitted.moments):
        work["moments_mean_x"][index, k] = m.mean_x
        work["moments_xx"][index, k], work["moments_xy"][index, k] = m.xx, m.xy


def _passport(
    inputs: FitInputs, layers: Sequence[int], model: LanguageModel, extend: DecoderBank | None
) -> dict[str, Any]:
    first = inputs.prepared[0]
    before: dict[str, Any] = extend.passport if extend else {"recordings": [], "n_words": 0}
    return make_passport(
        recordings=[*before["recordings"], *(results.recording_entry(one) for one in inputs.prepared)],
        n_words=int(before["n_words"]) + int((inputs.fold != folds.PURGED).sum()),
        sensors=first.recording.sensors,
        layers=layers,
        components=inputs.projection.components,
        model=results.model_entry(model),
        chain=first.chain,
        reading=inputs.recipe.language.reading,
        versions=results.package_versions(),
        created=results.utc_now(),
    )
