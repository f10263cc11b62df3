"""A SLURM of one machine, started and stopped from here: munge, the controller and one node, all on loopback.

By hand: python tests/helpers/slurm.py start FOLDER, then python tests/helpers/slurm.py stop FOLDER.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

NEEDED = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scancel", "sinfo")

CONF = """
ClusterName=here
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
CredType=cred/munge
AuthInfo=socket={folder}/munge.socket
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerType=sched/backfill
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
ReturnToService=2
NodeName=here NodeHostname={host} NodeAddr=127.0.0.1 CPUs={cpus} RealMemory={memory} State=UNKNOWN
PartitionName=work Nodes=here Default=YES MaxTime=INFINITE State=UP
"""

CGROUP = "CgroupPlugin=cgroup/v1\nIgnoreSystemd=yes\nCgroupAutomount=no\n"


def missing() -> str | None:
    """Why SLURM cannot run here; None when it can."""
    if os.geteuid() != 0:
        return "SLURM is started as root here, and this user is not"
    lacking = [name for name in NEEDED if shutil.which(name) is None]
    return f"no {', '.join(lacking)}: apt-get install slurm-wlm munge" if lacking else None


def start(folder: Path) -> dict[str, str]:
    """Start it; returns the environment variables that its users need."""
    for part in ("state", "spool"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    folder.chmod(0o755)
    ports = _free_ports(2)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20 - 512
    values = {"host": socket.gethostname(), "folder": folder, "ports": ports, "cpus": os.cpu_count(), "memory": memory}
    (folder / "slurm.conf").write_text(CONF.format(**values))
    (folder / "cgroup.conf").write_text(CGROUP)
    key = folder / "munge.key"
    key.write_bytes(os.urandom(128))
    key.chmod(0o600)
    environment = {"SLURM_CONF": str(folder / "slurm.conf")}
    options = [f"--key-file={key}", f"--socket={folder}/munge.socket", f"--pid-file={folder}/munged.pid"]
    options += [f"--log-file={folder}/munged.log", f"--seed-file={folder}/munged.seed", "--force"]
    _call(["munged", *options], environment)
    _call(["slurmctld"], environment)
    _call(["slurmd", "-N", "here"], environment)
    deadline = time.monotonic() + 60
    while "idle" not in output_of(["sinfo", "--noheader", "--format=%T"], environment):
        if time.monotonic() > deadline:
            logs = "\n".join(p.read_text()[-1500:] for p in sorted(folder.glob("*.log")))
            raise RuntimeError(f"the node did not come up\n{logs}")
        time.sleep(0.3)
    return environment


def stop(folder: Path) -> None:
    """Cancel all jobs and end the three daemons, by the process ids that they wrote."""
    environment = {"SLURM_CONF": str(folder / "slurm.conf")}
    output_of(["scancel", "--user=root"], environment)
    for name in ("slurmd", "slurmctld", "munged"):
        path = folder / f"{name}.pid"
        if path.is_file():
            _end(int(path.read_text()))


@contextmanager
def running(folder: Path) -> Iterator[dict[str, str]]:
    try:
        yield start(folder)
    finally:
        stop(folder)


def output_of(command: list[str], environment: dict[str, str]) -> str:
    """The output of a command of SLURM; empty where it does not answer, as some wait for ever while a node is down."""
    try:
        done = subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True, timeout=15)
    except subprocess.TimeoutExpired:
        return ""
    return done.stdout


def _call(command: list[str], environment: dict[str, str]) -> None:
    subprocess.run(command, env={**os.environ, **environment}, check=True, timeout=30, capture_output=True)


def _end(pid: int) -> None:
    for how in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.kill(pid, how)
            for _ in range(50):
                os.kill(pid, 0)
                time.sleep(0.1)
        except ProcessLookupError:
            return


def _free_ports(n: int) -> list[int]:
    sockets = [socket.socket() for _ in range(n)]
    for at in sockets:
        at.bind(("127.0.0.1", 0))
    ports = [int(at.getsockname()[1]) for at in sockets]
    for at in sockets:
        at.close()
    return ports


if __name__ == "__main__":
    what, where = sys.argv[1], Path(sys.argv[2]).resolve()
    if what == "start":
        print("\n".join(f"export {name}={value}" for name, value in start(where).items()))
    else:
        stop(where)
