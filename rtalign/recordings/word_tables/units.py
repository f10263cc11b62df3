"""Onsets and durations that are no seconds: speech has a pace, and a table in milliseconds has a thousandth of it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from statistics import median

from rtalign.core.records import Word

MIN_WORDS = 20
"""Of fewer words the pace says nothing."""

SLOWEST_S, FASTEST_S = 30.0, 0.02
"""Seconds from word to word, at the median: one word a long trial; a tenth of the fastest speech."""


def refuse_other_units(words: Sequence[Word], name: str) -> None:
    """Raise ValueError where the words of a table come at no pace at which people speak or read.

    Parameters
    ----------
    words : sequence of Word
        In order of onset.
    name : str
        The table, for messages.
    """
    if len(words) < MIN_WORDS:
        return
    gap = median(after.onset - before.onset for before, after in pairwise(words))
    if gap > SLOWEST_S:
        raise ValueError(
            f"{name}: its words are {gap:,.0f} s apart at the median; the onsets look like milliseconds or sample "
            "numbers - give seconds"
        )
    if 0 < gap < FASTEST_S:
        raise ValueError(
            f"{name}: its words are {gap:.4f} s apart at the median; the onsets look like minutes or hours - "
            "give seconds"
        )
    durations = [word.duration for word in words if word.duration is not None]
    if durations and (longest := median(durations)) > SLOWEST_S:
        raise ValueError(
            f"{name}: its words last {longest:,.0f} s at the median; the durations look like milliseconds - "
            "give seconds"
        )


def unit_that_fits(words: Sequence[Word], start: float, seconds: float, sfreq: float) -> str:
    """The unit in which all onsets would lie inside a recording, as a question; empty where none is.

    Parameters
    ----------
    words : sequence of Word
        All of which lie outside.
    start, seconds : float
        Of the recording.
    sfreq : float
        Its samples a second.

    Returns
    -------
    str
    """
    for unit, factor in (("milliseconds", 1e-3), ("sample numbers", 1 / sfreq), ("microseconds", 1e-6)):
        if all(start <= word.onset * factor < start + seconds for word in words):
            return f"; are they {unit}?"
    return ""
