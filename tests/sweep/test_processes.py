"""A whole sweep on processes: the numbers of the trainer, and nothing lost or computed twice."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from threadpoolctl import threadpool_limits

from rtalign.core.progress import Progress
from rtalign.decoding.bank import DecoderBank
from rtalign.language import load
from rtalign.training import trainer
from rtalign_offline.sweep.journal import read_journal
from rtalign_offline.sweep.people import open_person
from rtalign_offline.sweep.plan import Plan
from tests.helpers import sweep_processes

QUIET = Progress(quiet=True)
MISSING = '[[models]]\nname = "nowhere/model"\nlabel = "absent"\n'


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sweep")
    sweep_processes.write_study(folder, MISSING)
    return folder


@pytest.fixture(scope="module")
def swept(study: Path) -> subprocess.CompletedProcess[str]:
    """One sweep to the end on two processes of this machine; one of its models is not there."""
    return sweep_processes.sweep(study / "plan.toml", study / "out", study / "cache")


def entries(out: Path) -> list[dict]:
    return list(read_journal(out / "journal"))


def test_a_missing_model_fails_alone(study: Path, swept: subprocess.CompletedProcess[str]) -> None:
    assert swept.returncode == 1, swept.stderr
    failed = [line for line in swept.stderr.splitlines() if line.startswith("failed: ")]
    assert len(failed) == 1
    assert "absent, window:2, ann-1 and 3 more: " in failed[0]
    assert "nowhere/model" in failed[0]
    assert "Traceback" not in swept.stderr
    state = json.loads((study / "out" / "sweep.json").read_text())
    assert len(state["jobs"]) == 12
    assert "127.0.0.1" in swept.stderr
    assert (study / "out" / "report.html").stat().st_size > 20_000
    for job in state["jobs"]:
        assert (study / "out" / "jobs" / job["folder"] / "report.html").is_file()


@pytest.mark.parametrize(("model", "context"), [("tiny-llama", "growing:40"), ("random", "window:2")])
def test_a_job_gives_the_numbers_of_the_trainer(
    study: Path, swept: subprocess.CompletedProcess[str], tmp_path: Path, model: str, context: str
) -> None:
    plan = Plan.load(study / "plan.toml")
    person, entry = plan.people[1], plan.model(model)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with threadpool_limits(1):
        read = load(entry.name, untrained=entry.untrained)
        trainer.train(
            open_person(person), read, plan.recipe_for(context), tmp_path / "bank", QUIET, store=tmp_path / "cache"
        )
    torch.set_num_threads(threads)
    bank = DecoderBank.load(tmp_path / "bank")
    name = f"{model}_{context.replace(':', '-')}_0_{person.name}-"
    folder = next(p for p in (study / "out" / "jobs").iterdir() if p.name.startswith(name))
    found = sweep_processes.load_draws(study / "out")[folder.name]
    for part in ("r", "null", "left_out", "excess", "halves"):
        assert np.abs(found[part] - bank.tensors[part]).max() < 2e-7
    told, own = (json.loads((f / "summary.json").read_text()) for f in (folder, tmp_path / "bank"))
    parts = ("layers", "temporal_score", "alignment_score", "n_words", "skipped", "model", "estimators", "half_words")
    for part in parts:
        assert_close(told[part], own[part])


def assert_close(found: Any, expected: Any) -> None:
    """Equal, numbers to one in the last of six digits: a sweep sums the signal for all models, in another order."""
    if isinstance(expected, dict):
        assert found.keys() == expected.keys()
        found, expected = [*found.values()], [*expected.values()]
    if isinstance(expected, list):
        for one, other in zip(found, expected, strict=True):
            assert_close(one, other)
    else:
        assert found == (pytest.approx(expected, abs=1.001e-6) if isinstance(expected, float) else expected)


def test_shared_work_is_done_once(study: Path, swept: subprocess.CompletedProcess[str]) -> None:
    """One story for both people, three models that are there, two contexts; one brain a person."""
    computed = Counter(e["piece"] for e in entries(study / "out") if e["how"] == "computed")
    shared = {"tape": 2, "moments": 2, "brain": 2, "activations": 6, "components": 6}
    assert computed == shared | {"lag": 12 * 9, "job": 12}
    assert not list((study / "out" / "lags").iterdir())


def test_the_same_command_again_computes_nothing(study: Path, swept: subprocess.CompletedProcess[str]) -> None:
    before = Counter(e["how"] for e in entries(study / "out"))
    again = sweep_processes.sweep(study / "plan.toml", study / "out", study / "cache", "--json")
    assert again.returncode == 1
    assert "Dask" not in again.stderr  # no worker is started for the model that is not there
    after = Counter(e["how"] for e in entries(study / "out"))
    assert len(json.loads(again.stdout)["jobs"]) == 12
    assert after["computed"] == before["computed"]
    assert after["reused"] - before["reused"] >= 12


def test_killed_workers_and_schedulers_change_nothing(
    study: Path, swept: subprocess.CompletedProcess[str], tmp_path: Path
) -> None:
    """Workers die by signal 9 in the middle of a job, then the scheduler with all it knows; one context's six jobs."""
    half = study / "half.toml"
    half.write_text((study / "plan.toml").read_text().replace(', "growing:40"]', "]"))
    out, cache, port = tmp_path / "out", tmp_path / "cache", sweep_processes.free_port()

    def done(piece: str) -> int:
        return sum(e["piece"] == piece and e["how"] == "computed" for e in entries(out))

    address = f"tcp://127.0.0.1:{port}"
    command = sweep_processes.command(half, "--out", out, "--cluster", address)
    with ExitStack() as later:
        with ExitStack() as now:
            now.enter_context(sweep_processes.running(sweep_processes.scheduler(port), cache))
            sweep_processes.wait_until(lambda: sweep_processes.is_listening(port))
            doomed, _ = (
                now.enter_context(sweep_processes.running(sweep_processes.worker(port), cache)) for _ in range(2)
            )
            driver = later.enter_context(sweep_processes.running(command, cache))
            sweep_processes.wait_until(lambda: done("lag") >= 5)
            doomed.kill()
            sweep_processes.wait_until(lambda: done("lag") >= 15)
        later.enter_context(sweep_processes.running(sweep_processes.scheduler(port), cache))
        later.enter_context(sweep_processes.running(sweep_processes.worker(port), cache))
        sweep_processes.wait_until(lambda: driver.poll() is not None)
    want, found = sweep_processes.load_draws(study / "out"), sweep_processes.load_draws(out)
    assert len(found) == 6
    for job, parts in found.items():
        for name, values in parts.items():
            assert np.array_equal(values, want[job][name]), (job, name)
    computed = Counter((e["piece"], e["key"]) for e in entries(out) if e["how"] == "computed")
    assert max(computed.values()) == 1


@pytest.mark.slow
def test_sweeps_at_the_same_time_give_the_same_numbers(
    study: Path, swept: subprocess.CompletedProcess[str], tmp_path: Path
) -> None:
    """Three on one scheduler and one cache, two of them in one folder; each ends by itself."""
    half = study / "half.toml"
    half.write_text((study / "plan.toml").read_text().replace(', "growing:40"]', "]"))
    cache, port = tmp_path / "cache", sweep_processes.free_port()
    with ExitStack() as stack:
        stack.enter_context(sweep_processes.running(sweep_processes.scheduler(port), cache))
        sweep_processes.wait_until(lambda: sweep_processes.is_listening(port))
        for _ in range(2):
            stack.enter_context(sweep_processes.running(sweep_processes.worker(port), cache))
        sweeps = [
            stack.enter_context(sweep_processes.running(
                sweep_processes.command(half, "--out", tmp_path / out, "--cluster", f"tcp://127.0.0.1:{port}"), cache))
            for out in ("one", "one", "two")
        ]  # fmt: skip
        sweep_processes.wait_until(lambda: all(sweep.poll() is not None for sweep in sweeps), 1200)
        said = [sweep.communicate()[0] for sweep in sweeps]
    assert [sweep.returncode for sweep in sweeps] == [1, 1, 1]  # for the model that is not there
    assert sum("this one goes on after its end" in text for text in said[:2]) == 1
    want = sweep_processes.load_draws(study / "out")
    for out in ("one", "two"):
        found = sweep_processes.load_draws(tmp_path / out)
        assert len(found) == 6
        for job, parts in found.items():
            for name, values in parts.items():
                assert np.array_equal(values, want[job][name]), (job, name)


def test_workers_import_neither_lsl_nor_qt() -> None:
    probe = (
        "import sys, rtalign_offline.sweep.tasks, rtalign_offline.sweep.run\n"
        "import rtalign.training.results, rtalign.language.model, rtalign.recordings\n"
        "assert not {'pylsl', 'mne_lsl', 'PyQt6', 'pyqtgraph'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", probe], check=True, timeout=120)
