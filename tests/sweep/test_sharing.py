"""What the tasks of a sweep share is made by one of them, however many ask for it at the same moment."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from rtalign.core.progress import Progress
from rtalign_offline.sweep import clusters, tasks
from rtalign_offline.sweep import run as sweep
from rtalign_offline.sweep.journal import read_journal
from rtalign_offline.sweep.paths import SweepPaths
from rtalign_offline.sweep.plan import Plan, ReadingKey
from rtalign_offline.sweep.readings import merge_readings, split_readings
from tests.helpers import sweep_processes
from tests.helpers.tiny_models import write_model

RECIPE = {"lags": {"start_s": 0.0, "stop_s": 0.1, "step_s": 0.1}, "fit": {"folds": 3}}


class Answer:
    """A task on its way, as Dask's client hands it out."""

    def __init__(self, future: Future[Any]) -> None:
        self.future = future

    @property
    def status(self) -> str:
        if not self.future.done():
            return "pending"
        return "error" if self.future.exception() else "finished"

    def result(self) -> Any:
        return self.future.result()

    def exception(self) -> BaseException | None:
        return self.future.exception()


class Everything:
    """A cluster that begins every task in the moment in which all that it waits for is there."""

    status, dashboard_link = "running", ""
    scheduler = SimpleNamespace(address="here")

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(200)

    def scheduler_info(self) -> dict[str, Any]:
        return {}

    def submit(self, function: Callable[..., Any], *arguments: Any, key: str, pure: bool) -> Answer:
        def run() -> Any:
            return function(*(a.result() if isinstance(a, Answer) else a for a in arguments))

        return Answer(self._pool.submit(run))


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every stage takes a while to begin, so that whoever asks for the same at the same time would do it too."""

    @contextmanager
    def connected(*_: object) -> Iterator[Everything]:
        yield Everything()

    def later(stage: Callable[..., Any]) -> Callable[..., Any]:
        def slow(*arguments: Any) -> Any:
            time.sleep(0.5)
            return stage(*arguments)

        return slow

    monkeypatch.setattr(clusters, "connected", connected)
    for name in ("filter_recordings", "compute_activations"):
        monkeypatch.setattr(tasks, name, later(getattr(tasks, name)))
    monkeypatch.setattr(tasks.sensor_moments, "recording_moments", later(tasks.sensor_moments.recording_moments))


def plan_of_three(folder: Path) -> Plan:
    """Ann of two recordings under two names, bob who heard the same story; contexts of which some read it alike."""
    write_model(folder / "tiny", "llama", max_position_embeddings=2048)
    for i, name in enumerate(("ann", "ann-2", "bob")):
        sweep_processes.person(folder / name, seed=i, prefix="w", n_words=60)
    of = {"ann": ("ann", "ann-2"), "bob": ("bob",), "ann again": ("ann", "ann-2")}
    people = [
        {
            "name": name,
            "recordings": [str(folder / f"{part}_meg.fif") for part in parts],
            "word_table": str(folder / f"{parts[0]}_words.tsv"),
        }
        for name, parts in of.items()
    ]
    models = [{"name": "tiny"}, {"name": "tiny", "label": "the same"}]
    contexts = ["growing:60", "growing:900", "window:59", "window:300", "window:2"]
    values = {"people": people, "models": models, "contexts": contexts, "quartiles": False, "recipe": RECIPE}
    return Plan.parse(values, folder)


def test_what_is_asked_for_at_once_is_made_once(tmp_path: Path, at_once: None, monkeypatch: pytest.MonkeyPatch) -> None:
    told = []

    def found_all(paths: SweepPaths, key: dict[str, Any], person: str, brain_path: str, *read: str) -> str:
        stories = merge_readings(read)["stories"]
        assert all((paths.cache / "activations" / folder / "activations.npy").is_file() for folder in stories.values())
        assert Path(brain_path).is_file()
        told.append((key["context"].split(":")[0] + key["context"][-1], tuple(stories.values())))
        return str(paths.home / "jobs" / str(len(told)))

    monkeypatch.setitem(sweep.FUNCTIONS, "job", found_all)
    monkeypatch.setattr("rtalign_offline.sweep.report.page.write_sweep_report", lambda folder: folder)
    done = sweep.run_sweep(plan_of_three(tmp_path), tmp_path / "out", "local", Progress(quiet=True), tmp_path / "cache")
    assert not done["failed"]
    computed = Counter(
        (e["piece"], e["key"]) for e in read_journal(tmp_path / "out" / "journal") if e["how"] == "computed"
    )
    assert set(computed.values()) == {1}
    assert Counter(piece for piece, _ in computed) == {"tape": 3, "moments": 3, "brain": 2, "activations": 3}
    assert len(told) == 2 * 5 * 3
    assert len({folders for _, folders in told}) == 3


def test_parts_hold_every_story_of_a_reading_once_and_no_two_hold_the_same(tmp_path: Path) -> None:
    contexts = ["growing:100", "growing:400", "growing:900", "window:3", "window:150"]
    models = [{"name": "a"}, {"name": "b"}, {"name": "a", "untrained": True, "label": "c"}]
    values = {"people": [{"name": "she", "recordings": ["x"]}], "models": models, "contexts": contexts, "seeds": [1, 2]}
    plan, rng = Plan.parse(values, tmp_path), np.random.default_rng(0)
    lengths = {f"story {i}": int(n) for i, n in enumerate(rng.integers(50, 1200, 30))}
    made = split_readings(plan, lengths)
    assert len(made) == len({job.reading for job in plan.jobs()}) == (1 + 1 + 2) * 5
    for key, pieces in made.items():
        assert sorted(story for part in pieces for story in part.stories) == sorted(lengths)
        for part in pieces:
            same = {read_like(lengths[story], part.key) == read_like(lengths[story], key) for story in part.stories}
            assert same == {True}
    every = {part for pieces in made.values() for part in pieces}
    assert len({part.slug for part in every}) == len(every)
    units = Counter(
        (part.key.model, part.key.seed, part.key.context[0], story, read_like(lengths[story], part.key))
        for part in every
        for story in part.stories
    )
    assert set(units.values()) == {1}
    assert any(len(pieces) > 1 for pieces in made.values())


def read_like(n_words: int, key: ReadingKey) -> tuple[tuple[int, int], ...]:
    """For every word of a story, the words that it is read with, told from the recipe's own words alone."""
    kind, number = key.context.split(":")
    size = int(number)
    if kind == "window":
        return tuple((max(i - size, 0), i + 1) for i in range(n_words))
    spans, start = [], 0
    for i in range(n_words):
        if i >= start + size:
            start += size - size // 2
        spans.append((start, i + 1))
    return tuple(spans)
