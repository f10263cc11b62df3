"""From recordings to words with their signal and their activations; each stage is cached by its content."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rtalign.core.parallel import BackgroundTask
from rtalign.core.progress import Progress, Stage
from rtalign.core.recipe import LanguageRecipe, Recipe, WordRecipe
from rtalign.core.records import Recording, Word
from rtalign.core.spatial_filter import SpatialFilter
from rtalign.core.storage import cache
from rtalign.core.storage.cache import is_stored, stored_folder
from rtalign.core.storage.files import remove_abandoned
from rtalign.decoding.folds import PURGED
from rtalign.decoding.projection import Projection
from rtalign.decoding.training_overlap import refuse_repeated
from rtalign.language.reading import Reading
from rtalign.recordings.quality.signal import N_PLACES, check_signal
from rtalign.recordings.usable_words import content_words, usable_words
from rtalign.signal.chain import Chain, describe_chain
from rtalign.signal.disk_buffer import DiskBuffer

if TYPE_CHECKING:
    from rtalign.language.model import LanguageModel

SURPRISAL = "surprisal.npy"
ROWS = "rows.npy"
"""Where each word of a story is among its activations, -1 for one that was not read; written where there are such."""

ROWS_AT_ONCE = 4096
"""Words whose activations are mapped together, which is what reading them adds to the memory in use."""


@dataclass(frozen=True, slots=True, eq=False)
class StoredActivations:
    """A model's activations of some words, (word, layer, dim) on disk; an index reads that part into memory, no more.

    Attributes
    ----------
    path : Path
        The .npy file.
    rows : ndarray of int, shape (word,)
        Where the words are in the file.
    shape : tuple of int
        (word, layer, dim).
    """

    path: Path
    rows: np.ndarray
    shape: tuple[int, ...]

    @classmethod
    def open(cls, path: Path) -> StoredActivations:
        """All words of a story; those that were not read cannot be indexed."""
        shape = np.load(path, mmap_mode="r", allow_pickle=False).shape
        some = path.with_name(ROWS)
        rows = np.load(some, allow_pickle=False) if some.is_file() else np.arange(shape[0])
        return cls(path, rows, (len(rows), *shape[1:]))

    def select(self, chosen: np.ndarray) -> StoredActivations:
        """Some of these words, by indices or by a mask (word,)."""
        rows = self.rows[chosen]
        return StoredActivations(self.path, rows, (len(rows), *self.shape[1:]))

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

    def surprisal(self) -> np.ndarray:
        """Surprisal (word,) in nats, of words that were read with it."""
        values: np.ndarray = np.load(self.path.with_name(SURPRISAL), allow_pickle=False)
        return values[self.rows].astype(float)


@dataclass(frozen=True, slots=True, eq=False)
class ActivationRequest:
    """Which activations are wanted of a model, for any story.

    Attributes
    ----------
    model : LanguageModel
        The model, loaded.
    recipe : LanguageRecipe
        Context, tokens and precision.
    layers : sequence of int
        Hidden states wanted.
    surprisal : bool
        Whether each word's surprisal is stored too: it takes a seventh of the work, and nothing is fitted to it.
    words : WordRecipe or None
        Which words will be decoded: where contexts are windows, only theirs are read.  None for all words.
    """

    model: LanguageModel
    recipe: LanguageRecipe
    layers: Sequence[int]
    surprisal: bool = False
    words: WordRecipe | None = None

    def wanted(self, words: Sequence[Word]) -> np.ndarray | None:
        """Indices of the words of a story that are read; None for all."""
        if self.words is None or self.words.which == "all" or self.recipe.context_kind == "growing":
            return None
        found = np.flatnonzero(content_words(tuple(words), self.words.tagger))
        return found if len(found) else None

    def folder(self, words: Sequence[Word], store: Path) -> Path:
        """The cache folder of a story's activations, whether it exists or not."""
        info, how = self.model.info, self.recipe.model_dump_json(exclude={"components", "layers"})
        surprisal = ["surprisal"] if self.surprisal else []
        some = self.wanted(words)
        parts = ("1", info.id, info.revision, how, list(self.layers), [word.text for word in words], *surprisal)
        parts = parts if some is None else (*parts, some.tolist())
        return store / "activations" / cache.content_key(*parts)[:24]

    def stream(self, words: Sequence[Word]) -> Iterator[Reading]:
        """The model's readings of a story, part by part."""
        texts, wanted = [word.text for word in words], self.wanted(words)
        for _, part in self.model.stream(texts, self.recipe, self.layers, surprisal=self.surprisal, wanted=wanted):
            yield part


@dataclass(frozen=True, slots=True, eq=False)
class PreparedRecording:
    """One recording with its filtered signal, its usable words, and the model's activations.

    Attributes
    ----------
    recording : Recording
        The recording itself.
    signal : DiskBuffer
        Its filtered signal.
    activations : StoredActivations, shape (word of the whole recording, layer, dim)
        Of every word.
    used : ndarray of int, shape (word,)
        Words that can be used, as indices into the recording's.
    skipped : Counter of str
        How many words cannot be used, by reason.
    chain : dict
        The chain's properties, as the passport states them.
    """

    recording: Recording
    signal: DiskBuffer
    activations: StoredActivations
    used: np.ndarray
    skipped: Counter[str]
    chain: dict[str, Any]

    @property
    def onsets(self) -> np.ndarray:
        """(word,): onsets of the words in use, in seconds."""
        return np.array([self.recording.words[i].onset for i in self.used])

    @property
    def used_activations(self) -> StoredActivations:
        """(word, layer, dim) of the words in use."""
        return self.activations.select(self.used)

    def through(self, spatial: SpatialFilter | None) -> PreparedRecording:
        """The same recording with its signal behind a spatial filter, if there is one."""
        if spatial is None:
            return self
        signal = self.signal.filtered(spatial.matrix([sensor.name for sensor in self.recording.sensors]))
        return replace(self, signal=signal, chain=self.chain | {"spatial": spatial.describe()})


def prepare_recordings(
    recordings: Sequence[Recording],
    request: ActivationRequest,
    recipe: Recipe,
    store: Path,
    progress: Progress,
    spatial: SpatialFilter | None = None,
) -> list[PreparedRecording]:
    """Filter the signal and compute the activations of every recording, then find the words that have both.

    Why at the same time: the one waits for the disk and filters, the other multiplies, and neither needs the other.

    Parameters
    ----------
    recordings : sequence of Recording
        With the same sensors; ValueError names one that is there twice, and channels that are flat or broken.
    request : ActivationRequest
        Which activations of which model.
    recipe : Recipe
        Its chain, lags and words are used.
    store : Path
        The cache folder; what is there already is not computed again.
    progress : Progress
        Shows the two stages.
    spatial : SpatialFilter, optional
        Applied to every signal; the cache holds the signal without.

    Returns
    -------
    list of PreparedRecording
        In the order of the recordings.
    """
    refuse_repeated(recordings)
    check_channels(recordings)
    remove_abandoned(store)

    def filter_all(check: Callable[[], None]) -> list[DiskBuffer]:
        return filter_recordings(recordings, recipe, store, progress, check)

    with BackgroundTask(filter_all, "signal") as task:
        activations = compute_activations(recordings, request, store, progress, task.check)
        signals = task.result()
    prepared = []
    for recording, signal, read in zip(recordings, signals, activations, strict=True):
        used, skipped = usable_words(recording, signal, recipe)
        chain = describe_chain(recipe.chain, recording.sfreq)
        prepared.append(PreparedRecording(recording, signal, read, used, skipped, chain).through(spatial))
    return prepared


def check_channels(recordings: Sequence[Recording]) -> None:
    """Raise ValueError with the names of channels that are flat or broken, and of units that cannot be right."""
    for recording in recordings:
        problems = check_signal(recording)
        if problems:
            raise ValueError(f"{recording.name}: " + "; ".join(problems))


def filter_recordings(
    recordings: Sequence[Recording], recipe: Recipe, store: Path, progress: Progress, check: Callable[[], None]
) -> list[DiskBuffer]:
    """Send every recording through the signal chain to disk; check() is called between chunks, and may raise."""
    seconds = sum(r.n_samples / r.sfreq for r in recordings)
    unit, length = ("h", 3600.0) if seconds > 5400 else ("min", 60.0)
    signals = []
    with progress.stage("signal", seconds / length, unit) as stage:
        for recording in recordings:
            folder = signal_folder(recording, recipe, store)
            check()
            if is_stored(folder, progress.say):
                stage.skip(recording.n_samples / recording.sfreq / length)
            else:
                with stored_folder(folder) as partial:
                    for filtered in _filter(recording, recipe, partial):
                        stage.advance(filtered / length)
                        check()
            signals.append(DiskBuffer.open(folder))
            report_breaks(recording, signals[-1], progress)
    return signals


def report_breaks(recording: Recording, signal: DiskBuffer, progress: Progress) -> None:
    """Say where a recording holds values that cannot be signal, by channel."""
    for reason in dict.fromkeys(reason for _, reason in signal.breaks):
        times = [time for time, own in signal.breaks if own == reason]
        some = ", ".join(f"{time:.3f} s" for time in times[:N_PLACES])
        more = f" and {len(times) - N_PLACES:,} more places" if len(times) > N_PLACES else ""
        progress.say(f"{recording.name}: {reason} at {some}{more}; the words around are left out")


def signal_folder(recording: Recording, recipe: Recipe, store: Path) -> Path:
    """The cache folder of a recording's filtered signal, whether it exists or not."""
    names = ",".join(s.name for s in recording.sensors)
    recipe = recipe.with_settings("chain", spatial="none")  # which is applied to what is read
    return store / "signal" / cache.content_key("3", recipe.fingerprint("chain"), recording.fingerprint(), names)[:24]


def _filter(recording: Recording, recipe: Recipe, folder: Path) -> Iterator[float]:
    """Write the filtered signal into a folder; yields how many seconds each chunk had."""
    chain = Chain(recipe.chain, recording.sensors, recording.sfreq)
    with DiskBuffer.create(folder, chain.rate, len(recording.sensors), chain.warmup_s) as signal:
        for chunk in recording.chunks():
            for ready in chain.push(chunk):
                signal.append(ready)
            signal.note_breaks(chain.take_bad_values())
            yield len(chunk.data) / recording.sfreq
        for ready in chain.finish():
            signal.append(ready)


def compute_activations(
    recordings: Sequence[Recording],
    request: ActivationRequest,
    store: Path,
    progress: Progress,
    check: Callable[[], None],
) -> list[StoredActivations]:
    """Activations of every word of every recording, on disk; identical stories are read once.

    check() is called between parts, and may raise.
    """
    read = []
    with progress.stage("language model", sum(len(r.words) for r in recordings), "words") as stage:
        for recording in recordings:
            words = recording.words
            folder = request.folder(words, store)
            check()
            if is_stored(folder, progress.say):
                stage.skip(len(words))
            else:
                _write_activations(folder, request, words, stage, check)
            read.append(StoredActivations.open(folder / "activations.npy"))
    return read


def _write_activations(
    folder: Path, request: ActivationRequest, words: Sequence[Word], stage: Stage, check: Callable[[], None]
) -> None:
    """Write a story's activations part by part, so that they are never in memory as a whole."""
    wanted = request.wanted(words)
    n_read = len(words) if wanted is None else len(wanted)
    shape = n_read, len(request.layers), request.model.info.dim
    surprisal = [np.empty(0, np.float32)]
    with stored_folder(folder) as partial:
        with (partial / "activations.npy").open("wb") as file:
            header = {"descr": "<f4", "fortran_order": False, "shape": shape}
            np.lib.format.write_array_header_1_0(file, header)
            for part in request.stream(words):
                file.write(np.ascontiguousarray(part.activations, "<f4").data)
                if request.surprisal:
                    surprisal.append(np.asarray(part.surprisal, np.float32))
                stage.advance(len(part.activations) * len(words) / n_read)
                check()
        if wanted is not None:
            rows = np.full(len(words), -1)
            rows[wanted] = np.arange(n_read)
            np.save(partial / ROWS, rows, allow_pickle=False)
        if request.surprisal:
            np.save(partial / SURPRISAL, np.concatenate(surprisal), allow_pickle=False)


def read_lag(prepared: Sequence[PreparedRecording], lag: float) -> np.ndarray:
    """Signal (word, sensor) of all recordings at one lag, in seconds after each word's onset."""
    return np.concatenate([one.signal.read(one.onsets + lag) for one in prepared])


def fold_targets(
    prepared: Sequence[PreparedRecording], projection: Projection, fold: np.ndarray, n_folds: int
) -> list[np.ndarray]:
    """Targets (word, layer x wide) of each fold's words, in order.

    Why one recording at a time: so that nothing is in memory twice.
    """
    width = len(projection.mean) * projection.wide
    targets = [np.empty((int((fold == k).sum()), width), np.float32) for k in range(n_folds)]
    filled, first = [0] * n_folds, 0
    for one in prepared:
        values = projection.project(one.used_activations, projection.wide)
        own = fold[first : first + len(values)]
        for k in np.unique(own[own != PURGED]):
            rows = values[own == k]
            targets[k][filled[k] : filled[k] + len(rows)] = rows
            filled[k] += len(rows)
        first += len(values)
    return targets


def count_skipped(prepared: Sequence[PreparedRecording], purged: int = 0) -> dict[str, int]:
    """How many words were skipped for each reason; `purged` were too near a boundary between folds."""
    total = sum((one.skipped for one in prepared), Counter({"gap between folds": purged}))
    return {reason: n for reason, n in sorted(total.items()) if n}
