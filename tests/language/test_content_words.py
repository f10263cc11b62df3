"""Content words: told from others by a real part-of-speech pipeline, or refused with the cure."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

from rtalign.core.progress import Progress
from rtalign.decoding.bank import DecoderBank
from rtalign.decoding.decoder_setup import DecoderSetup
from rtalign.engine.engine import Engine, EngineOptions
from rtalign.engine.open_session import word_filter
from rtalign.language import AheadReader, LiveTagger, find_content_words
from rtalign.language.word_classes import TAG_WINDOW
from rtalign.recordings.concatenated import Joined
from rtalign.streams.replay import ReplaySource
from rtalign.training.evaluation import evaluate
from rtalign.training.trainer import train
from tests.helpers.small_world import MemoryRecording, small_recipe, world

spacy = pytest.importorskip("spacy", reason="the optional extra rtalign[pos] is not installed")

TAGS = {"keeper": "NOUN", "lights": "NOUN", "walked": "VERB", "small": "ADJ", "slowly": "ADV"}


@pytest.fixture
def pipeline(tmp_path: Path) -> str:
    """A pipeline on disk that knows five words, and w0, w2 ...; everything else it calls X."""
    nlp = spacy.blank("en")
    ruler = nlp.add_pipe("attribute_ruler")
    ruler.add([[{}]], {"POS": "X"})
    for word, tag in TAGS.items():
        ruler.add([[{"ORTH": word}]], {"POS": tag})
    ruler.add([[{"TEXT": {"REGEX": r"^w\d*[02468]$"}}]], {"POS": "NOUN"})
    nlp.to_disk(tmp_path / "pipeline")
    return str(tmp_path / "pipeline")


def test_nouns_verbs_adjectives_and_adverbs_carry_content(pipeline: str) -> None:
    words = ["the", "keeper", "of", "small", "lights", "walked", "slowly", "to", "it"]
    assert find_content_words(words, pipeline).tolist() == [word in TAGS for word in words]


def test_every_word_of_a_long_story_is_tagged_once(pipeline: str) -> None:
    words = ["the", "keeper"] * TAG_WINDOW
    assert np.array_equal(find_content_words(words, pipeline), np.tile([False, True], TAG_WINDOW))


def test_a_listener_tells_them_while_they_come(pipeline: str) -> None:
    listener = LiveTagger(pipeline, n_context=5)
    words = ["the", "keeper", "of", "small", "lights", "walked", "slowly", "to", "it"] * 3
    assert [listener.push(word) for word in words] == [word in TAGS for word in words]


def test_live_scores_the_words_that_the_trainer_takes(pipeline: str, tmp_path: Path) -> None:
    """A bank of content words replays with content words alone, and every other word stays context."""
    recording, model = world(n_words=400, seed=2)
    texts = [word.text for word in recording.words]
    recipe = small_recipe().with_("words", which="content", tagger=pipeline)
    quiet = Progress(quiet=True)
    train([recording], model, recipe, tmp_path / "bank", quiet, store=tmp_path / "cache")
    bank = DecoderBank.load(tmp_path / "bank")
    fresh = MemoryRecording(recording.data[:, ::-1] * 1.0, recording.words, name="fresh")
    fresh.sensors = recording.sensors
    offline = evaluate(bank, [fresh], model, tmp_path / "out", quiet, store=tmp_path / "cache")
    decoding, joined = DecoderSetup.from_bank(bank), Joined([fresh])
    ahead = AheadReader(joined.words, lambda: model.stream(texts, recipe.language, bank.layers), decoding.targets)
    engine = Engine(
        decoding,
        ReplaySource(joined, None, 1.0),
        ahead,
        EngineOptions(can_wait=True, is_scored=word_filter(recipe, joined)),
    )
    while not engine.ended:
        engine.step(0.001)
    engine.finish()
    engine.close()
    assert engine.scoreboard.n == offline["n_words"] < 210
    assert engine.ledger.skipped["not a content word"] == 200
    assert np.abs(engine.scoreboard.r() - offline["r"]).max() < 1e-5


def test_a_pipeline_that_is_not_there_ends_in_the_command_that_gets_it() -> None:
    with pytest.raises(ValueError, match=r"no_such_pipeline.*spacy download no_such_pipeline|no_such_pipeline"):
        find_content_words(["a"], "no_such_pipeline")


def test_a_pipeline_without_parts_of_speech_is_refused(tmp_path: Path) -> None:
    spacy.blank("en").to_disk(tmp_path / "blank")
    with pytest.raises(ValueError, match="gives no parts of speech"):
        find_content_words(["the", "keeper"], str(tmp_path / "blank"))


def test_without_spacy_the_cure_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "spacy", None)
    with pytest.raises(ValueError, match=r"pip install 'rtalign\[pos\]'"):
        find_content_words(["a"], "en_core_web_sm")


@pytest.mark.skipif(importlib.util.find_spec("en_core_web_sm") is None, reason="spaCy's English model is not installed")
def test_spacys_own_english_model_agrees_with_a_reader() -> None:
    words = ["the", "old", "keeper", "slowly", "lit", "a", "small", "lamp", "and", "she", "smiled", "at", "him"]
    content = {"old", "keeper", "slowly", "lit", "small", "lamp", "smiled"}
    assert find_content_words(words, "en_core_web_sm").tolist() == [word in content for word in words]
