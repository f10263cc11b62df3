"""The list of published data sets, and the functions that go through it.

How to add a set: write one module in this package with one subclass of `DataSet` that answers each of its methods, and
enter the class in `DATA_SETS`.  Opening, checking, sounds and the catalogue follow from the list.  A set that leaves a
method out cannot be made: importing this module then fails.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from rtalign.recordings import bids
from rtalign.recordings.datasets.armeni import Armeni2022
from rtalign.recordings.datasets.base import DataFile, DataSet, read_bids_file
from rtalign.recordings.datasets.libribrain import LibriBrain
from rtalign.recordings.datasets.megmasc import MegMasc
from rtalign.recordings.datasets.petit_prince import PetitPrince
from rtalign.recordings.datasets.smn4lang import Smn4Lang
from rtalign.recordings.file_recording import FileRecording
from rtalign.recordings.formats.mne_file import is_signal_file

DATA_SETS: tuple[DataSet, ...] = (
    Armeni2022(),
    LibriBrain(),
    PetitPrince(),
    MegMasc(),
    Smn4Lang(),
)


def describe_file(
    path: Path,
    *,
    word_table: Path | None = None,
    subject: str | None = None,
    bads: Collection[str] = (),
    filters: Mapping[str, str] | None = None,
) -> DataFile:
    """Collect what is known of a file before it is opened.

    Parameters
    ----------
    path : Path
        A signal file.
    word_table : Path, optional
        The word table that the user named.
    subject : str, optional
        The subject that the user named; by default the label in the file's name.
    bads : collection of str
        Channels that the user leaves out; those of the data set's tables and notes are added.
    filters : mapping of str to str, optional
        The labels of subject, session, task or run that the user asked for.

    Returns
    -------
    DataFile
    """
    if not is_signal_file(path):
        return DataFile(path, word_table, None, frozenset(bads), subject, filters)
    file = DataFile(path, word_table, bids.sidecar(path, "events.tsv"), frozenset(bads), subject, filters)
    return replace(file, bads=file.bads | bids.bad_channels(path))


def data_set_of(file: DataFile) -> DataSet | None:
    """Return the published set that a file looks like.

    Parameters
    ----------
    file : DataFile
        From `describe_file`.

    Returns
    -------
    DataSet or None
        None where it looks like none.
    """
    return next((data_set for data_set in DATA_SETS if data_set.fits(file)), None)


def is_data_file(path: Path) -> bool:
    """Whether a path is one recording: a file that MNE reads, or one of a set with a format of its own."""
    return is_signal_file(path) or (path.is_file() and bool(_own_files(path)))


def find_files(folder: Path, filters: Mapping[str, str]) -> tuple[list[Path], list[str]]:
    """Find the signal files of a data set.

    Parameters
    ----------
    folder : Path
        The folder of a set with a layout of its own, or of a BIDS data set.
    filters : mapping of str to str
        Labels of subject, session, task or run; a run may also lie inside a file.

    Returns
    -------
    files : list of Path
        In natural order.
    empty_room : list of str
        The names of the files that were skipped as they are of an empty room.
    """
    empty_room: list[str] = []
    files = _own_files(folder)
    if not files:
        files, empty_room = bids.find_files(folder)
    return bids.filter_files(files, filters, folder), empty_room


def open_file(file: DataFile) -> list[FileRecording]:
    """Open the recordings in a file, as its data set has them; one with the words of its events where it is of none.

    Parameters
    ----------
    file : DataFile
        From `describe_file`.

    Returns
    -------
    list of FileRecording
        At least one; the known faults of the file are among the first one's notes.
    """
    data_set = data_set_of(file)
    if data_set is None:
        return [*read_bids_file(file)]
    recordings = [*data_set.recordings(_without_known_bads(file, data_set))]
    recordings[0].notes = (*data_set.known_faults(file), *recordings[0].notes)
    return recordings


def open_repeats_of(file: DataFile) -> list[FileRecording]:
    """Open what a file holds of one sound played again and again; none where its data set repeats nothing."""
    data_set = data_set_of(file)
    return [] if data_set is None else [*data_set.repeats(_without_known_bads(file, data_set))]


def runs_of(recordings: Sequence[FileRecording], filters: Mapping[str, str], source: Path) -> list[FileRecording]:
    """Return the recordings of the run that a filter names, where it names one."""
    kept = list(recordings)
    if "run" not in filters:
        return kept
    return bids.filter_by_labels(kept, lambda recording: recording.name, {"run": filters["run"]}, source)


def _own_files(path: Path) -> list[Path]:
    """The files of the first set whose own layout a path has."""
    return next((files for data_set in DATA_SETS if (files := data_set.find_files(path))), [])


def _without_known_bads(file: DataFile, data_set: DataSet) -> DataFile:
    return replace(file, bads=file.bads.union(data_set.known_bads(file)))
