"""LibriBrain: fifty hours of one listener, HDF5 files of signal and tables of events."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from rtalign.core.records import Word
from rtalign.recordings.bids import natural_order
from rtalign.recordings.datasets.base import DataFile, DataSet, DataSetEntry
from rtalign.recordings.formats.hdf5_recording import Hdf5Recording
from rtalign.recordings.word_tables.delimited import read_table
from rtalign.recordings.word_tables.rows import NoWords, Row, words_from_rows
from rtalign.recordings.word_tables.table import read_words

SUFFIX = "_meg.h5"
SIGNAL, EVENTS = "serialised", "events"
SIGNAL_FOLDERS = (f"*/derivatives/{SIGNAL}", f"derivatives/{SIGNAL}", SIGNAL)
SOUND_FOLDERS = (".", "stimuli", "stimuli/audio", "audio")


class LibriBrain(DataSet):
    """Signal in BOOK/derivatives/serialised, words in BOOK/derivatives/events."""

    entry = DataSetEntry(
        key="libribrain",
        name="LibriBrain",
        people=1,
        hours="more than 50",
        language="English",
        machine="Elekta, 306 channels, given at 250 Hz",
        licence="CC BY-NC: no commercial use",
        size="about 60 GB",
        place="Hugging Face, pnpl/LibriBrain",
        how="download the folders serialised and events of the books you want; reading it needs pip install h5py",
        layout="BOOK/derivatives/serialised/..._meg.h5 with BOOK/derivatives/events/..._events.tsv",
    )

    def find_files(self, path: Path) -> list[Path]:
        """Every signal of the data set, of one of its books, or of one folder."""
        if not path.is_dir():
            return [path] if path.name.endswith(SUFFIX) else []
        files = {file for folder in SIGNAL_FOLDERS for file in path.glob(f"{folder}/*{SUFFIX}")}
        return sorted(files | set(path.glob(f"*{SUFFIX}")), key=lambda file: natural_order(file.name))

    def fits(self, file: DataFile) -> bool:
        """Whether a file has the suffix of this set's signals."""
        return file.path.name.endswith(SUFFIX)

    def recordings(self, file: DataFile) -> list[Hdf5Recording]:
        """One run with the words of its events table, or of the one that the user named."""
        name, events = run_name(file.path), events_of(file.path)
        if file.word_table is not None:
            words, notes = read_words(file.word_table)
        elif events.is_file():
            words, notes = read_events(events)
        else:
            raise NoWords(f"{file.path.name} has no words: there is no {EVENTS}/{events.name} next to its folder")
        run = Hdf5Recording(file.path, words, name=name, subject=file.participant, bads=file.bads, notes=notes)
        run.sound_onset = read_sound(file.path)[1]
        return [run]

    def repeats(self, file: DataFile) -> list[Hdf5Recording]:
        """None: nothing was played twice."""
        return []

    def wav(self, file: DataFile, recording: str) -> Path | None:
        """The wav that the run's events name, where the book has it here."""
        return read_sound(file.path)[0]

    def known_bads(self, file: DataFile) -> Sequence[str]:
        """None: its signals are published with bad channels repaired."""
        return ()

    def known_faults(self, file: DataFile) -> Sequence[str]:
        """None."""
        return ()

    def missing(self, files: Sequence[Path]) -> list[tuple[str, str]]:
        """Not checked: users download the books they want."""
        return []


def run_name(file: Path) -> str:
    """Return what a signal and its events share: the name up to how the signal was prepared."""
    return re.sub(r"_proc-.*$", "", file.name.removesuffix(SUFFIX))


def events_of(file: Path) -> Path:
    """Return where the events of a signal are."""
    return file.parent.parent / EVENTS / f"{run_name(file)}_events.tsv"


def read_events(path: Path) -> tuple[list[Word], list[str]]:
    """Read the rows whose kind is word: the text is the segment, the onset its time in the MEG."""
    table = read_table(path)
    if table.lacks("kind", "segment", "timemeg"):
        raise ValueError(f"{path.name} lacks a column called kind, segment or timemeg; is it of this data set?")
    rows = [
        Row(onset, duration, text, line)
        for line, (kind, onset, duration, text) in table.cells("kind", "timemeg", "duration", "segment")
        if kind == "word" or kind.strip().lower() == "word"
    ]
    if not rows:
        raise NoWords(f"{path.name} has no words: no row is of kind word")
    return words_from_rows(rows, path)


def read_sound(file: Path) -> tuple[Path | None, float | None]:
    """Return the wav of a signal, where it is here, and when it began in the MEG, by the times of its events."""
    events = events_of(file)
    if not events.is_file():
        return None, None
    for _, (wav, timewav, timemeg) in read_table(events).cells("wavfile", "timewav", "timemeg"):
        try:
            begin = float(timemeg) - float(timewav)
        except ValueError:
            continue
        name = Path(wav.replace("\\", "/")).name
        tops = (file.parents[1], *file.parents[2:4])
        places = (top / folder / name for top in tops for folder in SOUND_FOLDERS if name)
        return next((place for place in places if place.is_file()), None), begin
    return None, None
