"""The driver of a sweep, with a scheduler that a test can take away."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from rtalign.core import progress
from rtalign.core.progress import Progress
from rtalign_offline.sweep import clusters, run
from rtalign_offline.sweep.paths import SweepPaths, load_plan
from rtalign_offline.sweep.plan import JobKey, Plan
from rtalign_offline.sweep.run import Driver, SweepOutcome, Task


class Client:
    """Answers every task with its own name once what it waits for is answered; may be lost after some answers."""

    def __init__(self, lost_after: int | None = None, broken: tuple[str, ...] = (), mute: str = "") -> None:
        self.submitted: list[str] = []
        self.status = "running"
        self._left, self._broken, self._mute = lost_after, broken, mute
        self.dashboard_link = ""
        self.scheduler = SimpleNamespace(address="nowhere")

    def scheduler_info(self) -> dict[str, Any]:
        return {}

    def submit(self, _function: Any, *arguments: Any, key: str, pure: bool) -> Any:
        self.submitted.append(key)
        waits = [a for a in arguments if isinstance(a, SimpleNamespace)]
        failed = key in self._broken or any(w.status == "error" for w in waits)
        status = "error" if failed else "finished"
        if self._left is not None and len(self.submitted) > self._left:
            status = "cancelled"
        error = ValueError("the model is not here")
        return SimpleNamespace(status=status, result=lambda: self._answer(key), exception=lambda: error)

    def _answer(self, key: str) -> str:
        if key == self._mute:
            raise OSError("stream is closed")
        return f"answer of {key}"


@pytest.fixture
def paths(tmp_path: Path) -> SweepPaths:
    plan = Plan.parse(
        {
            "people": [{"name": name, "recordings": ["x"]} for name in ("ann", "bob")],
            "models": [{"name": "a"}, {"name": "b"}],
            "keep_activations": False,
        },
        tmp_path,
    )
    (tmp_path / "plan.json").write_text(plan.model_dump_json())
    return SweepPaths(str(tmp_path), str(tmp_path / "cache"), "plan.json")


def graph(paths: SweepPaths) -> tuple[dict[str, Task], dict[str, JobKey]]:
    keys = {run._job_name(key): key for key in load_plan(paths).jobs()}
    tasks = {f"read {model}": Task("read", ()) for model in "ab"}
    tasks |= {name: Task("job", (), (f"read {key.model}",)) for name, key in keys.items()}
    return tasks, keys


def drive(paths: SweepPaths, monkeypatch: pytest.MonkeyPatch, *clients: Client) -> tuple[SweepOutcome, list[str]]:
    """Run on one client after the other; returns the outcome, and the readings that were let go in turn."""
    left, gone = list(clients), []

    @contextmanager
    def connected(*_: object) -> Iterator[Client]:
        yield left.pop(0)

    monkeypatch.setattr(clusters, "connected", connected)
    monkeypatch.setattr(run, "POLL_S", 0.0)
    monkeypatch.setattr(run, "RETRY_S", 0.0)
    monkeypatch.setattr(run, "delete_activations", lambda _, reading: gone.append(reading))
    outcome = SweepOutcome()
    Driver(*graph(paths), outcome, paths).run("local", load_plan(paths), Progress(quiet=True))
    return outcome, gone


def test_every_job_is_answered_and_activations_go_with_their_last_job(
    paths: SweepPaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    outcome, gone = drive(paths, monkeypatch, Client())
    assert len(outcome.folders) == 4
    assert not outcome.failures
    assert gone == ["answer of read a", "answer of read b"]


def test_a_lost_scheduler_is_given_only_what_has_no_answer(paths: SweepPaths, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = Client(lost_after=4), Client()
    outcome, _ = drive(paths, monkeypatch, first, second)
    assert len(outcome.folders) == 4
    assert len(first.submitted) == 6
    assert second.submitted == first.submitted[4:]


def test_a_scheduler_that_goes_with_an_answer_it_has_announced_is_a_lost_one(
    paths: SweepPaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = Client(mute="read b"), Client()
    outcome, _ = drive(paths, monkeypatch, first, second)
    assert len(outcome.folders) == 4
    assert not outcome.failures
    assert second.submitted == first.submitted[1:]


def test_what_waits_for_a_failure_fails_with_its_reason_and_the_others_go_on(
    paths: SweepPaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    outcome, gone = drive(paths, monkeypatch, Client(broken=("read b",)))
    assert {key.model for key in outcome.folders} == {"a"}
    assert {key.model for key in outcome.failures} == {"b"}
    assert set(outcome.failures.values()) == {"the model is not here"}
    assert gone == ["answer of read a"]


def test_no_scheduler_at_an_address_is_said_at_once(paths: SweepPaths) -> None:
    with pytest.raises(ValueError, match="no Dask scheduler answers"):
        Driver(*graph(paths), SweepOutcome(), paths).run("nonsense://x", load_plan(paths), Progress(quiet=True))


def test_time_left_is_counted_down_between_steps_and_a_late_step_makes_it_longer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = SimpleNamespace(s=100.0)
    monkeypatch.setattr(progress.time, "perf_counter", lambda: now.s)
    told = []
    with Progress(quiet=True).stage("sweep", 4, "jobs") as stage:
        now.s += 20
        stage.advance()
        for _ in range(6):
            told.append(stage.seconds_left())
            now.s += 15
            stage.wait()
    assert told == pytest.approx([60, 45, 30, 45, 60, 75])


def test_what_is_said_at_the_end_fits_a_terminal_and_names_a_reason_once() -> None:
    keys = [
        JobKey(model=model, context=context, person="ann", seed=0)
        for model in ("a", "b")
        for context in ("window:2", "window:3", "growing:40")
    ]
    failures = {key: "no such model" if key.model == "a" else f"bad {key.context}" for key in keys}
    assert run.failure_lines(failures) == [
        "failed: a, window:2, ann and 2 more: no such model",
        "failed: b, window:2, ann: bad window:2",
        "failed: b, window:3, ann: bad window:3",
        "failed: b, growing:40, ann: bad growing:40",
    ]
    work = {piece: {"computed": 12_345, "reused": 1_234, "cpu_s": 98_765.4} for piece in ("lag", "tape")}
    lines = run.outcome_lines({"jobs": keys, "failed": [], "work": work, "report": None})
    assert lines[0] == "6 jobs done, 0 failed"
    assert lines[-2].split()[-3:] == ["12,345", "1,234", "98,765.4"]
    assert "recordings filtered" in lines[-2]
    assert max(map(len, lines)) < 80
