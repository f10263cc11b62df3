"""Stories: the words of a printed text as they are spoken, with pauses, and their times."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Literal

import numpy as np

from rtalign.core.records import Word

Pause = Literal["none", "comma", "stop", "paragraph"]

SHIPPED = "the_keeper_of_small_lights"
"""The story that comes with the package."""

WORD = re.compile(r"\d+(?:,\d{3})+|[^\W_]+(?:'[^\W_]+)*")
GUTENBERG = re.compile(r"\*\*\* ?(START|END) OF (?:THE|THIS) PROJECT GUTENBERG EBOOK[^*]*\*\*\*", re.IGNORECASE)
CREDITS = re.compile(r"^(?:Produced by|E-text prepared by|End of (?:the )?Project Gutenberg)[^\n]*(?:\n[^\n]+)*", re.M)
HEADING = re.compile(r"(?:chapter|part|adventure)?\s*(?:[ivxlc]+|\d+)\.?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class SpokenWord:
    """A word and the pause after it.

    Attributes
    ----------
    text : str
        The word in lower case, without punctuation.
    pause : {"none", "comma", "stop", "paragraph"}
        Kind of pause after the word.
    """

    text: str
    pause: Pause


def shipped_story() -> str:
    """Read the text of the story that comes with the package.

    Returns
    -------
    str
        About 5,000 words of English prose.
    """
    return (files("rtalign") / "simulation" / "stories" / f"{SHIPPED}.txt").read_text(encoding="ascii")


def without_gutenberg(text: str) -> str:
    """The text without Project Gutenberg's header, footer and credits."""
    marks = {mark[1].upper(): mark for mark in GUTENBERG.finditer(text)}
    if not marks:
        return text
    start = marks["START"].end() if "START" in marks else 0
    stop = marks["END"].start() if "END" in marks else len(text)
    return CREDITS.sub("", text[start:stop])


def split_words(text: str) -> list[SpokenWord]:
    """Split a text into words: lower case, apostrophes kept, all other punctuation turned into pauses.

    Parameters
    ----------
    text : str
        Plain text, also of Project Gutenberg; its header and footer are left out.

    Returns
    -------
    list of SpokenWord
        Every word in order.
    """
    words: list[SpokenWord] = []
    for paragraph in _paragraphs(without_gutenberg(text)):
        words += _paragraph_words(paragraph)
    return words


def story_words(text: str) -> list[str]:
    """Split a text into words as a table of events holds them.

    Parameters
    ----------
    text : str
        Plain text.

    Returns
    -------
    list of str
        Every word in order, in lower case.
    """
    return [word.text for word in split_words(text)]


def _paragraphs(text: str) -> Iterator[str]:
    """Paragraphs as one line each, with straight apostrophes, and without bare chapter numbers."""
    straight = text.replace("\r\n", "\n").replace("\u2019", "'").replace("\u2018", "'")
    for block in re.split(r"\n\s*\n", straight):
        line = " ".join(block.split())
        if line and not HEADING.fullmatch(line):
            yield line


def _paragraph_words(paragraph: str) -> list[SpokenWord]:
    matches = list(WORD.finditer(paragraph))
    words = []
    for i, match in enumerate(matches):
        last = i + 1 == len(matches)
        between = "" if last else paragraph[match.end() : matches[i + 1].start()]
        text = match[0].lower().replace(",", "")
        words.append(SpokenWord(text, "paragraph" if last else _pause(text, between)))
    return words


TITLES = frozenset({"mr", "mrs", "ms", "dr", "st", "rev", "prof", "esq"})


def _pause(text: str, between: str) -> Pause:
    """The pause for the characters between two words."""
    if re.search(r"[.!?]", between):
        return "none" if text in TITLES and between.startswith(".") else "stop"
    if re.search(r"[,;:()\u2013\u2014]|--|\s-\s", between):
        return "comma"
    return "none"


PAUSES_S = {"none": 0.0, "comma": 0.28, "stop": 0.58, "paragraph": 0.95}
"""Median silence after a word."""

LEAD_IN_S = 2.0
"""Silence before the first word of a run."""

FUNCTION_WORDS = """
    a an the of to in on at by for from with as and or but nor so if than that this it its he she him her his they
    them their we us our you your i me my is was were be been are am had has have do did not no would could should
    will shall can may might must there then when which who what where into out up upon
"""
"""Words that are spoken more quickly than others of their length."""


def syllables(word: str) -> int:
    """How many syllables an English word has, near enough for timing."""
    groups = len(re.findall(r"[aeiouy]+", word))
    silent = bool(re.search(r"[^aeiouyl]e$|[^aeiouytd]ed$", word)) and groups > 1
    return max(1, groups - silent)


def word_durations(words: Sequence[str], pauses: Sequence[str], rng: np.random.Generator) -> np.ndarray:
    """(word,) seconds: longer with syllables and letters, shorter if quick or repeated, longest before a pause."""
    quick = frozenset(FUNCTION_WORDS.split())
    counts: dict[str, int] = {}
    seconds = np.empty(len(words))
    for i, (word, pause) in enumerate(zip(words, pauses, strict=True)):
        n_said = counts[word] = counts.get(word, 0) + 1
        base = 0.088 + 0.146 * syllables(word) + 0.0165 * len(word)
        practised = 1 - 0.025 * min(np.log2(n_said), 6)
        seconds[i] = base * practised * (0.86 if word in quick else 1.0) * (1.0 if pause == "none" else 1.18)
    return np.clip(seconds * rng.lognormal(0.0, 0.14, len(words)), 0.06, None)


def assign_times(text: Sequence[SpokenWord], seed: int) -> tuple[Word, ...]:
    """Give the words of one run onsets and durations, at about 2.6 words per second.

    Onsets are rounded to a tenth of a millisecond, so that a table of events holds them exactly.

    Parameters
    ----------
    text : sequence of SpokenWord
        The words.
    seed : int
        Seed of the variation; the same seed gives the same times.

    Returns
    -------
    tuple of Word
        The words with their times.
    """
    rng = np.random.default_rng(np.random.SeedSequence([seed, 0x5A1]))
    pauses = [word.pause for word in text]
    seconds = word_durations([word.text for word in text], pauses, rng)
    silence = np.array([PAUSES_S[pause] for pause in pauses]) * rng.lognormal(0.0, 0.3, len(text))
    onsets = LEAD_IN_S + np.concatenate([[0.0], np.cumsum(seconds + silence)[:-1]])
    onsets, seconds = np.round(onsets, 4), np.round(seconds, 4)
    return tuple(
        Word(i, word.text, float(onset), float(second))
        for i, (word, onset, second) in enumerate(zip(text, onsets, seconds, strict=True))
    )


def split_runs(text: Sequence[SpokenWord], run_words: int) -> list[Sequence[SpokenWord]]:
    """Cut a story into runs at the first end of a sentence after every run_words words.

    A short rest joins the last run.

    Parameters
    ----------
    text : sequence of SpokenWord
        The story.
    run_words : int
        Words of a run.

    Returns
    -------
    list of sequences of SpokenWord
        The runs in order.
    """
    parts: list[Sequence[SpokenWord]] = []
    first = 0
    while len(text) - first > 1.5 * run_words:
        stop = first + run_words
        while stop < len(text) and text[stop - 1].pause in ("none", "comma"):
            stop += 1
        parts.append(text[first:stop])
        first = stop
    return [*parts, text[first:]] if first < len(text) else parts
