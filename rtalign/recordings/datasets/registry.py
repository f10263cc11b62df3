"""Which published data set a file is of, by its layout: each has its own way of telling words."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rtalign.core.records import Word
from rtalign.recordings import bids_names
from rtalign.recordings.datasets import armeni, megmasc, smn4lang
from rtalign.recordings.datasets.base import Told
from rtalign.recordings.formats.mne_recording import MneRecording
from rtalign.recordings.word_tables import delimited
from rtalign.recordings.word_tables import table as wordtable
from rtalign.recordings.word_tables.row import NoWords

Reader = Callable[[Told], list[MneRecording]]


def reader(told: Told) -> Reader:
    """How the file is read: the generic way unless a data set's layout is recognised."""
    for published in (armeni, megmasc, smn4lang):
        if published.fits(told):
            return published.recordings
    return generic


def key(told: Told) -> str:
    """The published set that a file looks like, as the catalogue names it; nothing where it looks like none."""
    for published, name in ((armeni, "armeni2022"), (megmasc, "megmasc"), (smn4lang, "smn4lang")):
        if published.fits(told):
            return name
    labels = told.labels
    return "petitprince" if labels.get("task") == "listen" and {"ses", "run"} <= labels.keys() else ""


def generic(told: Told) -> list[MneRecording]:
    """One recording, its words as the events table has them."""
    name = bids_names.stem(told.file)
    if told.table is None:
        raise NoWords(f"{told.file.name} has no events table: no {name}_events.tsv beside it; name a --word-table")
    words, notes = wordtable.read(told.table)
    silent = MneRecording(told.file, name=name, subject=told.person, bads=told.bads)
    return [silent.with_words(*on_the_files_clock(words, silent, notes))]


def on_the_files_clock(
    words: Sequence[Word], recording: MneRecording, notes: Sequence[str]
) -> tuple[list[Word], list[str]]:
    """The words counted from the file's first sample, as BIDS has them, also where they count that sample's number.

    Why: some tables of MEGIN files give onsets on the machine's clock.  They are moved only where they do not fit as
    they are and all fit once moved.
    """
    late = recording.first_number / recording.sfreq
    outside = sum(word.onset >= recording.seconds for word in words)
    if not outside or not late or not all(0 <= word.onset - late < recording.seconds for word in words):
        return list(words), list(notes)
    moved = [Word(w.index, w.text, w.onset - late, w.duration) for w in words]
    return moved, [*notes, f"onsets counted the number of the first sample ({late:.3f} s); it was taken off"]


def bad_channels(told: Told) -> frozenset[str]:
    """The channels whose status in channels.tsv is bad."""
    table = bids_names.sidecar(told.file, "channels.tsv")
    if table is None:
        return frozenset()
    rows = delimited.cells(wordtable.text_of(table), table.name)
    return frozenset(r.get("name", "").strip() for r in rows if r.get("status", "").strip().lower() == "bad")
