"""A small study on disk - people, tiny models, a plan - and the processes that a sweep runs in."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import mne
import numpy as np

from tests.helpers.paths import PYTHONPATH
from tests.helpers.small_world import world
from tests.helpers.tiny_models import write_model

RECIPE = """
[recipe.language]
layers = "0,1,2,3"
components = 4
[recipe.lags]
start_s = -0.1
stop_s = 0.7
step_s = 0.1
[recipe.fit]
folds = 3
null_draws = 20
boot_draws = 20
"""


def write_study(folder: Path, more: str = "") -> Path:
    """Two people of two recordings who heard the same story, two models, a control, and the plan of a sweep."""
    write_model(folder / "tiny-llama", "llama")
    write_model(folder / "tiny-gpt2", "gpt2")
    for i, name in enumerate(("ann", "bob")):
        for run in (1, 2):
            write_person(folder / f"{name}-{run}", seed=10 * i + run, prefix=f"run{run}w")
    (folder / "plan.toml").write_text(plan_text(more), encoding="utf-8")
    return folder / "plan.toml"


def write_person(stem: Path, seed: int, prefix: str, n_words: int = 170) -> None:
    """One recording of 24 magnetometers as FIF, with its words beside it."""
    recording, _ = world(n_words, seed=seed, prefix=prefix)
    names = [f"MEG{i:03d}1" for i in range(24)]
    info = mne.create_info(names, recording.sfreq, "mag")
    for channel, sensor in zip(info["chs"], recording.sensors, strict=True):
        channel["loc"][:3] = sensor.position
    with mne.utils.use_log_level("ERROR"):
        mne.io.RawArray(recording.data.T, info).save(stem.with_name(f"{stem.name}_meg.fif"), overwrite=True)
    rows = [f"{w.onset:.4f}\t{w.duration}\t{w.text}" for w in recording.words]
    stem.with_name(f"{stem.name}_words.tsv").write_text("\n".join(["onset\tduration\tword", *rows]) + "\n")


def plan_text(more: str = "") -> str:
    people = "".join(
        f'[[people]]\nname = "{name}-{run}"\nrecordings = ["{name}-{run}_meg.fif"]\n'
        f'word_table = "{name}-{run}_words.tsv"\n'
        for name in ("ann", "bob")
        for run in (1,)
    )
    models = '[[models]]\nname = "tiny-llama"\n[[models]]\nname = "tiny-gpt2"\n'
    models += '[[models]]\nname = "tiny-llama"\nuntrained = true\nlabel = "random"\n'
    head = 'title = "small"\ncontexts = ["window:2", "growing:40"]\n'
    return head + people + models + more + '[cluster]\nworkers = 2\nmemory = "2GB"\n' + RECIPE


SLOW_LAGS = """
import time
from rtalign_offline.sweep.lag_file import LagFile
write = LagFile.write
LagFile.write = lambda *arguments: (time.sleep(1.2), write(*arguments))
"""


def environment(cache: Path) -> dict[str, str]:
    changes = {"RTALIGN_CACHE": str(cache), "PYTHONPATH": PYTHONPATH, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    return {**os.environ, **changes}


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "rtalign_cli", "sweep", *(str(a) for a in arguments)]


def sweep(plan: Path, out: Path, cache: Path, *more: str, timeout: float = 300) -> subprocess.CompletedProcess[str]:
    """Run to the end."""
    return subprocess.run(
        command(plan, "--out", out, *more), env=environment(cache), capture_output=True, text=True, timeout=timeout
    )


@contextmanager
def running(arguments: list[str], cache: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that is killed afterwards."""
    process = subprocess.Popen(
        arguments, env=environment(cache), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate(timeout=30)


def free_port() -> int:
    with socket.socket() as at:
        at.bind(("127.0.0.1", 0))
        return int(at.getsockname()[1])


def scheduler(port: int) -> list[str]:
    return [sys.executable, "-m", "dask", "scheduler", "--host", "127.0.0.1", "--port", str(port), "--no-dashboard"]


def worker(port: int) -> list[str]:
    options = ["--nthreads", "1", "--no-dashboard", "--no-nanny", "--host", "127.0.0.1", "--death-timeout", "60"]
    return [sys.executable, "-m", "dask", "worker", f"tcp://127.0.0.1:{port}", *options]


def is_listening(port: int) -> bool:
    with socket.socket() as at:
        return at.connect_ex(("127.0.0.1", port)) == 0


def wait_until(condition: Callable[[], bool], seconds: float = 280.0) -> None:
    """Wait for a condition."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition was not met in time"
        time.sleep(0.02)


def load_draws(folder: Path) -> dict[str, dict[str, np.ndarray]]:
    """Every job's numbers, by the job's folder."""
    from safetensors.numpy import load_file

    return {job.name: load_file(job / "draws.safetensors") for job in sorted((folder / "jobs").iterdir())}


def assert_same(here: Path, there: Path) -> None:
    """Two sweeps have the same numbers, bit for bit."""
    want, found = load_draws(here), load_draws(there)
    assert list(want) == list(found)
    for job, parts in want.items():
        for name, values in parts.items():
            assert np.array_equal(values, found[job][name]), (job, name)


def outlive(folder: Path, cluster: str, more: dict[str, str] | None = None) -> None:
    """A sweep under SLURM whose fits sleep longer than three jobs may run ends by itself, with a local one's numbers.

    Parameters
    ----------
    folder : Path
        For all of it; the sweep under SLURM goes into its `there`.
    cluster : str
        What the plan says of the jobs' time, beside one worker of 1 GB.
    more : dict of str to str, optional
        Further variables of the command's environment.
    """
    plan = write_study(folder)
    text = plan.read_text().replace("step_s = 0.1", "step_s = 0.04").replace('"window:2", ', "")
    plan.write_text(text)
    here = sweep(plan, folder / "here", folder / "cache-here", timeout=1200)
    assert here.returncode == 0, here.stderr
    (folder / "slow").mkdir()
    (folder / "slow" / "sitecustomize.py").write_text(SLOW_LAGS)
    prologue = f"""prologue = ['export PYTHONPATH="{folder / "slow"}:$PYTHONPATH"']\n"""
    asked = 'workers = 1\nmemory = "1GB"\ninterface = "lo"\n' + cluster + prologue
    plan.write_text(text.replace('workers = 2\nmemory = "2GB"\n', asked))
    there = subprocess.run(
        command(plan, "--out", folder / "there", "--cluster", "slurm"),
        env={**environment(folder / "cache-there"), **(more or {})}, capture_output=True, text=True, timeout=1200,
    )  # fmt: skip
    assert there.returncode == 0, there.stderr
    assert "Dask slurm: tls://127.0.0.1:" in there.stderr
    assert_same(folder / "here", folder / "there")
    assert not list((folder / "there" / "logs").glob("tls-*"))
