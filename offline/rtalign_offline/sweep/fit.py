"""The fit of one job of a sweep: lag by lag as the trainer does it, each lag kept as a block of its own."""

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
from rtalign_offline.sweep.jobs import Where, plan_of
from rtalign_offline.sweep.people import fold_of
from rtalign_offline.sweep.plan import JobKey, Plan
from rtalign_offline.sweep.quartiles import Quartiles


def job_folder(where: Where, key: JobKey, told: Mapping[str, Any], prints: Sequence[str]) -> Path:
    """Where a job's results are, or will be; the name ends in a key of everything that they rest on."""
    plan = plan_of(where)
    recipe, model = plan.recipe_for(key.context), told["model"]
    parts = (recipe.fingerprint(), plan.quartiles, list(prints), model["id"], model["revision"], told["layers"])
    return where.home / "jobs" / f"{key.slug}-{cache.content_key('job-1', *parts)[:10]}"


def fit_job(
    where: Where, key: JobKey, stories: Sequence[PreparedRecording], told: Mapping[str, Any], brain: Path
) -> Path:
    """The folder of results of one job, made if it is not there."""
    folder = job_folder(where, key, told, [s.recording.fingerprint() for s in stories])
    if folder.is_dir():
        where.journal.note("job", folder.name, "reused")
        return folder
    plan, progress = plan_of(where), Progress(quiet=True)
    with where.journal.computing("job", folder.name), threadpool_limits(1, user_api="blas"):
        _Fitting(where, plan, key, stories, told, brain).run(folder, progress)
    return folder


class _Fitting:
    """One job under way."""

    def __init__(
        self,
        where: Where,
        plan: Plan,
        key: JobKey,
        stories: Sequence[PreparedRecording],
        told: Mapping[str, Any],
        brain: Path,
    ) -> None:
        self.where, self.plan, self.key, self.stories, self.told = where, plan, key, stories, told
        self.recipe = plan.recipe_for(key.context)
        self.fold = fold_of(stories, self.recipe)
        self._brain = brain

    def run(self, folder: Path, progress: Progress) -> None:
        """Fit what is missing, put the lags together, write the results, and let go of the blocks."""
        pieces = self.where.home / "blocks" / folder.name
        with progress.stage("targets", 1, "job"):
            projection = trainer.fit_wide_basis(self.stories, self.recipe, self.fold)
            job = trainer.make_fit_inputs(self.stories, self.recipe, projection, self.fold)
            job = replace(job, sensor_moments=SensorMomentsFile(self._brain))
            quartiles = Quartiles.of(job, self._surprisal()) if self.plan.quartiles else None
        with progress.stage("decoders", len(self.recipe.lags.seconds), "lags"):
            found = [self._lag(job, quartiles, lag, pieces) for lag in range(len(self.recipe.lags.seconds))]
        together = {name: np.stack([lag[name] for lag in found], axis=-1) for name in found[0]}
        with atomic_folder(folder) as partial:
            self._write(partial, together, projection, quartiles, progress)
        shutil.rmtree(pieces, ignore_errors=True)

    def _surprisal(self) -> np.ndarray:
        """(word,) of the words in use."""
        return np.concatenate([story.used_activations.surprisal() for story in self.stories])

    def _lag(
        self, job: trainer.FitInputs, quartiles: Quartiles | None, lag: int, pieces: Path
    ) -> dict[str, np.ndarray]:
        """r (layer,), null and boot (draw, layer); of each quartile the same, its number first."""
        path, name = pieces / f"lag-{lag:04d}.safetensors", f"{pieces.name}/{lag}"
        if path.is_file():
            self.where.journal.note("lag", name, "reused")
            return load_tensors(path)
        with self.where.journal.computing("lag", name):
            seen = trainer.fit_lag(job, lag)
            scored = score(job.draws, seen.predicted, job.drawn_targets)
            found = {"r": seen.r, "null": scored.null, "boot": seen.r + (scored.boot - scored.r)}
            beside = by_layer(seen.fit.agreements, len(seen.r))
            found |= {bank_writer.STATISTIC + name: values for name, values in beside.items()}
            if quartiles:
                found |= quartiles.score(seen.predicted)
            save_tensors(path, found)
        return load_tensors(path)

    def _write(
        self,
        folder: Path,
        found: Mapping[str, np.ndarray],
        projection: Projection,
        quartiles: Quartiles | None,
        progress: Progress,
    ) -> None:
        model, layers = self.told["model"], np.array(self.told["layers"])
        depth = layers / max(int(model["n_layers"]) - 1, 1)
        curves = Curves(
            self.recipe.lags.seconds, layers, depth, found["r"].astype(float), found["null"].astype(np.float32),
            found["boot"].astype(np.float32),
            {s.name: found[bank_writer.STATISTIC + s.name].astype(float) for s in STATISTICS},
        )  # fmt: skip
        axes = {"lags_s": curves.lags_s, "layers": layers, "depth": depth}
        save_tensors(folder / "draws.safetensors", dict(found) | axes)
        about = self.key.model_dump() | {"quartiles": quartiles.told if quartiles else None}
        (folder / "job.json").write_text(json.dumps(about, indent=1), encoding="utf-8")
        variance = projection.variance[:, : projection.components].sum(axis=1).tolist()
        purged = int((self.fold == folds.PURGED).sum())
        skipped = count_skipped(self.stories, purged=purged)
        passport = self._passport(layers.tolist(), projection.components)
        write_results(folder, "train", passport, self.recipe, skipped, curves, progress, pca_variance=variance)

    def _passport(self, layers: list[int], components: int) -> dict[str, Any]:
        return make_passport(
            recordings=[results.recording_entry(s) for s in self.stories],
            n_words=int((self.fold != folds.PURGED).sum()),
            sensors=self.stories[0].recording.sensors,
            layers=layers,
            components=components,
            model=self.told["model"],
            chain=self.stories[0].chain,
            versions=results.package_versions(),
            created=results.utc_now(),
        )
