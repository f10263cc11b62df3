"""Classes of words: content words by a real part-of-speech pipeline, and quarters of surprisal."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

from rtalign.core.records import Word
from rtalign.language import (
    NO_QUARTILE,
    LiveTagger,
    choose_content_words,
    find_content_words,
    surprisal_quartiles,
)
from rtalign.language.word_classes import TAG_WINDOW
from tests.helpers.spacy_pipeline import TAGS, write_pipeline


@pytest.fixture
def pipeline(tmp_path: Path) -> str:
    return write_pipeline(tmp_path)


def test_nouns_verbs_adjectives_and_adverbs_carry_content(pipeline: str) -> None:
    words = ["the", "keeper", "of", "small", "lights", "walked", "slowly", "to", "it"]
    assert find_content_words(words, pipeline).tolist() == [word in TAGS for word in words]


def tagged(*tags: str | None) -> list[Word]:
    return [Word(i, f"w{i}", float(i), None, tag) for i, tag in enumerate(tags)]


@pytest.mark.parametrize(
    ("tags", "content"),
    [
        (["DET", "NOUN", "VERB", "ADJ", "ADV", "AUX", "PROPN", "ADP"], [0, 1, 1, 1, 1, 0, 0, 0]),
        (["DT", "NNS", "VBD", "JJR", "RB", "MD", "NNP", "IN", "PRP$"], [0, 1, 1, 1, 1, 0, 0, 0, 0]),
        (["noun", "adjective", "pron"], [1, 1, 0]),
    ],
)
def test_parts_of_speech_of_the_table_are_used_without_a_tagger(tags: list[str], content: list[int]) -> None:
    assert choose_content_words(tagged(*tags), "no_such_pipeline").tolist() == [bool(one) for one in content]


def test_a_tag_that_is_lacking_or_unknown_is_named() -> None:
    with pytest.raises(ValueError, match=r"'w1' at 1.00 s has no part of speech; fill or drop the column"):
        choose_content_words(tagged("NOUN", None), "no_such_pipeline")
    with pytest.raises(ValueError, match=r"'thing' is no part of speech of UPOS \(NOUN\) or Penn \(NN\)"):
        choose_content_words(tagged("NOUN", "thing"), "no_such_pipeline")


def test_without_parts_of_speech_the_tagger_is_asked(pipeline: str) -> None:
    words = [Word(i, text, float(i)) for i, text in enumerate(["the", "keeper"])]
    assert choose_content_words(words, pipeline).tolist() == [False, True]


def test_every_word_of_a_long_story_is_tagged_once(pipeline: str) -> None:
    words = ["the", "keeper"] * TAG_WINDOW
    assert np.array_equal(find_content_words(words, pipeline), np.tile([False, True], TAG_WINDOW))


def test_content_words_are_recognised_live(pipeline: str) -> None:
    listener = LiveTagger(pipeline, n_context=5)
    words = ["the", "keeper", "of", "small", "lights", "walked", "slowly", "to", "it"] * 3
    spoken = [Word(i, text, float(i)) for i, text in enumerate(words)]
    assert [listener.push(word) for word in spoken] == [word in TAGS for word in words]


def test_a_word_that_brings_its_part_of_speech_needs_no_tagger_live() -> None:
    listener = LiveTagger("no_such_pipeline")
    assert "no_such_pipeline" in listener.problem
    found = [listener.push(word) for word in tagged("NOUN", "DT", None, "thing", "ADV")]
    assert found == [True, False, None, None, True]


def test_a_list_of_function_words_says_the_same_live_and_offline() -> None:
    text = "The keeper doesn't know what o'clock it's been since John-Henry's lamp, a 7 and one, fell on her head"
    words = text.split()
    content = {"keeper", "know", "o'clock", "John-Henry's", "lamp,", "fell", "head"}
    assert find_content_words(words, "list:en").tolist() == [word in content for word in words]
    listener = LiveTagger("list:en")
    assert [listener.push(Word(i, word, 0.0)) for i, word in enumerate(words)] == [word in content for word in words]
    french = ["Lorsque", "j'avais", "six", "ans", "j'ai", "vu", "l'image", "d'un", "serpent"]
    assert find_content_words(french, "list:fr").tolist() == [w in {"ans", "vu", "l'image", "serpent"} for w in french]
    with pytest.raises(ValueError, match=r"no list of function words called list:tlh; there are list:en, list:fr"):
        find_content_words(["a"], "list:tlh")


def test_a_missing_pipeline_is_reported_with_its_fix() -> None:
    with pytest.raises(ValueError, match=r"no_such_pipeline.*spacy download no_such_pipeline|no_such_pipeline"):
        find_content_words(["a"], "no_such_pipeline")


def test_a_pipeline_without_parts_of_speech_is_refused(tmp_path: Path) -> None:
    spacy = pytest.importorskip("spacy", reason="the optional extra rtalign[pos] is not installed")
    spacy.blank("en").to_disk(tmp_path / "blank")
    with pytest.raises(ValueError, match="gives no parts of speech"):
        find_content_words(["the", "keeper"], str(tmp_path / "blank"))


def test_a_missing_spacy_is_reported_with_its_fix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "spacy", None)
    with pytest.raises(ValueError, match=r"pip install 'rtalign\[pos\]'"):
        find_content_words(["a"], "en_core_web_sm")


@pytest.mark.skipif(importlib.util.find_spec("en_core_web_sm") is None, reason="spaCy's English model is not installed")
def test_the_english_pipeline_finds_content_words() -> None:
    words = ["the", "old", "keeper", "slowly", "lit", "a", "small", "lamp", "and", "she", "smiled", "at", "him"]
    content = {"old", "keeper", "slowly", "lit", "small", "lamp", "smiled"}
    assert find_content_words(words, "en_core_web_sm").tolist() == [word in content for word in words]


def test_quartiles_hold_a_quarter_of_the_known_words_each():
    rng = np.random.default_rng(0)
    surprisal = rng.exponential(4, 402)
    surprisal[[0, 100]] = np.nan
    found = surprisal_quartiles(surprisal)
    assert (found[[0, 100]] == NO_QUARTILE).all()
    assert [int((found == k).sum()) for k in range(4)] == [100] * 4
    for k in range(3):
        assert surprisal[found == k].max() <= surprisal[found == k + 1].min()
    assert (surprisal_quartiles(np.full(3, np.nan)) == NO_QUARTILE).all()
    assert sorted(surprisal_quartiles(np.zeros(8))) == [0, 0, 1, 1, 2, 2, 3, 3]
