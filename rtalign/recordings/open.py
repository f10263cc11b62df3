"""RECORDING arguments: from a path that a person gave to the recordings behind it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import TypedDict, Unpack

from rtalign.core.records import Recording
from rtalign.recordings import bids, bids_names, sensors
from rtalign.recordings.datasets import armeni, libribrain
from rtalign.recordings.formats.hdf5_recording import H5Recording
from rtalign.recordings.formats.mne_file import is_signal
from rtalign.recordings.formats.mne_recording import MneRecording
from rtalign.recordings.word_tables.row import NoWords
from rtalign.recordings.xdf import streams as xdf
from rtalign.recordings.xdf.recording import XdfRecording
from rtalign.recordings.xdf.streams import Streams

PACKED = (".xdfz", ".xdf.gz")

Opened = list[MneRecording] | list[XdfRecording] | list[H5Recording]


class OpenOptions(TypedDict, total=False):
    """Which recordings of a path are meant, and how they are read.

    Attributes
    ----------
    subject, session, task, run : str or None
        Labels of a BIDS data set; several of one kind with commas between.
    word_table : Path or str or None
        The words of a single file, where no events table holds them.
    bads : collection of str
        Names of channels to leave out.
    streams : Streams or None
        Which streams of an XDF file are read.
    """

    subject: str | None
    session: str | None
    task: str | None
    run: str | None
    word_table: Path | str | None
    bads: Collection[str]
    streams: Streams | None


def open_recordings(path: Path | str, **options: Unpack[OpenOptions]) -> Opened:
    """Open the recordings of a BIDS root or file, an XDF file, a recorded session, or any file with a word table.

    Parameters
    ----------
    path : Path or str
        A folder or a file.
    **options : OpenOptions
        Which recordings are meant, and how they are read.

    Returns
    -------
    list of recordings
        At least one; the first one's notes name the runs that were skipped.
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"there is no recording {path}")
    subject, run = options.get("subject"), options.get("run")
    word_table, bads, streams = options.get("word_table"), options.get("bads", ()), options.get("streams")
    filters = {
        "subject": subject,
        "session": options.get("session"),
        "task": options.get("task"),
        "run": run,
    }
    asked = {what: labels for what, labels in filters.items() if labels is not None}
    found: Opened
    if xdf.is_xdf(path):
        which = streams or Streams()
        how = which.meg, which.words, which.dejitter
        found = xdf.recordings(path, *how, word_table=word_table, subject=subject or "unknown", bads=bads)
    elif streams is not None and streams != Streams():
        raise ValueError(f"{path.name} is no XDF file: it has no streams to choose from; leave the choice out")
    elif path.name.lower().endswith(PACKED):
        raise ValueError(f"{path.name} is packed; unpack it first, with gunzip for one")
    elif is_signal(path):
        found = _single(path, subject, run, word_table, bads)
    elif path.is_file() and libribrain.is_libribrain(path):
        found = [libribrain.recording(path, bads, Path(word_table) if word_table is not None else None)]
    elif not path.is_dir():
        known = "BIDS folders, FIF, CTF, KIT, BTi, XDF"
        raise ValueError(f"{path.name} is no recording this program reads; it reads {known}")
    elif word_table is not None:
        raise ValueError(f"a word table belongs to one file, and {path} is a folder; name the file inside it")
    elif libribrain.is_libribrain(path):
        found = libribrain.find(path, asked, bads)
    else:
        found = bids.find(path, **asked, bads=bads)
    _bads_known(found, bads)
    return found


def open_matching(
    paths: Iterable[Path | str], sensors: Sequence[str] | None = None, **options: Unpack[OpenOptions]
) -> list[MneRecording | XdfRecording | H5Recording]:
    """Open every recording of several paths, all with the same sensors in the same order.

    Parameters
    ----------
    paths : iterable of Path or str
        Folders or files, as `open_recordings` takes them.
    sensors : sequence of str, optional
        The sensors wanted, such as those of a bank; without, the sensors that every recording has.
    **options : OpenOptions
        Which recordings are meant, and how they are read.

    Returns
    -------
    list of recordings
        In the order of the paths, each narrowed to the sensors.

    Raises
    ------
    ValueError
        Where a recording lacks sensors that are wanted, or no sensor is common to all.
    """
    found = [recording for path in paths for recording in open_recordings(path, **options)]
    names = common_sensors(found) if sensors is None else sensors
    for recording in found:
        there = {sensor.name for sensor in recording.sensors}
        if missing := [name for name in names if name not in there]:
            raise ValueError(f"{recording.name} lacks {len(missing)} sensors of the bank, {missing[0]} among them")
    return [recording.pick(names) for recording in found]


def open_repeats(
    path: Path | str,
    *,
    subject: str | None = None,
    session: str | None = None,
    task: str | None = None,
    bads: Collection[str] = (),
) -> list[MneRecording]:
    """What a data set plays again and again, without words, for a noise ceiling: none where it repeats nothing."""
    path = Path(path)
    wanted = {"subject": subject, "session": session, "task": task}
    asked = {key: value for key, value in wanted.items() if value is not None}
    if not path.exists() or xdf.is_xdf(path) or libribrain.is_libribrain(path):
        return []
    if is_signal(path):
        files, asked = [path], {"session": bids_names.entities(path).get("ses", "")}
    else:
        files = bids.chosen(path, asked)[0]
    found = []
    for file in files:
        told = bids.tell(file, bads=bads, asked=asked)
        if armeni.fits(told) and (not armeni.skipped(told) or told.was_asked("session", "ses")):
            found += armeni.repeats(told)
    return found


def common_sensors(recordings: Sequence[Recording]) -> tuple[str, ...]:
    """The sensors that every recording has, in the first one's order."""
    if not recordings:
        raise ValueError("there is no recording; name at least one")
    shared = {(sensor.name, sensor.kind) for sensor in recordings[0].sensors}
    for recording in recordings[1:]:
        before, own = shared, {(sensor.name, sensor.kind) for sensor in recording.sensors}
        shared = before & own
        if not shared:
            raise ValueError(
                f"{recordings[0].name} and {recording.name} have no sensors in common: "
                f"{_some(before)} against {_some(own)}; take recordings of one machine"
            )
    return tuple(sensor.name for sensor in recordings[0].sensors if (sensor.name, sensor.kind) in shared)


def _some(found: set[tuple[str, str]]) -> str:
    return sensors.listed([f"{name} ({kind})" for name, kind in sorted(found)], 3)


def _single(
    path: Path, subject: str | None, run: str | None, word_table: Path | str | None, bads: Collection[str]
) -> list[MneRecording]:
    """One file that was named: with its own events table where it is of BIDS, else with the word table given."""
    table = Path(word_table) if word_table is not None else None
    # Whoever names a file wants it, whatever faults are known of its session.
    asked = {"session": bids_names.entities(path).get("ses", "")}
    try:
        found = bids.stories(path, subject=subject, table=table, bads=bads, asked=asked)
    except NoWords as error:
        if table is None and bids_names.sidecar(path, "events.tsv") is None:
            raise ValueError(
                f"{path.name} comes without words: no events.tsv fits it; name a table with --word-table FILE"
            ) from error
        raise
    return bids.only_run(found, run, path) if run is not None and len(found) > 1 else found


def _bads_known(recordings: Opened, bads: Collection[str]) -> None:
    """Refuses a name that no recording knows, which is more likely a slip than a wish."""
    known = {sensors.plain(name): name for recording in recordings for name in recording.channel_names}
    for bad in bads:
        if sensors.plain(bad) not in known:
            near = get_close_matches(sensors.plain(bad), list(known), 1, 0.6)
            hint = f"; did you mean {known[near[0]]}?" if near else ""
            raise ValueError(f"--bads names {bad}, which is no channel of {recordings[0].name}{hint}")
