"""The tasks of a sweep, one function for each kind of work: each finds its result on disk or computes it.

Arguments and results are names, keys and paths; everything large stays on the disk that all workers share.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from rtalign.core.progress import Progress
from rtalign.core.storage import cache
from rtalign.core.storage.files import write_atomically
from rtalign.core.storage.tensorfile import TensorFile
from rtalign.recordings.usable_words import usable_words
from rtalign.signal.chain import describe_chain
from rtalign.signal.disk_buffer import DiskBuffer
from rtalign.training import sensor_moments
from rtalign.training.components import KeptBasis, ReadStory
from rtalign.training.prepare import (
    ActivationRequest,
    PreparedRecording,
    StoredActivations,
    check_channels,
    compute_activations,
    filter_recordings,
    signal_folder,
)
from rtalign_offline.sweep.fit import SharedWork, fit_job
from rtalign_offline.sweep.paths import SweepPaths, load_plan
from rtalign_offline.sweep.people import (
    RecordingHeader,
    folds_of,
    load_filter,
    load_person,
    moments_key,
    open_person,
    prepare_without_activations,
    stories_of,
    words_folder,
)
from rtalign_offline.sweep.plan import JobKey, Plan, ReadingKey
from rtalign_offline.sweep.readings import (
    ReadingPart,
    load_reading,
    merge_readings,
    reading_file,
    shortest_recipe,
)

QUIET = Progress(quiet=True)


def filter_recording(paths: SweepPaths, person: str, index: int) -> str:
    """Filter one recording, and find which of its words lie within the filtered signal."""
    recipe, recording = load_plan(paths).recipe, load_person(Path(person))[1][index]
    folder, signal = words_folder(recording, recipe, paths.cache), signal_folder(recording, recipe, paths.cache)
    if cache.is_stored(signal):
        paths.journal.note("tape", signal.name, "reused")
    else:
        raw = _open_recordings(Path(person))[index]
        check_channels([raw])
        with paths.journal.computing("tape", signal.name):
            filter_recordings([raw], recipe, paths.cache, QUIET, lambda: None)
    if cache.is_stored(folder):
        return folder.name
    used, skipped = usable_words(recording, DiskBuffer.open(signal), recipe)
    about = {"signal": signal.name, "skipped": dict(skipped), "chain": describe_chain(recipe.chain, recording.sfreq)}
    with cache.stored_folder(folder) as partial:
        np.save(partial / "used.npy", used, allow_pickle=False)
        (partial / "words.json").write_text(json.dumps(about), encoding="utf-8")
    return folder.name


def moments_file(paths: SweepPaths, person: str) -> Path:
    """Where a person's moments are, or will be."""
    key = moments_key(load_person(Path(person))[1], load_plan(paths).recipe)
    return paths.cache / "brain" / key / "brain.safetensors"


def sum_recording(paths: SweepPaths, person: str, index: int, *_: str) -> str:
    """One recording's moments at every lag, for the person's sum."""
    total = moments_file(paths, person)
    if cache.is_stored(total.parent):
        return "summed already"
    folder = total.parent.with_name(f"{total.parent.name}-parts") / str(index)
    key = f"{total.parent.name}/{index}"
    if cache.is_stored(folder):
        paths.journal.note("moments", key, "reused")
        return key
    recipe, recordings = load_plan(paths).recipe, _prepare_recordings(paths, person)
    cuts = np.cumsum([len(r.used) for r in recordings])[:-1]
    recording, fold = recordings[index], np.split(folds_of(recordings, recipe), cuts)[index]
    present = np.unique(fold[fold >= 0])
    with paths.journal.computing("moments", key), cache.stored_folder(folder) as partial:
        shapes = sensor_moments.moment_shapes(len(recipe.lags.seconds), len(recording.recording.sensors), len(present))
        file = TensorFile.create(partial / "sums.safetensors", shapes | {"folds": ("int64", present.shape)})
        file["folds"][:] = present
        for lag, seconds in enumerate(recipe.lags.seconds):
            sums = sensor_moments.recording_moments(
                recording.signal.read(recording.onsets + seconds), fold, recipe.fit.precision
            )
            sensor_moments.write_moments(file, lag, list(sums.values()))
    return key


def combine_recordings(paths: SweepPaths, person: str, *_: str) -> str:
    """A person's moments over all recordings, with the principal directions of every training set."""
    total, recipe = moments_file(paths, person), load_plan(paths).recipe
    recordings = load_person(Path(person))[1]
    if cache.is_stored(total.parent):
        paths.journal.note("brain", total.parent.name, "reused")
        return str(total)
    parts = total.parent.with_name(f"{total.parent.name}-parts")
    n_lags, n_folds = len(recipe.lags.seconds), recipe.fit.folds
    with paths.journal.computing("brain", total.parent.name), cache.stored_folder(total.parent) as partial:
        file = sensor_moments.create_file(partial / total.name, n_lags, len(recordings[0].sensors), n_folds)
        sums = [TensorFile(parts / str(i) / "sums.safetensors") for i in range(len(recordings))]
        for lag in range(n_lags):
            by_fold = [
                dict(zip(part["folds"].tolist(), sensor_moments.read_moments(part, lag), strict=True)) for part in sums
            ]
            folds = sensor_moments.sum_recordings(by_fold, n_folds)
            sensor_moments.write_moments(file, lag, folds)
            sensor_moments.write_bases(file, lag, folds, recipe.fit.precision)
    shutil.rmtree(parts, ignore_errors=True)
    return str(total)


def read_stories(paths: SweepPaths, key: dict[str, Any], stories: tuple[str, ...], people: tuple[str, ...]) -> str:
    """A model's activations for the stories of a part; people who heard the same story share them."""
    from rtalign.training.results import model_entry

    reading, plan, store = ReadingKey.model_validate(key), load_plan(paths), paths.cache
    path = reading_file(paths, ReadingPart(reading, stories))
    if path.is_file():
        folders = load_reading(path)["stories"].values()
        if all(cache.is_stored(store / "activations" / name) for name in folders):
            for name in folders:
                paths.journal.note("activations", name, "reused")
            return str(path)
    recipe = plan.recipe_for(reading.context)
    model = _load_model(paths, reading.model, reading.seed)
    layers = recipe.language.layer_indices(model.info.n_layers)
    recordings = stories_of(people)
    made = {story: _read_story(paths, recordings[story], model, layers, reading.context) for story in stories}
    path.parent.mkdir(parents=True, exist_ok=True)
    about = {"model": model_entry(model), "layers": layers, "stories": made}
    write_atomically(path, json.dumps(about, indent=1))
    return str(path)


def _read_story(paths: SweepPaths, recording: RecordingHeader, model: Any, layers: list[int], context: str) -> str:
    """The name of the folder of a story's activations."""
    plan, store, words = load_plan(paths), paths.cache, recording.words
    recipe = shortest_recipe(plan.recipe_for(context), len(words))
    request = ActivationRequest(model, recipe.language, layers, plan.quartiles, recipe.words)
    folder = request.folder(words, store)
    if cache.is_stored(folder):
        paths.journal.note("activations", folder.name, "reused")
    else:
        with paths.journal.computing("activations", folder.name):
            compute_activations([recording], request, store, QUIET, lambda: None)
    return folder.name


def fit_components(paths: SweepPaths, person: str, *readings: str) -> str:
    """The principal components of the stories that a person heard, for all who heard the same; their folder.

    readings : what `read_stories` returned.
    """
    plan, reading = load_plan(paths), merge_readings(readings)
    stories = [ReadStory(r.words, _activations(paths, r, reading)) for r in load_person(Path(person))[1]]
    with threadpool_limits(plan.cluster.cpus, user_api="blas"):
        basis = KeptBasis.of(stories, plan.recipe, plan.fit_device, paths.cache)
        if basis.is_there:
            paths.journal.note("components", basis.folder.name, "reused")
        else:
            with paths.journal.computing("components", basis.folder.name):
                basis.fit()
    return str(basis.folder)


def fit_and_score(paths: SweepPaths, key: dict[str, Any], person: str, moments: str, basis: str, *readings: str) -> str:
    """Fit and score every lag of one person x model x context; returns the folder of the results.

    moments, basis, readings : what `combine_recordings`, `fit_components` and `read_stories` returned.
    """
    _load_model.cache_clear()  # a model that was read here is not needed any more, and the fit needs the memory
    job, reading = JobKey.model_validate(key), merge_readings(readings)
    recordings = [_with_activations(paths, r, reading) for r in _prepare_recordings(paths, person)]
    return str(fit_job(paths, job, recordings, reading, SharedWork(Path(moments), Path(basis))))


@lru_cache(maxsize=1)
def _open_recordings(person: Path) -> list[Any]:
    """One person's recordings, opened once a process."""
    return open_person(load_person(person)[0])


@lru_cache(maxsize=1)
def _load_model(paths: SweepPaths, title: str, seed: int) -> Any:
    """One model, loaded once for all contexts that this process reads one after the other."""
    from rtalign.language import load

    plan = load_plan(paths)
    entry, precision = plan.model(title), plan.recipe.language.precision
    return load(
        entry.name,
        plan.device,
        untrained=entry.untrained,
        seed=seed,
        precision=precision,
        memory_gb=_memory_gb(plan),
    )


def _memory_gb(plan: Plan) -> float | None:
    """The memory of one worker, where the plan names it; None for all that is free."""
    from dask.utils import parse_bytes

    memory = plan.cluster.memory
    return None if memory == "auto" or plan.device != "cpu" else parse_bytes(memory) / 1e9


def _prepare_recordings(paths: SweepPaths, person: str) -> list[PreparedRecording]:
    """One person's recordings without activations."""
    recipe, spatial = load_plan(paths).recipe, load_filter(Path(person), load_plan(paths).recipe.chain.spatial)
    headers = load_person(Path(person))[1]
    return [prepare_without_activations(r, recipe, paths.cache).through(spatial) for r in headers]


def _with_activations(paths: SweepPaths, recording: PreparedRecording, reading: dict[str, Any]) -> PreparedRecording:
    header = recording.recording
    assert isinstance(header, RecordingHeader)
    return replace(recording, activations=_activations(paths, header, reading))


def _activations(paths: SweepPaths, recording: RecordingHeader, reading: dict[str, Any]) -> StoredActivations:
    return StoredActivations.open(paths.cache / "activations" / reading["stories"][recording.story] / "activations.npy")
