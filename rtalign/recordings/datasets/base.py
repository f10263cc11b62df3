"""DataSet: what the program asks of a published data set, and the generic reading of a BIDS file."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rtalign.core.records import Word
from rtalign.recordings.bids import ENTITIES, entities, plain_label, stem
from rtalign.recordings.file_recording import FileRecording
from rtalign.recordings.formats.mne_recording import MneRecording
from rtalign.recordings.word_tables.rows import NoWords
from rtalign.recordings.word_tables.table import read_words


@dataclass(frozen=True, slots=True)
class DataSetEntry:
    """What `rtalign datasets` lists of a data set.  Nothing is ever downloaded by the program.

    Attributes
    ----------
    key : str
        Its short name, in results and messages.
    name : str
        Its title.
    people : int
        How many participants it has.
    hours : str
        How long they were recorded.
    language, machine, licence : str
        In a few words.
    size : str
        On disk; where the publisher does not say, computed from channels, rate and hours.
    place : str
        The public name of the repository and the accession number.
    how : str
        What a user does to get it.
    layout : str
        Where signal, words and sound are in its folder.
    """

    key: str
    name: str
    people: int
    hours: str
    language: str
    machine: str
    licence: str
    size: str
    place: str
    how: str
    layout: str


@dataclass(frozen=True, slots=True)
class DataFile:
    """A signal file and what is known of it before it is opened.

    Attributes
    ----------
    path : Path
        The file, or the folder that is one recording.
    word_table : Path or None
        The word table that the user named.
    events : Path or None
        The events table that belongs to the file in BIDS.
    bads : frozenset of str
        Channels to leave out.
    subject : str or None
        The subject that the user named.
    filters : mapping of str to str
        The labels of subject, session, task or run that the user asked for.
    """

    path: Path
    word_table: Path | None = None
    events: Path | None = None
    bads: frozenset[str] = frozenset()
    subject: str | None = None
    filters: Mapping[str, str] | None = None

    @property
    def table(self) -> Path | None:
        """The table of its words: the one that the user named, or its events."""
        return self.word_table or self.events

    @property
    def labels(self) -> dict[str, str]:
        """The labels in its name, such as sub and ses."""
        return entities(self.path)

    @property
    def participant(self) -> str:
        """Who was recorded."""
        return self.subject or self.labels.get("sub", "unknown")

    def number(self, key: str) -> int:
        """Return a label that is a number; 0 where it is none."""
        text = plain_label(self.labels.get(key, ""), key)
        return int(text) if text.isdigit() else 0

    def is_asked_for(self, what: str) -> bool:
        """Whether the user named this file's subject, session, task or run in a filter."""
        key = ENTITIES[what]
        names = str((self.filters or {}).get(what, "")).split(",")
        return plain_label(self.labels.get(key, ""), key) in {plain_label(name, key) for name in names if name.strip()}


class DataSet(ABC):
    """A published data set: its entry in the catalogue, and how its files are read.

    Each set answers every method; `rtalign.recordings.datasets.registry` says how to add one.

    Attributes
    ----------
    entry : DataSetEntry
        What `rtalign datasets` lists of it.
    """

    @property
    @abstractmethod
    def entry(self) -> DataSetEntry:
        """Its entry in the catalogue; a class attribute in each set."""

    @abstractmethod
    def find_files(self, path: Path) -> list[Path]:
        """Find its signal files where they are not laid out as BIDS.

        Parameters
        ----------
        path : Path
            A folder, or one file.

        Returns
        -------
        list of Path
            In natural order; none where the path is not of this set, or the set is laid out as BIDS.
        """

    @abstractmethod
    def fits(self, file: DataFile) -> bool:
        """Whether a file is of this set, by its name and its tables."""

    @abstractmethod
    def recordings(self, file: DataFile) -> Sequence[FileRecording]:
        """Read the recordings in a file that fits.

        Parameters
        ----------
        file : DataFile
            Its bads include `known_bads`.

        Returns
        -------
        sequence of FileRecording
            With their words, and the onset of their sound where it is known; at least one.

        Raises
        ------
        NoWords
            Where the file holds no words, or is left out unless the user asks for it.
        """

    @abstractmethod
    def repeats(self, file: DataFile) -> Sequence[FileRecording]:
        """Read what a file that fits holds of one sound played again and again, without words; for a noise ceiling."""

    @abstractmethod
    def wav(self, file: DataFile, recording: str) -> Path | None:
        """Return the sound of a recording in a file that fits; recording : its name.  None where it is not here."""

    @abstractmethod
    def known_bads(self, file: DataFile) -> Sequence[str]:
        """Return the channels of a file that the publisher calls bad."""

    @abstractmethod
    def known_faults(self, file: DataFile) -> Sequence[str]:
        """Return the known faults of a file, as notes for the user."""

    @abstractmethod
    def missing(self, files: Sequence[Path]) -> list[tuple[str, str]]:
        """Return what the published set has and a folder with these files lacks: whose it is, and what."""


def read_bids_file(file: DataFile) -> list[MneRecording]:
    """Read one recording with the words of its events table.

    Parameters
    ----------
    file : DataFile
        A file that MNE reads.

    Returns
    -------
    list of MneRecording
        One.
    """
    name = stem(file.path)
    if file.table is None:
        raise NoWords(f"{file.path.name} has no events table: no {name}_events.tsv next to it; name a --word-table")
    words, notes = read_words(file.table)
    wordless = MneRecording(file.path, name=name, subject=file.participant, bads=file.bads)
    return [wordless.with_words(*_from_first_sample(words, wordless, notes))]


def _from_first_sample(
    words: Sequence[Word], recording: MneRecording, notes: Sequence[str]
) -> tuple[list[Word], list[str]]:
    """The words counted from the file's first sample, as in BIDS, also where they count the number of that sample.

    Why: some tables of MEGIN files give onsets on the machine's clock.  They are moved only where they do not fit as
    they are and all fit once moved.
    """
    offset = recording.first_number / recording.sfreq
    outside = sum(word.onset >= recording.seconds for word in words)
    if not outside or not offset or not all(0 <= word.onset - offset < recording.seconds for word in words):
        return list(words), list(notes)
    moved = [Word(w.index, w.text, w.onset - offset, w.duration) for w in words]
    return moved, [*notes, f"onsets counted the number of the first sample ({offset:.3f} s); it was taken off"]
