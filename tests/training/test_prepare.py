"""Long recordings: read beside the language model without a change in any number, in memory that does not grow."""

from __future__ import annotations

import io
import os
import signal
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from rtalign.core import machine
from rtalign.core import progress as progressing
from rtalign.core.files import remove_abandoned
from rtalign.core.progress import Progress
from rtalign.core.records import Chunk, Sensor, Word
from rtalign.signal.chain import Chain
from rtalign.signal.disk_buffer import DiskBuffer
from rtalign.training.prepare import (
    ActivationRequest,
    StoredActivations,
    compute_activations,
    filter_recordings,
    prepare_recordings,
    read_lag,
)
from rtalign_cli import commands
from rtalign_cli.main import main
from tests.helpers.small_world import FakeModel, MemoryRecording, sensors, small_recipe, world

RECIPE = small_recipe()
LAYERS = range(6)
QUIET = Progress(quiet=True)


def nothing() -> None:
    """Nobody stops the work."""


@pytest.fixture
def worlds_of_two() -> tuple[list[MemoryRecording], FakeModel]:
    (first, model), (second, more) = world(n_words=150, seed=1), world(n_words=120, seed=2, prefix="v")
    model.table |= more.table
    return [first, second], model


def tape_by_hand(recording: MemoryRecording) -> np.ndarray:
    """(row, sensor): the whole signal through the chain at once."""
    chain = Chain(RECIPE.chain, recording.sensors, recording.sfreq)
    ready = [*chain.push(Chunk(recording.data, recording.start, recording.sfreq)), *chain.finish()]
    return np.concatenate([chunk.data for chunk in ready])


def dawdling(model: FakeModel, seconds: float) -> FakeModel:
    """The same model, slow."""
    stream = model.stream

    def slow(*args: Any, **how: Any) -> Iterator[tuple[int, Any]]:
        for part in stream(*args, **how):
            time.sleep(seconds)
            yield part

    model.stream = slow  # type: ignore[method-assign]
    return model


@pytest.mark.parametrize("slow", ["signal", "language"])
def test_reading_beside_the_model_changes_no_bit(
    worlds_of_two: tuple[list[MemoryRecording], FakeModel], tmp_path: Path, slow: str
) -> None:
    recordings, model = worlds_of_two
    if slow == "language":
        model = dawdling(model, 0.003)
    stories = prepare_recordings(recordings, ActivationRequest(model, RECIPE.language, LAYERS), RECIPE, tmp_path, QUIET)
    for story, recording in zip(stories, recordings, strict=True):
        stored = np.fromfile(story.signal.folder / "signal.f32", "<f4").reshape(-1, len(recording.sensors))
        np.testing.assert_array_equal(stored, tape_by_hand(recording))
        texts = [word.text for word in recording.words]
        read = np.stack([model.table[text] for text in texts]).astype(np.float32)
        np.testing.assert_array_equal(story.activations[:], read)
        np.testing.assert_array_equal(story.activations.select(story.used)[::3, 2], read[story.used][::3, 2])


def unfinished(store: Path) -> list[Path]:
    return [path for path in store.rglob("*") if "partial" in path.name]


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[Any, Any], int]:
    """`rtalign train` on recordings and a model of ours."""
    monkeypatch.setenv("RTALIGN_CACHE", str(tmp_path / "cache"))

    def run(recordings: Any, model: Any) -> int:
        monkeypatch.setattr(commands, "load_recordings", lambda *_: recordings)
        monkeypatch.setattr(commands, "load_model", lambda *_: model)
        monkeypatch.setattr(commands, "recipe_of", lambda _: RECIPE)
        return main(["train", "anything", "--model", "fake", "--out", str(tmp_path / "bank")])

    return run


def test_an_error_of_the_disk_ends_the_reading_of_words_too(
    worlds_of_two: tuple[list[MemoryRecording], FakeModel],
    command: Callable[[Any, Any], int],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    recordings, model = worlds_of_two
    whole = recordings[1].chunks

    def torn(seconds: float = 10.0, start: float | None = None) -> Iterator[Chunk]:
        chunks = whole(seconds, start)
        if seconds < 10:
            yield from chunks  # the look at the sensors
            return
        yield next(chunks)
        raise ValueError("run two is cut short: copy it again")

    recordings[1].chunks = torn  # type: ignore[method-assign]
    model = dawdling(model, 0.05)
    assert command(recordings, model) == 1
    assert capsys.readouterr().err.splitlines()[-1] == "rtalign train: run two is cut short: copy it again"
    assert model.encoded < 38
    assert not unfinished(tmp_path)
    assert not (tmp_path / "bank").exists()
    assert len(list((tmp_path / "cache" / "signal").iterdir())) == 1


@pytest.fixture
def hears_control_c() -> Iterator[None]:
    """A shell that starts the tests in the background has them ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("hears_control_c")
def test_control_c_stops_both_and_leaves_nothing_half_written(
    worlds_of_two: tuple[list[MemoryRecording], FakeModel],
    command: Callable[[Any, Any], int],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    recordings, model = worlds_of_two
    stream, heard = model.stream, []

    def interrupted(*args: Any, **how: Any) -> Iterator[tuple[int, Any]]:
        for n, part in enumerate(stream(*args, **how)):
            if n == 4:
                while len(heard) < 3:  # so that there is something to stop
                    time.sleep(0.001)
                os.kill(os.getpid(), signal.SIGINT)
            yield part

    def endless(seconds: float = 10.0, start: float | None = None) -> Iterator[Chunk]:
        for n in range(10**6 if seconds >= 10 else 1):
            heard.append(n)
            time.sleep(0.001)
            yield Chunk(recordings[0].data[:2500], 10.0 * n, recordings[0].sfreq)

    model.stream = interrupted  # type: ignore[method-assign]
    recordings[0].chunks = endless  # type: ignore[method-assign]
    assert command(recordings, model) == 1
    assert "stopped; what was finished is kept" in capsys.readouterr().err
    assert not unfinished(tmp_path)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("signal")]
    after = len(heard)
    time.sleep(0.05)
    assert len(heard) == after > 1


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
    little, much = peak_of(lambda: stage(0.1)), peak_of(lambda: stage(1.0))
    assert (tmp_path / "signal").exists()
    assert much < 1.1 * little
    size = sum(file.stat().st_size for file in tmp_path.rglob("signal.f32"))
    assert size > 20 * much


def test_activations_are_never_in_memory_as_a_whole(tmp_path: Path) -> None:
    """A look at one layer brings no other layer into memory."""
    info = SimpleNamespace(id="wide", revision="1", dim=200)

    def stream(words: Any, _: Any, layers: Any, surprisal: bool) -> Iterator[tuple[int, Any]]:
        assert not surprisal
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


def test_reading_a_lag_takes_the_memory_of_its_words(tmp_path: Path) -> None:
    signal = filter_recordings([Long(2.0)], RECIPE, tmp_path, QUIET, nothing)[0]
    onsets = np.linspace(20, 7000, 5000)
    story: Any = SimpleNamespace(signal=signal, onsets=onsets)
    read_lag([story], 0.1)
    assert peak_of(lambda: read_lag([story], 0.1)) < 0.5 * signal.n_rows * 6 * 4


def test_what_a_killed_process_left_is_swept_after_a_day(tmp_path: Path) -> None:
    for name, age in (("old.partial-1-x", 2 * 86400), ("new.partial-2-y", 60), ("whole", 9 * 86400)):
        folder = tmp_path / "signal" / name
        folder.mkdir(parents=True)
        (folder / "signal.f32").write_bytes(b"0000")
        for path in (folder / "signal.f32", folder):
            os.utime(path, (time.time() - age,) * 2)
    remove_abandoned(tmp_path)
    assert sorted(path.name for path in (tmp_path / "signal").iterdir()) == ["new.partial-2-y", "whole"]


def test_workers_are_as_many_as_cores_unless_memory_is_short() -> None:
    assert machine.worker_count(1.0) == machine.cpu_count()
    assert machine.worker_count(1e18) == 1


class Terminal(io.StringIO):
    """A terminal that remembers what was written."""

    encoding = "utf-8"  # type: ignore[assignment]

    def isatty(self) -> bool:
        return True

    def lines(self) -> list[str]:
        return [part.removeprefix("\x1b[K") for part in self.getvalue().split("\r")]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Time that passes when told to."""
    now = SimpleNamespace(s=100.0)
    monkeypatch.setattr(progressing.time, "perf_counter", lambda: now.s)
    return now


@pytest.mark.parametrize("columns", [60, 80, 120, 200])
def test_two_stages_share_one_line_of_the_terminal(monkeypatch: pytest.MonkeyPatch, clock: Any, columns: int) -> None:
    screen = Terminal()
    monkeypatch.setattr("sys.stderr", screen)
    monkeypatch.setenv("COLUMNS", str(columns))
    shown = Progress()
    with shown.stage("signal", 10.0, "h") as heard, shown.stage("language model", 85_000, "words") as read:
        clock.s += 300
        heard.advance(2.5)
        clock.s += 1
        read.advance(8_500)
        last = screen.lines()[-1]
    assert "signal 2.50/10.00 h" in last
    assert "language model 8,500/85,000 words" in last
    assert ("about 45 min left" in last) == (columns > 60)
    assert ("━" in last) == (columns > 80)
    assert max(map(len, screen.lines())) < columns


def test_work_done_before_says_nothing_of_the_time_left(clock: Any) -> None:
    with Progress(quiet=True).stage("signal", 10.0, "h") as stage:
        stage.skip(5.0)
        clock.s += 60
        assert stage.seconds_left() is None
        stage.advance(1.0)
        assert stage.seconds_left() == pytest.approx(240)


def test_elsewhere_a_plain_line_comes_now_and_then(clock: Any, capsys: pytest.CaptureFixture[str]) -> None:
    shown = Progress()
    with shown.stage("language model", 1000, "words") as stage:
        for _ in range(1000):
            clock.s += 1
            stage.advance()
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "language model 11 of 1,000 words, about 16 min left"
    assert lines[-1].split() == ["language", "model", "1,000", "words", "in", "17", "min"]
    assert 15 < len(lines) < 40
    assert not any("\r" in line or "\x1b" in line for line in lines)
