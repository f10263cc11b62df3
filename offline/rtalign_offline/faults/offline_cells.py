"""Runs the cells without streams: hostile files, a training that is killed, a cache that is damaged."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from rtalign.core.progress import Progress
from rtalign.core.storage.tensorfile import TensorFile
from rtalign.simulation import SimulationPlan, shipped_story, simulate
from rtalign_offline.faults.cells import Cell
from rtalign_offline.small_lm import SmallModelSettings, train_language_model

RECIPE = """
[language]
context = "growing:60"
layers = "0,1,2"
components = 8
[lags]
start_s = -0.2
stop_s = 0.8
step_s = 0.05
[fit]
null_draws = 40
"""
PROCESSOR_S, MEMORY_MB = 10.0, 500.0
"""What a hostile file may take."""
PATIENCE_S = 300.0
LOOK_S = 0.001
"""How often a training that will be killed is looked at."""
TRIES = 5
"""Of a training that had gone on, because the processor was taken, before it could be killed."""
Moment = Callable[[Path, Path], bool]
"""(cache, bank) -> whether a training has come to where it is to be killed."""


def create_setup(folder: Path) -> None:
    """A model, a listener of two runs, a bank of the first; nothing where it is there already."""
    if (folder / "bank" / "passport.json").is_file():
        return
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / "story.txt").write_text(shipped_story(), encoding="utf-8")
    (folder / "recipe.toml").write_text(RECIPE, encoding="utf-8")
    settings = SmallModelSettings(dim=32, vocabulary=400, steps=20)
    train_language_model([folder / "story.txt"], folder / "model", settings, Progress(quiet=True))
    information = np.random.default_rng(0).standard_normal((330, 3, 4)).astype(np.float32)
    plan = SimulationPlan(n_words=330, run_words=190, sfreq=250.0, sensors="neuromag306")
    simulate(folder / "listener", plan, information=information)
    done = train(folder, folder / "bank", folder / "cache")
    done.check_returncode()


def train(setup: Path, out: Path, cache: Path) -> subprocess.CompletedProcess[str]:
    """Train the bank of the set-up with a cache."""
    return subprocess.run(train_command(setup, out), capture_output=True, text=True, env=environment(cache))


def train_command(setup: Path, out: Path) -> list[str]:
    return [
        *(sys.executable, "-m", "rtalign_cli", "train", str(setup / "listener"), "--run", "01"),
        *("--model", str(setup / "model"), "--recipe", str(setup / "recipe.toml"), "--out", str(out), "--quiet"),
    ]


def environment(cache: Path) -> dict[str, str]:
    return {**os.environ, "RTALIGN_CACHE": str(cache), "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}


def run_offline(cell: Cell, setup: Path, folder: Path) -> dict[str, Any]:
    """Run a cell and judge it.

    Parameters
    ----------
    cell : Cell
        What is run.
    setup : Path
        See `create_setup`.
    folder : Path
        An empty folder for this cell.

    Returns
    -------
    dict
        What was found, as JSON holds it.
    """
    run = {"file": _hostile_file, "train": _killed_training, "cache": _damaged_cache}[cell.kind]
    return {"load": os.getloadavg()[0], **run(cell, setup, folder)}


# Hostile files


def _hostile_file(cell: Cell, setup: Path, folder: Path) -> dict[str, Any]:
    """The command that opens the file ends with one line, soon, and without memory."""
    command = [sys.executable, "-m", "rtalign_cli", *FILES[cell.key](setup, folder)]
    with (folder / "errors.txt").open("w") as errors_file:
        process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=errors_file, env=environment(setup / "cache")
        )
        usage = _usage(process)
    errors = (folder / "errors.txt").read_text("utf-8", "replace")
    if usage is None:
        return {"wrong": [f"it did not end within {PATIENCE_S:g} s"], "status": None, "told": ""}
    status, processor_s, megabytes = usage
    lines = [line for line in errors.strip().splitlines() if line]
    wrong = []
    if status != cell.status:
        wrong.append(f"exit status {status}, not {cell.status}")
    if len(lines) != 1:
        wrong.append(f"{len(lines)} lines instead of one")
    if any(word in errors for word in ("Traceback", "unexpected ")):
        wrong.append("an error that nobody foresaw")
    if (folder / "executed").exists():
        wrong.append("code of the file was executed")
    if processor_s > PROCESSOR_S or megabytes > MEMORY_MB:
        wrong.append(f"it took {processor_s:.0f} s of a processor and {megabytes:.0f} MB")
    told = lines[0] if lines else ""
    return {"wrong": wrong, "status": status, "told": told, "processor_s": processor_s, "megabytes": megabytes}


def _usage(process: subprocess.Popen[bytes]) -> tuple[int, float, float] | None:
    """Exit status, processor seconds and most megabytes of a process; None where it had to be killed.

    Why memory is sampled: what the system keeps as a process's peak counts that of the process which started it.
    """
    end, megabytes = time.monotonic() + PATIENCE_S, 0.0
    while time.monotonic() < end:
        with contextlib.suppress(psutil.Error):
            megabytes = max(megabytes, psutil.Process(process.pid).memory_info().rss / 2**20)
        pid, status, used = os.wait4(process.pid, os.WNOHANG)
        if pid:
            process.returncode = os.waitstatus_to_exitcode(status)
            return process.returncode, used.ru_utime + used.ru_stime, megabytes
        time.sleep(0.05)
    process.kill()
    process.wait()
    return None


def _copied_bank(setup: Path, folder: Path) -> Path:
    shutil.copytree(setup / "bank", folder / "bank")
    return folder / "bank"


def _replay(setup: Path, bank: Path, *more: str) -> list[str]:
    (recording,) = (setup / "listener").rglob("*run-02_meg.fif")
    known = ("--bank", str(bank), "--model", str(setup / "model"), "--headless", "--speed", "max", "--quiet")
    return ["replay", str(recording), *known, *more]


def _bank_cut(setup: Path, folder: Path) -> list[str]:
    bank = _copied_bank(setup, folder)
    weights = bank / "bank.safetensors"
    weights.write_bytes(weights.read_bytes()[: weights.stat().st_size // 2])
    return _replay(setup, bank)


def _bank_nan(setup: Path, folder: Path) -> list[str]:
    bank = _copied_bank(setup, folder)
    TensorFile(bank / "bank.safetensors", writable=True)["weights"][:] = np.nan
    return _replay(setup, bank)


def _bank_deep(setup: Path, folder: Path) -> list[str]:
    bank = _copied_bank(setup, folder)
    (bank / "passport.json").write_text("[" * 100_000, encoding="utf-8")
    return _replay(setup, bank)


def _model_code(setup: Path, folder: Path) -> list[str]:
    model = folder / "model"
    shutil.copytree(setup / "model", model)
    config = {"model_type": "unheard", "auto_map": {"AutoConfig": "own.Own", "AutoModelForCausalLM": "own.Own"}}
    (model / "config.json").write_text(json.dumps(config), encoding="utf-8")
    (model / "own.py").write_text(f"open({str(folder / 'executed')!r}, 'w').close()\nclass Own: pass\n")
    return _with_model(setup, folder, model)


def _model_lies(setup: Path, folder: Path) -> list[str]:
    model = folder / "model"
    shutil.copytree(setup / "model", model)
    config = json.loads((model / "config.json").read_text(encoding="utf-8"))
    (model / "config.json").write_text(json.dumps(config | {"hidden_size": 2**22, "num_hidden_layers": 2**12}))
    return _with_model(setup, folder, model)


def _gguf_lies(setup: Path, folder: Path) -> list[str]:
    (folder / "model.gguf").write_bytes(struct.pack("<4sIQQ", b"GGUF", 3, 2**60, 2**60))
    return _with_model(setup, folder, folder / "model.gguf")


def _with_model(setup: Path, folder: Path, model: Path) -> list[str]:
    return [
        "train",
        str(setup / "listener"),
        "--run",
        "01",
        "--model",
        str(model),
        "--out",
        str(folder / "out"),
        "--quiet",
    ]


def _xdf_garbage(setup: Path, folder: Path) -> list[str]:
    garbage = b"XDF:" + np.random.default_rng(0).integers(0, 256, 1_000_000, np.uint8).tobytes()
    (folder / "a.xdf").write_bytes(garbage)
    return ["evaluate", str(setup / "bank"), str(folder / "a.xdf"), "--out", str(folder / "out"), "--quiet"]


def _fif_circle(setup: Path, folder: Path) -> list[str]:
    tag = struct.Struct(">4i")  # kind, type, size, place of the next
    first = tag.pack(100, 31, 20, 0) + bytes(20)
    circle = tag.pack(104, 3, 4, len(first)) + struct.pack(">i", 100)
    (folder / "a_meg.fif").write_bytes(first + circle * 3)
    (folder / "w.tsv").write_text("onset\tword\n0.5\tOnce\n", encoding="utf-8")
    command = ["evaluate", str(setup / "bank"), str(folder / "a_meg.fif"), "--word-table", str(folder / "w.tsv")]
    return [*command, "--out", str(folder / "out"), "--quiet"]


def _word_table(setup: Path, folder: Path) -> list[str]:
    (folder / "w.tsv").write_text("onset\tword\n" + "x" * 100_000_000, encoding="utf-8")
    return _replay(setup, setup / "bank", "--word-table", str(folder / "w.tsv"))


def _plan_deep(setup: Path, folder: Path) -> list[str]:
    (folder / "recipe.toml").write_text("a = " + "[" * 10_000, encoding="utf-8")
    return [*_with_model(setup, folder, setup / "model"), "--recipe", str(folder / "recipe.toml")]


FILES = {
    "bank cut": _bank_cut, "bank NaN": _bank_nan, "bank deep JSON": _bank_deep, "model code": _model_code,
    "model lies": _model_lies, "GGUF lies": _gguf_lies, "XDF garbage": _xdf_garbage, "FIF circle": _fif_circle,
    "word table": _word_table, "plan deep": _plan_deep,
}  # fmt: skip


# Training


def _killed_training(cell: Cell, setup: Path, folder: Path) -> dict[str, Any]:
    """Killed on its way and run again, it ends with the bank that an undisturbed run makes."""
    undisturbed = train(setup, folder / "undisturbed", folder / "first-cache")
    if undisturbed.returncode:
        return {"wrong": ["the undisturbed run failed"], "status": undisturbed.returncode, "told": ""}
    for k in range(TRIES):
        own = folder / str(k)
        bank, cache = own / "bank", own / "cache"
        process = subprocess.Popen(train_command(setup, bank), env=environment(cache))
        while not (is_there := MOMENTS[cell.key](cache, bank)) and process.poll() is None:
            time.sleep(LOOK_S)
        process.kill()
        process.wait()
        if is_there and not bank.exists():
            break
    else:
        return {"wrong": [f"{TRIES} trainings had ended before they were killed"], "status": None, "told": ""}
    again = train(setup, bank, cache)
    wrong = []
    if again.returncode != 0:
        wrong.append(f"the second run failed: {again.stderr.strip()[:200]}")
    elif digest(bank) != digest(folder / "undisturbed"):
        wrong.append("the bank differs from that of an undisturbed run")
    left = [str(path.relative_to(own)) for path in own.rglob("*.partial-*")]
    if left:
        wrong.append(f"left behind: {', '.join(left)}")
    return {"wrong": wrong, "status": again.returncode, "told": ""}


def _has(pattern: str) -> Moment:
    """When a file is in the cache."""
    return lambda cache, _: any(cache.glob(pattern))


def _has_fitted(share: float) -> Moment:
    """When so much of the lags is fitted."""
    return lambda cache, _: fitted_share(cache) >= share


def fitted_share(cache: Path) -> float:
    """Of the lags of a training under way; 0 before and behind their fits."""
    for path in cache.glob("fits/*/work.safetensors"):
        with contextlib.suppress(ValueError, OSError):
            return float(TensorFile(path)["done"].mean())
    return 0.0


def _is_writing(_: Path, bank: Path) -> bool:
    """When the bank's own folder is being filled."""
    return any(bank.parent.glob(f"{bank.name}.partial-*/*"))


MOMENTS: dict[str, Moment] = {
    "train killed at activations": _has("activations/*/contents.json"),
    "train killed at signal": _has("signal/*/contents.json"),
    "train killed at first lag": _has_fitted(1e-9),
    "train killed at half": _has_fitted(0.5),
    "train killed at last lag": _has_fitted(1.0),
    "train killed at bank": _is_writing,
}


def digest(bank: Path) -> str:
    """Of a bank's weights."""
    return hashlib.sha256((bank / "bank.safetensors").read_bytes()).hexdigest()


# Cache


def _damaged_cache(cell: Cell, setup: Path, folder: Path) -> dict[str, Any]:
    """What was damaged is told and computed again."""
    wrong = []
    if train(setup, folder / "bank", folder / "cache").returncode:
        wrong.append("the first run failed")
    kept = max((path for path in (folder / "cache").rglob("*") if path.is_file()), key=_is_activations)
    raw = bytearray(kept.read_bytes())
    if cell.key == "activations cut":
        del raw[len(raw) // 2 :]
    else:
        raw[len(raw) // 2 : 3 * len(raw) // 4] = bytes(3 * len(raw) // 4 - len(raw) // 2)
    kept.write_bytes(raw)
    again = train(setup, folder / "again", folder / "cache")
    if again.returncode:
        wrong.append(f"the second run failed: {again.stderr.strip()[:200]}")
    elif digest(folder / "bank") != digest(folder / "again"):
        wrong.append("the bank differs")
    told = again.stderr.strip().splitlines()
    return {"wrong": wrong, "status": again.returncode, "told": told[0] if told else "", "file": kept.name}


def _is_activations(path: Path) -> tuple[bool, int]:
    return "activation" in str(path), path.stat().st_size
