"""Trainer = replay = live, number for number, through the real command line and real LSL streams on loopback."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rtalign.recordings import open_recordings
from tests.helpers.live_setup import run, summary


def test_a_replay_gives_the_numbers_of_evaluate(
    live_setup: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As fast as the machine can."""
    printed = replay(live_setup, live_setup / "listener", capsys, "--speed", "max", "--out", tmp_path / "live")
    offline = agree(live_setup, tmp_path / "live", 1e-5)
    assert printed["lost"] == printed["gaps"] == 0
    assert printed["scored"] == offline["n_words"]


def test_live_streams_and_a_replay_of_their_recording_give_the_numbers_of_evaluate(
    live_setup: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """LSL streams at real time from another process, which engine and recorder read each by itself."""
    streamed = ("--lsl", "--record", tmp_path / "kept")
    printed = replay(live_setup, live_setup / "listener", capsys, *streamed)
    (kept,) = (tmp_path / "kept").iterdir()
    offline = agree(live_setup, kept, 1e-3)
    assert printed["lost"] == printed["gaps"] == 0
    (recording,) = open_recordings(live_setup / "listener", run="02")
    assert (printed["recorded"], printed["recorded_markers"]) == (recording.n_samples, len(recording.words))
    replay(live_setup, kept, capsys, "--speed", "max", "--out", tmp_path / "again")
    assert agree(live_setup, tmp_path / "again", 1e-3) == offline


def replay(setup: Path, recording: Path, capsys: pytest.CaptureFixture[str], *options: object) -> dict[str, Any]:
    """What `rtalign replay --headless` prints at its end."""
    choice = ("--run", "02") if recording == setup / "listener" else ()
    known = ("--bank", setup / "bank", "--model", setup / "model", "--headless", "--quiet", "--json")
    assert run("replay", recording, *choice, *known, *options) == 0, capsys.readouterr().err
    printed: dict[str, Any] = json.loads(capsys.readouterr().out)
    return printed


def agree(setup: Path, folder: Path, least: float) -> dict[str, Any]:
    """Compare the results in a folder with those of `evaluate`, which are returned."""
    offline, live = summary(setup / "offline"), summary(folder)
    assert (live["kind"], live["n_words"]) == ("session", offline["n_words"])
    assert sum(live["skipped"].values()) == sum(offline["skipped"].values())
    assert np.abs(np.subtract(live["r"], offline["r"])).max() <= least
    assert live["intervals"] == offline["intervals"] == "words and decoders"
    for name, off in (("null_r", 0.35), ("reach", 0.25)):  # thresholds by the error of 200 draws, intervals by blocks
        mine, its = (judged(one)[name] for one in (live, offline))
        assert np.mean(mine) / np.mean(its) == pytest.approx(1, abs=off), name
    assert (folder / "report.html").is_file()
    return offline


def judged(found: dict[str, Any]) -> dict[str, list[float]]:
    """What the maximum of each layer must pass, and how far the interval of R there reaches."""
    layers = found["layers"]
    return {"null_r": [one["null_r"] for one in layers], "reach": [np.ptp(one["r_ci"]) / 2 for one in layers]}


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
