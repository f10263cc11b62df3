"""What tests of the live side start from: a listener of two runs on disk, a tiny model, a bank, its evaluation."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import mne
import numpy as np
import pytest

from rtalign.simulation import SimulationPlan, simulate
from rtalign_cli import main
from tests.helpers.tiny_models import write_model

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
boot_draws = 40
"""


def run(*argv: object) -> int:
    return main.main([str(a) for a in argv])


def replay_headless(capsys: pytest.CaptureFixture[str], *argv: object) -> dict[str, object]:
    """What `rtalign replay --headless --json` prints at its end."""
    command = ("replay", *argv, "--headless", "--speed", "max", "--json", "--quiet")
    assert run(*command) == 0, capsys.readouterr().err
    found: dict[str, object] = json.loads(capsys.readouterr().out)
    return found


def summary(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    return found


def listener(folder: Path, sfreq: float) -> None:
    """330 words in two runs, and what three layers make of them."""
    information = np.random.default_rng(0).standard_normal((330, 3, 4)).astype(np.float32)
    plan = SimulationPlan(n_words=330, run_words=190, sfreq=sfreq, sensors="neuromag306")
    simulate(folder, plan, information=information)


BAD_S = ((12.0, 0.4, "BAD_muscle"), (30.0, 3.0, "BAD_door"), (45.0, 0.0, "BAD_blink"))


def mark_bad(path: Path) -> None:
    """Annotate stretches of a FIF, a moment among them, as whoever looks through a recording does."""
    raw = mne.io.read_raw_fif(path, preload=True, verbose="error")
    raw.set_annotations(mne.Annotations(*zip(*BAD_S, strict=True), orig_time=raw.info["meas_date"]))
    raw.save(path, overwrite=True, verbose="error")


def create(folder: Path) -> Path:
    """Fill the folder: listener (run 01; run 02 with BAD_S), model, bank (of 01), offline (02 evaluated)."""
    write_model(folder / "model", "llama")
    listener(folder / "listener", 250.0)
    mark_bad(next((folder / "listener").rglob("*run-02*_meg.fif")))
    (folder / "recipe.toml").write_text(RECIPE)
    options = ("--model", folder / "model", "--quiet")
    first = ("train", folder / "listener", "--run", "01", "--recipe", folder / "recipe.toml")
    assert run(*first, *options, "--out", folder / "bank") == 0
    fresh = ("evaluate", folder / "bank", folder / "listener", "--run", "02", "--out", folder / "offline")
    assert run(*fresh, *options) == 0
    return folder
