"""A bank that is scored on what it was trained on flatters: said in words, and no evidence of anything."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from rtalign.api import read_alignment
from rtalign.core.records import RecordingIdentity
from rtalign.decoding.bank import DecoderBank
from rtalign.decoding.decoder_setup import DecoderSetup
from rtalign.engine.engine import Engine
from rtalign.engine.recording.session_folder import prepare_results
from rtalign.engine.snapshot import Work
from rtalign.engine.take_snapshot import snapshot_of
from rtalign.language import AheadReader
from rtalign.report.figures.lag_map import significant
from rtalign.report.page import standalone_figures
from rtalign.report.read import read_results
from rtalign.streams.replay import ReplaySource
from rtalign_cli.terminal import json_line, view_lines

WARNING = "this bank was trained on this recording: R flatters"


@pytest.fixture(scope="module")
def bank(trained: Any) -> DecoderBank:
    return DecoderBank.load(trained[0] / "bank")


@pytest.fixture(scope="module")
def replayed(bank: DecoderBank, trained: Any) -> Engine:
    """The training recording, replayed with other words of the table left out and its origin known."""
    _, recording, model = trained
    shorter = replace(recording, words=recording.words[:-3])
    decoding = DecoderSetup.from_bank(bank)
    texts = [word.text for word in shorter.words]
    reader = AheadReader(
        shorter.words, lambda: model.stream(texts, bank.recipe.language, bank.layers), decoding.targets
    )
    engine = Engine(decoding, ReplaySource(shorter, None, 1.0, origin=(RecordingIdentity.of(shorter),)), reader)
    while not engine.ended:
        engine.step(0.001)
    engine.finish()
    engine.close()
    return engine


def test_the_replay_of_a_training_recording_claims_nothing(replayed: Engine) -> None:
    findings = replayed.assessment.findings
    assert findings is not None
    assert findings.temporal is None
    assert findings.estimators == {}
    assert findings.reason == WARNING
    assert not (findings.curves.r > findings.map_hi).any()
    assert [n.text for n in replayed.notices if n.kind == "training-data"] == [WARNING]


def test_it_is_said_on_the_terminal_and_to_scripts(replayed: Engine) -> None:
    snapshot = snapshot_of(replayed, 1, Work())
    assert snapshot.training_overlap == WARNING
    assert snapshot.temporal is None
    assert snapshot.map_hi is None
    assert any(WARNING in line for line in view_lines(snapshot))
    assert json_line(snapshot)["training_overlap"] == WARNING


def test_it_is_in_the_summary_on_the_report_and_on_every_figure(replayed: Engine, tmp_path: Path) -> None:
    prepare_results(replayed, tmp_path, [{"name": "world-0", "subject": "listener", "notes": []}])()
    summary = json.loads((tmp_path / "summary.json").read_text(encoding="utf-8"))
    assert summary["training_overlap"] == {"status": "overlap", "recordings": ["world-0"], "text": WARNING}
    assert summary["temporal_score"] is None
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    head = page.split("<h1>")[0]
    assert "<span>replay of a recording</span>" in head
    assert "<span>world-0</span>" in head
    results = read_results(tmp_path)
    bank = replayed.decoding.bank
    assert bank is not None
    assert results.patterns is not None
    np.testing.assert_array_equal(results.patterns, bank.tensors["patterns"])
    assert f"<h1>No evidence: {WARNING}.</h1>" in page
    assert read_alignment(tmp_path).reason == WARNING
    assert not significant(read_results(tmp_path)).any()
    for drawing in standalone_figures(tmp_path).values():
        assert WARNING in drawing


def test_a_bank_that_is_chosen_later_is_compared_too(bank: DecoderBank, trained: Any) -> None:
    """The first bank does not know the recording, the second was trained on it."""
    recording = trained[1]
    stranger = replace(bank, passport={**bank.passport, "recordings": []})
    source = ReplaySource(recording, None, 1.0, origin=(RecordingIdentity.of(recording),))
    reader: Any = SimpleNamespace(pull=list, push=lambda word: None, set_targets=lambda t: None, backlog=0,
                                  close=lambda: None)  # fmt: skip
    engine = Engine(DecoderSetup.from_bank(stranger), source, reader)
    engine.step(0.001)
    assert engine.training_overlap.status == "none"
    engine.use(DecoderSetup.from_bank(bank))
    engine.close()
    assert engine.training_overlap.warning == WARNING


def test_of_a_live_session_the_summary_says_that_it_cannot_be_known(bank: DecoderBank) -> None:
    source: Any = SimpleNamespace(close=lambda: None)
    reader: Any = SimpleNamespace(close=lambda: None)
    engine = Engine(DecoderSetup.from_bank(bank), source, reader)
    engine.close()
    assert engine.training_overlap.status == "unknown"


def test_a_bank_from_before_the_setting_still_counts_punctuation(trained: Any, tmp_path: Path) -> None:
    folder = shutil.copytree(trained[0] / "bank", tmp_path / "old")
    recipe = folder / "recipe.toml"
    kept = [line for line in recipe.read_text().splitlines() if not line.startswith(("punctuation", "lowpass_stop"))]
    recipe.write_text("\n".join(kept))
    old = DecoderBank.load(folder).recipe
    assert (old.language.punctuation, old.chain.lowpass_stop_hz) == ("in", 0.0)
    assert DecoderBank.load(trained[0] / "bank").recipe.language.punctuation == "out"
