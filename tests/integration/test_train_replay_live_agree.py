"""Trainer = replay = live, number for number, through the real command line and real LSL streams on loopback."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from tests.helpers.live_setup import run, summary


@pytest.mark.parametrize(("how", "least"), [(("--speed", "max"), 1e-5), (("--lsl",), 1e-3)])
def test_replay_and_live_give_the_numbers_of_evaluate(
    live_setup: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], how: tuple[str, ...], least: float
) -> None:
    """As fast as the machine can, and as LSL streams at real time from another process."""
    replay = (
        "replay",
        live_setup / "listener",
        "--run",
        "02",
        "--bank",
        live_setup / "bank",
        "--model",
        live_setup / "model",
    )
    assert run(*replay, *how, "--headless", "--out", tmp_path / "live", "--quiet", "--json") == 0
    printed = json.loads(capsys.readouterr().out)
    offline, live = summary(live_setup / "offline"), summary(tmp_path / "live")
    assert (live["kind"], live["n_words"]) == ("session", offline["n_words"])
    assert sum(live["skipped"].values()) == sum(offline["skipped"].values())
    assert np.abs(np.subtract(live["r"], offline["r"])).max() <= least
    assert printed["lost"] == printed["gaps"] == 0
    assert (tmp_path / "live" / "report.html").is_file()


def test_a_recording_that_does_not_fit_is_refused(
    live_setup: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(live_setup / "bank", tmp_path / "bank")
    passport = tmp_path / "bank" / "passport.json"
    passport.write_text(passport.read_text().replace('"MEG 0112"', '"MEG 9999"'))
    replay = (
        "replay",
        live_setup / "listener",
        "--run",
        "02",
        "--bank",
        tmp_path / "bank",
        "--model",
        live_setup / "model",
    )
    assert run(*replay, "--speed", "max", "--headless", "--out", tmp_path / "out", "--quiet") == 1
    error = capsys.readouterr().err.strip().splitlines()
    assert len(error) == 1
    assert "MEG 9999 is not there" in error[0]
    assert "--allow-missing" in error[0]
    assert not (tmp_path / "out").exists()
