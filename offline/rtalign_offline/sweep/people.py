"""The recordings of each person, described in one file so that no other process needs to open them again."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from rtalign.core.recipe import Recipe
from rtalign.core.records import BadStretch, Chunk, Recording, Sensor, Word, sensor_from_dict, sensor_to_dict
from rtalign.core.spatial_filter import SpatialFilter
from rtalign.core.storage import cache
from rtalign.core.storage.files import write_atomically
from rtalign.core.storage.json_toml import read_json
from rtalign.decoding import folds
from rtalign.language import has_parts_of_speech
from rtalign.signal.disk_buffer import DiskBuffer
from rtalign.training.prepare import PreparedRecording, StoredActivations
from rtalign_offline.sweep.plan import NOT_IN_NAMES, Person


@dataclass(frozen=True, slots=True)
class RecordingHeader:
    """A recording without its samples."""

    name: str
    subject: str
    sfreq: float
    start: float
    n_samples: int
    seconds: float
    sensors: tuple[Sensor, ...]
    words: tuple[Word, ...]
    notes: tuple[str, ...]
    stored_fingerprint: str
    stored_signal: str
    bad_stretches: tuple[BadStretch, ...] = ()
    spatial: str = ""
    """A key of the spatial filter that the signal goes through; empty without."""

    def fingerprint(self) -> str:
        return self.stored_fingerprint

    def signal_fingerprint(self) -> str:
        return self.stored_signal

    def chunks(self, seconds: float = 10.0, start: float | None = None) -> Iterator[Chunk]:
        raise NotImplementedError("the header of a recording holds no samples")

    @property
    def story(self) -> str:
        """A key of the words and their parts of speech alone: two people who heard the same story share it."""
        tags = [self.tags] if self.tags else []
        return cache.content_key("story", [word.text for word in self.words], *tags)[:24]

    @property
    def tags(self) -> list[str | None]:
        """Parts of speech of the words, which no fingerprint holds; empty where the table has none."""
        return [word.pos for word in self.words] if has_parts_of_speech(self.words) else []


def open_person(person: Person) -> list[Any]:
    """The person's recordings, reduced to the sensors that all of them have."""
    from rtalign.recordings import open_matching

    return open_matching(person.recordings, **person.model_dump(exclude={"name", "recordings"}))


def save_person(
    person: Person, recordings: Sequence[Recording], folder: Path, spatial: SpatialFilter | None = None
) -> Path:
    """Write the headers of a person's recordings; the file's name holds a key of its content.

    spatial : what their signal goes through; it is kept in a folder beside the file.
    """
    headers = [
        {
            "name": r.name,
            "subject": r.subject,
            "sfreq": r.sfreq,
            "start": r.start,
            "n_samples": r.n_samples,
            "seconds": r.seconds,
            "notes": list(r.notes),
            "fingerprint": r.fingerprint(),
            "signal": r.signal_fingerprint(),
            "words": [[w.index, w.text, w.onset, w.duration, w.pos] for w in r.words],
            "bad": [[bad.start, bad.stop, bad.reason] for bad in r.bad_stretches],
        }
        for r in recordings
    ]
    sensors = [sensor_to_dict(s) for s in recordings[0].sensors]
    content = {"person": person.model_dump(mode="json"), "sensors": sensors, "recordings": headers}
    content |= {"spatial": cache.content_key(spatial.matrix(spatial.names).tobytes())} if spatial else {}
    text = json.dumps(content)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{NOT_IN_NAMES.sub('-', person.name)}-{cache.content_key(text)[:12]}.json"
    if not path.exists():
        if spatial is not None:
            _filter_folder(path).mkdir(exist_ok=True)
            spatial.save(_filter_folder(path))
        write_atomically(path, text)
    return path


def _filter_folder(person: Path) -> Path:
    return person.with_suffix(".spatial")


@lru_cache(maxsize=8)
def load_person(path: Path) -> tuple[Person, tuple[RecordingHeader, ...]]:
    """The person and the headers that `save_person` wrote."""
    content = read_json(path)
    sensors = tuple(sensor_from_dict(entry) for entry in content["sensors"])
    headers = tuple(
        RecordingHeader(
            name=entry["name"],
            subject=entry["subject"],
            sfreq=entry["sfreq"],
            start=entry["start"],
            n_samples=entry["n_samples"],
            seconds=entry["seconds"],
            sensors=sensors,
            words=tuple(Word(*word) for word in entry["words"]),
            notes=tuple(entry["notes"]),
            stored_fingerprint=entry["fingerprint"],
            stored_signal=entry["signal"],
            bad_stretches=tuple(BadStretch(*bad) for bad in entry["bad"]),
            spatial=content.get("spatial", ""),
        )
        for entry in content["recordings"]
    )
    return Person.model_validate(content["person"]), headers


@lru_cache(maxsize=8)
def load_filter(person: Path, kind: str) -> SpatialFilter | None:
    """What `save_person` was given of this kind, which the recipe names."""
    return SpatialFilter.load(_filter_folder(person), kind, load_person(person)[1][0].sensors)


def prints_of(recordings: Iterable[Recording]) -> list[str]:
    """What each recording's signal is, and what it goes through."""
    return [r.fingerprint() + (r.spatial if isinstance(r, RecordingHeader) else "") for r in recordings]


def stories_of(people: Iterable[str]) -> dict[str, RecordingHeader]:
    """Every story that anyone heard, with the first recording of it.  people : files that `save_person` wrote."""
    stories: dict[str, RecordingHeader] = {}
    for person in people:
        for recording in load_person(Path(person))[1]:
            stories.setdefault(recording.story, recording)
    return stories


def words_folder(recording: RecordingHeader, recipe: Recipe, store: Path) -> Path:
    """The folder that says which words of a recording lie within its filtered signal."""
    names = [s.name for s in recording.sensors]
    tags = recording.tags if recipe.words.which == "content" else []
    depends_on = (recipe.fingerprint("chain", "lags", "words"), recording.fingerprint(), names, tags)
    return store / "words" / cache.content_key("2", *depends_on)[:24]


def prepare_without_activations(recording: RecordingHeader, recipe: Recipe, store: Path) -> PreparedRecording:
    """The recording with its filtered signal and its usable words, and no model's activations yet."""
    folder = words_folder(recording, recipe, store)
    about = read_json(folder / "words.json")
    used = np.load(folder / "used.npy", allow_pickle=False)
    signal = DiskBuffer.open(store / "signal" / about["signal"])
    none = StoredActivations(Path(), np.empty(0, int), (0,))
    return PreparedRecording(recording, signal, none, used, Counter(about["skipped"]), about["chain"])


def folds_of(recordings: Sequence[PreparedRecording], recipe: Recipe) -> np.ndarray:
    """(word,) the fold of every usable word, as the trainer assigns it."""
    return folds.assign_folds(
        [recording.onsets for recording in recordings], recipe.fit, float(np.ptp(recipe.lags.seconds))
    )


def moments_key(recordings: Sequence[RecordingHeader], recipe: Recipe) -> str:
    """A key of everything that the moments of a person's signal depend on."""
    fit = recipe.fit
    assignment = (fit.folds, fit.fold_kind, fit.precision, fit.seed if fit.fold_kind == "legacy" else 0)
    names = [s.name for s in recordings[0].sensors]
    tags = [r.tags for r in recordings] if recipe.words.which == "content" else []
    depends_on = (recipe.fingerprint("chain", "lags", "words"), assignment, prints_of(recordings), names, tags)
    return cache.content_key("brain-2", *depends_on)[:24]
