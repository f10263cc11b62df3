"""Several runs inside one recording: which stretch each has, by its words and by the triggers of its sound."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rtalign.core.records import Word
from rtalign.recordings.word_tables import delimited
from rtalign.recordings.word_tables import table as wordtable
from rtalign.recordings.word_tables.row import NoWords, Row

WORDS = re.compile(r"word_onset_(\d+)$", re.IGNORECASE)
SOUND = "wav_onset"
SNIPPET, SNIPPET_S = 100, 30.0
"""The trigger of the sound that every session repeats, and how long it is."""

PAUSE_S = 10.0
"""How much of the silence around a run is taken with it, for the filters to settle in."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of a recording in which one sound was heard.  run : its number, 0 for the repeated snippet."""

    run: int
    start: float
    stop: float
    words: tuple[Word, ...] = ()
    notes: tuple[str, ...] = ()
    sound: float | None = None
    """When its sound began, by the trigger."""


@dataclass(frozen=True, slots=True)
class Events:
    """What an events table tells: the rows of words by run, and when each sound began."""

    words: dict[int, list[Row]]
    sounds: tuple[tuple[float, int], ...]
    """(time, trigger value), in order of time."""


def is_inside(path: Path) -> bool:
    """Whether an events table tells the runs of one recording apart."""
    return bool(re.search(r"\bword_onset_\d", wordtable.text_of(path)))


def read(path: Path) -> Events:
    """The rows of an events table, in whatever order they stand."""
    table = delimited.table(wordtable.text_of(path), path.name)
    if table.lacks("onset", "type", "value"):
        raise ValueError(f"{path.name} lacks a column called onset, type or value; is it an events table?")
    words: dict[int, list[Row]] = {}
    sounds = []
    runs: dict[str, int | None] = {}  # a type of rows is judged once: they are few, in many rows
    for line, (onset, duration, kind, value) in table.picked("onset", "duration", "type", "value"):
        if kind not in runs:
            runs[kind] = _run_of(kind)
        if (run := runs[kind]) is None:
            continue
        row = Row(onset, duration, value, line)
        if run:
            words.setdefault(run, []).append(row)
        elif (trigger := _trigger(row)) is not None:
            sounds.append((wordtable.onset_of(row, path), trigger))
    return Events(dict(sorted(words.items())), tuple(sorted(sounds)))


def cut(events: Events, seconds: float, path: Path) -> tuple[list[Stretch], list[Stretch], list[str]]:
    """The runs and the repeated snippets of a recording of so many seconds, beside notes on what was left out.

    No two stretches share signal: the silence between two is halved, and at most PAUSE_S of it is taken.
    """
    notes: list[str] = []
    snippets = [Stretch(0, time, time + SNIPPET_S) for time, value in events.sounds if value == SNIPPET]
    runs = []
    for run, rows in events.words.items():
        try:
            told = _story(run, rows, events, snippets, path)
        except NoWords as error:
            notes.append(f"run {run} skipped: {error}")
            continue
        if told.words[0].onset >= seconds:
            notes.append(
                f"run {run} skipped: its words lie from {told.words[0].onset:.1f} s on, the signal ends before"
            )
        else:
            runs.append(told)
    whole = [snippet for snippet in snippets if snippet.stop <= seconds]
    if len(whole) < len(snippets):
        notes.append(f"{len(snippets) - len(whole)} repeated snippets are cut off by the end of the signal")
    return _with_pauses(runs, snippets, seconds, path), whole, notes


def _story(run: int, rows: Sequence[Row], events: Events, snippets: Iterable[Stretch], path: Path) -> Stretch:
    """A run from its trigger, or its first word, to the end of its last word."""
    words, notes = wordtable.judged(rows, path)
    kept = [word for word in words if word.onset >= 0]
    if len(kept) < len(words):
        notes.append(f"{len(words) - len(kept)} words began before the recording; left out")
    inside = {word.index for word in kept for s in snippets if s.start <= word.onset < s.stop}
    if inside:
        notes.append(f"{len(inside)} words lie in the repeated snippet; left out of the story")
        kept = [word for word in kept if word.index not in inside]
    if not kept:
        raise NoWords(f"none of its {len(words)} words was recorded in a story")
    kept = [Word(i, word.text.lower(), word.onset, word.duration) for i, word in enumerate(kept)]
    triggers = [time for time, value in events.sounds if value == 10 * run]
    before = [time for time in triggers if time <= kept[0].onset]
    if not triggers:
        notes.append("no trigger tells when its sound began; taken from its first word on")
    elif len(triggers) > 1:
        notes.append(f"its sound began {len(triggers)} times, last at {max(triggers):.1f} s")
    stop = max(word.onset + (word.duration or 0.0) for word in kept)
    sound = max(before, default=None)
    start = kept[0].onset if sound is None else sound
    return Stretch(run, start, stop, tuple(kept), tuple(n for n in notes if "capitals" not in n), sound)


def _with_pauses(runs: list[Stretch], snippets: list[Stretch], seconds: float, path: Path) -> list[Stretch]:
    """The runs with the silence around them, in order of time."""
    heard = sorted([*runs, *snippets], key=lambda stretch: stretch.start)
    grown = []
    for k, stretch in enumerate(heard):
        before = heard[k - 1] if k else None
        after = heard[k + 1] if k + 1 < len(heard) else None
        if after and stretch.words and after.run and after.start < stretch.words[-1].onset:
            raise ValueError(
                f"{path.name}: run {after.run} begins at {after.start:.1f} s, before the last word of "
                f"run {stretch.run} at {stretch.words[-1].onset:.1f} s; is the table whole?"
            )
        room = (stretch.start - before.stop) / 2 if before else math.inf
        begin = max(stretch.start - min(max(room, 0.0), PAUSE_S), 0.0)
        room = (after.start - stretch.stop) / 2 if after else math.inf
        end = min(stretch.stop + min(max(room, 0.0), PAUSE_S), seconds, after.start if after else seconds)
        if stretch.run:
            grown.append(replace(stretch, start=begin, stop=end))
    return grown


def _run_of(kind: str) -> int | None:
    """The run whose words a type marks, 0 for the beginning of a sound; None for all else."""
    kind = wordtable.unquote(kind)
    if found := WORDS.match(kind):
        return int(found[1]) or None
    return 0 if kind.lower() == SOUND else None


def _trigger(row: Row) -> int | None:
    """The value of a trigger; nothing where it is no number."""
    try:
        value = float(wordtable.unquote(row.text))
    except ValueError:
        return None
    return int(value) if value == value and abs(value) < 1e6 else None
