"""Commands of SLURM for tests: jobs are processes of this machine, each killed when its time is over.

write(folder)   puts sbatch, squeue and scancel into a folder for PATH
FAKE_SLURM      the folder of the jobs; what they were asked for is in its jobs/ID/argv
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

ENDS_S = 0.2
"""How often a job's keeper looks at the clock."""


def write(folder: Path) -> dict[str, str]:
    """The environment in which the commands are found."""
    for name in ("sbatch", "squeue", "scancel"):
        script = folder / name
        script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -S "{__file__}" {name} "$@"\n')
        script.chmod(0o755)
    (folder / "jobs").mkdir()
    return {"FAKE_SLURM": str(folder), "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}


def time_limits(folder: Path) -> list[str]:
    """The jobs that were killed as their time was over."""
    return sorted(path.parent.name for path in folder.glob("jobs/*/timeout"))


def submitted(folder: Path) -> list[list[str]]:
    """What each job was asked for, in turn."""
    return [path.read_text().splitlines() for path in sorted(folder.glob("jobs/*/argv"))]


def _sbatch(folder: Path, arguments: list[str]) -> None:
    number = len(list((folder / "jobs").iterdir())) + 1
    job = folder / "jobs" / f"{number:03d}"
    job.mkdir()
    (job / "script").write_text(sys.stdin.read())
    (job / "argv").write_text("\n".join(arguments))
    if not (folder / "full").exists():
        keeper = [sys.executable, "-S", __file__, "keep", job.name]
        subprocess.Popen(keeper, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                         start_new_session=True)  # fmt: skip
    print(job.name)


def _keep(folder: Path, arguments: list[str]) -> None:
    """Run the script until it ends, is cancelled, or its time is over."""
    job = folder / "jobs" / arguments[0]
    options = dict(line[2:].split("=", 1) for line in (job / "argv").read_text().splitlines() if "=" in line)
    hours, minutes, seconds = (float(part) for part in options["time"].split(":"))
    share = float(os.environ.get("FAKE_SLURM_SHARE", "1"))
    deadline = time.monotonic() + share * (3600 * hours + 60 * minutes + seconds)
    (job / "running").touch()
    with Path(options["output"].replace("%j", job.name)).open("w") as log:
        process = subprocess.Popen(["/bin/bash", job / "script"], env={**os.environ, "SLURM_JOB_ID": job.name},
                                   stdout=log, stderr=log, start_new_session=True)  # fmt: skip
        while process.poll() is None and time.monotonic() < deadline and not (job / "cancelled").exists():
            time.sleep(ENDS_S)
        if process.poll() is None:
            (job / ("cancelled" if (job / "cancelled").exists() else "timeout")).touch()
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    (job / "ended").touch()


def _squeue(folder: Path, arguments: list[str]) -> None:
    name = next(a.split("=", 1)[1] for a in arguments if a.startswith("--name="))
    for job in sorted((folder / "jobs").iterdir()):
        gone = (job / "ended").exists() or ((job / "cancelled").exists() and not (job / "running").exists())
        if not gone and f"--job-name={name}" in (job / "argv").read_text().splitlines():
            print(f"{job.name}|RUNNING|None" if (job / "running").exists() else f"{job.name}|PENDING|Resources")


def _scancel(folder: Path, arguments: list[str]) -> None:
    for job in arguments:
        (folder / "jobs" / job / "cancelled").touch()


if __name__ == "__main__":
    commands = {"sbatch": _sbatch, "keep": _keep, "squeue": _squeue, "scancel": _scancel}
    commands[sys.argv[1]](Path(os.environ["FAKE_SLURM"]), sys.argv[2:])
