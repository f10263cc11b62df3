"""train: recordings and a language model to a bank of decoders, cross-validated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial, reduce
from operator import add
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rtalign.core.machine import worker_count
from rtalign.core.parallel import run_ordered
from rtalign.core.progress import Progress
from rtalign.core.recipe import Recipe
from rtalign.core.records import Recording
from rtalign.core.storage.cache import cache_folder
from rtalign.core.storage.files import replaced_folder
from rtalign.core.storage.tensorfile import TensorFile
from rtalign.core.word_blocks import assign_blocks
from rtalign.decoding import folds, ridge
from rtalign.decoding.bank import DecoderBank, make_passport
from rtalign.decoding.penalties import HeldOut
from rtalign.decoding.projection import Projection
from rtalign.recordings.spatial_filters import shared_filter
from rtalign.scoring.statistics import STATISTIC, by_layer
from rtalign.training import bank_writer, breakdown, results
from rtalign.training.components import fit_wide_basis, stories_of
from rtalign.training.controls.runs import (
    BREAKDOWN,
    ControlRun,
    LoadTwin,
    SharedWords,
    check_controls,
    merged,
    plan_controls,
    plan_twin,
)
from rtalign.training.dimension import intrinsic_dimensions
from rtalign.training.lag.fit import LagFit, fit_words, null_method, search_penalties, searched_lags
from rtalign.training.lag.targets import LagTargets
from rtalign.training.lag.words import LagWords
from rtalign.training.noise_ceilings import measure_noise_ceilings, write_noise_ceilings
from rtalign.training.prepare import (
    ActivationRequest,
    PreparedRecording,
    count_skipped,
    fold_targets,
    prepare_recordings,
    read_lag,
)
from rtalign.training.results import stretches, write_results
from rtalign.training.sensor_moments import SensorMomentsFile

if TYPE_CHECKING:  # importing them would import torch
    from rtalign.decoding.gpu.products import GpuTargets
    from rtalign.language.model import LanguageModel

SLIM_NOTE = "slim bank: it scores, live too; it cannot be extended, and learns nothing on the way"


@dataclass(frozen=True, slots=True, eq=False)
class FitInputs:
    """Everything that the fit of one lag needs, the same for all lags.

    Attributes
    ----------
    prepared : sequence of PreparedRecording
        Signal and onsets.
    recipe : Recipe
        Its lags and fit are used.
    fold : ndarray of int, shape (word,)
        The fold of every word in use, over all recordings.
    targets : LagTargets
        Of the same words, fold by fold.
    share : float
        These words as a part of all words, 1 for a new bank.
    earlier : TensorFile or None
        The sums of the bank that is extended.
    gpu : GpuTargets or None
        The targets in a GPU's memory, where the sums over words are made there.
    penalties : ndarray, shape (fold + 1, target), or None
        Of all lags; None where each lag chooses its own.
    work : TensorFile or None
        The file that takes the decoders; None where only their scores are wanted.
    sensor_moments : SensorMomentsFile or None
        Moments of the same signal, computed before for all models.
    controls : sequence of ControlRun
        What is fitted beside the plain decoders.
    """

    prepared: Sequence[PreparedRecording]
    recipe: Recipe
    fold: np.ndarray
    targets: LagTargets
    share: float
    earlier: TensorFile | None
    gpu: GpuTargets | None = None
    penalties: np.ndarray | None = None
    work: TensorFile | None = None
    sensor_moments: SensorMomentsFile | None = None
    controls: Sequence[ControlRun] = ()


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
    controls: Sequence[str] = (),
    twins: Mapping[str, LoadTwin] | None = None,
    slim: bool = False,
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
        Where the sums over words are made: "cpu" or a GPU of torch.
    extend : DecoderBank, optional
        A bank whose words are added to these, without reading its recordings again.
    store : Path, optional
        The cache folder; by default `rtalign.core.cache_folder()`.
    extra : dict, optional
        More entries of summary.json.
    repeats : sequence of Recording
        Recordings of one and the same sound, for the noise ceiling.
    controls : sequence of str
        Of `rtalign.training.controls.runs.CONTROLS`; a bank that is extended takes none.
    twins : mapping of str to callable, optional
        By name of MODEL_TWINS: loads a model that is fitted to the same signal in the place of this one.
    slim : bool
        Whether the bank is left without the sums over its words, most of its size: it scores, live too, but can
        neither be extended nor learn on the way.

    Returns
    -------
    dict
        The contents of summary.json.

    Examples
    --------
    >>> summary = train(recordings, load("smollm2"), Recipe.preset("live"), Path("my-bank"))  # doctest: +SKIP
    """
    store, progress = store or cache_folder(), progress or Progress(quiet=True)
    progress.seconds.clear()  # what was done before is not part of these results
    check_controls([*controls, *(twins or {})], extended=extend is not None)
    if extend:
        extend.require_sums("--extend")
    layers = list(extend.layers) if extend else recipe.language.layer_indices(model.info.n_layers)
    spatial = extend.spatial if extend else shared_filter(recordings, recipe.chain.spatial)
    request = ActivationRequest(model, recipe.language, layers, words=recipe.words)
    prepared = prepare_recordings(recordings, request, recipe, store, progress, spatial)
    fold = folds.assign_folds([one.onsets for one in prepared], recipe.fit, float(np.ptp(recipe.lags.seconds)))
    with progress.stage("targets", len(layers), "layers") as stage:
        projection = extend.projection if extend else fit_wide_basis(stories_of(prepared), recipe, device, store)
        folder = bank_writer.work_folder(store, prepared, model, recipe, extend, spatial)
        work = bank_writer.open_bank_file(folder, len(prepared[0].recording.sensors), recipe, projection)
        before = extend.tensors if extend else None
        inputs = make_fit_inputs(prepared, recipe, projection, fold, earlier=before, device=device)
        inputs = replace(inputs, work=work)
        stage.advance(len(layers))
    if controls or twins:
        shared = SharedWords(prepared, inputs.targets, fold, recipe, folder)
        runs = plan_controls(controls, shared, ActivationRequest(model, recipe.language, [0], surprisal=True), progress)
        runs += [plan_twin(name, load, layers, shared, progress) for name, load in (twins or {}).items()]
        inputs = replace(inputs, controls=runs)
    inputs = find_penalties(inputs, progress)
    _fit_lags(inputs, work, progress)
    extra = (extra or {}) | {"pca_variance": projection.variance[:, : projection.components].sum(axis=1).tolist()}
    extra |= {"null": null_method(recipe.fit), "dimension": intrinsic_dimensions(prepared)}
    bank_writer.write_noise(work, inputs.targets.block_words)
    curves = bank_writer.read_curves(work, recipe.lags.seconds, layers, model.info.n_layers)
    extra |= merged(inputs.controls, curves, recipe.fit.peak)
    extra |= {"stretches": stretches(prepared, fold, np.array(work["r_fold"]), recipe.fit)}
    if BREAKDOWN in controls:
        extra |= {"breakdown": breakdown.of_training(inputs, work, progress)}
    skipped = count_skipped(prepared, purged=int((fold == folds.PURGED).sum()))
    ceilings = measure_noise_ceilings(repeats, recipe, progress, spatial)
    passport = _passport(inputs, layers, projection.components, model, extend)
    with replaced_folder(out) as partial_out:
        bank = partial_out / "bank.safetensors"
        bank_writer.finish_bank_file(work, projection, inputs.targets.moments, inputs.earlier, bank, slim)
        if spatial is not None:
            spatial.save(partial_out)
        for basis in (run.basis for run in inputs.controls if run.basis):
            basis.save(partial_out)
        notes = [SLIM_NOTE] if slim else []
        extra |= {"notes": [*notes, *write_noise_ceilings(partial_out, ceilings)]}
        summary = write_results(partial_out, "train", passport, recipe, skipped, curves, progress, **extra)
    bank_writer.remove_work(work)
    return summary


def make_fit_inputs(
    prepared: Sequence[PreparedRecording],
    recipe: Recipe,
    projection: Projection,
    fold: np.ndarray,
    earlier: TensorFile | None = None,
    device: str = "cpu",
) -> FitInputs:
    """Compute what does not depend on the lag; a GPU keeps the targets for the sums over words."""
    values = fold_targets(prepared, projection, fold, recipe.fit.folds)
    n_folds, n_layers = recipe.fit.folds, len(projection.mean)
    run = np.repeat(np.arange(len(prepared)), [len(one.used) for one in prepared])
    blocks = [assign_blocks(run[fold == k]) for k in range(n_folds)]
    before = [bank_writer.earlier_moments(earlier, None, k) for k in range(n_folds)] if earlier else ()
    targets = LagTargets.of(values, n_layers, projection.components, blocks, recipe.fit, before)
    own = sum(m.n for m in targets.moments)
    share = own / (own + sum(m.n for m in before))
    return FitInputs(prepared, recipe, fold, targets, share, earlier, targets.on(device, recipe.fit))


def _fit_lags(inputs: FitInputs, work: TensorFile, progress: Progress) -> None:
    """Fit every lag that is not done yet, several at the same time."""
    done = work["done"]
    todo = np.flatnonzero(np.min([done, *(run.done for run in inputs.controls)], axis=0) == 0)
    with progress.stage("decoders", len(done), "lags") as stage:
        stage.skip(len(done) - len(todo))
        jobs = [partial(_fit_and_store, inputs, int(index)) for index in todo]
        for index in run_ordered(jobs, worker_count(_bytes(inputs))):
            done[index] = 1
            stage.advance()


def _bytes(inputs: FitInputs) -> float:
    n_layers, _, components = inputs.targets.rotations.final.shape
    n_columns = inputs.prepared[0].signal.n_sensors + sum(run.control.n_nuisances for run in inputs.controls)
    return lag_bytes(len(inputs.fold), n_columns, n_layers * components, len(inputs.targets.values))


def lag_bytes(n_words: int, n_sensors: int, n_targets: int, n_folds: int) -> float:
    """Memory that the fit of one lag takes: the words' signals twice, predictions, and one fold of these in use."""
    return 4.0 * n_words * (2 * n_sensors + n_targets * (1 + 3 / n_folds))


def _fit_and_store(inputs: FitInputs, index: int) -> int:
    _store(inputs, index, fit_lag(inputs, index))
    return index


def find_penalties(inputs: FitInputs, progress: Progress, n_workers: int | None = None) -> FitInputs:
    """The inputs with the penalties that all lags share, of the plain decoders and of controls; as they are where the
    recipe has each lag choose its own.

    n_workers : lags that are searched at the same time; by default as many as cores and memory allow.
    """
    recipe, n_lags = inputs.recipe, len(inputs.recipe.lags.seconds)
    if recipe.fit.penalties == "lag":
        return inputs
    lags = searched_lags(n_lags)
    jobs = [partial(_search_lag, inputs, index) for index in lags]
    tested: dict[str, list[list[HeldOut]]] = {name: [] for name in ("", *(run.name for run in inputs.controls))}
    with progress.stage("penalties", len(lags), "lags") as stage:
        for found in run_ordered(jobs, n_workers or worker_count(_bytes(inputs))):
            for name, held_out in found.items():
                tested[name].append(held_out)
            stage.advance()
    chosen = {name: ridge.shared_penalties(found, recipe.fit.alphas) for name, found in tested.items()}
    runs = [replace(run, penalties=chosen[run.name]) for run in inputs.controls]
    return replace(inputs, penalties=chosen[""], controls=runs)


def _search_lag(inputs: FitInputs, index: int) -> dict[str, list[HeldOut]]:
    """Test every penalty at one lag, of the plain decoders ("") and of the controls that are searched there.

    All targets share the moments and principal directions of the signal.
    """
    words, fit = lag_words(inputs, index), inputs.recipe.fit
    moments = words.sums().moments
    total = words.with_earlier(moments)
    bases = words.bases or ridge.eigen_bases(total, fit.precision)
    words = replace(words, bases=bases, sensors=moments)
    found = {"": search_penalties(words, total)}
    for run in inputs.controls:
        if index % run.search_step == 0:
            found[run.name] = run.control.search(words, moments)
    return found


def fit_lag(inputs: FitInputs, index: int) -> LagFit:
    """Fit the decoders of one lag and predict its held-out words; what controls find there is written at once."""
    words = lag_words(inputs, index)
    fitted = fit_words(words, inputs.penalties)
    for run in inputs.controls:
        run.fit_and_write(index, words, fitted)
    return fitted


def lag_words(inputs: FitInputs, index: int) -> LagWords:
    """Read the words of one lag."""
    recipe, shared, n_folds = inputs.recipe, inputs.sensor_moments, len(inputs.targets.values)
    signal = read_lag(inputs.prepared, float(recipe.lags.seconds[index]))
    earlier = inputs.earlier
    return LagWords(
        [signal[inputs.fold == k] for k in range(n_folds)],
        inputs.targets,
        recipe.fit,
        sensors=shared.moments(index) if shared and not inputs.gpu else (),
        bases=shared.bases(index) if shared else None,
        earlier=[bank_writer.earlier_moments(earlier, index, k) for k in range(n_folds)] if earlier else (),
        gpu=inputs.gpu,
    )


def _store(inputs: FitInputs, index: int, fitted: LagFit) -> None:
    """Write one lag's part of every array of the bank.

    R comes from the sums, and so covers an extended bank's earlier words too; null draws and blocks are of the new
    words, what is drawn or left out narrowed to what all words together would give.
    """
    assert inputs.work is not None
    work, n_layers, fit, r = inputs.work, inputs.targets.n_layers, fitted.fit, fitted.r
    total = reduce(add, fitted.moments)
    work["weights"][index], work["bias"][index] = fit.final_weights, fit.final_bias
    work["mean_x"][index], work["alphas"][index] = total.mean_x, fit.final_alpha
    work["patterns"][:, index] = bank_writer.patterns(total.xx / total.n, fit.final_weights, n_layers)
    work["r"][:, index] = r
    work["r_fold"][:, :, index], work["r_block"][:, :, index] = fitted.r_fold, fitted.r_block
    for name, values in by_layer(fit.agreements, n_layers).items():
        work[STATISTIC + name][:, index] = values
    narrower = np.sqrt(inputs.share)
    work["null"][:, :, index] = fitted.null * narrower
    for name in ("left_out", "retrained", "halves"):
        work[name][:, :, index] = r + (getattr(fitted, name) - r) * narrower
    work["excess"][:, index] = fitted.excess * narrower**2
    for k, m in enumerate(fitted.moments):
        work["moments_mean_x"][index, k] = m.mean_x
        work["moments_xx"][index, k], work["moments_xy"][index, k] = m.xx, m.xy


def _passport(
    inputs: FitInputs, layers: Sequence[int], components: int, model: LanguageModel, extend: DecoderBank | None
) -> dict[str, Any]:
    first = inputs.prepared[0]
    before: dict[str, Any] = extend.passport if extend else {"recordings": [], "n_words": 0}
    return make_passport(
        recordings=[*before["recordings"], *(results.recording_entry(one) for one in inputs.prepared)],
        n_words=int(before["n_words"]) + int((inputs.fold != folds.PURGED).sum()),
        sensors=first.recording.sensors,
        layers=layers,
        components=components,
        model=results.model_entry(model),
        chain=first.chain,
        reading=inputs.recipe.language.reading,
        versions=results.package_versions(),
        created=results.utc_now(),
    )
