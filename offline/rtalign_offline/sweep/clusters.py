"""Dask clusters: processes of this machine, jobs of SLURM, or a Dask scheduler that is running already.

Dask executes what it receives.  A scheduler that is started here and its workers therefore talk TLS, each side with a
key that was made for this sweep alone, and refuse whoever has none.  Every worker does one task at a time, of its own
pool: those with a GPU read, so that no GPU holds two models, and the others do the rest.
"""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

from rtalign.core.machine import cpu_count
from rtalign_offline.sweep.plan import ClusterPlan, Plan, Pool
from rtalign_offline.sweep.slurm import NEVER_PAUSED, Demand, SlurmWorkers

LOOPBACK = "127.0.0.1"
CONNECT_S = 20.0
DEATHS, DEATHS_UNDER_SLURM = 3, 12
"""Of workers before a task counts as what kills them; a cluster also kills for reasons of its own."""
KEYS = "tls-"
"""How folders of keys begin."""


class Unreachable(ValueError):
    """No scheduler answers at an address."""


class Workers(Protocol):
    """Who sees to it that workers come."""

    def tend(self, demand: Mapping[Pool, Demand], busy: Mapping[str, bool]) -> None: ...

    def state(self) -> str: ...


class Cluster:
    """A client of a Dask scheduler, and its workers.

    Parameters
    ----------
    client : distributed.Client
        Connected.
    workers : Workers or None
        None where workers come by themselves.
    own : bool
        Whether the scheduler and its workers were started for this sweep.
    """

    def __init__(self, client: Any, workers: Workers | None = None, own: bool = True) -> None:
        self.client, self._workers, self._own = client, workers, own
        self._n_paused = 0

    def resources(self, pool: Pool) -> dict[str, int]:
        """What a task asks of its worker; workers of somebody else's need not say that they have a processor."""
        return {pool.upper(): 1} if self._own or pool == "gpu" else {}

    def tend(self, demand: Mapping[Pool, Demand]) -> dict[str, str]:
        """See to the workers; returns those that do tasks, names by address."""
        found = self.client.scheduler_info()["workers"]
        names = {address: str(w["name"]) for address, w in found.items()}
        paused = {address for address, w in found.items() if w.get("status") == "paused"}
        if self._workers or paused:
            tasks = self.client.processing()
            paused = {address for address in paused if not tasks.get(address)}
            if self._workers:
                self._workers.tend(demand, {name: bool(tasks.get(address)) for address, name in names.items()})
        self._n_paused = len(paused)
        return {address: name for address, name in names.items() if address not in paused}

    def state(self) -> str:
        """Why no worker may do a task."""
        if self._n_paused:
            return f"{self._n_paused} that Dask has paused, as their memory is nearly full; give them more"
        if self._workers:
            return self._workers.state()
        where = self.client.scheduler.address
        return "they are starting" if self._own else f"start some with: dask worker {where}"

    def address_line(self) -> str:
        """Where the scheduler is, and who may talk to it."""
        client = self.client
        link = client.dashboard_link if client.scheduler_info().get("services", {}).get("dashboard") else None
        dashboard = f"dashboard {link}" if link else "no dashboard (pip install bokeh for one)"
        line = f"{client.scheduler.address}, {dashboard}"
        if client.scheduler.address.startswith("tls://"):
            return line
        return f"{line}; without TLS, whoever reaches this address can run code as you"


@contextmanager
def connected(kind: str, plan: Plan, logs: Path) -> Iterator[Cluster]:
    """A cluster whose workers are running or will start; what was started for it ends with it."""
    for name in ("distributed", "tornado.application"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    if kind == "local":
        with _started(_nannies(plan), host=LOOPBACK) as (client, _):
            yield Cluster(client)
    elif kind == "slurm":
        with _under_slurm(plan.cluster, logs) as cluster:
            yield cluster
    else:
        with _external(kind) as client:
            yield Cluster(client, own=False)


@contextmanager
def _external(address: str) -> Iterator[Any]:
    """A client of somebody's scheduler, with the credentials that Dask's own settings name."""
    from distributed import Client

    try:
        client = Client(address, timeout=CONNECT_S, set_as_default=False)
    except (OSError, ValueError) as error:
        raise Unreachable(
            f"no Dask scheduler answers at {address!r} ({_first_line(error)}); name local, slurm, or an address "
            "such as tls://127.0.0.1:8786"
        ) from None
    try:
        yield client
    finally:
        client.close(timeout=2)


@contextmanager
def _started(workers: Mapping[str, Mapping[str, Any]], deaths: int = DEATHS, **where: str) -> Iterator[tuple[Any, Any]]:
    """A client of a scheduler of our own and its credentials, with worker processes of this machine by name.

    deaths : of workers that a task may have a part in before it fails.
    """
    import cryptography  # noqa: F401 - Security.temporary wants it, and does not name it in its error
    import dask
    from distributed import Client, Nanny, Scheduler, SpecCluster
    from distributed.security import Security

    secure = {"security": Security.temporary(), "protocol": "tls://", **where}
    dashboard = f"{LOOPBACK}:0" if find_spec("bokeh") else None
    scheduler = {
        "port": 0,
        "allowed_failures": deaths,
        "dashboard": dashboard is not None,
        "dashboard_address": dashboard,
    }
    shares = {f"distributed.worker.memory.{share}": False for share in NEVER_PAUSED}
    with (
        dask.config.set(shares),
        tempfile.TemporaryDirectory(prefix="rtalign-dask-", ignore_cleanup_errors=True) as scratch,
    ):
        cluster = SpecCluster(
            scheduler={"cls": Scheduler, "options": {**scheduler, **secure}},
            workers={
                name: {"cls": Nanny, "options": {"nthreads": 1, "local_directory": scratch, **options, **secure}}
                for name, options in workers.items()
            },
            security=secure["security"],
            silence_logs=logging.CRITICAL,
        )
        try:
            with Client(cluster, timeout=CONNECT_S, set_as_default=False) as client:
                yield client, secure["security"]
        finally:
            cluster.close(timeout=10)


def _nannies(plan: Plan) -> dict[str, dict[str, Any]]:
    """Options of the worker processes of this machine, by their names."""
    cluster, quiet = plan.cluster, {"silence_logs": logging.CRITICAL, "dashboard": False}
    threads = {"OMP_NUM_THREADS": str(cluster.cpus)}
    workers = {
        f"cpu-{i}": {"resources": {"CPU": 1}, "memory_limit": cluster.memory, "env": threads, **quiet}
        for i in range(cluster.workers or max(cpu_count() // cluster.cpus, 1))
    }
    if "cuda" in (plan.device, plan.fit_device):
        memory = cluster.gpu_memory or cluster.memory
        for i, gpu in enumerate(_gpus(cluster)):
            environment = threads | {"CUDA_VISIBLE_DEVICES": gpu}
            workers[f"gpu-{i}"] = {"resources": {"GPU": 1}, "memory_limit": memory, "env": environment, **quiet}
    return workers


def _gpus(plan: ClusterPlan) -> list[str]:
    """Names of the GPUs that are used, as CUDA_VISIBLE_DEVICES takes them."""
    import torch

    shown = os.environ.get("CUDA_VISIBLE_DEVICES")
    found = shown.split(",") if shown else [str(i) for i in range(torch.cuda.device_count())]
    if len(found) < max(plan.gpus, 1):
        raise ValueError(f"the plan wants {max(plan.gpus, 1)} GPUs and {len(found)} are here; set device to cpu")
    return found[: plan.gpus or None]


@contextmanager
def _under_slurm(plan: ClusterPlan, logs: Path) -> Iterator[Cluster]:
    if plan.memory == "auto" or plan.interface is None:
        missing = "memory" if plan.memory == "auto" else "interface"
        raise ValueError(
            f"the plan's [cluster] names no {missing}; under SLURM set memory (such as 4GB), interface (the network "
            "interface that connects the nodes, see `ip link`), and usually partition and time"
        )
    if not str(logs).isprintable():
        raise ValueError(f"the folder {str(logs)!r} goes into a script of the cluster; name one without line breaks")
    with (
        _started({}, DEATHS_UNDER_SLURM, interface=plan.interface) as (client, security),
        _key_files(security, logs) as keys,
    ):
        options = [client.scheduler.address, "--nthreads", "1", "--no-dashboard", "--interface", plan.interface, *keys]
        workers = SlurmWorkers(plan, options, logs)
        try:
            yield Cluster(client, workers)
        finally:
            workers.close()


@contextmanager
def _key_files(security: Any, logs: Path) -> Iterator[Sequence[str]]:
    """Options of `dask worker` that name the credentials: files that only this user can read, and only for a while."""
    logs.mkdir(parents=True, exist_ok=True)
    for left in logs.glob(f"{KEYS}*"):  # of a sweep that was killed; only one at a time is at work here
        shutil.rmtree(left, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix=KEYS, dir=logs))
    try:
        options = ["--protocol", "tls://"]
        for name, field in (("ca-file", "tls_ca_file"), ("cert", "tls_worker_cert"), ("key", "tls_worker_key")):
            file = os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(file, "w", encoding="ascii") as handle:
                handle.write(getattr(security, field))
            options += [f"--tls-{name}", str(folder / name)]
        yield options
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _first_line(error: BaseException) -> str:
    text = str(error).strip()
    return text.splitlines()[0][:160] if text else type(error).__name__
