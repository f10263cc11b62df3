"""Runs a sweep: submits its tasks to Dask, follows them to their end, and resumes where an earlier run stopped."""

from __future__ import annotations

import asyncio
import json
import shutil
import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import CancelledError
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rtalign.core.progress import Progress, Stage
from rtalign.core.storage.cache import cache_folder, content_key
from rtalign.core.storage.files import remove_abandoned, write_atomically
from rtalign.core.storage.lock import FileLock
from rtalign.core.text.time_format import duration
from rtalign.decoding.training_overlap import refuse_repeated
from rtalign.language.loading import check_known, parse_model_name
from rtalign.recordings.spatial_filters import shared_filter
from rtalign.recordings.usable_words import require_tagger
from rtalign.training.results import package_versions
from rtalign_offline.sweep import clusters, tasks
from rtalign_offline.sweep.fit import is_finished, job_folder
from rtalign_offline.sweep.journal import count_work
from rtalign_offline.sweep.paths import SweepPaths, load_plan
from rtalign_offline.sweep.people import load_person, open_person, prints_of, save_person, words_folder
from rtalign_offline.sweep.plan import POOLS, JobKey, Plan, Pool
from rtalign_offline.sweep.readings import delete_activations, load_reading, parts_of_plan, reading_file
from rtalign_offline.sweep.slurm import Demand

POLL_S, RETRY_S, TEND_S = 0.1, 1.0, 5.0
ALONE_S = 40.0
"""Without any worker for so long, the reason is said; then after twice as long, and so on."""
PATIENCE_S = 600.0
"""How long to wait for a lost scheduler."""

STATE = "sweep.json"
WEIGHTS = {"filter": 0.3, "sum": 0.05, "combine": 0.5, "read": 0.7, "components": 0.2, "job": 1.0}
"""Rough shares of the time of one job, so that the time left includes shared work."""

FUNCTIONS = {
    "filter": tasks.filter_recording,
    "sum": tasks.sum_recording,
    "combine": tasks.combine_recordings,
    "read": tasks.read_stories,
    "components": tasks.fit_components,
    "job": tasks.fit_and_score,
}


class SchedulerLost(Exception):
    """The scheduler is gone, and with it what it knew; the results on disk are not."""


@dataclass(frozen=True, slots=True)
class Task:
    """One piece of work: a kind in `FUNCTIONS`, its arguments, and the tasks whose results it waits for."""

    kind: str
    arguments: tuple[Any, ...]
    after: tuple[str, ...] = ()


@dataclass(slots=True)
class SweepOutcome:
    """The end of every job: its folder, or the reason why there is none."""

    folders: dict[JobKey, str] = field(default_factory=dict)
    failures: dict[JobKey, str] = field(default_factory=dict)


def run_sweep(plan: Plan, out: Path, kind: str, progress: Progress, store: Path | None = None) -> dict[str, Any]:
    """Run the jobs of a plan that are not done yet, and write the report of all of them.

    Parameters
    ----------
    plan : Plan
        Models, contexts and people.
    out : Path
        Folder of the sweep; an earlier sweep of the same plan is continued.
    kind : str
        "local", "slurm", or the address of a Dask scheduler.
    progress : Progress
        Where progress and failures are shown.
    store : Path, optional
        Folder of shared signals, moments and activations; by default the cache.

    Returns
    -------
    dict
        `ok`, whether no job failed; `report`, the path of the report or None; `title`, `plan`, `jobs`, `failed` and
        `work`, as sweep.json has them.
    """
    paths = _create(plan, out, store or cache_folder())
    lock = FileLock(paths.home / "sweep.lock")
    _wait_for(lock, out, progress)
    try:
        return _run_jobs(plan, paths, kind, progress)
    finally:
        lock.release()


def _wait_for(lock: FileLock, out: Path, progress: Progress) -> None:
    """Take the lock of a sweep's folder, which another sweep may hold; what that one has done is then found."""
    said = False
    while not lock.acquire():
        if not said:
            progress.say(f"a sweep is at work in {out} ({lock.owner()}); this one goes on after its end", always=True)
        said = True
        time.sleep(RETRY_S)


def _run_jobs(plan: Plan, paths: SweepPaths, kind: str, progress: Progress) -> dict[str, Any]:
    """Run the jobs that are not done yet; nobody else is at work in the folder."""
    from rtalign_offline.sweep.report.page import write_sweep_report

    outcome = SweepOutcome()
    people = _save_people(plan, paths, outcome, progress)
    outcome.folders |= _finished_jobs(plan, paths, people)
    keys = {_job_name(key): key for key in plan.jobs() if key.person in people and key not in outcome.folders}
    if kind == "local":
        _fail_unknown_models(plan, paths, people, keys, outcome)
    if keys:
        Driver(_task_graph(keys.values(), paths, people), keys, outcome, paths, progress).run(kind)
    outcome.failures = {key: outcome.failures[key] for key in plan.jobs() if key in outcome.failures}
    _delete_partial(paths)
    for line in failure_lines(outcome.failures):
        progress.say(line, always=True)
    shared = shared_recordings(people)
    for line in shared:
        progress.say(line)
    state = _state(plan, outcome, count_work(paths.journal_folder)) | {"training_overlap": shared}
    write_atomically(paths.home / STATE, json.dumps(state, indent=1))
    report = str(write_sweep_report(paths.home)) if outcome.folders else None
    return {"ok": not outcome.failures, "report": report, **state}


def _create(plan: Plan, out: Path, store: Path) -> SweepPaths:
    """The sweep's folder with the plan in it."""
    # Another sweep that begins at this moment has a plan that is still being written, under a longer name.
    if out.exists() and any(out.iterdir()) and not any(out.glob("plan-*.json*")):
        raise ValueError(f"{out} holds something other than a sweep; name another folder")
    out.mkdir(parents=True, exist_ok=True)
    name = f"plan-{plan.fingerprint}.json"
    write_atomically(out / name, plan.model_dump_json(indent=1))
    return SweepPaths(str(out.resolve()), str(store.resolve()), name)


def _delete_partial(paths: SweepPaths) -> None:
    """Delete what killed processes left half written; no process of this sweep is at work."""
    for partial in (paths.home / "jobs").glob("*.partial-*"):
        shutil.rmtree(partial, ignore_errors=True)
    for partial in paths.home.glob("*/*.partial-*"):
        if partial.is_file():
            partial.unlink(missing_ok=True)
    remove_abandoned(paths.cache)


def _save_people(plan: Plan, paths: SweepPaths, outcome: SweepOutcome, progress: Progress) -> dict[str, str]:
    """The file of each person; one whose recordings cannot be opened, or are named twice, fails alone."""
    people = {}
    with progress.stage("recordings", len(plan.people), "people") as stage:
        for person in plan.people:
            try:
                recordings = open_person(person)
                refuse_repeated(recordings)
                require_tagger(plan.recipe, recordings)
                spatial = shared_filter(recordings, plan.recipe.chain.spatial)
                people[person.name] = str(save_person(person, recordings, paths.home / "people", spatial))
            except (ValueError, OSError) as error:
                for key in plan.jobs():
                    if key.person == person.name:
                        outcome.failures[key] = _reason(error)
            stage.advance()
    return people


def shared_recordings(people: Mapping[str, str]) -> list[str]:
    """A line for each person whose recordings are another's too: the two are not independent.

    people : files that `save_person` wrote, by name.
    """
    owner: dict[str, str] = {}
    shared: dict[tuple[str, str], int] = {}
    for name, path in people.items():
        for recording in load_person(Path(path))[1]:
            first = owner.setdefault(recording.signal_fingerprint(), name)
            if first != name:
                shared[name, first] = shared.get((name, first), 0) + 1
    return [
        f"{n} recording{'s' * (n != 1)} of {name} {'are' if n > 1 else 'is'} of {first} too: they count twice, "
        "and the two are not independent people"
        for (name, first), n in shared.items()
    ]


def _finished_jobs(plan: Plan, paths: SweepPaths, people: Mapping[str, str]) -> dict[JobKey, str]:
    """The jobs whose results exist, found without loading a model."""
    finished, parts = {}, parts_of_plan(paths, people.values())
    for key in plan.jobs():
        if key.person in people:
            path = reading_file(paths, parts[key.reading][0])
            prints = prints_of(load_person(Path(people[key.person]))[1])
            folder = job_folder(paths, key, load_reading(path), prints) if path.is_file() else None
            if folder is not None and is_finished(folder):
                paths.journal.note("job", folder.name, "reused")
                finished[key] = str(folder)
    return finished


def _fail_unknown_models(
    plan: Plan, paths: SweepPaths, people: Mapping[str, str], keys: dict[str, JobKey], outcome: SweepOutcome
) -> None:
    """Take out the jobs whose models this machine does not have, before workers start for them."""
    parts, reasons = parts_of_plan(paths, people.values()), {m.title: _unknown(m.name) for m in plan.models}
    for name, key in list(keys.items()):
        reason = reasons[key.model]
        if reason and not all(reading_file(paths, part).is_file() for part in parts[key.reading]):
            outcome.failures[key] = reason
            del keys[name]


def _unknown(model: str) -> str | None:
    try:
        check_known(parse_model_name(model))
    except ValueError as error:
        return _reason(error)
    return None


def _task_graph(keys: Collection[JobKey], paths: SweepPaths, people: Mapping[str, str]) -> dict[str, Task]:
    """Every task that some jobs need by its name, before those that wait for it.

    A shared task is named by what it makes and not by who needs it, so that no two tasks make the same.
    """
    graph: dict[str, Task] = {}
    combined = {}
    recipe = load_plan(paths).recipe
    for name in dict.fromkeys(key.person for key in keys):
        path = people[name]
        total = tasks.moments_file(paths, path).parent.name
        recordings = load_person(Path(path))[1]
        filtered = [f"filter {words_folder(r, recipe, paths.cache).name}" for r in recordings]
        summed = [f"sum {total} {i}" for i in range(len(recordings))]
        combined[name] = f"combine {total}"
        for i, task in enumerate(filtered):
            graph.setdefault(task, Task("filter", (path, i)))
        for i, task in enumerate(summed):
            graph.setdefault(task, Task("sum", (path, i), tuple(filtered)))
        graph.setdefault(combined[name], Task("combine", (path,), tuple(summed)))
    everyone, parts = tuple(people.values()), parts_of_plan(paths, people.values())
    for key in keys:
        reads = tuple(f"read {part.slug}" for part in parts[key.reading])
        for task, part in zip(reads, parts[key.reading], strict=True):
            graph.setdefault(task, Task("read", (part.key.model_dump(), part.stories, everyone)))
        path = people[key.person]
        components = f"components {content_key(*reads, *sorted({r.story for r in load_person(Path(path))[1]}))[:24]}"
        graph.setdefault(components, Task("components", (path,), reads))
        after = (combined[key.person], components, *reads)
        graph[_job_name(key)] = Task("job", (key.model_dump(), path), after)
    return {name: Task(t.kind, (paths, *t.arguments), t.after) for name, t in graph.items()}


def _job_name(key: JobKey) -> str:
    return f"job {key.slug}"


class Driver:
    """Takes every task to its result, on one scheduler after another where schedulers are lost.

    graph : all tasks by name; keys : the jobs among them.
    """

    def __init__(
        self,
        graph: Mapping[str, Task],
        keys: Mapping[str, JobKey],
        outcome: SweepOutcome,
        paths: SweepPaths,
        progress: Progress,
    ) -> None:
        self._graph, self._keys, self._outcome, self._paths = graph, keys, outcome, paths
        self._progress, self._plan = progress, load_plan(paths)
        # Two sweeps may share a scheduler, which takes tasks of one name for one task.
        self._own = content_key(*paths)[:12]
        self._results: dict[str, str] = {}
        self._pending: dict[str, Any] = {}
        self._unit = len(keys) / max(sum(WEIGHTS[task.kind] for task in graph.values()), 1e-9)

    def run(self, kind: str) -> None:
        """Until every task has a result or has failed; waits for a scheduler that is lost."""
        lost_since: float | None = None
        with self._progress.stage("sweep", len(self._keys), "jobs") as stage:
            while True:
                try:
                    with clusters.connected(kind, self._plan, self._paths.home / "logs") as cluster:
                        lost_since = None
                        self._progress.say(f"Dask {kind}: {cluster.address_line()}")
                        self._submit(cluster)
                        return self._collect(cluster, stage)
                except clusters.Unreachable:
                    if lost_since is None:
                        raise
                except SchedulerLost:
                    self._progress.say("the Dask scheduler is lost; waiting for it, finished work is kept")
                lost_since = lost_since or time.monotonic()
                if time.monotonic() - lost_since > PATIENCE_S:
                    raise ValueError(f"the Dask scheduler {kind} did not come back; the same command resumes the sweep")
                time.sleep(RETRY_S)

    def _submit(self, cluster: clusters.Cluster) -> None:
        """Submit the tasks that have no result yet; each waits for results of others, present or pending."""
        self._pending = {}
        for name, task in self._graph.items():
            if name in self._results or self._keys.get(name) in self._outcome.failures:
                continue
            waits = [self._results.get(other) or self._pending[other] for other in task.after]
            options = {"key": f"{name} of {self._own}", "resources": cluster.resources(self._plan.pool(task.kind))}
            self._pending[name] = cluster.client.submit(
                FUNCTIONS[task.kind], *task.arguments, *waits, pure=False, **options
            )

    def _collect(self, cluster: clusters.Cluster, stage: Stage) -> None:
        """Take results as they come, until none is pending."""
        watch = WorkerWatch(cluster, self._progress)
        while self._pending:
            time.sleep(POLL_S)
            stage.wait()
            if cluster.client.status not in ("running", "connecting"):
                raise SchedulerLost
            watch.look(self._demand)
            for name, future in list(self._pending.items()):
                if future.status in ("cancelled", "lost"):
                    raise SchedulerLost
                if future.status != "pending":
                    del self._pending[name]
                    self._take(name, future)
                    stage.advance(WEIGHTS[self._graph[name].kind] * self._unit)
                    self._delete_activations_after(name)

    def _demand(self) -> dict[Pool, Demand]:
        """The tasks that are left, pool by pool."""
        left, ready = Counter[Pool](), Counter[Pool]()
        for name in self._pending:
            task = self._graph[name]
            left[self._plan.pool(task.kind)] += 1
            ready[self._plan.pool(task.kind)] += all(other not in self._pending for other in task.after)
        return {pool: Demand(ready[pool], left[pool]) for pool in POOLS}

    def _delete_activations_after(self, name: str) -> None:
        """Delete the activations that no job needs any more, where the plan does not keep them."""
        if name not in self._keys or self._plan.keep_activations:
            return
        needed = {other for job in self._pending if job in self._keys for other in self._graph[job].after}
        for part in self._graph[name].after:
            if self._graph[part].kind == "read" and part in self._results and part not in needed:
                delete_activations(self._paths, self._results[part])

    def _take(self, name: str, future: Any) -> None:
        key = self._keys.get(name)
        if future.status == "finished":
            self._results[name] = _result(future)
            if key:
                self._outcome.folders[key] = self._results[name]
        elif key:
            self._outcome.failures[key] = _reason(future.exception())


def _result(future: Any) -> str:
    """The result of a finished task.  A scheduler may be lost after it reported the end, and the result with it."""
    try:
        return str(future.result())
    except (OSError, CancelledError, asyncio.CancelledError) as error:
        raise SchedulerLost from error


class WorkerWatch:
    """Sees to the workers of a cluster, and says why there is none and which of them have other versions."""

    def __init__(self, cluster: clusters.Cluster, progress: Progress) -> None:
        self._cluster, self._progress = cluster, progress
        self._known: set[str] = set()
        self._alone_since, self._say_after = time.monotonic(), ALONE_S
        self._next = 0.0

    def look(self, demand: Callable[[], Mapping[Pool, Demand]]) -> None:
        """Look every few seconds.  demand : the tasks that are left."""
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + TEND_S
        try:
            names = self._cluster.tend(demand())
            if new := [address for address in names if address not in self._known]:
                self._known |= set(new)
                self._compare_versions(new)
        except (OSError, CancelledError, asyncio.CancelledError) as error:
            raise SchedulerLost from error
        if names:
            self._alone_since, self._say_after = now, ALONE_S
        elif now - self._alone_since >= self._say_after:
            self._progress.say(f"no worker for {duration(now - self._alone_since)}: {self._cluster.state()}")
            self._say_after *= 2

    def _compare_versions(self, addresses: Collection[str]) -> None:
        """Say which of the workers compute with other versions than the driver: their numbers may differ."""
        here = package_versions()
        found = self._cluster.client.run(package_versions, workers=list(addresses), on_error="return")
        for address, there in found.items():
            if isinstance(there, dict) and there != here:
                names = [name for name, version in here.items() if there.get(name) != version]
                other = ", ".join(f"{name} {there.get(name)} ({here[name]} here)" for name in names)
                line = f"the worker at {address} has {other}: its numbers may differ"
                self._progress.say(line, always=True)


def _reason(error: BaseException | None) -> str:
    """A failure in one line."""
    text = " ".join(str(error).split())
    if type(error).__name__ == "KilledWorker":
        return "its worker was killed several times, probably for lack of memory; raise [cluster] memory in the plan"
    if isinstance(error, (ValueError, OSError, MemoryError)):
        return text or type(error).__name__
    return f"unexpected {type(error).__name__}: {text}"


def _state(plan: Plan, outcome: SweepOutcome, work: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "title": plan.title,
        "plan": f"plan-{plan.fingerprint}.json",
        "jobs": [
            key.model_dump() | {"folder": Path(outcome.folders[key]).name}
            for key in plan.jobs()
            if key in outcome.folders
        ],
        "failed": [key.model_dump() | {"reason": reason} for key, reason in outcome.failures.items()],
        "work": dict(work),
    }


def failure_lines(failures: Mapping[JobKey, str]) -> list[str]:
    """One line for each reason: the first job that failed for it, and how many more did."""
    jobs: dict[str, list[JobKey]] = {}
    for key, reason in failures.items():
        jobs.setdefault(reason, []).append(key)
    return [
        f"failed: {keys[0]}" + (f" and {len(keys) - 1} more" if len(keys) > 1 else "") + f": {reason}"
        for reason, keys in jobs.items()
    ]


def outcome_lines(result: Mapping[str, Any]) -> list[str]:
    """Describe the end of a sweep for a person.

    Parameters
    ----------
    result : dict
        What `run_sweep` returned.

    Returns
    -------
    list of str
        Lines of text.
    """
    from rtalign_offline.sweep.report.tables import PIECES

    work = result["work"]
    lines = [f"{len(result['jobs'])} jobs done, {len(result['failed'])} failed"]
    lines += [f"{'':<48}{'computed':>9}{'found':>8}{'CPU s':>10}"] if work else []
    for piece, title in PIECES.items():
        if n := work.get(piece):
            lines.append(f"  {title:<46}{n['computed']:>9,}{n['reused']:>8,}{n['cpu_s']:>10,.1f}")
    return [*lines, *([result["report"]] if result["report"] else [])]
