"""From recordings to words that meet their signal and their activations; each stage is cached by its content."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rtalign.core import cache
from rtalign.core.parallel import BackgroundTask
from rtalign.core.progress import Progress, Stage
from rtalign.core.recipe import Recipe
from rtalign.core.records import Recording
from rtalign.decoding.folds import PURGED
from rtalign.decoding.projection import Projection
from rtalign.language import find_content_words
from rtalign.recordings.quality.signal import check_signal
from rtalign.signal.chain import Chain, describe_chain
from rtalign.signal.disk_buffer import DiskBuffer

SURPRISAL = "surprisal.npy"

ROWS_AT_ONCE = 4096
"""Words whose activations are mapped together, and so what looking at them adds to the memory in use."""


@dataclass(frozen=True, slots=True, eq=False)
class Activations:
    """What a model made of some words, (word, layer, dim) on disk; an index brings that part into memory, no more.

    rows : (word,) where they lie in the file.
    """

    path: Path
    rows: np.ndarray
    shape: tuple[int, ...]

    @classmethod
    def open(cls, path: Path) -> Activations:
        shape = np.load(path, mmap_mode="r", allow_pickle=False).shape
        return cls(path, np.arange(shape[0]), shape)

    def only(self, chosen: np.ndarray) -> Activations:
        """Some of these words.  chosen : (word,) indices, or whether each is wanted."""
        rows = self.rows[chosen]
        return Activations(self.path, rows, (len(rows), *self.shape[1:]))

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, key: Any) -> np.ndarray:
        """Words by slice, indices or mask; then perhaps layers, dimensions."""
        words, *rest = key if isinstance(key, tuple) else (key,)
        rows = self.rows[words]
        parts = [self._read(rows[first : first + ROWS_AT_ONCE], rest) for first in range(0, len(rows), ROWS_AT_ONCE)]
        return np.concatenate(parts) if parts else self._read(rows, rest)

    def _read(self, rows: np.ndarray, rest: Sequence[Any]) -> np.ndarray:
        # Mapped anew each time: what a map has touched counts as memory in use for as long as the map lives.
        return np.asarray(np.load(self.path, mmap_mode="r", allow_pickle=False)[(rows, *rest)])


@dataclass(frozen=True, slots=True, eq=False)
class Story:
    """One recording made ready: its filtered signal, its words in use, and what the model made of them.

    onsets : (word,) seconds; activations : (word of the whole recording, layer, dim); used : (word,) indices into them.
    """

    recording: Recording
    tape: DiskBuffer
    activations: Activations
    used: np.ndarray
    skipped: Counter[str]
    chain: dict[str, Any]

    @property
    def onsets(self) -> np.ndarray:
        return np.array([self.recording.words[i].onset for i in self.used])


def prepare(
    recordings: Sequence[Recording], model: Any, recipe: Recipe, layers: Sequence[int], store: Path, progress: Progress
) -> list[Story]:
    """Signal and language stage for every recording, side by side, then the words that have both.

    Why side by side: one waits for the disk and filters, the other multiplies, and neither needs the other.
    """
    refuse_bad_channels(recordings)
    cache.sweep(store)

    def filtered(go_on: Callable[[], None]) -> list[DiskBuffer]:
        return signal_stage(recordings, recipe, store, progress, go_on)

    with BackgroundTask(filtered, "signal") as signal:
        readings = language_stage(recordings, model, recipe, layers, store, progress, signal.check)
        tapes = signal.result()
    stories = []
    for recording, tape, activations in zip(recordings, tapes, readings, strict=True):
        used, skipped = usable(recording, tape, recipe)
        chain = describe_chain(recipe.chain, recording.sfreq)
        stories.append(Story(recording, tape, activations, used, skipped, chain))
    return stories


def refuse_bad_channels(recordings: Sequence[Recording]) -> None:
    """Flat or non-finite channels end in one line that names them."""
    for recording in recordings:
        problems = check_signal(recording)
        if problems:
            raise ValueError(f"{recording.name}: " + "; ".join(problems))


def signal_stage(
    recordings: Sequence[Recording], recipe: Recipe, store: Path, progress: Progress, go_on: Callable[[], None]
) -> list[DiskBuffer]:
    """Every recording through the signal chain, onto tape.  go_on is called now and then, and may raise."""
    seconds = sum(r.n_samples / r.sfreq for r in recordings)
    unit, length = ("h", 3600.0) if seconds > 5400 else ("min", 60.0)
    tapes = []
    with progress.stage("signal", seconds / length, unit) as stage:
        for recording in recordings:
            folder = tape_folder(recording, recipe, store)
            go_on()
            if folder.exists():
                stage.skip(recording.n_samples / recording.sfreq / length)
            else:
                with cache.atomic_folder(folder) as partial:
                    for heard in _record(recording, recipe, partial):
                        stage.advance(heard / length)
                        go_on()
            tapes.append(DiskBuffer.open(folder))
    return tapes


def tape_folder(recording: Recording, recipe: Recipe, store: Path) -> Path:
    """Where the tape of a recording is, or will be."""
    names = ",".join(s.name for s in recording.sensors)
    return store / "signal" / cache.key("1", recipe.fingerprint("chain"), recording.fingerprint(), names)[:24]


def _record(recording: Recording, recipe: Recipe, folder: Path) -> Iterator[float]:
    """The filtered signal on a tape in the folder.  Yields how many seconds were heard, chunk by chunk."""
    chain = Chain(recipe.chain, recording.sensors, recording.sfreq)
    with DiskBuffer.create(folder, chain.rate, len(recording.sensors)) as tape:
        for chunk in recording.chunks():
            for ready in chain.push(chunk):
                tape.append(ready)
            yield len(chunk.data) / recording.sfreq
        for ready in chain.finish():
            tape.append(ready)


def language_stage(
    recordings: Sequence[Recording],
    model: Any,
    recipe: Recipe,
    layers: Sequence[int],
    store: Path,
    progress: Progress,
    go_on: Callable[[], None],
    surprisal: bool = False,
) -> list[Activations]:
    """Activations (word, layer, dim) of every recording; identical stories are read once.

    Surprisal is left out unless it is asked for: it takes a seventh of the work, and nothing is fitted to it.
    """
    readings = []
    with progress.stage("language model", sum(len(r.words) for r in recordings), "words") as stage:
        for recording in recordings:
            words = [word.text for word in recording.words]
            folder = reading_folder(words, model.info, recipe, layers, store, surprisal)
            go_on()
            if folder.exists():
                stage.skip(len(words))
            else:
                shape = len(words), len(layers), model.info.dim
                stretches = model.stream(words, recipe.language, layers, surprisal=surprisal)
                _write_story(folder, shape, _reports(stretches, stage, go_on), surprisal)
            readings.append(Activations.open(folder / "activations.npy"))
    return readings


def reading_folder(
    words: Sequence[str], info: Any, recipe: Recipe, layers: Sequence[int], store: Path, surprisal: bool = False
) -> Path:
    """Where a model's activations for a story are, or will be; those with surprisal beside them have a place apart."""
    how = recipe.language.model_dump_json(exclude={"components", "layers"})
    parts = ("1", info.id, info.revision, how, list(layers), list(words), *(["surprisal"] if surprisal else []))
    return store / "activations" / cache.key(*parts)[:24]


def surprisal_of(activations: Activations) -> np.ndarray:
    """(word,) in nats, of words that were read with it."""
    kept: np.ndarray = np.load(activations.path.with_name(SURPRISAL), allow_pickle=False)
    return kept[activations.rows].astype(float)


def _reports(stretches: Iterator[tuple[int, Any]], stage: Stage, go_on: Callable[[], None]) -> Iterator[Any]:
    for _, part in stretches:
        yield part
        stage.advance(len(part.activations))
        go_on()


def _write_story(folder: Path, shape: tuple[int, int, int], stretches: Iterable[Any], surprisal: bool) -> None:
    """What a model makes of a story, stretch by stretch to disk.  shape : (word, layer, dim)."""
    told = []
    with cache.atomic_folder(folder) as partial:
        with (partial / "activations.npy").open("wb") as file:
            header = {"descr": "<f4", "fortran_order": False, "shape": shape}
            np.lib.format.write_array_header_1_0(file, header)
            for part in stretches:
                file.write(np.ascontiguousarray(part.activations, "<f4").data)
                if surprisal:
                    told.append(np.asarray(part.surprisal, np.float32))
        if surprisal:
            np.save(partial / SURPRISAL, np.concatenate([np.empty(0, np.float32), *told]), allow_pickle=False)


def usable(recording: Recording, tape: DiskBuffer, recipe: Recipe) -> tuple[np.ndarray, Counter[str]]:
    """The chosen words whose whole epoch is on the tape, and why the others are not used."""
    lags = recipe.lags.seconds
    chosen = np.ones(len(recording.words), bool)
    if recipe.words.which == "content":
        chosen = find_content_words([word.text for word in recording.words], recipe.words.tagger)
    used, skipped = [], Counter[str]()
    for i in np.flatnonzero(chosen):
        onset = recording.words[i].onset
        reason = tape.unreadable(onset + lags[0], onset + lags[-1])
        if reason is None:
            used.append(i)
        else:
            skipped[reason] += 1
    return np.array(used, int), skipped


def read_lag(stories: Sequence[Story], lag: float) -> np.ndarray:
    """(word, sensor) of all stories at one lag after each word's onset."""
    return np.concatenate([story.tape.read(story.onsets + lag) for story in stories])


def used_activations(stories: Sequence[Story]) -> list[Activations]:
    """(word, layer, dim) a story, of the words in use."""
    return [story.activations.only(story.used) for story in stories]


def targets_of_folds(
    stories: Sequence[Story], projection: Projection, fold: np.ndarray, n_folds: int
) -> list[np.ndarray]:
    """(word, layer x wide) of each fold's words, in order; story by story, so that nothing stands in memory twice."""
    width = len(projection.mean) * projection.wide
    targets = [np.empty((int((fold == k).sum()), width), np.float32) for k in range(n_folds)]
    filled, first = [0] * n_folds, 0
    for activations in used_activations(stories):
        values = projection.project(activations, projection.wide)
        own = fold[first : first + len(values)]
        for k in np.unique(own[own != PURGED]):
            rows = values[own == k]
            targets[k][filled[k] : filled[k] + len(rows)] = rows
            filled[k] += len(rows)
        first += len(values)
    return targets


def skip_counts(stories: Sequence[Story], purged: int = 0) -> dict[str, int]:
    """How many words were left out for each reason."""
    total = sum((story.skipped for story in stories), Counter({"gap between folds": purged}))
    return {reason: n for reason, n in sorted(total.items()) if n}
