"""Who may talk to the scheduler of a sweep, and which worker does which task."""

from __future__ import annotations

import time
from pathlib import Path

import psutil
import pytest
from distributed import get_worker

from rtalign_offline.sweep import clusters
from rtalign_offline.sweep.plan import ClusterPlan, Plan

PLAN = {"people": [{"name": "a", "recordings": ["a"]}], "models": [{"name": "b"}]}


def test_a_client_without_the_keys_of_the_sweep_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither without TLS, nor with TLS and keys of its own; the sweep's own client is answered."""
    from distributed import Client
    from distributed.security import Security

    monkeypatch.setattr(clusters, "_nannies", lambda _: {})
    with clusters.connected("local", Plan.parse(dict(PLAN), tmp_path), tmp_path) as cluster:
        address = cluster.client.scheduler.address
        assert address.startswith("tls://127.0.0.1:")
        assert cluster.client.scheduler_info()["workers"] == {}
        for url, security in ((address.replace("tls", "tcp"), None), (address, Security.temporary())):
            with pytest.raises(OSError, match=r"Timed out|SSL|TLS|closed"):
                Client(url, security=security, timeout=1, set_as_default=False)


def test_keys_lie_in_files_of_this_user_alone_and_go_with_the_sweep(tmp_path: Path) -> None:
    from distributed.security import Security

    (tmp_path / "tls-left").mkdir()
    with clusters._key_files(Security.temporary(), tmp_path) as options:
        assert not (tmp_path / "tls-left").exists()
        files = [Path(options[options.index(f"--tls-{name}") + 1]) for name in ("ca-file", "cert", "key")]
        assert [file.stat().st_mode & 0o777 for file in files] == [0o600] * 3
        assert files[0].parent.stat().st_mode & 0o777 == 0o700
        assert "PRIVATE KEY" in files[2].read_text()
    assert not list(tmp_path.iterdir())


def test_readings_have_a_gpu_each_and_the_rest_has_the_cores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,GPU-a,5")
    given = {"workers": 2, "cpus": 3, "gpus": 2, "memory": "1GB", "gpu_memory": "9GB"}
    plan = Plan.parse({**PLAN, "device": "cuda", "cluster": given}, tmp_path)
    assert [plan.pool(kind) for kind in ("filter", "sum", "combine", "read", "job")] == ["cpu"] * 3 + ["gpu", "cpu"]
    workers = clusters._nannies(plan)
    assert list(workers) == ["cpu-0", "cpu-1", "gpu-0", "gpu-1"]
    assert [w["resources"] for w in workers.values()] == [{"CPU": 1}] * 2 + [{"GPU": 1}] * 2
    assert [workers[f"gpu-{i}"]["env"]["CUDA_VISIBLE_DEVICES"] for i in (0, 1)] == ["3", "GPU-a"]
    assert {w["env"]["OMP_NUM_THREADS"] for w in workers.values()} == {"3"}
    assert [w["memory_limit"] for w in workers.values()] == ["1GB"] * 2 + ["9GB"] * 2
    with pytest.raises(ValueError, match="the plan wants 4 GPUs and 3 are here"):
        clusters._gpus(ClusterPlan(gpus=4))
    fits = Plan.parse({**PLAN, "fit_device": "cuda"}, tmp_path)
    assert [fits.pool(kind) for kind in ("read", "job")] == ["cpu", "gpu"]


def fill(share: float) -> float:
    """Hold so much of this worker's memory; returns the share of it that the process takes."""
    worker, process = get_worker(), psutil.Process()
    limit = worker.memory_manager.memory_limit
    worker.held = bytearray(b"x") * max(int(share * limit) - process.memory_info().rss, 0)
    time.sleep(1)  # several times as long as between two looks at it
    return float(process.memory_info().rss / limit)


def test_a_worker_whose_memory_is_nearly_full_goes_on(tmp_path: Path) -> None:
    """Dask would pause it until its memory is free, which a model in it never is, and the sweep would wait for ever."""
    given = {"workers": 1, "memory": "500MB"}
    with clusters.connected("local", Plan.parse({**PLAN, "cluster": given}, tmp_path), tmp_path) as cluster:
        assert cluster.client.submit(fill, 0.88, pure=False).result(timeout=60) > 0.85
        assert cluster.client.submit(sum, [1, 2]).result(timeout=20) == 3


def test_paused_workers_of_somebody_else_count_as_none_and_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clusters, "NEVER_PAUSED", ())
    given = {"workers": 1, "memory": "500MB"}
    with clusters.connected("local", Plan.parse({**PLAN, "cluster": given}, tmp_path), tmp_path) as started:
        theirs = clusters.Cluster(started.client, own=False)
        started.client.wait_for_workers(1, timeout=60)
        assert list(theirs.tend({}).values()) == ["cpu-0"]
        assert "start some with: dask worker" in theirs.state()
        started.client.submit(fill, 0.88, pure=False).result(timeout=60)
        end = time.monotonic() + 30
        while theirs.tend({}) and time.monotonic() < end:
            time.sleep(0.1)
        assert theirs.state() == "1 that Dask has paused, as their memory is nearly full; give them more"


def test_of_a_scheduler_that_runs_already_only_a_gpu_is_asked_for() -> None:
    theirs = clusters.Cluster(None, own=False)
    assert (theirs.resources("cpu"), theirs.resources("gpu")) == ({}, {"GPU": 1})
    assert clusters.Cluster(None).resources("cpu") == {"CPU": 1}
