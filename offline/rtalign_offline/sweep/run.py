"""sweep: models x contexts x people under one recipe, spread over processes, resumed where it stopped."""

from __future__ import annotations

import asyncio
import json
import shutil
import time
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import CancelledError
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rtalign.core.cache import cache_folder
from rtalign.core.files import write_atomically
from rtalign.core.progress import Progress, Stage
from rtalign_offline.sweep import blocks, clusters, jobs
from rtalign_offline.sweep import people as listeners
from rtalign_offline.sweep.jobs import Where
from rtalign_offline.sweep.plan import JobKey, Plan

POLL_S, AGAIN_S = 0.1, 1.0
PATIENCE_S = 600.0
"""How long a lost scheduler is waited for."""

STATE = "sweep.json"
WEIGHTS = {"hear": 0.3, "moments": 0.05, "brain": 0.5, "read": 0.7, "job": 1.0}
"""Rough shares of the time of one job, so that the time left counts shared work too."""


class SchedulerLost(Exception):
    """The scheduler went away with what it knew; the blocks on disk did not."""


@dataclass(frozen=True, slots=True)
class Task:
    """One piece of work: a function of jobs, what it is called with, and the tasks whose answers it waits for."""

    kind: str
    arguments: tuple[Any, ...]
    after: tuple[str, ...] = ()


@dataclass(slots=True)
class Outcome:
    """What became of every job: its folder, or why there is none."""

    folders: dict[JobKey, str] = field(default_factory=dict)
    failures: dict[JobKey, str] = field(default_factory=dict)


def sweep(plan: Plan, out: Path, kind: str, progress: Progress, store: Path | None = None) -> dict[str, Any]:
    """Run what is not done of a plan; returns counts, failures and the report's path."""
    from rtalign_offline.sweep.report.page import write

    where = _prepared(plan, out, store or cache_folder())
    outcome = Outcome()
    people = _people(plan, where, outcome, progress)
    outcome.folders |= _finished(plan, where, people)
    keys = {_name(key): key for key in plan.jobs() if key.person in people and key not in outcome.folders}
    if keys:
        Drive(_graph(keys.values(), where, people), keys, outcome, where).run(kind, plan, progress)
    outcome.failures = {key: outcome.failures[key] for key in plan.jobs() if key in outcome.failures}
    _tidy(where.home / "jobs")
    for line in say_failures(outcome.failures):
        progress.say(line)
    counts = blocks.counts(where.home / "journal")
    state = _state(plan, outcome, counts)
    write_atomically(where.home / STATE, json.dumps(state, indent=1))
    report = str(write(where.home)) if outcome.folders else None
    return {"ok": not outcome.failures, "report": report, **state}


def _prepared(plan: Plan, out: Path, store: Path) -> Where:
    """The sweep's folder with the plan in it."""
    if out.exists() and any(out.iterdir()) and not any(out.glob("plan-*.json")):
        raise ValueError(f"{out} holds something else than a sweep; name another folder")
    out.mkdir(parents=True, exist_ok=True)
    name = f"plan-{plan.fingerprint}.json"
    write_atomically(out / name, plan.model_dump_json(indent=1))
    return Where(str(out.resolve()), str(store.resolve()), name)


def _tidy(folder: Path) -> None:
    """Remove what killed processes left half made; nothing is at work here any more."""
    for left in folder.glob("*.partial-*"):
        shutil.rmtree(left, ignore_errors=True)


def _people(plan: Plan, where: Where, outcome: Outcome, progress: Progress) -> dict[str, str]:
    """Each person's notes; one whose recordings do not open fails alone."""
    found = {}
    with progress.stage("recordings", len(plan.people), "people") as stage:
        for person in plan.people:
            try:
                found[person.name] = str(listeners.note(person, listeners.opened(person), where.home / "people"))
            except (ValueError, OSError) as error:
                for key in plan.jobs():
                    if key.person == person.name:
                        outcome.failures[key] = _why(error)
            stage.advance()
    return found


def _finished(plan: Plan, where: Where, people: Mapping[str, str]) -> dict[JobKey, str]:
    """The jobs whose results are there, told without opening a model."""
    from rtalign_offline.sweep.fit import job_folder

    found, parts = {}, jobs.parts_of(where, people.values())
    for key in plan.jobs():
        if key.person in people:
            path = jobs.reading_file(where, parts[key.reading][0])
            prints = [r.fingerprint() for r in listeners.noted(Path(people[key.person]))[1]]
            folder = job_folder(where, key, jobs.reading(path), prints) if path.is_file() else None
            if folder is not None and folder.is_dir():
                where.journal.note("job", folder.name, "reused")
                found[key] = str(folder)
    return found


def _graph(keys: Collection[JobKey], where: Where, people: Mapping[str, str]) -> dict[str, Task]:
    """Every piece that some jobs need by its name, before those that wait for it.

    What is shared is named by what it is made of and not by who asks for it, so that no two tasks make the same.
    """
    tasks: dict[str, Task] = {}
    brains = {}
    for name in dict.fromkeys(key.person for key in keys):
        path, recipe = people[name], jobs.plan_of(where).recipe
        whole = jobs.brain_file(where, path).parent.name
        heard = [f"hear {listeners.heard_folder(r, recipe, where.cache).name}" for r in listeners.noted(Path(path))[1]]
        summed = [f"moments {whole} {i}" for i in range(len(heard))]
        brains[name] = f"brain {whole}"
        for i, hear in enumerate(heard):
            tasks.setdefault(hear, Task("hear", (path, i)))
        for i, add in enumerate(summed):
            tasks.setdefault(add, Task("moments", (path, i), tuple(heard)))
        tasks.setdefault(brains[name], Task("brain", (path,), tuple(summed)))
    everyone, parts = tuple(people.values()), jobs.parts_of(where, people.values())
    for key in keys:
        read = tuple(f"read {part.slug}" for part in parts[key.reading])
        for name, part in zip(read, parts[key.reading], strict=True):
            tasks.setdefault(name, Task("read", (part.key.model_dump(), part.stories, everyone)))
        tasks[_name(key)] = Task("job", (key.model_dump(), people[key.person]), (brains[key.person], *read))
    return {name: Task(t.kind, (where, *t.arguments), t.after) for name, t in tasks.items()}


def _name(key: JobKey) -> str:
    return f"job {key.slug}"


FUNCTIONS = {"hear": jobs.hear, "moments": jobs.sum_up, "brain": jobs.share, "read": jobs.read, "job": jobs.job}


class Drive:
    """Takes every task to its answer, on however many schedulers in turn it takes."""

    def __init__(self, tasks: Mapping[str, Task], keys: Mapping[str, JobKey], outcome: Outcome, where: Where) -> None:
        self._tasks, self._keys, self._outcome, self._where = tasks, keys, outcome, where
        self._answers: dict[str, str] = {}
        self._pending: dict[str, Any] = {}
        self._unit = len(keys) / max(sum(WEIGHTS[task.kind] for task in tasks.values()), 1e-9)

    def run(self, kind: str, plan: Plan, progress: Progress) -> None:
        """Until all is answered; a scheduler that goes away is waited for."""
        lost_since: float | None = None
        with progress.stage("sweep", len(self._keys), "jobs") as stage:
            while True:
                try:
                    with clusters.connected(kind, plan.cluster, self._where.home / "logs") as client:
                        lost_since = None
                        _say_where(client, kind, progress)
                        self._submit(client)
                        return self._collect(client, stage)
                except clusters.Unreachable:
                    if lost_since is None:
                        raise
                except SchedulerLost:
                    progress.say("the Dask scheduler went away; waiting for it, finished work is kept")
                lost_since = lost_since or time.monotonic()
                if time.monotonic() - lost_since > PATIENCE_S:
                    raise ValueError(f"the Dask scheduler {kind} did not come back; the same command goes on")
                time.sleep(AGAIN_S)

    def _submit(self, client: Any) -> None:
        """What has no answer yet; a task waits for the answers of others, be they here or to come."""
        self._pending = {}
        for name, task in self._tasks.items():
            if name in self._answers or self._keys.get(name) in self._outcome.failures:
                continue
            waits = [self._answers.get(other) or self._pending[other] for other in task.after]
            self._pending[name] = client.submit(FUNCTIONS[task.kind], *task.arguments, *waits, key=name, pure=False)

    def _collect(self, client: Any, stage: Stage) -> None:
        while self._pending:
            time.sleep(POLL_S)
            stage.wait()
            if client.status not in ("running", "connecting"):
                raise SchedulerLost
            for name, future in list(self._pending.items()):
                if future.status in ("cancelled", "lost"):
                    raise SchedulerLost
                if future.status != "pending":
                    del self._pending[name]
                    self._take(name, future)
                    stage.advance(WEIGHTS[self._tasks[name].kind] * self._unit)
                    self._let_go(name)

    def _let_go(self, name: str) -> None:
        """Activations that no job waits for any more, where the plan does not keep them."""
        if name not in self._keys or jobs.plan_of(self._where).keep_activations:
            return
        wanted = {other for job in self._pending if job in self._keys for other in self._tasks[job].after}
        for part in self._tasks[name].after:
            if self._tasks[part].kind == "read" and part in self._answers and part not in wanted:
                jobs.forget(self._where, self._answers[part])

    def _take(self, name: str, future: Any) -> None:
        key = self._keys.get(name)
        if future.status == "finished":
            self._answers[name] = _answer(future)
            if key:
                self._outcome.folders[key] = self._answers[name]
        elif key:
            self._outcome.failures[key] = _why(future.exception())


def _answer(future: Any) -> str:
    """What a finished task says.  A scheduler may go away after it was told of the end, with the answer."""
    try:
        return str(future.result())
    except (OSError, CancelledError, asyncio.CancelledError) as error:
        raise SchedulerLost from error


def _say_where(client: Any, kind: str, progress: Progress) -> None:
    link = client.dashboard_link if client.scheduler_info().get("services", {}).get("dashboard") else None
    place = f"{kind}: {client.scheduler.address}"
    progress.say(f"Dask {place}, " + (f"dashboard {link}" if link else "no dashboard (pip install bokeh for one)"))


def _why(error: BaseException | None) -> str:
    """A failure in one line."""
    text = " ".join(str(error).split())
    if type(error).__name__ == "KilledWorker":
        return "its worker died again and again, most likely for want of memory; give workers more in [cluster] memory"
    if isinstance(error, (ValueError, OSError, MemoryError)):
        return text or type(error).__name__
    return f"unexpected {type(error).__name__}: {text}"


def _state(plan: Plan, outcome: Outcome, counts: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "title": plan.title,
        "plan": f"plan-{plan.fingerprint}.json",
        "jobs": [
            key.model_dump() | {"folder": Path(outcome.folders[key]).name}
            for key in plan.jobs()
            if key in outcome.folders
        ],
        "failed": [key.model_dump() | {"why": why} for key, why in outcome.failures.items()],
        "work": dict(counts),
    }


def say_failures(failures: Mapping[JobKey, str]) -> list[str]:
    """A line a reason: the first job that failed for it, and how many more did."""
    alike: dict[str, list[JobKey]] = {}
    for key, why in failures.items():
        alike.setdefault(why, []).append(key)
    return [
        f"failed: {keys[0]}" + (f" and {len(keys) - 1} more" if len(keys) > 1 else "") + f": {why}"
        for why, keys in alike.items()
    ]


def say_outcome(result: Mapping[str, Any]) -> Sequence[str]:
    """What a person reads at the end."""
    from rtalign_offline.sweep.report.tables import PIECES

    work = result["work"]
    lines = [f"{len(result['jobs'])} jobs done, {len(result['failed'])} failed"]
    lines += [f"{'':<48}{'computed':>9}{'found':>8}{'CPU s':>10}"] if work else []
    for piece, told in PIECES.items():
        if n := work.get(piece):
            lines.append(f"  {told:<46}{n['computed']:>9,}{n['reused']:>8,}{n['cpu_s']:>10,.1f}")
    return [*lines, *([result["report"]] if result["report"] else [])]
