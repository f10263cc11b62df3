"""Numbers as they are read aloud in English: 42 is forty-two, 1923 nineteen twenty-three, 3.5 three point five."""

from __future__ import annotations

import re

ONES = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)  # fmt: skip
TENS = ("zero", "ten", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
SCALES = ((10**9, "billion"), (10**6, "million"), (10**3, "thousand"))
ORDINALS = {
    "one": "first", "two": "second", "three": "third", "five": "fifth", "eight": "eighth", "nine": "ninth",
    "twelve": "twelfth",
}  # fmt: skip
YEARS = range(1100, 2000)
"""Four digits that are read in two halves."""

NUMBER = re.compile(r"(?P<whole>\d{1,3}(?:,\d{3})+|\d+)(?P<part>\.\d+)?(?P<ordinal>(?:st|nd|rd|th)\b)?", re.ASCII)


def spell_numbers(word: str) -> str:
    """Spell the numbers in a word.

    Parameters
    ----------
    word : str
        With its punctuation and signs, which stay where they are.

    Returns
    -------
    str
        The word itself where it holds no number.
    """
    return NUMBER.sub(_spelled, word)


def _spelled(match: re.Match[str]) -> str:
    digits, part = match["whole"].replace(",", ""), match["part"]
    value = int(digits)
    if len(digits) > 12 or (digits[0] == "0" and len(digits) > 1):
        text = _one_by_one(digits)
    elif len(match["whole"]) == 4 and value in YEARS and not part:
        text = _year(value)
    else:
        text = _whole(value)
    if part:
        return f"{text} point {_one_by_one(part[1:])}"
    return _ordinal(text) if match["ordinal"] else text


def _one_by_one(digits: str) -> str:
    return " ".join(ONES[int(digit)] for digit in digits)


def _year(value: int) -> str:
    century, rest = divmod(value, 100)
    end = "hundred" if not rest else f"oh {ONES[rest]}" if rest < 10 else _whole(rest)
    return f"{_whole(century)} {end}"


def _whole(value: int) -> str:
    for size, name in SCALES:
        if value >= size:
            above, rest = divmod(value, size)
            between = " " if rest >= 100 else " and "
            return f"{_whole(above)} {name}" + (f"{between}{_whole(rest)}" if rest else "")
    if value >= 100:
        above, rest = divmod(value, 100)
        return f"{ONES[above]} hundred" + (f" and {_whole(rest)}" if rest else "")
    if value >= 20:
        ten, rest = divmod(value, 10)
        return TENS[ten] + (f"-{ONES[rest]}" if rest else "")
    return ONES[value]


def _ordinal(text: str) -> str:
    start, last = re.fullmatch(r"(.*?)([a-z]+)", text).groups()  # type: ignore[union-attr]
    return start + ORDINALS.get(last, f"{last[:-1]}ieth" if last.endswith("y") else f"{last}th")
