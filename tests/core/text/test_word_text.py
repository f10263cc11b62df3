"""What is a word, and what is only written where none was spoken."""

from __future__ import annotations

import pytest

from rtalign.core.text.word_text import (
    EMPTY,
    NOISY,
    PUNCTUATION,
    SILENT,
    RowsWithoutWord,
    count_rows_without_word,
    is_spoken,
    no_word_reason,
    without_outer_punctuation,
)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        *((text, EMPTY) for text in ("", "n/a", "N/A")),
        *((text, SILENT) for text in ("sp", "SP", "sil", "SIL", "<s>", "</s>", "<eps>", "{SL}", "<p:>")),
        *((text, NOISY) for text in ("spn", "SPN", "nsn", "{NS}", "{LG}", "[noise]", "<unk>", "<laugh>")),
        *(
            (text, PUNCTUATION)
            for text in (".", ",", "...", "\u2026", "\u2014", "--", "?!", "\u3002", "#", '"', "(", ")")
        ),
    ],
)
def test_rows_that_are_no_words_are_named(text: str, reason: str) -> None:
    assert no_word_reason(text) == reason


@pytest.mark.parametrize(
    "text",
    ["a", "I", "sea,", "...and", "1999", "2,048", "50%", "&", "$5", "\u20ac",
     "s'il", "spa", "d'", "\u6d77", "\u0645\u0627",
     "(word)", "nan", "null", "\u092e\u0947\u0902", "\u01c3x\u014d"],
)  # fmt: skip
def test_words_of_any_writing_stay(text: str) -> None:
    assert no_word_reason(text) == ""
    assert is_spoken(text)


@pytest.mark.parametrize(
    ("word", "bare"),
    [("sea,", "sea"), ('"don\u2019t!"', "don\u2019t"), ("well-known", "well-known"), ("...", "..."), ("50%.", "50%")],
)
def test_outer_punctuation_comes_off_and_inner_stays(word: str, bare: str) -> None:
    assert without_outer_punctuation(word) == bare


def test_a_note_knows_how_many_rows_it_counts() -> None:
    notes = [
        "something else",
        RowsWithoutWord("2 rows", {SILENT: 2}),
        RowsWithoutWord("3", {SILENT: 1, PUNCTUATION: 2}),
    ]
    assert count_rows_without_word(notes) == {SILENT: 3, PUNCTUATION: 2}
    assert count_rows_without_word(["none"]) == {}
    assert notes[1] == "2 rows"
