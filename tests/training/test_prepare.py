"""Two stages at a time change no number, and long recordings take no more memory than short ones."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import mne
import numpy as np
import pytest

from rtalign.core.progress import Progress
from rtalign.core.recipe import LanguageRecipe, Recipe, WordRecipe
from rtalign.core.records import BadStretch, Chunk, Sensor, Word
from rtalign.language import load
from rtalign.recordings import check_folder, open_recordings
from rtalign.recordings.usable_words import usable_words
from rtalign.signal.chain import Chain
from rtalign.signal.disk_buffer import DiskBuffer
from rtalign.signal.plausibility import GAP
from rtalign.training.prepare import (
    ActivationRequest,
    StoredActivations,
    check_channels,
    compute_activations,
    filter_recordings,
    prepare_recordings,
    read_lag,
)
from tests.helpers import fif_files
from tests.helpers.small_world import MemoryRecording, sensors, slowed, small_recipe, two_worlds
from tests.helpers.tiny_models import STORY, write_model

RECIPE = small_recipe()
ZERO_PHASE = RECIPE.with_settings("chain", phase="zero")
LAYERS = range(6)
QUIET = Progress(quiet=True)


def nothing() -> None:
    """Nobody stops the work."""


def filtered_at_once(recording: MemoryRecording) -> np.ndarray:
    """(row, sensor): the whole signal through the chain at once."""
    chain = Chain(RECIPE.chain, recording.sensors, recording.sfreq)
    ready = [*chain.push(Chunk(recording.data, recording.start, recording.sfreq)), *chain.finish()]
    return np.concatenate([chunk.data for chunk in ready])


@pytest.mark.parametrize("slow", ["signal", "language"])
def test_two_stages_at_a_time_change_no_bit(tmp_path: Path, slow: str) -> None:
    recordings, model = two_worlds()
    if slow == "language":
        model = slowed(model, 0.003)
    stories = prepare_recordings(recordings, ActivationRequest(model, RECIPE.language, LAYERS), RECIPE, tmp_path, QUIET)
    for story, recording in zip(stories, recordings, strict=True):
        stored = np.fromfile(story.signal.folder / "signal.f32", "<f4").reshape(-1, len(recording.sensors))
        np.testing.assert_array_equal(stored, filtered_at_once(recording))
        texts = [word.text for word in recording.words]
        read = np.stack([model.table[text] for text in texts]).astype(np.float32)
        np.testing.assert_array_equal(story.activations[:], read)
        np.testing.assert_array_equal(story.activations.select(story.used)[::3, 2], read[story.used][::3, 2])


@dataclass(frozen=True, eq=False)
class Long:
    """Hours of a few sensors that are never in memory at once."""

    hours: float
    words: tuple[Word, ...] = ()
    sfreq: float = 250.0
    name: str = "long"
    subject: str = "01"
    start: float = 0.0
    notes: tuple[str, ...] = ()
    bad_stretches: tuple[BadStretch, ...] = ()

    @property
    def n_samples(self) -> int:
        return int(self.hours * 3600 * self.sfreq)

    @property
    def seconds(self) -> float:
        return self.n_samples / self.sfreq

    @property
    def sensors(self) -> tuple[Sensor, ...]:
        return sensors(6)

    def chunks(self, seconds: float = 10.0, start: float | None = None) -> Iterator[Chunk]:
        size = int(seconds * self.sfreq)
        noise = np.random.default_rng(0).standard_normal((size, 6)) * 1e-13
        for first in range(0, self.n_samples, size):
            yield Chunk(noise[: self.n_samples - first], first / self.sfreq, self.sfreq)

    def fingerprint(self) -> str:
        return str(self.hours)

    def signal_fingerprint(self) -> str:
        return self.fingerprint()


def peak_of(work: Callable[[], object]) -> int:
    tracemalloc.start()
    work()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


def test_memory_of_the_signal_stage_does_not_grow_with_time(tmp_path: Path) -> None:
    def stage(hours: float) -> list[DiskBuffer]:
        return filter_recordings([Long(hours)], RECIPE, tmp_path, QUIET, nothing)

    stage(0.05)  # what is imported and designed once
    little, much = peak_of(lambda: stage(0.1)), peak_of(lambda: stage(0.5))
    assert (tmp_path / "signal").exists()
    assert much < 1.1 * little
    size = sum(file.stat().st_size for file in tmp_path.rglob("signal.f32"))
    assert size > 20 * much


def test_activations_are_never_in_memory_as_a_whole(tmp_path: Path) -> None:
    """A look at one layer brings no other layer into memory."""
    info = SimpleNamespace(id="wide", revision="1", dim=200)

    def stream(words: Any, _: Any, layers: Any, surprisal: bool, wanted: Any) -> Iterator[tuple[int, Any]]:
        assert not surprisal
        assert wanted is None
        part = SimpleNamespace(activations=np.ones((50, len(layers), 200), np.float32))
        for first in range(0, len(words), 50):
            yield first, part

    def stage(recording: Long) -> StoredActivations:
        model = SimpleNamespace(info=info, stream=stream)
        return compute_activations(
            [recording], ActivationRequest(model, RECIPE.language, range(9)), tmp_path, QUIET, nothing
        )[0]

    stories = {n: Long(1.0, tuple(Word(i, f"w{n}", float(i)) for i in range(n))) for n in (50, 2000, 20_000)}
    stage(stories[50])
    read: Any = {}
    little, much = (peak_of(lambda n=n: read.update({n: stage(stories[n])})) for n in (2000, 20_000))
    whole = 20_000 * 9 * 200 * 4
    assert much - little < 0.02 * whole
    assert peak_of(lambda: read[20_000][:, 3]) < 0.3 * whole
    assert read[20_000][:, 3].shape == (20_000, 200)


def test_of_windows_only_those_of_words_that_are_decoded_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = STORY[:30]
    model = load(write_model(tmp_path / "tiny", "llama"))
    kinds = ["NOUN" if len(text) > 4 else "DET" for text in texts]
    words = zip(texts, kinds, strict=True)
    recording = Long(1.0, tuple(Word(i, text, float(i), pos=kind) for i, (text, kind) in enumerate(words)))
    language, content = LanguageRecipe(context="window:3"), WordRecipe(which="content")
    requests = [ActivationRequest(model, language, [1, 3], True, words) for words in (None, content)]
    every, some = (compute_activations([recording], one, tmp_path / "store", QUIET, nothing)[0] for one in requests)
    read = np.array([i for i, text in enumerate(texts) if len(text) > 4])
    assert len(np.load(some.path, mmap_mode="r")) == len(read) < len(some) == len(every) == 30
    assert np.allclose(some.select(read)[:], every.select(read)[:], atol=1e-6)
    assert np.allclose(some.select(read).surprisal(), every.select(read).surprisal(), atol=1e-5, equal_nan=True)


def test_reading_a_lag_takes_the_memory_of_its_words(tmp_path: Path) -> None:
    signal = filter_recordings([Long(1.0)], RECIPE, tmp_path, QUIET, nothing)[0]
    onsets = np.linspace(20, 3500, 2500)
    story: Any = SimpleNamespace(signal=signal, onsets=onsets)
    read_lag([story], 0.1)
    assert peak_of(lambda: read_lag([story], 0.1)) < 0.5 * signal.n_rows * 6 * 4


@pytest.mark.parametrize("recipe", [RECIPE, ZERO_PHASE], ids=["causal", "zero"])
def test_a_check_counts_the_words_that_training_uses(tmp_path: Path, recipe: Recipe) -> None:
    """Rows that are no words are in neither count; a part of speech decides without a tagger."""
    marked = mne.Annotations([20.0, 30.0, 50.0], [2.0, 0.0, 3.5], ["BAD_muscle", "BAD_blink", "BAD_ACQ_SKIP"])
    noise = fif_files.noise(3, 70.0)
    noise[1, round(62 * fif_files.SFREQ)] = 1e-3
    path = fif_files.write(tmp_path / "story_meg.fif", noise, annotations=marked)
    onsets = np.arange(0.1, 72.0, 0.4)
    rows = [f"{onset:.1f}\tw{k}\t{('NOUN', 'DET')[k % 2]}\n" for k, onset in enumerate(onsets)]
    (tmp_path / "words.tsv").write_text("onset\tword\tpos\n" + "".join(rows) + "3.33\tsp\tX\n")
    (recording,) = open_recordings(path, word_table=tmp_path / "words.tsv")
    (signal,) = filter_recordings([recording], recipe, tmp_path, QUIET, nothing)
    content = recipe.with_settings("words", which="content", tagger="no_such_pipeline")
    for chosen in (recipe, content):
        used, skipped = usable_words(recording, signal, chosen)
        checked = check_folder(path, recipe=chosen, signal=True, word_table=tmp_path / "words.tsv")
        assert (checked.n_words, checked.skipped) == (len(used), skipped)
        told = check_folder(path, recipe=chosen, word_table=tmp_path / "words.tsv")
        bad = skipped.pop("bad value on MLC12")
        assert told.n_words == len(used) + bad, "without the signal its bad values are not known"
    assert {"marked as bad: BAD_muscle", "marked as bad: BAD_blink", GAP, "window after recording"} <= set(skipped)
    assert skipped["silence mark"] == 1
    assert len(used) > 30


def test_bad_values_are_told_with_channel_and_second_and_cost_the_words_around_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (recording, *_), _ = two_worlds()
    spoilt = MemoryRecording(recording.data.copy(), recording.words, name="run-01")
    spoilt.data[10_000, 5] = 1e30
    loud = Progress()
    told, used = [], []
    for one in (recording, spoilt, spoilt):  # the second time from the cache
        (signal,) = filter_recordings([one], RECIPE, tmp_path, loud, nothing)
        told.append([line for line in capsys.readouterr().err.splitlines() if "bad value" in line])
        used.append(usable_words(one, signal, RECIPE))
    line = "run-01: bad value on M005 at 40.000 s; the words around are left out"
    assert told == [[], [line], [line]]
    assert used[1][1]["bad value on M005"] == len(used[0][0]) - len(used[1][0]) > 0


@pytest.mark.parametrize("factor", [1e15, 1e-9])
def test_a_recording_in_a_wrong_unit_trains_nothing(factor: float) -> None:
    (recording, *_), _ = two_worlds()
    check_channels([recording])
    wrong = MemoryRecording(recording.data * factor, recording.words, name="run-01")
    with pytest.raises(ValueError, match=r"^run-01: .*is the unit right\?"):
        check_channels([recording, wrong])
