"""The word list arrives as it was sent, fits into a frame, and is refused where it is none."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtalign.core.records import Word
from rtalign.engine.process import wire, word_list


def through_a_pipe(found: word_list.WordList) -> word_list.WordList:
    return word_list.from_message(wire.read(io.BytesIO(wire.pack(word_list.to_message(found)))))


@given(st.lists(st.tuples(st.floats(0, 1e5), st.text(max_size=60)), max_size=30))
def test_a_word_list_arrives_as_it_was_sent_in_order(spoken: list[tuple[float, str]]) -> None:
    words = [Word(i, text, onset, None) for i, (onset, text) in enumerate(spoken)]
    found = through_a_pipe(word_list.WordList.of(words))
    assert found.onsets.tolist() == sorted(onset for onset, _ in spoken)
    assert [text for text in found.texts] == [w.text[:20] for w in sorted(words, key=lambda word: word.onset)]


def test_nine_hours_of_the_longest_words_fit_into_a_frame() -> None:
    words = [Word(i, "\U0001f600" * 50, 0.4 * i, None) for i in range(word_list.MOST_WORDS + 10)]
    found = through_a_pipe(word_list.WordList.of(words))
    assert len(found.texts) == word_list.MOST_WORDS


@pytest.mark.parametrize(
    "broken",
    [
        {"onsets": np.zeros(2), "texts": ["one"]},
        {"onsets": np.zeros((1, 1)), "texts": ["one"]},
        {"onsets": np.array([2.0, 1.0]), "texts": ["one", "two"]},
        {"onsets": np.array([np.nan]), "texts": ["one"]},
        {"onsets": np.zeros(1), "texts": [1]},
        {"onsets": np.zeros(1), "texts": ["a" * 21]},
        {"onsets": [0.0], "texts": ["one"]},
        {"onsets": np.zeros(1, np.int64), "texts": ["one"]},
        None,
    ],
)
def test_anything_but_a_word_list_is_refused(broken: object) -> None:
    with pytest.raises(ValueError, match="word list"):
        word_list.from_message({"word_list": broken})
