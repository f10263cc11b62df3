"""The driver of a sweep: every task is done once, on schedulers that a test can take away."""

from __future__ import annotations

import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from rtalign.core.progress import Progress
from rtalign.core.storage.cache import is_stored, stored_folder
from rtalign_offline.sweep import clusters, fit, run, tasks
from rtalign_offline.sweep.clusters import Cluster
from rtalign_offline.sweep.fit import is_finished
from rtalign_offline.sweep.journal import count_work, read_journal
from rtalign_offline.sweep.paths import SweepPaths, load_plan
from rtalign_offline.sweep.plan import JobKey, Plan
from rtalign_offline.sweep.readings import merge_readings
from rtalign_offline.sweep.run import Driver, SweepOutcome, Task
from tests.helpers import sweep_processes
from tests.helpers.tiny_models import write_model

RECIPE = {"lags": {"start_s": 0.0, "stop_s": 0.1, "step_s": 0.1}, "fit": {"folds": 3}}


class Client:
    """Answers every task with its own name once what it waits for is answered; may be lost after some answers."""

    def __init__(self, lost_after: int | None = None, broken: tuple[str, ...] = (), mute: str = "") -> None:
        self.submitted: list[str] = []
        self.status = "running"
        self._left, self._broken, self._mute = lost_after, broken, mute
        self.dashboard_link = ""
        self.scheduler = SimpleNamespace(address="nowhere")

    def scheduler_info(self) -> dict[str, Any]:
        return {"workers": {}}

    def submit(self, _function: Any, *arguments: Any, key: str, **_: Any) -> Any:
        key = key.rsplit(" of ", 1)[0]
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
    def connected(*_: object) -> Iterator[Cluster]:
        yield Cluster(left.pop(0))

    monkeypatch.setattr(clusters, "connected", connected)
    monkeypatch.setattr(run, "POLL_S", 0.0)
    monkeypatch.setattr(run, "RETRY_S", 0.0)
    monkeypatch.setattr(run, "delete_activations", lambda _, reading: gone.append(reading))
    outcome = SweepOutcome()
    Driver(*graph(paths), outcome, paths, Progress(quiet=True)).run("local")
    return outcome, gone


def test_activations_are_deleted_after_their_last_job(paths: SweepPaths, monkeypatch: pytest.MonkeyPatch) -> None:
    outcome, gone = drive(paths, monkeypatch, Client())
    assert len(outcome.folders) == 4
    assert not outcome.failures
    assert gone == ["answer of read a", "answer of read b"]


def test_after_a_loss_only_missing_results_are_submitted(paths: SweepPaths, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = Client(lost_after=4), Client()
    outcome, _ = drive(paths, monkeypatch, first, second)
    assert len(outcome.folders) == 4
    assert len(first.submitted) == 6
    assert second.submitted == first.submitted[4:]


def test_a_result_lost_with_its_scheduler_is_computed_again(paths: SweepPaths, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = Client(mute="read b"), Client()
    outcome, _ = drive(paths, monkeypatch, first, second)
    assert len(outcome.folders) == 4
    assert not outcome.failures
    assert second.submitted == first.submitted[1:]


def test_a_failure_fails_only_the_jobs_that_wait_for_it(paths: SweepPaths, monkeypatch: pytest.MonkeyPatch) -> None:
    outcome, gone = drive(paths, monkeypatch, Client(broken=("read b",)))
    assert {key.model for key in outcome.folders} == {"a"}
    assert {key.model for key in outcome.failures} == {"b"}
    assert set(outcome.failures.values()) == {"the model is not here"}
    assert gone == ["answer of read a"]


def test_an_address_without_scheduler_is_an_error_at_once(paths: SweepPaths) -> None:
    with pytest.raises(ValueError, match="no Dask scheduler answers"):
        Driver(*graph(paths), SweepOutcome(), paths, Progress(quiet=True)).run("nonsense://x")


def test_the_outcome_names_each_reason_once() -> None:
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
        return {"workers": {}}

    def submit(self, function: Callable[..., Any], *arguments: Any, key: str, **_: Any) -> Answer:
        def run() -> Any:
            return function(*(a.result() if isinstance(a, Answer) else a for a in arguments))

        return Answer(self._pool.submit(run))


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every stage takes a while to begin, so that whoever asks for the same at the same time would do it too."""

    @contextmanager
    def connected(*_: object) -> Iterator[Cluster]:
        yield Cluster(Everything())

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
        sweep_processes.write_person(folder / name, seed=i, prefix="w", n_words=60)
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


def test_tasks_that_start_together_compute_nothing_twice(
    tmp_path: Path, at_once: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = []

    def found_all(paths: SweepPaths, key: dict[str, Any], person: str, brain_path: str, basis: str, *read: str) -> str:
        stories = merge_readings(read)["stories"]
        assert all((paths.cache / "activations" / folder / "activations.npy").is_file() for folder in stories.values())
        assert Path(brain_path).is_file()
        assert is_stored(Path(basis))
        told.append((key["context"].split(":")[0] + key["context"][-1], tuple(stories.values())))
        return str(paths.home / "jobs" / str(len(told)))

    monkeypatch.setitem(run.FUNCTIONS, "job", found_all)
    monkeypatch.setattr("rtalign_offline.sweep.report.page.write_sweep_report", lambda folder: folder)
    done = run.run_sweep(plan_of_three(tmp_path), tmp_path / "out", "local", Progress(quiet=True), tmp_path / "cache")
    assert not done["failed"]
    (shared,) = done["training_overlap"]
    assert "2 recordings of ann again are of ann too" in shared
    computed = Counter(
        (e["piece"], e["key"]) for e in read_journal(tmp_path / "out" / "journal") if e["how"] == "computed"
    )
    assert set(computed.values()) == {1}
    pieces = Counter(piece for piece, _ in computed)
    assert pieces == {"tape": 3, "moments": 3, "brain": 2, "activations": 3, "components": 3}
    assert len(told) == 2 * 5 * 3
    assert len({folders for _, folders in told}) == 3


class SharedScheduler(Everything):
    """A scheduler that two clients share: a key that it knows is a task that it knows."""

    known: dict[str, Answer]

    def __init__(self) -> None:
        super().__init__()
        self.known = {}

    def submit(self, function: Callable[..., Any], *arguments: Any, key: str, **_: Any) -> Answer:
        if key not in self.known:
            self.known[key] = super().submit(function, *arguments, key=key)
        return self.known[key]


def test_two_sweeps_on_one_scheduler_share_no_result(
    paths: SweepPaths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "plan.json").write_text((tmp_path / "plan.json").read_text())
    scheduler = SharedScheduler()
    for kind in ("read", "job"):
        monkeypatch.setitem(run.FUNCTIONS, kind, lambda own, *_: f"made in {own.folder}")
    monkeypatch.setattr(run, "delete_activations", lambda *_: None)
    for own in (paths, paths._replace(folder=str(other))):
        outcome, (tasks_of, keys) = SweepOutcome(), graph(own)
        given = {name: Task(task.kind, (own, *task.arguments), task.after) for name, task in tasks_of.items()}
        driver = Driver(given, keys, outcome, own, Progress(quiet=True))
        driver._submit(Cluster(scheduler))
        driver._collect(Cluster(scheduler), SimpleNamespace(wait=lambda: None, advance=lambda _: None))  # type: ignore[arg-type]
        assert set(outcome.folders.values()) == {f"made in {own.folder}"}


def test_a_second_sweep_in_one_folder_waits_for_the_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = Plan.parse({"people": [{"name": "ann", "recordings": ["x"]}], "models": [{"name": "a"}]}, tmp_path)
    at_work, order = threading.Semaphore(0), []

    def jobs(*_: object) -> dict[str, Any]:
        order.append("begins")
        at_work.release()
        time.sleep(0.2)
        order.append("ends")
        return {"first": "done"}

    monkeypatch.setattr(run, "_run_jobs", jobs)
    monkeypatch.setattr(run, "RETRY_S", 0.01)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(run.run_sweep, plan, tmp_path / "out", "local", Progress(quiet=True), tmp_path)
        at_work.acquire()
        second = pool.submit(run.run_sweep, plan, tmp_path / "out", "local", Progress(quiet=True), tmp_path)
    assert first.result() == second.result() == {"first": "done"}
    assert order == ["begins", "ends", "begins", "ends"]
    said = capsys.readouterr().err
    assert re.fullmatch(r"a sweep is at work in .* \(process \d+ on .*\); this one goes on after its end\n", said)


def test_a_folder_in_which_another_sweep_writes_its_plan_is_a_sweep(tmp_path: Path) -> None:
    """Two that begin in the same moment: the plan of the other has not got its name yet."""
    plan = Plan.parse({"people": [{"name": "ann", "recordings": ["gone"]}], "models": [{"name": "a"}]}, tmp_path)
    out = tmp_path / "out"
    out.mkdir()
    (out / f"plan-{plan.fingerprint}.json.partial-here-1").write_text("{")
    assert not run.run_sweep(plan, out, "local", Progress(quiet=True), tmp_path)["ok"]
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "to-ann.txt").write_text("dear")
    with pytest.raises(ValueError, match="something other than a sweep"):
        run.run_sweep(plan, tmp_path / "letters", "local", Progress(quiet=True), tmp_path)


def test_quiet_failures_speak(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = Plan.parse({"people": [{"name": "ann", "recordings": ["gone"]}], "models": [{"name": "a"}]}, tmp_path)
    assert not run.run_sweep(plan, tmp_path / "out", "local", Progress(quiet=True), tmp_path)["ok"]
    assert capsys.readouterr().err == f"failed: a, growing:1000, ann: there is no recording {tmp_path / 'gone'}\n"


def test_the_work_of_other_plans_is_not_counted(tmp_path: Path) -> None:
    plan = Plan.parse({"people": [{"name": "ann", "recordings": ["gone"]}], "models": [{"name": "a"}]}, tmp_path)
    out = tmp_path / "out"
    out.mkdir()
    for name in ("plan-other.json", f"plan-{plan.fingerprint}.json"):
        (out / name).write_text("{}")
        SweepPaths(str(out), str(tmp_path), name).journal.note("lag", name, "computed", 2.0)
    work = run.run_sweep(plan, out, "local", Progress(quiet=True), tmp_path)["work"]
    assert work == {"lag": {"blocks": 1, "computed": 1, "reused": 0, "cpu_s": 2.0}}


def test_time_of_lags_is_not_counted_as_time_of_their_job_too(
    paths: SweepPaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [0.0]
    monkeypatch.setattr("rtalign_offline.sweep.journal.time", SimpleNamespace(process_time=lambda: clock[0]))

    class Fit:
        def __init__(self, *_: object) -> None: ...

        def run(self, _folder: Path) -> None:
            clock[0] = 10.0
            paths.journal.note("lag", "a/0", "computed", 7.0)

        def seconds_of_lags(self) -> float:
            return 7.0

    monkeypatch.setattr(fit, "_JobFit", Fit)
    reading = {"model": {"id": "a", "revision": "0"}, "layers": [0]}
    fit.fit_job(paths, load_plan(paths).jobs()[0], [], reading, fit.SharedWork(Path(), Path()))
    work = count_work(paths.journal_folder)
    assert sum(piece["cpu_s"] for piece in work.values()) == 10.0


def test_results_that_changed_are_not_finished_and_older_ones_are(tmp_path: Path) -> None:
    with stored_folder(tmp_path / "job") as partial:
        (partial / "draws.safetensors").write_bytes(bytes(8))
    assert is_finished(tmp_path / "job")
    (tmp_path / "job" / "draws.safetensors").write_bytes(b"changed!")
    assert not is_finished(tmp_path / "job")
    (tmp_path / "older").mkdir()
    assert is_finished(tmp_path / "older")
    assert not is_finished(tmp_path / "never")


def test_what_killed_workers_left_is_removed(tmp_path: Path) -> None:
    plan = Plan.parse({"people": [{"name": "ann", "recordings": ["gone"]}], "models": [{"name": "a"}]}, tmp_path)
    left = tmp_path / "out" / "jobs" / "a.partial-here-1-xyz"
    block = tmp_path / "out" / "lags" / "a.safetensors.partial-here-1"
    for path in (left, block.parent):
        path.mkdir(parents=True)
    block.write_text("half")
    (tmp_path / "out" / "plan-1.json").write_text("{}")
    run.run_sweep(plan, tmp_path / "out", "local", Progress(quiet=True), tmp_path)
    assert not left.exists()
    assert not block.exists()
