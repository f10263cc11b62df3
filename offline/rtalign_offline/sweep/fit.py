"""The fit of one job of a sweep: lag by lag, as the trainer does it, kept in one file while it is under way."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from threadpoolctl import threadpool_limits

from rtalign.core.parallel import run_ordered
from rtalign.core.progress import Progress
from rtalign.core.storage import cache
from rtalign.core.storage.tensorfile import save_tensors
from rtalign.decoding import folds
from rtalign.decoding.bank import make_passport
from rtalign.decoding.projection import Projection
from rtalign.scoring.curves import Curves
from rtalign.scoring.latency import noise_of_decoders
from rtalign.scoring.left_out import LeftOut
from rtalign.scoring.statistics import STATISTIC, STATISTICS, by_layer
from rtalign.training import results, trainer
from rtalign.training.components import load_basis
from rtalign.training.lag.fit import fit_words, null_method
from rtalign.training.prepare import PreparedRecording, count_skipped
from rtalign.training.results import write_results
from rtalign.training.sensor_moments import SensorMomentsFile
from rtalign_offline.sweep.lag_file import LagFile
from rtalign_offline.sweep.paths import SweepPaths, load_plan
from rtalign_offline.sweep.people import folds_of, prints_of
from rtalign_offline.sweep.plan import JobKey
from rtalign_offline.sweep.quartiles import Quartiles


def job_folder(paths: SweepPaths, key: JobKey, reading: Mapping[str, Any], prints: Sequence[str]) -> Path:
    """Where a job's results are, or will be; the name ends in a key of everything that they depend on.

    reading : the description of the model's reading; prints : `prints_of` the recordings.
    """
    plan = load_plan(paths)
    recipe, model = plan.recipe_for(key.context), reading["model"]
    parts = (
        recipe.fingerprint(),
        plan.quartiles,
        plan.refit_quartiles,
        list(prints),
        model["id"],
        model["revision"],
        reading["layers"],
    )
    return paths.home / "jobs" / f"{key.slug}-{cache.content_key('job-3', *parts)[:10]}"


def is_finished(folder: Path) -> bool:
    """Whether a job's results are there, as they were written; those of older versions have no hashes."""
    return folder.is_dir() and (not (folder / cache.SEAL).is_file() or cache.is_stored(folder))


class SharedWork(NamedTuple):
    """What a job has in common with others.  moments : the file of the person's; basis : the folder of components."""

    moments: Path
    basis: Path


def fit_job(
    paths: SweepPaths,
    key: JobKey,
    recordings: Sequence[PreparedRecording],
    reading: Mapping[str, Any],
    shared: SharedWork,
) -> Path:
    """The folder of results of one job, made if it is not there."""
    folder = job_folder(paths, key, reading, prints_of([r.recording for r in recordings]))
    if is_finished(folder):
        paths.journal.note("job", folder.name, "reused")
        return folder
    fit = _JobFit(paths, key, recordings, reading, shared)
    with paths.journal.computing("job", folder.name, fit.seconds_of_lags), threadpool_limits(1, user_api="blas"):
        fit.run(folder)
    return folder


def read_curves(tensors: Mapping[str, np.ndarray], quartile: int | None = None) -> Curves:
    """The curves of a job's draws.safetensors: of all words, or of a quartile of them."""
    r, halves = (tensors[name].astype(float) for name in ("r", "halves"))
    noise = noise_of_decoders(r, halves)
    axes = tensors["lags_s"], tensors["layers"], tensors["depth"]
    if quartile is not None:
        r, null, without, words, excess = (
            tensors[f"quartile_{name}"][quartile] for name in ("r", "null", "left_out", "block_words", "excess")
        )
        if "quartile_halves" in tensors:  # decoders of these words
            noise = noise_of_decoders(r.astype(float), tensors["quartile_halves"][quartile].astype(float))
        return Curves(*axes, r.astype(float), null, LeftOut.of(without, words, excess), noise)
    left_out = LeftOut.of(tensors["left_out"], tensors["block_words"], tensors["excess"])
    names = {s.name: STATISTIC + s.name for s in STATISTICS}
    statistics = {name: tensors[key].astype(float) for name, key in names.items() if key in tensors}
    return Curves(*axes, r, tensors["null"].astype(np.float32), left_out, noise, halves, statistics)


class _JobFit:
    """One job in progress."""

    def __init__(
        self,
        paths: SweepPaths,
        key: JobKey,
        recordings: Sequence[PreparedRecording],
        reading: Mapping[str, Any],
        shared: SharedWork,
    ) -> None:
        self._paths, self._key, self._recordings, self._reading = paths, key, recordings, reading
        self._plan = load_plan(paths)
        self._recipe = self._plan.recipe_for(key.context)
        self._fold = folds_of(recordings, self._recipe)
        self._shared = shared
        self._lag_s: list[float] = []

    def seconds_of_lags(self) -> float:
        """Processor time of the lags that were fitted."""
        return sum(self._lag_s)

    def run(self, folder: Path) -> None:
        """Fit the lags that are missing, side by side on the worker's cores, and write the results."""
        kept = LagFile(self._paths.home / "lags" / f"{folder.name}.safetensors")
        cpus, progress = self._plan.cluster.cpus, Progress(quiet=True)
        n_lags = len(self._recipe.lags.seconds)
        with progress.stage("targets", 1, "job"):
            with threadpool_limits(cpus, user_api="blas"):
                device = self._plan.fit_device
                projection = load_basis(self._shared.basis)
                inputs = trainer.make_fit_inputs(self._recordings, self._recipe, projection, self._fold, device=device)
            inputs = replace(inputs, sensor_moments=SensorMomentsFile(self._shared.moments))
            quartiles = None
            if self._plan.quartiles:
                refit = self._plan.refit_quartiles
                quartiles = Quartiles.of(inputs, self._surprisal(), refit=refit, n_workers=cpus)
        inputs = trainer.find_penalties(inputs, progress, cpus)
        with progress.stage("decoders", n_lags, "lags"):
            fits = [partial(self._lag, inputs, quartiles, lag, kept, folder.name) for lag in range(n_lags)]
            lags = list(run_ordered(fits, cpus))
        scores = {name: np.stack([lag[name] for lag in lags], axis=-1) for name in lags[0]}
        with cache.stored_folder(folder) as unfinished:
            self._write(unfinished, scores, inputs.targets.block_words, projection, quartiles, progress)
        kept.delete()

    def _surprisal(self) -> np.ndarray:
        """(word,) of the usable words."""
        return np.concatenate([r.used_activations.surprisal() for r in self._recordings])

    def _lag(
        self, inputs: trainer.FitInputs, quartiles: Quartiles | None, lag: int, kept: LagFile, job: str
    ) -> dict[str, np.ndarray]:
        """r (layer,), null (draw, layer), left_out (block, layer), halves (2, layer); of quartiles, they come first."""
        name = f"{job}/{lag}"
        if (found := kept.read(lag)) is not None:
            self._paths.journal.note("lag", name, "reused")
            return found
        start = time.thread_time()
        words = trainer.lag_words(inputs, lag)
        fitted = fit_words(words, inputs.penalties)
        scores = {"r": fitted.r}
        scores |= {n: getattr(fitted, n).astype(np.float32) for n in ("null", "left_out", "excess", "halves")}
        statistics = by_layer(fitted.fit.agreements, len(fitted.r))
        scores |= {STATISTIC + name: values for name, values in statistics.items()}
        if quartiles:
            scores |= quartiles.score(words, fitted)
        kept.write(lag, len(inputs.recipe.lags.seconds), scores)
        self._lag_s.append(time.thread_time() - start)
        self._paths.journal.note("lag", name, "computed", self._lag_s[-1])
        return scores

    def _write(
        self,
        folder: Path,
        scores: Mapping[str, np.ndarray],
        block_words: Sequence[int],
        projection: Projection,
        quartiles: Quartiles | None,
        progress: Progress,
    ) -> None:
        model, layers = self._reading["model"], np.array(self._reading["layers"])
        depth = layers / max(int(model["n_layers"]) - 1, 1)
        axes = {"lags_s": self._recipe.lags.seconds, "layers": layers, "depth": depth}
        tensors = dict(scores) | axes | {"block_words": np.array(block_words)}
        if quartiles:
            tensors |= {"quartile_block_words": quartiles.block_words}
        save_tensors(folder / "draws.safetensors", tensors)
        curves = read_curves(tensors)
        about = self._key.model_dump() | {"quartiles": quartiles.about if quartiles else None}
        (folder / "job.json").write_text(json.dumps(about, indent=1), encoding="utf-8")
        variance = projection.variance[:, : projection.components].sum(axis=1).tolist()
        purged = int((self._fold == folds.PURGED).sum())
        skipped = count_skipped(self._recordings, purged=purged)
        passport = self._passport(layers.tolist(), projection.components)
        extra = {"pca_variance": variance, "null": null_method(self._recipe.fit)}
        write_results(folder, "train", passport, self._recipe, skipped, curves, progress, **extra)

    def _passport(self, layers: list[int], components: int) -> dict[str, Any]:
        return make_passport(
            recordings=[results.recording_entry(r) for r in self._recordings],
            n_words=int((self._fold != folds.PURGED).sum()),
            sensors=self._recordings[0].recording.sensors,
            layers=layers,
            components=components,
            model=self._reading["model"],
            chain=self._recordings[0].chain,
            reading=self._recipe.language.reading,
            versions=results.package_versions(),
            created=results.utc_now(),
        )
