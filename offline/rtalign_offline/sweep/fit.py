"""The fit of one job of a sweep: lag by lag, as the trainer does it, each lag in a file of its own."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from rtalign.core import cache
from rtalign.core.files import atomic_folder
from rtalign.core.progress import Progress
from rtalign.core.tensorfile import load_tensors, save_tensors
from rtalign.decoding import folds
from rtalign.decoding.bank import make_passport
from rtalign.decoding.projection import Projection
from rtalign.scoring.cross_validated import score
from rtalign.scoring.curves import Curves
from rtalign.scoring.statistics import STATISTICS, by_layer
from rtalign.training import bank_writer, results, trainer
from rtalign.training.prepare import PreparedRecording, count_skipped
from rtalign.training.results import write_results
from rtalign.training.sensor_moments import SensorMomentsFile
from rtalign_offline.sweep.paths import SweepPaths, load_plan
from rtalign_offline.sweep.people import folds_of
from rtalign_offline.sweep.plan import JobKey
from rtalign_offline.sweep.quartiles import Quartiles


def job_folder(paths: SweepPaths, key: JobKey, reading: Mapping[str, Any], prints: Sequence[str]) -> Path:
    """Where a job's results are, or will be; the name ends in a key of everything that they depend on.

    reading : the description of the model's reading; prints : fingerprints of the recordings.
    """
    plan = load_plan(paths)
    recipe, model = plan.recipe_for(key.context), reading["model"]
    parts = (recipe.fingerprint(), plan.quartiles, list(prints), model["id"], model["revision"], reading["layers"])
    return paths.home / "jobs" / f"{key.slug}-{cache.content_key('job-1', *parts)[:10]}"


def fit_job(
    paths: SweepPaths, key: JobKey, recordings: Sequence[PreparedRecording], reading: Mapping[str, Any], moments: Path
) -> Path:
    """The folder of results of one job, made if it is not there.  moments : of the person's signal."""
    folder = job_folder(paths, key, reading, [r.recording.fingerprint() for r in recordings])
    if folder.is_dir():
        paths.journal.note("job", folder.name, "reused")
        return folder
    with paths.journal.computing("job", folder.name), threadpool_limits(1, user_api="blas"):
        _JobFit(paths, key, recordings, reading, moments).run(folder)
    return folder


class _JobFit:
    """One job in progress."""

    def __init__(
        self,
        paths: SweepPaths,
        key: JobKey,
        recordings: Sequence[PreparedRecording],
        reading: Mapping[str, Any],
        moments: Path,
    ) -> None:
        self._paths, self._key, self._recordings, self._reading = paths, key, recordings, reading
        self._plan = load_plan(paths)
        self._recipe = self._plan.recipe_for(key.context)
        self._fold = folds_of(recordings, self._recipe)
        self._moments = moments

    def run(self, folder: Path) -> None:
        """Fit the lags that are missing, put all lags together, write the results, delete the files of single lags."""
        pieces, progress = self._paths.home / "blocks" / folder.name, Progress(quiet=True)
        n_lags = len(self._recipe.lags.seconds)
        with progress.stage("targets", 1, "job"):
            projection = trainer.fit_wide_basis(self._recordings, self._recipe, self._fold)
            inputs = trainer.make_fit_inputs(self._recordings, self._recipe, projection, self._fold)
            inputs = replace(inputs, sensor_moments=SensorMomentsFile(self._moments))
            quartiles = Quartiles.of(inputs, self._surprisal()) if self._plan.quartiles else None
        with progress.stage("decoders", n_lags, "lags"):
            lags = [self._lag(inputs, quartiles, lag, pieces) for lag in range(n_lags)]
        scores = {name: np.stack([lag[name] for lag in lags], axis=-1) for name in lags[0]}
        with atomic_folder(folder) as partial:
            self._write(partial, scores, projection, quartiles, progress)
        shutil.rmtree(pieces, ignore_errors=True)

    def _surprisal(self) -> np.ndarray:
        """(word,) of the usable words."""
        return np.concatenate([r.used_activations.surprisal() for r in self._recordings])

    def _lag(
        self, inputs: trainer.FitInputs, quartiles: Quartiles | None, lag: int, pieces: Path
    ) -> dict[str, np.ndarray]:
        """r (layer,), null and boot (draw, layer); for quartiles the same, the quartile first."""
        path, name = pieces / f"lag-{lag:04d}.safetensors", f"{pieces.name}/{lag}"
        if path.is_file():
            self._paths.journal.note("lag", name, "reused")
            return load_tensors(path)
        with self._paths.journal.computing("lag", name):
            fitted = trainer.fit_lag(inputs, lag)
            scored = score(inputs.draws, fitted.predicted, inputs.drawn_targets)
            null = trainer.null_of_lag(fitted, scored, self._recipe)
            scores = {"r": fitted.r, "null": null, "boot": fitted.r + (scored.boot - scored.r)}
            statistics = by_layer(fitted.fit.agreements, len(fitted.r))
            scores |= {bank_writer.STATISTIC + name: values for name, values in statistics.items()}
            if quartiles:
                scores |= quartiles.score(fitted.predicted)
            save_tensors(path, scores)
        return load_tensors(path)

    def _write(
        self,
        folder: Path,
        scores: Mapping[str, np.ndarray],
        projection: Projection,
        quartiles: Quartiles | None,
        progress: Progress,
    ) -> None:
        model, layers = self._reading["model"], np.array(self._reading["layers"])
        depth = layers / max(int(model["n_layers"]) - 1, 1)
        curves = Curves(
            self._recipe.lags.seconds, layers, depth, scores["r"].astype(float), scores["null"].astype(np.float32),
            scores["boot"].astype(np.float32),
            {s.name: scores[bank_writer.STATISTIC + s.name].astype(float) for s in STATISTICS},
        )  # fmt: skip
        axes = {"lags_s": curves.lags_s, "layers": layers, "depth": depth}
        save_tensors(folder / "draws.safetensors", dict(scores) | axes)
        about = self._key.model_dump() | {"quartiles": quartiles.about if quartiles else None}
        (folder / "job.json").write_text(json.dumps(about, indent=1), encoding="utf-8")
        variance = projection.variance[:, : projection.components].sum(axis=1).tolist()
        purged = int((self._fold == folds.PURGED).sum())
        skipped = count_skipped(self._recordings, purged=purged)
        passport = self._passport(layers.tolist(), projection.components)
        extra = {"pca_variance": variance, "null": trainer.null_method(self._recipe)}
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
