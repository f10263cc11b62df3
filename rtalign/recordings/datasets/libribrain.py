"""LibriBrain: fifty hours of one listener, HDF5 files of signal beside tables of events."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from pathlib import Path

from rtalign.core.records import Word
from rtalign.recordings import bids_names
from rtalign.recordings.formats.hdf5_recording import H5Recording
from rtalign.recordings.word_tables import delimited
from rtalign.recordings.word_tables import table as wordtable
from rtalign.recordings.word_tables.row import NoWords, Row

SUFFIX = "_meg.h5"
SIGNAL, EVENTS = "serialised", "events"


def is_libribrain(path: Path) -> bool:
    """Whether a path is one of its files, or a folder that holds any."""
    return path.name.endswith(SUFFIX) or (path.is_dir() and bool(files(path)))


def files(root: Path) -> list[Path]:
    """Every signal of the data set, of one of its books, or of one folder, in natural order."""
    if root.is_file():
        return [root]
    places = (f"*/derivatives/{SIGNAL}", f"derivatives/{SIGNAL}", SIGNAL)
    found = {file for place in places for file in root.glob(f"{place}/*{SUFFIX}")} | set(root.glob(f"*{SUFFIX}"))
    return sorted(found, key=lambda file: bids_names.natural(file.name))


def find(root: Path, asked: Mapping[str, str], bads: Collection[str] = ()) -> list[H5Recording]:
    """Every run with words.  asked : filters by subject, session, task or run."""
    found, notes = [], []
    for file in bids_names.filtered(files(root), lambda file: file.name, asked, root):
        try:
            found.append(recording(file, bads))
        except NoWords as error:
            notes.append(str(error))
    if not found:
        raise NoWords(notes[0] + (f" (and {len(notes) - 1} more runs like it)" if len(notes) > 1 else ""))
    found[0].notes = (*(f"run skipped: {note}" for note in notes), *found[0].notes)
    return found


def recording(file: Path, bads: Collection[str] = (), table: Path | None = None) -> H5Recording:
    """One run with the words of its events table, or of another."""
    name = run_name(file)
    own = file.parent.parent / EVENTS / f"{name}_events.tsv"
    if table is not None:
        words, notes = wordtable.read(table)
    elif own.is_file():
        words, notes = read(own)
    else:
        raise NoWords(f"{file.name} has no words: there is no {EVENTS}/{own.name} beside its folder")
    subject = bids_names.entities(file).get("sub", "unknown")
    found = H5Recording(file, words, name=name, subject=subject, bads=bads, notes=notes)
    found.sound_s = sound(file)[1]
    return found


def read(path: Path) -> tuple[list[Word], list[str]]:
    """The rows whose kind is word: its text the segment, its onset the time in the MEG."""
    table = delimited.table(wordtable.text_of(path), path.name)
    if table.lacks("kind", "segment", "timemeg"):
        raise ValueError(f"{path.name} lacks a column called kind, segment or timemeg; is it of this data set?")
    rows = [
        Row(onset, duration, text, line)
        for line, (kind, onset, duration, text) in table.picked("kind", "timemeg", "duration", "segment")
        if kind == "word" or kind.strip().lower() == "word"
    ]
    if not rows:
        raise NoWords(f"{path.name} has no words: no row is of kind word")
    return wordtable.judged(rows, path)


def sound(file: Path) -> tuple[Path | None, float | None]:
    """The wav that a run's events name, where the book has it here, and when it began in the MEG, by their times."""
    own = file.parent.parent / EVENTS / f"{run_name(file)}_events.tsv"
    if not own.is_file():
        return None, None
    table = delimited.table(wordtable.text_of(own), own.name)
    for _, (wav, timewav, timemeg) in table.picked("wavfile", "timewav", "timemeg"):
        try:
            begin = float(timemeg) - float(timewav)
        except ValueError:
            continue
        places = (file.parents[1], *file.parents[2:4])
        name = Path(wav.replace("\\", "/")).name
        found = (top / kind / name for top in places for kind in (".", "stimuli", "stimuli/audio", "audio") if name)
        return next((place for place in found if place.is_file()), None), begin
    return None, None


def run_name(file: Path) -> str:
    """What a signal and its events share: the name up to how the signal was prepared."""
    return re.sub(r"_proc-.*$", "", file.name.removesuffix(SUFFIX))
