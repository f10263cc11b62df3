"""Listeners: what a sweep notes of each person's recordings, so that its jobs need not open them again."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from rtalign.core import cache
from rtalign.core.files import write_atomically
from rtalign.core.recipe import Recipe
from rtalign.core.records import Chunk, Recording, Sensor, Word, sensor_from_dict, sensor_to_dict
from rtalign.decoding import folds
from rtalign.signal.disk_buffer import DiskBuffer
from rtalign.training.prepare import PreparedRecording, StoredActivations
from rtalign_offline.sweep.plan import NOT_IN_NAMES, Person


@dataclass(frozen=True, slots=True)
class Noted:
    """A recording as it was noted: everything but its samples."""

    name: str
    subject: str
    sfreq: float
    start: float
    n_samples: int
    seconds: float
    sensors: tuple[Sensor, ...]
    words: tuple[Word, ...]
    notes: tuple[str, ...]
    marked: str

    def fingerprint(self) -> str:
        return self.marked

    def chunks(self, seconds: float = 10.0, start: float | None = None) -> Iterator[Chunk]:
        raise NotImplementedError("notes of a recording hold no samples")

    @property
    def story(self) -> str:
        """A key of the words alone: two people who heard the same story share it."""
        return story_key([word.text for word in self.words])


def story_key(words: Sequence[str]) -> str:
    return cache.content_key("story", list(words))[:24]


def opened(person: Person) -> list[Any]:
    """The person's recordings, reduced to the sensors that all of them have."""
    from rtalign.recordings import open_matching

    options = {name: getattr(person, name) for name in ("subject", "session", "task", "run", "word_table", "bads")}
    return open_matching(person.recordings, **options)


def note(person: Person, recordings: Sequence[Recording], folder: Path) -> Path:
    """Write what is to be known of a person's recordings; the file's name holds a key of it."""
    entries = [
        {
            "name": r.name,
            "subject": r.subject,
            "sfreq": r.sfreq,
            "start": r.start,
            "n_samples": r.n_samples,
            "seconds": r.seconds,
            "notes": list(r.notes),
            "fingerprint": r.fingerprint(),
            "words": [[w.index, w.text, w.onset, w.duration] for w in r.words],
        }
        for r in recordings
    ]
    sensors = [sensor_to_dict(s) for s in recordings[0].sensors]
    text = json.dumps({"person": person.model_dump(mode="json"), "sensors": sensors, "recordings": entries})
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{NOT_IN_NAMES.sub('-', person.name)}-{cache.content_key(text)[:12]}.json"
    if not path.exists():
        write_atomically(path, text)
    return path


@lru_cache(maxsize=8)
def noted(path: Path) -> tuple[Person, tuple[Noted, ...]]:
    """The person and the recordings that were noted."""
    raw = json.loads(path.read_text(encoding="utf-8"))
    sensors = tuple(sensor_from_dict(entry) for entry in raw["sensors"])
    recordings = tuple(
        Noted(
            name=entry["name"],
            subject=entry["subject"],
            sfreq=entry["sfreq"],
            start=entry["start"],
            n_samples=entry["n_samples"],
            seconds=entry["seconds"],
            sensors=sensors,
            words=tuple(Word(*word) for word in entry["words"]),
            notes=tuple(entry["notes"]),
            marked=entry["fingerprint"],
        )
        for entry in raw["recordings"]
    )
    return Person.model_validate(raw["person"]), recordings


def heard_folder(recording: Noted, recipe: Recipe, store: Path) -> Path:
    """Where it is kept which words of a recording meet its tape."""
    names = [s.name for s in recording.sensors]
    parts = (recipe.fingerprint("chain", "lags", "words"), recording.fingerprint(), names)
    return store / "heard" / cache.content_key("1", *parts)[:24]


def silent_story(recording: Noted, recipe: Recipe, store: Path) -> PreparedRecording:
    """The recording with its tape and its words in use, and no model's activations yet."""
    folder = heard_folder(recording, recipe, store)
    told = json.loads((folder / "heard.json").read_text(encoding="utf-8"))
    used = np.load(folder / "used.npy", allow_pickle=False)
    tape = DiskBuffer.open(store / "signal" / told["tape"])
    unread = StoredActivations(Path(), np.empty(0, int), (0,))
    return PreparedRecording(recording, tape, unread, used, Counter(told["skipped"]), told["chain"])


def fold_of(stories: Sequence[PreparedRecording], recipe: Recipe) -> np.ndarray:
    """(word,) the fold of every word in use, as the trainer assigns it."""
    return folds.assign_folds([story.onsets for story in stories], recipe.fit, float(np.ptp(recipe.lags.seconds)))


def brain_key(recordings: Sequence[Noted], recipe: Recipe) -> str:
    """A key of everything that the moments of a person's signal rest on."""
    fit = recipe.fit
    how = (fit.folds, fit.fold_kind, fit.precision, fit.seed if fit.fold_kind == "legacy" else 0)
    prints = [r.fingerprint() for r in recordings]
    names = [s.name for s in recordings[0].sensors]
    return cache.content_key("brain-1", recipe.fingerprint("chain", "lags", "words"), how, prints, names)[:24]
