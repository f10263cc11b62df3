"""Stories: what a listener hears of a printed text, word by word, and where the reader takes a breath."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from typing import Literal

Pause = Literal["none", "comma", "stop", "paragraph"]

SHIPPED = "the_keeper_of_small_lights"
"""The story that comes with the package."""

WORD = re.compile(r"\d+(?:,\d{3})+|[^\W_]+(?:'[^\W_]+)*")
GUTENBERG = re.compile(r"\*\*\* ?(START|END) OF (?:THE|THIS) PROJECT GUTENBERG EBOOK[^*]*\*\*\*", re.IGNORECASE)
CREDITS = re.compile(r"^(?:Produced by|E-text prepared by|End of (?:the )?Project Gutenberg)[^\n]*(?:\n[^\n]+)*", re.M)
HEADING = re.compile(r"(?:chapter|part|adventure)?\s*(?:[ivxlc]+|\d+)\.?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Spoken:
    """A word as a listener hears it, and the pause after it."""

    text: str
    pause: Pause


def shipped_story() -> str:
    """The text of the story that comes with the package."""
    return (files("rtalign") / "stories" / f"{SHIPPED}.txt").read_text(encoding="ascii")


def without_gutenberg(text: str) -> str:
    """The text without the header and footer that Project Gutenberg puts around it, and without the makers' credits."""
    marks = {mark[1].upper(): mark for mark in GUTENBERG.finditer(text)}
    if not marks:
        return text
    start = marks["START"].end() if "START" in marks else 0
    stop = marks["END"].start() if "END" in marks else len(text)
    return CREDITS.sub("", text[start:stop])


def spoken(text: str) -> list[Spoken]:
    """Every word of a text in order: lower-case, apostrophes kept, all other punctuation turned into pauses."""
    words: list[Spoken] = []
    for paragraph in _paragraphs(without_gutenberg(text)):
        words += _paragraph_words(paragraph)
    return words


def story_words(text: str) -> list[str]:
    """Every word of a text as an events table holds it."""
    return [word.text for word in spoken(text)]


def _paragraphs(text: str) -> Iterator[str]:
    """Paragraphs as one line each, with straight apostrophes, and without bare chapter numbers."""
    straight = text.replace("\r\n", "\n").replace("\u2019", "'").replace("\u2018", "'")
    for block in re.split(r"\n\s*\n", straight):
        line = " ".join(block.split())
        if line and not HEADING.fullmatch(line):
            yield line


def _paragraph_words(paragraph: str) -> list[Spoken]:
    found = list(WORD.finditer(paragraph))
    words = []
    for i, match in enumerate(found):
        last = i + 1 == len(found)
        between = "" if last else paragraph[match.end() : found[i + 1].start()]
        text = match[0].lower().replace(",", "")
        words.append(Spoken(text, "paragraph" if last else _pause(text, between)))
    return words


TITLES = frozenset({"mr", "mrs", "ms", "dr", "st", "rev", "prof", "esq"})


def _pause(text: str, between: str) -> Pause:
    """The pause that the characters between two words ask for."""
    if re.search(r"[.!?]", between):
        return "none" if text in TITLES and between.startswith(".") else "stop"
    if re.search(r"[,;:()\u2013\u2014]|--|\s-\s", between):
        return "comma"
    return "none"
