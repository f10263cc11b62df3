"""Stories: every word of a text, spoken in a natural way."""

from __future__ import annotations

import numpy as np
import pytest

from rtalign.simulation import assign_times, shipped_story, split_runs, split_words, story_words
from rtalign.simulation.story import without_gutenberg
from tests.helpers.paths import SHARED


def test_the_packaged_story_is_long_and_cleanly_split() -> None:
    text = shipped_story()
    words = story_words(text)
    assert text.isascii()
    assert len(words) >= 4300
    assert all(word == word.lower() and word.replace("'", "").isalnum() for word in words)
    assert words[:7] == ["the", "keeper", "of", "small", "lights", "the", "nineteen"]


def test_punctuation_becomes_pauses_and_apostrophes_stay() -> None:
    text = split_words('"It\u2019s late," said Mr. Bell - quietly.\n\nII\n\nThe dogs\' 2,000 well-known bones; so')
    assert [(word.text, word.pause) for word in text] == [
        ("it's", "none"), ("late", "comma"), ("said", "none"), ("mr", "none"), ("bell", "comma"),
        ("quietly", "paragraph"), ("the", "none"), ("dogs", "none"), ("2000", "none"), ("well", "none"),
        ("known", "none"), ("bones", "comma"), ("so", "paragraph"),
    ]  # fmt: skip


def test_project_gutenbergs_frame_is_left_out() -> None:
    text = (
        "Licence text\n*** START OF THE PROJECT GUTENBERG EBOOK A BOOK ***\n\nProduced by somebody\nand others\n\n"
        "Chapter one.\n\nEnd of Project Gutenberg's A Book\n\n*** END OF THE PROJECT GUTENBERG EBOOK A BOOK ***\nmore"
    )
    assert without_gutenberg(text).split() == ["Chapter", "one."]
    assert without_gutenberg("No header.") == "No header."


def test_a_gutenberg_book_is_split_from_title_to_last_sentence() -> None:
    path = SHARED / "text" / "sherlock_pg1661.txt"
    if not path.exists():
        pytest.skip(f"{path} is absent")
    words = story_words(path.read_text(encoding="utf-8-sig"))
    assert 104_000 < len(words) < 107_000
    assert words[:5] == ["the", "adventures", "of", "sherlock", "holmes"]
    assert words[-4:] == ["met", "with", "considerable", "success"]


def test_runs_end_with_sentences_and_lose_no_word() -> None:
    text = split_words(shipped_story())
    parts = split_runs(text, 600)
    assert [word for part in parts for word in part] == text
    assert all(part[-1].pause in ("stop", "paragraph") for part in parts)
    assert all(600 <= len(part) < 700 for part in parts[:-1])
    assert 300 <= len(parts[-1]) <= 900
    assert split_runs(text[:10], 600) == [text[:10]]


def test_speech_has_a_natural_rate_and_pauses() -> None:
    text = split_words(shipped_story())
    words = assign_times(text, 0)
    onsets = np.array([word.onset for word in words])
    ends = onsets + [word.duration or 0.0 for word in words]
    silence = onsets[1:] - ends[:-1]
    after = np.array([word.pause for word in text[:-1]])
    assert 2.45 < len(words) / (ends[-1] - onsets[0]) < 2.75
    assert np.abs(silence[after == "none"]).max() < 2e-4
    medians = [np.median(silence[after == pause]) for pause in ("comma", "stop", "paragraph")]
    assert 0.1 < medians[0] < medians[1] < medians[2] < 2.0
    syllable = [w.duration for w in words if w.text == "the"]
    several = [w.duration for w in words if w.text == "ministry"]
    assert np.mean(several) > 2 * np.mean(syllable)
    assert len(set(syllable)) > 20


def test_the_same_seed_gives_the_same_times() -> None:
    text = split_words(shipped_story())[:50]
    assert assign_times(text, 5) == assign_times(text, 5)
    assert assign_times(text, 5) != assign_times(text, 6)
