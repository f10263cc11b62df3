"""The work of a sweep, one function a kind of piece: each finds its block or makes it.

What comes in and goes out are names, keys and paths; everything large stays on the disk that all workers share.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from rtalign.core import cache
from rtalign.core.files import atomic_folder, write_atomically
from rtalign.core.progress import Progress
from rtalign.core.tensorfile import TensorFile
from rtalign.language.loading import parse_model_name
from rtalign.signal.chain import describe_chain
from rtalign.signal.disk_buffer import DiskBuffer
from rtalign.training import sensor_moments
from rtalign.training.prepare import (
    ActivationRequest,
    PreparedRecording,
    StoredActivations,
    check_channels,
    compute_activations,
    filter_recordings,
    signal_folder,
    usable_words,
)
from rtalign_offline.sweep import people as listeners
from rtalign_offline.sweep import readings
from rtalign_offline.sweep.blocks import Journal
from rtalign_offline.sweep.people import Noted, brain_key, fold_of, heard_folder, noted, silent_story
from rtalign_offline.sweep.plan import JobKey, Plan, ReadingKey
from rtalign_offline.sweep.readings import Part

QUIET = Progress(quiet=True)


class Where(NamedTuple):
    """The folders of a sweep, as text that travels.  plan : the name of the plan's file in the folder."""

    folder: str
    store: str
    plan: str

    @property
    def journal(self) -> Journal:
        return Journal(Path(self.folder) / "journal")

    @property
    def home(self) -> Path:
        return Path(self.folder)

    @property
    def cache(self) -> Path:
        return Path(self.store)


@lru_cache(maxsize=4)
def plan_of(where: Where) -> Plan:
    return Plan.model_validate_json((where.home / where.plan).read_text(encoding="utf-8"))


@lru_cache(maxsize=1)
def _opened(person: Path) -> list[Any]:
    """One person's recordings, opened once a process."""
    return listeners.opened(noted(person)[0])


@lru_cache(maxsize=1)
def _loaded(where: Where, title: str, seed: int) -> Any:
    """One model, loaded once for all contexts that this process reads in a row."""
    from rtalign.language import load

    plan = plan_of(where)
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
    """What a worker may hold, where the plan says so; else all that is free."""
    from dask.utils import parse_bytes

    told = plan.cluster.memory
    return None if told == "auto" or plan.device != "cpu" else parse_bytes(told) / 1e9


def hear(where: Where, person: str, index: int) -> str:
    """One recording through the signal chain, and which of its words meet the tape."""
    recipe, recording = plan_of(where).recipe, noted(Path(person))[1][index]
    folder, tape = heard_folder(recording, recipe, where.cache), signal_folder(recording, recipe, where.cache)
    if tape.is_dir():
        where.journal.note("tape", tape.name, "reused")
    else:
        raw = _opened(Path(person))[index]
        check_channels([raw])
        with where.journal.computing("tape", tape.name):
            filter_recordings([raw], recipe, where.cache, QUIET, lambda: None)
    if folder.is_dir():
        return folder.name
    used, skipped = usable_words(recording, DiskBuffer.open(tape), recipe)
    told = {"tape": tape.name, "skipped": dict(skipped), "chain": describe_chain(recipe.chain, recording.sfreq)}
    with atomic_folder(folder) as partial:
        np.save(partial / "used.npy", used, allow_pickle=False)
        (partial / "heard.json").write_text(json.dumps(told), encoding="utf-8")
    return folder.name


def brain_file(where: Where, person: str) -> Path:
    """Where a person's moments are, or will be."""
    key = brain_key(noted(Path(person))[1], plan_of(where).recipe)
    return where.cache / "brain" / key / "brain.safetensors"


def sum_up(where: Where, person: str, index: int, *_: str) -> str:
    """One recording's moments at every lag, for the person's sum."""
    whole = brain_file(where, person)
    if whole.is_file():
        return "whole"
    folder = whole.parent.with_name(f"{whole.parent.name}-parts") / str(index)
    key = f"{whole.parent.name}/{index}"
    if folder.is_dir():
        where.journal.note("moments", key, "reused")
        return key
    recipe, stories = plan_of(where).recipe, _silent(where, person)
    cuts = np.cumsum([len(story.used) for story in stories])[:-1]
    story, fold = stories[index], np.split(fold_of(stories, recipe), cuts)[index]
    present = np.unique(fold[fold >= 0])
    with where.journal.computing("moments", key), atomic_folder(folder) as partial:
        shapes = sensor_moments.moment_shapes(len(recipe.lags.seconds), len(story.recording.sensors), len(present))
        file = TensorFile.create(partial / "sums.safetensors", shapes | {"folds": ("int64", present.shape)})
        file["folds"][:] = present
        for lag, seconds in enumerate(recipe.lags.seconds):
            found = sensor_moments.recording_moments(
                story.signal.read(story.onsets + seconds), fold, recipe.fit.precision
            )
            sensor_moments.write_moments(file, lag, list(found.values()))
    return key


def share(where: Where, person: str, *_: str) -> str:
    """A person's moments over all recordings, with the directions of every training set."""
    whole, recipe = brain_file(where, person), plan_of(where).recipe
    recordings = noted(Path(person))[1]
    if whole.is_file():
        where.journal.note("brain", whole.parent.name, "reused")
        return str(whole)
    parts = whole.parent.with_name(f"{whole.parent.name}-parts")
    n_lags, n_folds = len(recipe.lags.seconds), recipe.fit.folds
    with where.journal.computing("brain", whole.parent.name), atomic_folder(whole.parent) as partial:
        file = sensor_moments.create_file(partial / whole.name, n_lags, len(recordings[0].sensors), n_folds)
        sums = [TensorFile(parts / str(i) / "sums.safetensors") for i in range(len(recordings))]
        for lag in range(n_lags):
            found = [
                dict(zip(part["folds"].tolist(), sensor_moments.read_moments(part, lag), strict=True)) for part in sums
            ]
            folds = sensor_moments.sum_recordings(found, n_folds)
            sensor_moments.write_moments(file, lag, folds)
            sensor_moments.write_bases(file, lag, folds, recipe.fit.precision)
    shutil.rmtree(parts, ignore_errors=True)
    return str(whole)


def parts_of(where: Where, people: Iterable[str]) -> dict[ReadingKey, tuple[Part, ...]]:
    """What every reading of the plan is put together from."""
    return readings.parts(plan_of(where), {story: len(r.words) for story, r in _stories(people).items()})


def reading_file(where: Where, part: Part) -> Path:
    """Where it is noted what a model made of a part's stories, or will be."""
    plan = plan_of(where)
    model, recipe = plan.model(part.key.model), plan.recipe_for(part.key.context)
    weights = (_stamp(model.name), model.untrained, part.key.seed)
    told = (*weights, recipe.fingerprint("language"), plan.quartiles, sorted(part.stories))
    return where.home / "readings" / f"{part.key.slug}-{cache.content_key('reading-2', *told)[:12]}.json"


def read(where: Where, key: dict[str, Any], stories: tuple[str, ...], people: tuple[str, ...]) -> str:
    """A model's activations for the stories of a part; people who heard the same story share them."""
    from rtalign.training.results import model_entry

    asked, plan, store = ReadingKey.model_validate(key), plan_of(where), where.cache
    path = reading_file(where, Part(asked, stories))
    if path.is_file() and all((store / "activations" / name).is_dir() for name in reading(path)["stories"].values()):
        for name in reading(path)["stories"].values():
            where.journal.note("activations", name, "reused")
        return str(path)
    recipe = plan.recipe_for(asked.context)
    model = _loaded(where, asked.model, asked.seed)
    layers = recipe.language.layer_indices(model.info.n_layers)
    heard, found = _stories(people), {}
    for story in stories:
        recording = heard[story]
        words, how = [word.text for word in recording.words], readings.as_read(recipe, len(recording.words))
        request = ActivationRequest(model, how.language, layers, plan.quartiles)
        folder = request.folder(words, store)
        if folder.is_dir():
            where.journal.note("activations", folder.name, "reused")
        else:
            with where.journal.computing("activations", folder.name):
                compute_activations([recording], request, store, QUIET, lambda: None)
        found[story] = folder.name
    told = {"model": model_entry(model), "layers": layers, "stories": found}
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, json.dumps(told, indent=1))
    return str(path)


@lru_cache(maxsize=16)
def _read_text(path: Path, _changed_ns: int) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def reading(path: Path) -> dict[str, Any]:
    """What was noted of a part: the model, its layers, and the folder of each story's activations."""
    return _read_text(path, path.stat().st_mtime_ns)


def whole_reading(paths: Iterable[str]) -> dict[str, Any]:
    """What was noted of all parts of a reading."""
    notes = [reading(Path(path)) for path in paths]
    return notes[0] | {"stories": {story: folder for note in notes for story, folder in note["stories"].items()}}


def forget(where: Where, read_path: str) -> None:
    """Let go of the activations of a part; what it says of its model stays."""
    for name in reading(Path(read_path))["stories"].values():
        shutil.rmtree(where.cache / "activations" / name, ignore_errors=True)


def job(where: Where, key: dict[str, Any], person: str, brain_path: str, *read_paths: str) -> str:
    """Every lag of one person x model x context: fitted, scored and kept as a folder of results."""
    from rtalign_offline.sweep.fit import fit_job

    _loaded.cache_clear()  # a model that was read here has no more to say, and a fit wants the memory
    asked, told = JobKey.model_validate(key), whole_reading(read_paths)
    stories = [_told(where, story, told) for story in _silent(where, person)]
    return str(fit_job(where, asked, stories, told, Path(brain_path)))


def _silent(where: Where, person: str) -> list[PreparedRecording]:
    recipe = plan_of(where).recipe
    return [silent_story(r, recipe, where.cache) for r in noted(Path(person))[1]]


def _told(where: Where, story: PreparedRecording, told: dict[str, Any]) -> PreparedRecording:
    """A story with what the model made of it."""
    recording = story.recording
    assert isinstance(recording, Noted)
    folder = where.cache / "activations" / told["stories"][recording.story]
    return replace(story, activations=StoredActivations.open(folder / "activations.npy"))


def _stories(people: Iterable[str]) -> dict[str, Noted]:
    """Every story that anyone heard, as the first recording of it tells it."""
    found: dict[str, Noted] = {}
    for person in people:
        for recording in noted(Path(person))[1]:
            found.setdefault(recording.story, recording)
    return found


def _stamp(name: str) -> object:
    """What changes when the files of a model in a folder do; a name stands for itself."""
    asked = parse_model_name(name)
    path = Path(asked.base)
    if asked.variant == "random" or not path.exists():
        return name
    files = sorted(p for p in path.iterdir() if p.is_file()) if path.is_dir() else [path]
    return name, [(str(p), p.stat().st_size, p.stat().st_mtime_ns) for p in files]
