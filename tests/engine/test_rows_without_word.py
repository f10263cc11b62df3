"""Rows of a word table that are no words are in the skipped counts, the same offline and in a replay."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from rtalign.api import read_alignment
from rtalign.core.progress import Progress
from rtalign.core.text.word_text import RowsWithoutWord
from rtalign.decoding.bank import DecoderBank
from rtalign.decoding.decoder_setup import DecoderSetup
from rtalign.engine.engine import Engine
from rtalign.engine.recording.session_folder import prepare_results
from rtalign.language import AheadReader
from rtalign.streams.replay import ReplaySource
from rtalign.training.evaluation import evaluate
from tests.helpers.small_world import world


def test_they_are_named_and_counted_alike(trained: Any, tmp_path: Path) -> None:
    bank = DecoderBank.load(trained[0] / "bank")
    recording, model = world(n_words=130, seed=5, prefix="f")
    note = RowsWithoutWord(
        "5 rows of the word table are no words (sp 3, . 2)", {"silence mark": 3, "punctuation alone": 2}
    )
    recording = replace(recording, notes=(note,))
    quiet = Progress(quiet=True)
    offline = evaluate(bank, [recording], model, tmp_path / "out", quiet, store=tmp_path / "cache")
    decoding, texts = DecoderSetup.from_bank(bank), [word.text for word in recording.words]
    reader = AheadReader(
        recording.words, lambda: model.stream(texts, bank.recipe.language, bank.layers), decoding.targets
    )
    engine = Engine(decoding, ReplaySource(recording, None, 1.0), reader)
    while not engine.ended:
        engine.step(0.001)
    engine.finish()
    engine.close()
    entry = {"name": recording.name, "subject": recording.subject, "notes": [str(note)]}
    prepare_results(engine, tmp_path / "live", [entry])()
    live = json.loads((tmp_path / "live" / "summary.json").read_text(encoding="utf-8"))
    for skipped in (offline["skipped"], live["skipped"]):
        assert skipped["silence mark"] == 3
        assert skipped["punctuation alone"] == 2
    assert sum(live["skipped"].values()) == sum(offline["skipped"].values())
    assert str(note) in offline["notes"][0]
    again = [read_alignment(tmp_path / name) for name in ("out", "live")]
    np.testing.assert_allclose(again[0].r, again[1].r, atol=1e-5)
    for found in again:
        assert found.null.shape[0] > 30
        assert {row["subject"] for row in found.rows()} == {recording.subject}
        assert found.r_block is not None
        assert found.r_block.shape[1:] == found.r.shape
