"""Word timing: when a practised reader, in no hurry, begins and ends each word of a story."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from rtalign.data import Word
from rtalign.sources.story import Spoken

PAUSES_S = {"none": 0.0, "comma": 0.28, "stop": 0.58, "paragraph": 0.95}
"""Median silence after a word."""

LEAD_IN_S = 2.0
"""Silence before the first word of a run."""

LIGHT = """
    a an the of to in on at by for from with as and or but nor so if than that this it its he she him her his they
    them their we us our you your i me my is was were be been are am had has have do did not no would could should
    will shall can may might must there then when which who what where into out up upon
"""
"""Words that a reader passes over lightly."""


def syllables(word: str) -> int:
    """How many syllables an English word has, near enough for timing."""
    groups = len(re.findall(r"[aeiouy]+", word))
    silent = bool(re.search(r"[^aeiouyl]e$|[^aeiouytd]ed$", word)) and groups > 1
    return max(1, groups - silent)


def durations(words: Sequence[str], pauses: Sequence[str], rng: np.random.Generator) -> np.ndarray:
    """(word,) seconds: longer with syllables and letters, shorter when light or often said, longest before a pause."""
    light = frozenset(LIGHT.split())
    counts: dict[str, int] = {}
    seconds = np.empty(len(words))
    for i, (word, pause) in enumerate(zip(words, pauses, strict=True)):
        heard = counts[word] = counts.get(word, 0) + 1
        base = 0.088 + 0.146 * syllables(word) + 0.0165 * len(word)
        practised = 1 - 0.025 * min(np.log2(heard), 6)
        seconds[i] = base * practised * (0.86 if word in light else 1.0) * (1.0 if pause == "none" else 1.18)
    return np.clip(seconds * rng.lognormal(0.0, 0.14, len(words)), 0.06, None)


def speak(text: Sequence[Spoken], seed: int) -> tuple[Word, ...]:
    """One run of a story as words in time, about 2.6 a second; the same seed speaks the same way.

    Onsets are kept to the tenth of a millisecond so that an events table holds them exactly.
    """
    rng = np.random.default_rng(np.random.SeedSequence([seed, 0x5A1]))
    pauses = [word.pause for word in text]
    seconds = durations([word.text for word in text], pauses, rng)
    silence = np.array([PAUSES_S[pause] for pause in pauses]) * rng.lognormal(0.0, 0.3, len(text))
    onsets = LEAD_IN_S + np.concatenate([[0.0], np.cumsum(seconds + silence)[:-1]])
    onsets, seconds = np.round(onsets, 4), np.round(seconds, 4)
    return tuple(
        Word(i, word.text, float(onset), float(second))
        for i, (word, onset, second) in enumerate(zip(text, onsets, seconds, strict=True))
    )


def runs(text: Sequence[Spoken], run_words: int) -> list[Sequence[Spoken]]:
    """A story cut into runs at the first sentence end after every run_words words; a short rest joins the last run."""
    parts: list[Sequence[Spoken]] = []
    first = 0
    while len(text) - first > 1.5 * run_words:
        stop = first + run_words
        while stop < len(text) and text[stop - 1].pause in ("none", "comma"):
            stop += 1
        parts.append(text[first:stop])
        first = stop
    return [*parts, text[first:]] if first < len(text) else parts
