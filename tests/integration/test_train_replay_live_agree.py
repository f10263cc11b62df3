"""Trainer = replay = live, number for number: through the real command line, LSL on loopback, a FieldTrip buffer."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rtalign.core.progress import Progress
from rtalign.core.session import Session
from rtalign.decoding.bank import DecoderBank
from rtalign.engine.engine import SessionSink
from rtalign.engine.open_session import SessionParts, open_model
from rtalign.recordings import open_recordings
from rtalign.streams import fieldtrip
from rtalign.streams.fieldtrip import inlets
from rtalign.streams.fieldtrip.protocol import NAMES
from rtalign.training.evaluation import evaluate
from tests.helpers.fieldtrip_server import Buffer, lsl_without_streams, serve
from tests.helpers.live_scan import FLOAT32, channel_names, scan
from tests.helpers.live_setup import BAD_S, run, summary


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
    assert printed["recorded"] == recording.n_samples
    assert printed["recorded_markers"] == len(recording.words) + len(BAD_S)
    compared = run("report", "--parity", kept, "--model", live_setup / "model", "--json", "--quiet")
    parity = json.loads(capsys.readouterr().out)
    assert compared == 0
    assert (parity["n_same"], parity["only_offline"]) == (offline["n_words"], {})
    assert parity["largest_difference_same_words"] == pytest.approx(parity["largest_difference"], abs=1e-5)
    assert parity["largest_difference"] <= 1e-3
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
    assert bad_words(live["skipped"]) == bad_words(offline["skipped"])
    assert set(bad_words(live["skipped"])) == {f"marked as bad: {mark}" for _, _, mark in BAD_S}
    assert np.abs(np.subtract(live["r"], offline["r"])).max() <= least
    assert live["intervals"] == offline["intervals"] == "words and decoders"
    for name, off in (("null_r", 0.35), ("reach", 0.25)):  # thresholds by the error of 200 draws, intervals by blocks
        mine, its = (judged(one)[name] for one in (live, offline))
        assert np.mean(mine) / np.mean(its) == pytest.approx(1, abs=off), name
    assert (folder / "report.html").is_file()
    return offline


def bad_words(skipped: dict[str, int]) -> dict[str, int]:
    return {reason: n for reason, n in skipped.items() if reason.startswith("marked as bad")}


def judged(found: dict[str, Any]) -> dict[str, list[float]]:
    """What the maximum of each layer must pass, and how far the interval of R there reaches."""
    layers = found["layers"]
    return {"null_r": [one["null_r"] for one in layers], "reach": [np.ptp(one["r_ci"]) / 2 for one in layers]}


def test_a_fieldtrip_buffer_gives_the_numbers_of_evaluate(
    live_setup: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The words of both lie on whole samples, as all events of a buffer do; blocks of 80 samples, dated by arrival."""
    monkeypatch.setattr(inlets, "WAIT_S", 0.02)
    monkeypatch.setattr(fieldtrip, "buffer_backend", partial(fieldtrip.buffer_backend, lsl=lsl_without_streams))
    (recording,) = open_recordings(live_setup / "listener", run="02")
    sfreq = recording.sfreq
    recording = recording.with_words([replace(w, onset=round(w.onset * sfreq) / sfreq) for w in recording.words])
    with serve(Buffer()) as buffer:
        buffer.put_header(len(recording.sensors), sfreq, FLOAT32, {NAMES: channel_names(recording)})
        address = str(buffer.address)
        session = Session(bank=live_setup / "bank", model=str(live_setup / "model"), meg=address, words=address)
        engine = SessionParts.open(session, lambda _: None).make_engine(session, SessionSink())
        try:
            scan(recording, buffer, engine, BAD_S)
            engine.finish()
        finally:
            engine.close()
    bank = DecoderBank.load(live_setup / "bank")
    model = open_model(session, bank)
    offline = evaluate(bank, [recording], model, tmp_path / "out", Progress(quiet=True), store=tmp_path / "cache")
    assert engine.scoreboard.n == offline["n_words"]
    assert sum(engine.ledger.skipped.values()) == sum(offline["skipped"].values())
    assert bad_words(engine.ledger.skipped) == bad_words(offline["skipped"]) != {}
    assert np.abs(engine.scoreboard.r() - offline["r"]).max() <= 1e-3


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
