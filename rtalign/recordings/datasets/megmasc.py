"""MEG-MASC: events whose type is a Python literal that describes a sound, a word or a phoneme."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from rtalign.core.records import Word
from rtalign.recordings.bids import folders, stem
from rtalign.recordings.datasets.base import DataFile, DataSet, DataSetEntry
from rtalign.recordings.formats.mne_recording import MneRecording
from rtalign.recordings.word_tables.delimited import read_table, read_text
from rtalign.recordings.word_tables.rows import NoWords, Row, parse_onset, words_from_rows

MAX_LITERAL = 4000
"""Characters of one description; the published ones have about four hundred."""

NAN = re.compile(r"(:\s*)nan\b")
PLAIN_WORD_KIND = "'kind': 'word'"
WORD_KIND = re.compile(r"""['"]kind['"]+\s*:\s*['"]+word['"]""", re.IGNORECASE)
"""Four rows of five describe phonemes and sounds; they are recognised before they are parsed."""

SOUND_KIND = re.compile(r"""['"]kind['"]+\s*:\s*['"]+sound['"]""", re.IGNORECASE)
SOUND_FILE = re.compile(r"""['"]sound['"]+\s*:\s*['"]+([^'"{}]{1,200})['"]""")

KEYS = ("kind", "condition", "pronounced", "word")
DEFAULTS = ("", "sentence", 1, "")
"""What a description means where it lacks one of these."""

CONSTANTS = {"True": True, "False": False, "None": None, "nan": None}
_VALUE = r"""(?:'[^'\\\n]*+'|"[^"\\\n]*+"|-?\d++(?:\.\d*+)?|True|False|None|nan)"""
_PAIR = "|".join([*(f"{key}': ({_VALUE})" for key in KEYS), rf"\w++': {_VALUE}"])
FLAT = re.compile(rf"\{{(?>'(?:{_PAIR})(?:, |(?=\}})))++\}}", re.ASCII)
"""A description as Python prints one with nothing nested or escaped in it, as nearly all are; its groups are the values
of KEYS."""

DESCRIPTION = re.compile(r"""(?:^|\t)"?\{\s*['"]+[a-z_]+['"]+\s*:""", re.MULTILINE)


class MegMasc(DataSet):
    """Runs whose events table describes sounds, words and phonemes in braces."""

    entry = DataSetEntry(
        key="megmasc",
        name="MEG-MASC",
        people=27,
        hours="2 per participant",
        language="English",
        machine="KIT, 208 axial gradiometers, 1000 Hz",
        licence="CC0",
        size="about 6 GB per participant",
        place="OSF, ag3kj and the parts it links to",
        how="no login: download every part into one folder",
        layout="sub-NN/ses-N/meg/..._task-N_meg.con with ..._events.tsv",
    )

    def find_files(self, path: Path) -> list[Path]:
        """None: it is laid out as BIDS."""
        return []

    def fits(self, file: DataFile) -> bool:
        """Whether the types of an events table are descriptions in braces."""
        return file.table is not None and bool(DESCRIPTION.search(read_text(file.table)))

    def recordings(self, file: DataFile) -> list[MneRecording]:
        """One run with the words that were heard in sentences."""
        assert file.table is not None
        words, notes = read_events(file.table)
        run = MneRecording(
            file.path, words, name=stem(file.path), subject=file.participant, bads=file.bads, notes=notes
        )
        run.sound_onset = first_sound(file.table)[1]
        return [run]

    def repeats(self, file: DataFile) -> list[MneRecording]:
        """None: nothing was played twice."""
        return []

    def wav(self, file: DataFile, recording: str) -> Path | None:
        """The wav that a run began with, where it is inside the data set."""
        assert file.table is not None
        name, top = first_sound(file.table)[0], folders(file.path)[-1]
        path = (top / name).resolve()
        return path if name and path.is_file() and path.is_relative_to(top.resolve()) else None

    def known_bads(self, file: DataFile) -> Sequence[str]:
        """None beyond those in its channels tables."""
        return ()

    def known_faults(self, file: DataFile) -> Sequence[str]:
        """None."""
        return ()

    def missing(self, files: Sequence[Path]) -> list[tuple[str, str]]:
        """Not checked: participants have different numbers of runs."""
        return []


def first_sound(path: Path) -> tuple[str, float | None]:
    """Return the file that was played first in a run, and when."""
    for line, (onset, text) in read_table(path).cells("onset", "trial_type"):
        if SOUND_KIND.search(text) and (file := SOUND_FILE.search(text)):
            return file[1], parse_onset(Row(onset, "", "", line), path)
    return "", None


def read_events(path: Path) -> tuple[list[Word], list[str]]:
    """Read the words that were pronounced in a sentence; the notes count the others."""
    dropped = Counter[str]()
    try:
        words, notes = words_from_rows(_spoken_rows(path, dropped), path)
    except NoWords:
        raise NoWords(f"{path.name} has no words: no trial_type describes one that was heard in a sentence") from None
    left_out = ", ".join(f"{n} {reason}" for reason, n in dropped.most_common(5))
    return words, [*([f"words left out: {left_out}"] if left_out else []), *notes]


def _spoken_rows(path: Path, dropped: Counter[str]) -> Iterator[Row]:
    """The words of a table, one by one; those left out are counted."""
    table, name = read_table(path), path.name
    if table.lacks("onset", "trial_type"):
        raise ValueError(f"{name} lacks a column called onset or trial_type; is it an events table?")
    for line, (onset, duration, text) in table.cells("onset", "duration", "trial_type"):
        if PLAIN_WORD_KIND not in text and not WORD_KIND.search(text):
            continue
        kind, condition, pronounced, word = parse_description(text, name, line)
        if kind != "word" and str(kind).lower() != "word":
            continue
        if condition != "sentence":
            dropped[f"in a {str(condition)[:20].replace('_', ' ')}"] += 1
        elif not pronounced:
            dropped["not pronounced"] += 1
        else:
            yield Row(onset, duration, str(word), line)


def parse_description(text: str, name: str, line: int) -> tuple[Any, ...]:
    """Return the values of KEYS in a description in braces.  Nothing in it is ever evaluated or called.

    Plain names and values are taken as they are; anything else is read as a Python literal.
    """
    if len(text) <= MAX_LITERAL and (flat := FLAT.fullmatch(text)):
        values = flat.groups()
        return tuple(map(_value, values)) if None not in values else tuple(map(_value_or, values, DEFAULTS))
    text = text.strip()
    if text[:2] == '"{' and text[-1:] == '"':
        return parse_description(text[1:-1].replace('""', '"'), name, line)
    if not text.startswith("{"):
        return DEFAULTS
    if len(text) > MAX_LITERAL or text.count("{") + text.count("[") + text.count("(") > 20:
        raise ValueError(
            f"{name}, line {line}: a description of {len(text)} characters is no word's; is the table whole?"
        )
    try:
        literal = ast.literal_eval(NAN.sub(r"\1None", text))
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        raise ValueError(
            f"{name}, line {line}: {text[:60]!r} is no plain description of a word; nothing else is read"
        ) from None
    return tuple(map(literal.get, KEYS, DEFAULTS)) if isinstance(literal, dict) else DEFAULTS


@lru_cache(maxsize=4096)
def _value(text: str) -> Any:
    """A value of a flat description: its strings hold no escapes, so the value is the text between the quotes."""
    return text[1:-1] if text[0] in "'\"" else CONSTANTS[text] if text in CONSTANTS else float(text)


def _value_or(text: str | None, default: Any) -> Any:
    return default if text is None else _value(text)
