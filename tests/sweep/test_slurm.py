"""Workers under SLURM: as many as there is work for, and others where the time of some runs out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from rtalign.core.progress import Progress
from rtalign_offline.sweep import run
from rtalign_offline.sweep.plan import ClusterPlan, walltime_s
from rtalign_offline.sweep.run import WorkerWatch
from rtalign_offline.sweep.slurm import STILLBORN, Demand, SlurmWorkers, lifetime_s
from tests.helpers import fake_slurm, sweep_processes


@pytest.fixture
def slurm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A SLURM on which no job begins."""
    folder = tmp_path / "slurm"
    folder.mkdir()
    for name, value in fake_slurm.write(folder).items():
        monkeypatch.setenv(name, value)
    (folder / "full").touch()
    return folder


def workers(tmp_path: Path, **changes: object) -> SlurmWorkers:
    plan = ClusterPlan.model_validate({"memory": "2GB", "interface": "lo", "workers": 2, **changes})
    return SlurmWorkers(plan, ["tls://127.0.0.1:1"], tmp_path / "logs")


def begin(folder: Path, job: str, end: bool = False) -> None:
    for state in ("running", *(["ended"] if end else [])):
        (folder / "jobs" / job / state).touch()


def test_jobs_are_asked_for_while_there_is_work_and_cancelled_where_none_is_left(slurm: Path, tmp_path: Path) -> None:
    own = workers(tmp_path, gpus=1)
    own.tend({"cpu": Demand(1, 5), "gpu": Demand(1, 1)}, {})
    assert [sum("--gres=gpu:1" in job for job in fake_slurm.submitted(slurm))] == [1]
    assert len(fake_slurm.submitted(slurm)) == 2
    assert own.state() == "2 jobs waiting in the queue (Priority)"
    own.tend({"cpu": Demand(5, 5), "gpu": Demand(1, 1)}, {})
    assert len(fake_slurm.submitted(slurm)) == 3
    assert "(Resources)" in own.state()
    begin(slurm, "002")
    own.tend({"cpu": Demand(2, 2), "gpu": Demand(0, 0)}, {"slurm-002": False})
    assert [p.parent.name for p in slurm.glob("jobs/*/cancelled")] == ["002"]
    own.tend({"cpu": Demand(1, 1), "gpu": Demand(0, 0)}, {})
    own.close()
    assert {p.parent.name for p in slurm.glob("jobs/*/cancelled")} == {"001", "002", "003"}


def test_a_job_whose_time_ran_out_is_replaced(slurm: Path, tmp_path: Path) -> None:
    own, work = workers(tmp_path), {"cpu": Demand(2, 2)}
    own.tend(work, {})
    begin(slurm, "001")
    begin(slurm, "002")
    own.tend(work, {"slurm-001": True, "slurm-002": True})
    assert len(fake_slurm.submitted(slurm)) == 2
    begin(slurm, "001", end=True)
    own.tend(work, {"slurm-002": True})
    assert len(fake_slurm.submitted(slurm)) == 3


def test_jobs_that_end_before_their_worker_comes_end_the_sweep(slurm: Path, tmp_path: Path) -> None:
    own = workers(tmp_path, workers=1)
    for i in range(STILLBORN):
        own.tend({"cpu": Demand(1, 1)}, {})
        begin(slurm, f"{i + 1:03d}", end=True)
    with pytest.raises(ValueError, match="in a row ended before their worker came; see "):
        own.tend({"cpu": Demand(1, 1)}, {})
    assert len(fake_slurm.submitted(slurm)) == STILLBORN


def test_a_worker_gets_what_the_plan_says(slurm: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SITE_LICENCE", "a b; $(id)")
    given = {"time": "1-00:00:00", "cpus": 4, "gpus": 1, "gpu_partition": "a100", "gpu_memory": "8GB"}
    own = workers(
        tmp_path, **given, environment=["SITE_LICENCE"], directives=["--qos=long"], prologue=["module load x"]
    )
    own.tend({"gpu": Demand(1, 1)}, {})
    (asked,) = fake_slurm.submitted(slurm)
    for option in ("--cpus-per-task=4", "--partition=a100", "--mem=7630M", "--time=1-00:00:00", "--qos=long"):
        assert option in asked
    lines = (slurm / "jobs" / "001" / "script").read_text().splitlines()
    assert "export SITE_LICENCE='a b; $(id)'" in lines
    assert "export OMP_NUM_THREADS=4" in lines
    assert "export DASK_DISTRIBUTED__WORKER__MEMORY__PAUSE=False" in lines
    assert lines[-2] == "module load x"
    assert "--resources GPU=1 --lifetime 86220s" in lines[-1]
    assert lines[-1].endswith('--name slurm-"$SLURM_JOB_ID"')


def test_walltimes_are_read_as_sbatch_does() -> None:
    times = {"90": 5400, "10:30": 630, "1:02:03": 3723, "2-1": 176400, "1-12:00": 129600, "1-00:00:30": 86430}
    assert {text: walltime_s(text) for text in times} == times
    assert lifetime_s(ClusterPlan(time="00:00:40")) == 30.0


def test_waiting_and_other_versions_are_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clock, names = [0.0], {}
    here = run.package_versions()
    found = {"a": here, "b": here | {"torch": "1.0"}, "c": RuntimeError("gone")}
    client = SimpleNamespace(run=lambda _function, workers, on_error: {w: found[w] for w in workers})
    cluster = SimpleNamespace(tend=lambda _: dict(names), state=lambda: "2 jobs waiting in the queue (Priority)")
    cluster.client = client
    monkeypatch.setattr(run, "time", SimpleNamespace(monotonic=lambda: clock[0]))
    watch = WorkerWatch(cluster, Progress())  # type: ignore[arg-type]
    for clock[0] in range(0, 130, 5):
        watch.look(dict)
    names |= dict.fromkeys("abc", "w")
    for clock[0] in range(130, 200, 5):
        watch.look(dict)
    said = capsys.readouterr().err.splitlines()
    assert said[0] == "no worker for 40 s: 2 jobs waiting in the queue (Priority)"
    assert said[1] == "no worker for 80 s: 2 jobs waiting in the queue (Priority)"
    assert said[2:] == [f"the worker at b has torch 1.0 ({here['torch']} here): its numbers may differ"]


@pytest.fixture
def real_jobs(slurm: Path) -> Iterator[Path]:
    """A SLURM whose jobs run, and are killed when their time is over."""
    (slurm / "full").unlink()
    yield slurm
    for job in (slurm / "jobs").iterdir():
        (job / "cancelled").touch()


@pytest.mark.slow
@pytest.mark.parametrize("share", [1.0, 0.6], ids=["they end in time", "they are killed in the middle"])
def test_a_sweep_outlives_the_time_of_its_jobs(
    real_jobs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, share: float
) -> None:
    """The fits sleep for longer than three jobs may run; the sweep ends by itself, with the numbers of a local one."""
    monkeypatch.setenv("FAKE_SLURM_SHARE", str(share))
    sweep_processes.outlive(tmp_path, 'time = "00:01:40"\n')
    killed = fake_slurm.time_limits(real_jobs)
    print(f"{len(fake_slurm.submitted(real_jobs))} jobs, killed as their time was over: {killed}")
    assert len(fake_slurm.submitted(real_jobs)) >= 3
    assert share == 1 or killed
    assert not list((tmp_path / "there" / "logs").glob("tls-*"))
