"""From recordings to words that meet their signal and their activations; each stage is cached by its content."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from offline.progress import Progress
from rtalign import cache
from rtalign.chain import Chain, describe
from rtalign.data import Recording
from rtalign.datasets.mneraw import check_signal
from rtalign.recipe import Recipe
from rtalign.tagging import content_words
from rtalign.tape import Tape


@dataclass(frozen=True, slots=True, eq=False)
class Story:
    """One recording made ready: its filtered signal, its words in use, and what the model made of them.

    onsets : (word,) seconds; activations : (word of the whole recording, layer, dim); used : (word,) indices into them.
    """

    recording: Recording
    tape: Tape
    activations: np.ndarray
    surprisal: np.ndarray
    used: np.ndarray
    skipped: Counter[str]
    chain: dict[str, Any]

    @property
    def onsets(self) -> np.ndarray:
        return np.array([self.recording.words[i].onset for i in self.used])


def prepare(
    recordings: Sequence[Recording], model: Any, recipe: Recipe, layers: Sequence[int], store: Path, progress: Progress
) -> list[Story]:
    """Signal and language stage for every recording, then the words that have both."""
    refuse_bad_channels(recordings)
    tapes = signal_stage(recordings, recipe, store, progress)
    readings = language_stage(recordings, model, recipe, layers, store, progress)
    stories = []
    for recording, tape, (activations, surprisal) in zip(recordings, tapes, readings, strict=True):
        used, skipped = usable(recording, tape, recipe)
        chain = describe(recipe.chain, recording.sfreq)
        stories.append(Story(recording, tape, activations, surprisal, used, skipped, chain))
    return stories


def refuse_bad_channels(recordings: Sequence[Recording]) -> None:
    """Flat or non-finite channels end in one line that names them."""
    for recording in recordings:
        problems = check_signal(recording)
        if problems:
            raise ValueError(f"{recording.name}: " + "; ".join(problems))


def signal_stage(recordings: Sequence[Recording], recipe: Recipe, store: Path, progress: Progress) -> list[Tape]:
    """Every recording through the signal chain, onto tape."""
    minutes = sum(r.n_samples / r.sfreq for r in recordings) / 60
    tapes = []
    with progress.stage("signal", minutes, "min") as stage:
        for recording in recordings:
            folder = tape_folder(recording, recipe, store)
            if not folder.exists():
                _record(recording, recipe, folder, stage)
            else:
                stage.advance(recording.n_samples / recording.sfreq / 60)
            tapes.append(Tape.open(folder))
    return tapes


def tape_folder(recording: Recording, recipe: Recipe, store: Path) -> Path:
    """Where the tape of a recording is, or will be."""
    names = ",".join(s.name for s in recording.sensors)
    return store / "signal" / cache.key("1", recipe.fingerprint("chain"), recording.fingerprint(), names)[:24]


def _record(recording: Recording, recipe: Recipe, folder: Path, stage: Any) -> None:
    chain = Chain(recipe.chain, recording.sensors, recording.sfreq)
    with cache.atomic_folder(folder) as partial, Tape.create(partial, chain.rate, len(recording.sensors)) as tape:
        for chunk in recording.chunks():
            for ready in chain.push(chunk):
                tape.append(ready)
            stage.advance(len(chunk.data) / recording.sfreq / 60)
        for ready in chain.finish():
            tape.append(ready)


def language_stage(
    recordings: Sequence[Recording],
    model: Any,
    recipe: Recipe,
    layers: Sequence[int],
    store: Path,
    progress: Progress,
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Activations (word, layer, dim) and surprisal (word,) of every recording; identical stories are read once."""
    readings = []
    with progress.stage("language model", sum(len(r.words) for r in recordings), "words") as stage:
        for recording in recordings:
            words = [word.text for word in recording.words]
            folder = reading_folder(words, model.info, recipe, layers, store)
            if not folder.exists():
                reading = model.encode(words, recipe.language, layers, progress=_advance(stage))
                with cache.atomic_folder(folder) as partial:
                    np.save(partial / "activations.npy", reading.activations, allow_pickle=False)
                    np.save(partial / "surprisal.npy", reading.surprisal, allow_pickle=False)
            else:
                stage.advance(len(words))
            activations = np.load(folder / "activations.npy", mmap_mode="r", allow_pickle=False)
            readings.append((activations, np.load(folder / "surprisal.npy", allow_pickle=False)))
    return readings


def reading_folder(words: Sequence[str], info: Any, recipe: Recipe, layers: Sequence[int], store: Path) -> Path:
    """Where a model's activations for a story are, or will be."""
    how = recipe.language.model_dump_json(exclude={"components", "layers"})
    return store / "activations" / cache.key("1", info.id, info.revision, how, list(layers), list(words))[:24]


def _advance(stage: Any) -> Any:
    """encode reports how many words are done in all; a stage wants how many more."""
    before = 0

    def report(done: int) -> None:
        nonlocal before
        stage.advance(done - before)
        before = done

    return report


def usable(recording: Recording, tape: Tape, recipe: Recipe) -> tuple[np.ndarray, Counter[str]]:
    """The chosen words whose whole epoch is on the tape, and why the others are not used."""
    lags = recipe.lags.seconds
    chosen = np.ones(len(recording.words), bool)
    if recipe.words.which == "content":
        chosen = content_words([word.text for word in recording.words], recipe.words.tagger)
    used, skipped = [], Counter[str]()
    for i in np.flatnonzero(chosen):
        onset = recording.words[i].onset
        reason = tape.fits(onset + lags[0], onset + lags[-1])
        if reason is None:
            used.append(i)
        else:
            skipped[reason] += 1
    return np.array(used, int), skipped


def read_lag(stories: Sequence[Story], lag: float) -> np.ndarray:
    """(word, sensor) of all stories at one lag after each word's onset."""
    return np.concatenate([story.tape.read(story.onsets + lag) for story in stories])


def used_activations(stories: Sequence[Story]) -> list[np.ndarray]:
    """(word, layer, dim) a story, mapped from disk where every word is in use."""
    return [s.activations if len(s.used) == len(s.activations) else s.activations[s.used] for s in stories]


def skip_counts(stories: Sequence[Story], purged: int = 0) -> dict[str, int]:
    """How many words were left out for each reason."""
    total = sum((story.skipped for story in stories), Counter({"gap between folds": purged}))
    return {reason: n for reason, n in sorted(total.items()) if n}
