"""The same sweep under a real SLURM of one machine, where its packages are installed."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers import slurm, sweep_processes

WHY_NOT = slurm.missing()
pytestmark = pytest.mark.skipif(WHY_NOT is not None, reason=WHY_NOT or "")

CLUSTER = 'workers = 2\nmemory = "1500MB"\npartition = "work"\ntime = "00:20:00"\ninterface = "lo"\n'


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    with slurm.running(tmp_path_factory.mktemp("slurm")) as environment:
        yield environment


def test_a_sweep_under_slurm_gives_the_same_numbers(tmp_path: Path, cluster: dict[str, str]) -> None:
    plan = sweep_processes.write_study(tmp_path)
    text = plan.read_text()
    few = text.replace('"window:2", ', "")
    plan.write_text(few)
    here = sweep_processes.sweep(plan, tmp_path / "here", tmp_path / "cache-here")
    assert here.returncode == 0, here.stderr
    plan.write_text(few.replace('workers = 2\nmemory = "2GB"\n', CLUSTER))
    there = subprocess.run(
        sweep_processes.command(plan, "--out", tmp_path / "there", "--cluster", "slurm"),
        env={**sweep_processes.environment(tmp_path / "cache-there"), **cluster, "PATH": os.environ["PATH"]},
        capture_output=True, text=True, timeout=300, cwd=tmp_path,
    )  # fmt: skip
    assert there.returncode == 0, there.stderr
    assert "Dask slurm: tls://127.0.0.1:" in there.stderr
    sweep_processes.assert_same(tmp_path / "here", tmp_path / "there")
    assert len(json.loads((tmp_path / "there" / "sweep.json").read_text())["jobs"]) == 6
    assert slurm.output_of(["squeue", "--noheader"], cluster).strip() == ""


def test_a_plan_without_a_network_interface_is_refused(tmp_path: Path, cluster: dict[str, str]) -> None:
    plan = sweep_processes.write_study(tmp_path)
    done = subprocess.run(
        sweep_processes.command(plan, "--out", tmp_path / "out", "--cluster", "slurm", "--quiet"),
        env={**sweep_processes.environment(tmp_path / "cache"), **cluster}, capture_output=True, text=True, timeout=100,
    )  # fmt: skip
    assert done.returncode == 1
    assert "names no interface" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    "time",
    ['time = "00:01:00"\n', 'time = "00:10:00"\ndirectives = ["--time=00:01:00"]\n'],
    ids=["they end in time", "they are killed in the middle"],
)
def test_a_sweep_outlives_the_time_of_real_jobs(tmp_path: Path, cluster: dict[str, str], time: str) -> None:
    """SLURM kills a job up to half a minute late; a worker that knows a longer time than SLURM is killed."""
    sweep_processes.outlive(tmp_path, 'partition = "work"\n' + time, cluster)
    logs = [path.read_text() for path in (tmp_path / "there" / "logs").glob("*.log")]
    killed = sum("DUE TO TIME LIMIT" in text for text in logs)
    print(f"{len(logs)} jobs, killed as their time was over: {killed}")
    assert len(logs) >= 3
    assert "directives" not in time or killed
    assert slurm.output_of(["squeue", "--noheader"], cluster).strip() == ""
