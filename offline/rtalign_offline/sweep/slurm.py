"""Workers that are jobs of SLURM: as many as there is work for, and new ones where the time of others runs out."""

from __future__ import annotations

import math
import os
import secrets
import shlex
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rtalign_offline.sweep.plan import ClusterPlan, Pool, walltime_s

COMMAND_S = 60.0
"""How long a command of SLURM may take."""

STILLBORN = 5
"""Jobs in a row that end before their worker has come; then more would be of no use."""

DEATH_S = 120
"""A worker that has not heard of its scheduler for so long ends itself."""

NEVER_PAUSED = ("target", "spill", "pause")
"""Shares of its memory from which a worker of Dask moves results to disk, or takes no task until memory is free.

Here nothing is ever free again: what fills the memory is a model, not results.  A worker that takes too much is ended.
"""

FORWARDED = ("PYTHONPATH", "RTALIGN_CACHE", "HF_HOME", "HF_HUB_CACHE", "LSLAPICFG")
"""Variables that workers always get, as sites may have sbatch start them in a clean shell."""

ENDED = frozenset({"COMPLETING", "COMPLETED", "TIMEOUT", "CANCELLED", "FAILED", "NODE_FAIL", "PREEMPTED"})


@dataclass(frozen=True, slots=True)
class Demand:
    """Tasks of one pool: those that a worker could do now or does, and all that are left."""

    ready: int = 0
    left: int = 0


class SlurmWorkers:
    """The jobs of one sweep, each of which is one worker of a pool.

    Parameters
    ----------
    plan : ClusterPlan
        What each worker asks for.
    options : sequence of str
        Of `dask worker`, the address of the scheduler first: what all workers have in common.
    logs : Path
        Folder of what the jobs print.
    """

    def __init__(self, plan: ClusterPlan, options: Sequence[str], logs: Path) -> None:
        self._plan, self._options, self._logs = plan, options, logs
        self._name = f"rtalign-{secrets.token_hex(4)}"
        self._jobs: dict[str, Pool] = {}
        self._came: set[str] = set()
        self._stillborn = 0
        self._queue: dict[str, tuple[str, str]] = {}
        logs.mkdir(parents=True, exist_ok=True)

    def tend(self, demand: Mapping[Pool, Demand], busy: Mapping[str, bool]) -> None:
        """Ask for the jobs that are missing, those that ended among them, and cancel those that nothing is left for.

        Parameters
        ----------
        demand : mapping of Pool to Demand
            The tasks of each pool.
        busy : mapping of str to bool
            Of the workers that the scheduler knows, by name, whether they have a task.
        """
        queue = self._ask()
        if queue is None:
            return
        self._queue = queue
        self._came |= set(busy)
        for job in [job for job in self._jobs if job not in queue]:
            del self._jobs[job]
            self._stillborn = 0 if _worker_name(job) in self._came else self._stillborn + 1
        if self._stillborn >= STILLBORN:
            raise ValueError(f"{STILLBORN} jobs of SLURM in a row ended before their worker came; see {self._logs}")
        for pool, tasks in demand.items():
            limit = max(self._plan.gpus if pool == "gpu" else self._plan.workers, 1)
            own = [job for job, of in self._jobs.items() if of == pool]
            for _ in range(min(tasks.ready, limit) - len(own)):
                self._submit(pool)
            waiting = [job for job in own if queue[job][0] == "PENDING"]
            idle = [job for job in own if job not in waiting and busy.get(_worker_name(job)) is False]
            self._cancel([*waiting, *idle][: max(len(own) - min(tasks.left, limit), 0)])

    def state(self) -> str:
        """Why no worker may be there, in words."""
        reasons = Counter(reason for state, reason in self._queue.values() if state == "PENDING")
        if reasons:
            n, why = sum(reasons.values()), reasons.most_common(1)[0][0]
            return f"{n} job{'s' * (n != 1)} waiting in the queue ({why})"
        return f"jobs of SLURM that are starting: {len(self._jobs)}; what they print is in {self._logs}"

    def close(self) -> None:
        """Cancel every job that is left."""
        self._cancel(list(self._jobs))

    def _ask(self) -> dict[str, tuple[str, str]] | None:
        """State and reason of each job of ours that SLURM still runs; None where it does not answer."""
        done = _call(["squeue", "--noheader", f"--name={self._name}", "--format=%i|%T|%r"])
        if done is None or done.returncode:
            return None
        rows = [line.strip().split("|", 2) for line in done.stdout.splitlines() if line.count("|") >= 2]
        return {job: (state, reason) for job, state, reason in rows if state not in ENDED}

    def _submit(self, pool: Pool) -> None:
        done = _call(["sbatch", *self._request(pool)], self._script(pool))
        if done is None:
            return
        if done.returncode:
            if self._jobs:  # as many as this user may have
                return
            raise ValueError(f"sbatch refuses the job of a worker: {' '.join(done.stderr.split())[:200]}")
        job = done.stdout.strip().split(";")[0]
        self._jobs[job] = pool
        self._queue[job] = ("PENDING", "Priority")

    def _request(self, pool: Pool) -> list[str]:
        """Options of sbatch.  They are words of a command, so that nothing in them is shell."""
        plan, gpu = self._plan, pool == "gpu"
        options = {
            "job-name": self._name,
            "output": self._logs / "%j.log",
            "ntasks": 1,
            "cpus-per-task": plan.cpus,
            "mem": f"{math.ceil(memory_bytes(plan, pool) / 2**20)}M",
            "time": plan.time,
            "partition": (gpu and plan.gpu_partition) or plan.partition,
            "account": plan.account,
            "gres": "gpu:1" if gpu else None,
        }
        given = [f"--{name}={value}" for name, value in options.items() if value is not None]
        return ["--parsable", *given, *(word for line in plan.directives for word in shlex.split(line))]

    def _script(self, pool: Pool) -> str:
        """The job: environment, what the plan puts before, and the worker."""
        plan = self._plan
        fixed = {"OMP_NUM_THREADS": str(plan.cpus), "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
        fixed |= {f"DASK_DISTRIBUTED__WORKER__MEMORY__{share.upper()}": "False" for share in NEVER_PAUSED}
        names = dict.fromkeys([*FORWARDED, *plan.environment])
        values = {name: os.environ[name] for name in names if name in os.environ} | fixed
        exports = [f"export {name}={shlex.quote(value)}" for name, value in values.items()]
        options = [*self._options, "--resources", f"{pool.upper()}=1", "--lifetime", f"{lifetime_s(plan):.0f}s"]
        options += ["--memory-limit", str(memory_bytes(plan, pool)), "--death-timeout", str(DEATH_S)]
        worker = shlex.join([sys.executable, "-m", "distributed.cli.dask_worker", *options])
        last = f'exec {worker} --name {_worker_name("")}"$SLURM_JOB_ID"'
        return "\n".join(["#!/bin/bash", *exports, *plan.prologue, last, ""])

    def _cancel(self, jobs: list[str]) -> None:
        if jobs:
            _call(["scancel", *jobs])
        for job in jobs:
            self._jobs.pop(job, None)


def lifetime_s(plan: ClusterPlan) -> float:
    """When a worker hands back its task and ends, so that SLURM need not kill it: shortly before its time is over."""
    time_s = walltime_s(plan.time)
    return time_s - min(180.0, 0.25 * time_s)


def memory_bytes(plan: ClusterPlan, pool: Pool) -> int:
    """Most memory of one worker of a pool, where the plan names it."""
    from dask.utils import parse_bytes

    return int(parse_bytes((pool == "gpu" and plan.gpu_memory) or plan.memory))


def _worker_name(job: str) -> str:
    return f"slurm-{job}"


def _call(command: list[str], given: str | None = None) -> Any:
    """The finished command; None where it does not answer.  ValueError where it is not installed."""
    try:
        return subprocess.run(command, input=given, capture_output=True, text=True, timeout=COMMAND_S)
    except FileNotFoundError:
        raise ValueError(f"there is no {command[0]} here; start the sweep where jobs of SLURM are submitted") from None
    except subprocess.TimeoutExpired:
        return None
