"""Numbers are spelled as they are read aloud; everything else of a word stays."""

from __future__ import annotations

import re

import pytest

from rtalign.language.number_words import spell_numbers


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("0", "zero"), ("7,", "seven,"), ("42", "forty-two"), ("100", "one hundred"),
        ("115", "one hundred and fifteen"),
        ("1,234", "one thousand two hundred and thirty-four"), ("2005", "two thousand and five"),
        ("1923.", "nineteen twenty-three."), ("1900", "nineteen hundred"), ("1805", "eighteen oh five"),
        ("3.5", "three point five"), ("0.25", "zero point two five"), ("007", "zero zero seven"),
        ("1st", "first"), ("21st", "twenty-first"), ("12th", "twelfth"), ("30th", "thirtieth"),
        ("100th", "one hundredth"),
        ("\u201c40%\u201d", "\u201cforty%\u201d"), ("1,000,000", "one million"), ("20-30", "twenty-thirty"),
        ("sea,", "sea,"), ("", ""), ("H2O", "HtwoO"), ("9" * 13, " ".join(["nine"] * 13)), ("\u0664", "\u0664"),
    ],
)  # fmt: skip
def test_numbers_are_spelled(written: str, spoken: str) -> None:
    assert spell_numbers(written) == spoken


def test_no_digit_is_left_and_different_numbers_differ() -> None:
    spelled = [spell_numbers(f"{n:,}") for n in (*range(3000), *range(10**6, 10**12, 10**12 // 500 + 7))]
    assert len(set(spelled)) == len(spelled)
    assert not any(re.search(r"\d|zero .*zero|  ", text) for text in spelled[1:])
