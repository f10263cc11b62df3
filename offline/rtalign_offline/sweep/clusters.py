"""Dask clients: processes of this machine, a cluster under SLURM, or a Dask scheduler that is running already.

Every worker is a process of one thread.  Dask pickles the messages between its own processes and executes what it
receives, so the scheduler listens on loopback here, and on a cluster on the one network interface of the plan.
"""

from __future__ import annotations

import logging
import os
import shlex
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from rtalign.core.machine import cpu_count
from rtalign_offline.sweep.plan import ClusterPlan

LOOPBACK = "127.0.0.1"
CONNECT_S = 20.0


class Unreachable(ValueError):
    """No scheduler answers at an address."""


@contextmanager
def connected(kind: str, plan: ClusterPlan, logs: Path) -> Iterator[Any]:
    """A client whose workers are running or will start; what was started for it ends with it."""
    from distributed import Client

    for name in ("distributed", "dask_jobqueue", "tornado.application"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    if kind in ("local", "slurm"):
        with tempfile.TemporaryDirectory(prefix="rtalign-dask-", ignore_cleanup_errors=True) as scratch:
            cluster = _local(plan, scratch) if kind == "local" else _slurm(plan, scratch, logs)
            try:
                with Client(cluster, timeout=CONNECT_S, set_as_default=False) as client:
                    yield client
            finally:
                cluster.close(timeout=10)
    else:
        try:
            client = Client(kind, timeout=CONNECT_S, set_as_default=False)
        except (OSError, ValueError) as error:
            raise Unreachable(
                f"no Dask scheduler answers at {kind!r} ({_first_line(error)}); name local, slurm, or an address "
                "such as tcp://127.0.0.1:8786"
            ) from None
        try:
            yield client
        finally:
            client.close(timeout=2)


def workers_of(plan: ClusterPlan) -> int:
    return plan.workers or cpu_count()


def _local(plan: ClusterPlan, scratch: str) -> Any:
    from distributed import LocalCluster

    return LocalCluster(
        n_workers=workers_of(plan),
        threads_per_worker=1,
        processes=True,
        host=LOOPBACK,
        protocol="tcp://",
        dashboard_address=f"{LOOPBACK}:0" if _has_dashboard() else None,
        memory_limit=plan.memory,
        local_directory=scratch,
        silence_logs=logging.CRITICAL,
    )


def _slurm(plan: ClusterPlan, scratch: str, logs: Path) -> Any:
    from dask_jobqueue import SLURMCluster

    if plan.memory == "auto" or plan.interface is None:
        missing = "memory" if plan.memory == "auto" else "interface"
        raise ValueError(
            f"the plan's [cluster] names no {missing}; under SLURM set memory (such as 4GB), interface (the network "
            "interface that connects the nodes, see `ip link`), and usually partition and time"
        )
    if not str(logs).isprintable():
        raise ValueError(f"the folder {str(logs)!r} goes into a script of the cluster; name one without line breaks")
    gpus = [f"--gres=gpu:{plan.gpu}"] if plan.gpu else []
    cluster = SLURMCluster(
        queue=plan.partition,
        account=plan.account,
        walltime=plan.time,
        cores=1,
        processes=1,
        memory=plan.memory,
        interface=plan.interface,
        job_extra_directives=[*gpus, *plan.directives],
        job_script_prologue=[*_environment(), *plan.prologue],
        local_directory=scratch,
        log_directory=str(logs),
        scheduler_options={"dashboard_address": f"{LOOPBACK}:0" if _has_dashboard() else None},
    )
    cluster.scale(jobs=max(plan.workers, 1))
    return cluster


def _environment() -> list[str]:
    """Environment variables of a worker, because SLURM starts it in a new shell."""
    names = ("PYTHONPATH", "RTALIGN_CACHE", "HF_HOME", "HF_HUB_CACHE", "LSLAPICFG")
    fixed = ["export OMP_NUM_THREADS=1", "export HF_HUB_OFFLINE=1", "export TOKENIZERS_PARALLELISM=false"]
    return fixed + [f"export {name}={shlex.quote(os.environ[name])}" for name in names if name in os.environ]


def _has_dashboard() -> bool:
    return find_spec("bokeh") is not None


def _first_line(error: BaseException) -> str:
    text = str(error).strip()
    return text.splitlines()[0][:160] if text else type(error).__name__
