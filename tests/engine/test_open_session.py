"""From a session's settings to an engine: the bank's model, and the words that its trainer takes."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn

import numpy as np
import pytest

from rtalign.core.machine import LOWEST_PRIORITY
from rtalign.core.progress import Progress
from rtalign.core.recipe import Recipe
from rtalign.core.records import Word
from rtalign.core.session import Session
from rtalign.decoding.bank import DecoderBank
from rtalign.decoding.decoder_setup import DecoderSetup
from rtalign.engine import open_session
from rtalign.engine.engine import Engine, EngineOptions
from rtalign.engine.open_session import word_filter
from rtalign.language import AheadReader, load
from rtalign.recordings import ConcatenatedRecording
from rtalign.streams.replay import ReplaySource
from rtalign.training.evaluation import evaluate
from rtalign.training.trainer import train
from tests.helpers.small_world import MemoryRecording, small_recipe, world
from tests.helpers.spacy_pipeline import write_pipeline
from tests.helpers.tiny_models import write_model


def test_a_session_loads_the_model_in_the_banks_precision(tmp_path, monkeypatch):
    folder, asked = write_model(tmp_path / "tiny", "gpt2"), []
    model = load(folder, precision="int8")
    facts = {what: getattr(model.info, what) for what in ("id", "revision", "tokenizer")}
    bank = SimpleNamespace(recipe=Recipe().with_settings("language", precision="int8"), model=facts)
    monkeypatch.setattr(
        "rtalign.language.load", lambda name, **how: asked.append(how["precision"]) or load(name, **how)
    )
    opened = open_session.open_model(SimpleNamespace(model=folder, device="cpu"), bank)
    assert asked == ["int8"]
    assert opened.info.precision == "int8"


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere threads have no priority of their own")
@pytest.mark.parametrize("behind", [False, True])
def test_a_standby_loads_its_model_behind_the_engine_that_reads(monkeypatch: pytest.MonkeyPatch, behind: bool) -> None:
    """A large model takes a minute of a core, in which the engine's own reading fell words behind."""
    seen: list[int] = []

    def load_model(*_: Any) -> NoReturn:
        seen.append(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))
        raise ValueError("no model")

    monkeypatch.setattr(open_session, "open_model", load_model)
    own = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
    with pytest.raises(ValueError, match="no model"):
        open_session.SessionParts.open(Session(adapt=True), lambda _: None, behind)
    assert seen == [LOWEST_PRIORITY if behind else own]


def test_live_scores_the_words_that_the_trainer_takes(tmp_path: Path) -> None:
    """A bank of content words replays with content words alone, and every other word stays context."""
    pipeline = write_pipeline(tmp_path)
    recording, model = world(n_words=400, seed=2)
    texts = [word.text for word in recording.words]
    recipe = small_recipe().with_settings("words", which="content", tagger=pipeline)
    quiet = Progress(quiet=True)
    train([recording], model, recipe, tmp_path / "bank", quiet, store=tmp_path / "cache")
    bank = DecoderBank.load(tmp_path / "bank")
    fresh = MemoryRecording(recording.data[:, ::-1] * 1.0, recording.words, name="fresh")
    fresh.sensors = recording.sensors
    offline = evaluate(bank, [fresh], model, tmp_path / "out", quiet, store=tmp_path / "cache")
    decoding, joined = DecoderSetup.from_bank(bank), ConcatenatedRecording([fresh])
    ahead = AheadReader(joined.words, lambda: model.stream(texts, recipe.language, bank.layers), decoding.targets)
    options = EngineOptions(can_wait=True, skip_reason=word_filter(recipe, joined)[0])
    engine = Engine(decoding, ReplaySource(joined, None, 1.0), ahead, options)
    while not engine.ended:
        engine.step(0.001)
    engine.finish()
    engine.close()
    assert engine.scoreboard.n == offline["n_words"] < 210
    assert engine.ledger.skipped["not a content word"] == 200
    assert np.abs(engine.scoreboard.r() - offline["r"]).max() < 1e-5


def test_live_words_are_chosen_by_what_they_bring_and_the_others_have_a_reason() -> None:
    recipe = Recipe().with_settings("words", which="content", tagger="no_such_pipeline")
    skip_reason, problem = word_filter(recipe, None)
    assert skip_reason is not None
    assert "no_such_pipeline" in problem
    words = [Word(i, "w", float(i), pos=pos) for i, pos in enumerate(["NOUN", "DET", None])]
    found = [skip_reason(word) for word in words]
    assert found == ["", "not a content word", "no part of speech"]
    listed, problem = word_filter(recipe.with_settings("words", tagger="list:en"), None)
    assert listed is not None
    assert problem == ""
    assert [listed(Word(i, text, 0.0)) for i, text in enumerate(["the", "lamp"])] == ["not a content word", ""]


def test_a_recording_is_named_by_who_listened():
    assert Session().folder_name == "session"
    assert Session(subject="07", session="../2").folder_name == "sub-07_ses-2_session"
