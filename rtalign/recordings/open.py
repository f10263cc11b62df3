"""RECORDING arguments: from a path that a user gives to the recordings in it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import TypedDict, Unpack

from rtalign.core.records import Recording
from rtalign.core.session import Session
from rtalign.recordings.bids import entities
from rtalign.recordings.datasets.registry import (
    describe_file,
    find_files,
    is_data_file,
    open_file,
    open_repeats_of,
    runs_of,
)
from rtalign.recordings.file_recording import FileRecording
from rtalign.recordings.sensors import list_names, plain_name
from rtalign.recordings.word_tables.rows import NoWords
from rtalign.recordings.xdf.streams import StreamChoice, is_xdf, open_xdf

COMPRESSED = (".xdfz", ".xdf.gz")


class OpenOptions(TypedDict, total=False):
    """Which recordings of a path are meant, and how they are read.

    Attributes
    ----------
    subject, session, task, run : str or None
        Labels of a data set; several of one kind with commas between.
    word_table : Path or str or None
        The words of a single file, where no events table holds them.
    bads : collection of str
        Names of channels to leave out.
    streams : StreamChoice or None
        Which streams of an XDF file are read.
    """

    subject: str | None
    session: str | None
    task: str | None
    run: str | None
    word_table: Path | str | None
    bads: Collection[str]
    streams: StreamChoice | None


def session_options(session: Session) -> OpenOptions:
    """Which recordings a live session replays, and how they are read.

    Parameters
    ----------
    session : Session
        Its settings.

    Returns
    -------
    OpenOptions
        What `open_matching` takes.
    """
    return {
        "subject": session.subject,
        "session": session.session,
        "task": session.task,
        "run": session.run,
        "word_table": session.word_table,
        "streams": StreamChoice(session.meg, session.words, not session.raw_stamps),
    }


def open_recordings(path: Path | str, **options: Unpack[OpenOptions]) -> list[FileRecording]:
    """Open the recordings of a data set or one of its files, an XDF file, or any file with a word table.

    Parameters
    ----------
    path : Path or str
        A BIDS folder, the folder of a set in the catalogue, one signal file, an XDF file, or a recorded session.
    **options : OpenOptions
        Which recordings are meant, and how they are read.

    Returns
    -------
    list of FileRecording
        At least one, in natural order; the first one's notes name the runs that were skipped.

    Raises
    ------
    NoWords
        Where no recording has words.
    ValueError
        Where a file cannot be read, in one line that names the fix.

    Examples
    --------
    >>> runs = open_recordings("my-data", subject="01", run="1,2")  # doctest: +SKIP
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"there is no recording {path}")
    streams, word_table = options.get("streams"), options.get("word_table")
    if is_xdf(path):
        recordings: list[FileRecording] = [*_open_xdf(path, options)]
    elif streams is not None and streams != StreamChoice():
        raise ValueError(f"{path.name} is no XDF file: it has no streams to choose from; leave the choice out")
    elif path.name.lower().endswith(COMPRESSED):
        raise ValueError(f"{path.name} is packed; unpack it first, with gunzip for one")
    elif is_data_file(path):
        recordings = _open_named_file(path, options)
    elif not path.is_dir():
        formats = "BIDS folders, FIF, CTF, KIT, BTi, XDF"
        raise ValueError(f"{path.name} is no recording this program reads; it reads {formats}")
    elif word_table is not None:
        raise ValueError(f"a word table belongs to one file, and {path} is a folder; name the file inside it")
    else:
        recordings = _open_folder(path, options)
    _refuse_unknown_bads(recordings, options.get("bads", ()))
    return recordings


def open_matching(
    paths: Iterable[Path | str], sensors: Sequence[str] | None = None, **options: Unpack[OpenOptions]
) -> list[FileRecording]:
    """Open every recording of several paths, all with the same sensors in the same order.

    Parameters
    ----------
    paths : iterable of Path or str
        What `open_recordings` opens.
    sensors : sequence of str, optional
        The sensors wanted, such as those of a bank; by default those that every recording has.
    **options : OpenOptions
        Which recordings are meant, and how they are read.

    Returns
    -------
    list of FileRecording
        In the order of the paths, each narrowed to the sensors.

    Raises
    ------
    ValueError
        Where a recording lacks sensors that are wanted, or no sensor is common to all.
    """
    recordings = [recording for path in paths for recording in open_recordings(path, **options)]
    names = common_sensors(recordings) if sensors is None else sensors
    for recording in recordings:
        present = {sensor.name for sensor in recording.sensors}
        if missing := [name for name in names if name not in present]:
            raise ValueError(f"{recording.name} lacks {len(missing)} sensors of the bank, {missing[0]} among them")
    return [recording.pick(names) for recording in recordings]


def open_repeats(
    path: Path | str,
    *,
    subject: str | None = None,
    session: str | None = None,
    task: str | None = None,
    bads: Collection[str] = (),
) -> list[FileRecording]:
    """Open what a data set plays again and again, for a noise ceiling.

    Parameters
    ----------
    path : Path or str
        What `open_recordings` opens.
    subject, session, task : str, optional
        Labels of the data set.
    bads : collection of str
        Names of channels to leave out.

    Returns
    -------
    list of FileRecording
        Without words, each the same stretch of sound; none where the data set repeats nothing.
    """
    path = Path(path)
    if not path.exists() or is_xdf(path):
        return []
    filters = filters_of({"subject": subject, "session": session, "task": task})
    if is_data_file(path):
        files, filters = [path], _own_session(path)
    else:
        files = find_files(path, filters)[0]
    return [repeat for file in files for repeat in open_repeats_of(describe_file(file, bads=bads, filters=filters))]


def common_sensors(recordings: Sequence[Recording]) -> tuple[str, ...]:
    """Return the names of the sensors that every recording has.

    Parameters
    ----------
    recordings : sequence of Recording
        At least one.

    Returns
    -------
    tuple of str
        In the first recording's order.

    Raises
    ------
    ValueError
        Where two recordings have no sensor in common.
    """
    if not recordings:
        raise ValueError("there is no recording; name at least one")
    common = {(sensor.name, sensor.kind) for sensor in recordings[0].sensors}
    for recording in recordings[1:]:
        before, own = common, {(sensor.name, sensor.kind) for sensor in recording.sensors}
        common = before & own
        if not common:
            raise ValueError(
                f"{recordings[0].name} and {recording.name} have no sensors in common: "
                f"{_names_and_kinds(before)} against {_names_and_kinds(own)}; take recordings of one machine"
            )
    return tuple(sensor.name for sensor in recordings[0].sensors if (sensor.name, sensor.kind) in common)


def _open_xdf(path: Path, options: OpenOptions) -> Sequence[FileRecording]:
    return open_xdf(
        path,
        options.get("streams") or StreamChoice(),
        word_table=options.get("word_table"),
        subject=options.get("subject") or "unknown",
        bads=options.get("bads", ()),
    )


def _open_named_file(path: Path, options: OpenOptions) -> list[FileRecording]:
    """One file that was named: with its own events table where it is of BIDS, else with the word table given."""
    word_table, run = options.get("word_table"), options.get("run")
    file = describe_file(
        path,
        word_table=Path(word_table) if word_table is not None else None,
        subject=options.get("subject"),
        bads=options.get("bads", ()),
        filters=_own_session(path),
    )
    try:
        recordings = open_file(file)
    except NoWords as error:
        if file.table is None:
            raise ValueError(
                f"{path.name} comes without words: no events.tsv fits it; name a table with --word-table FILE"
            ) from error
        raise
    return runs_of(recordings, {"run": run}, path) if run is not None and len(recordings) > 1 else recordings


def _open_folder(folder: Path, options: OpenOptions) -> list[FileRecording]:
    """Every run of a data set that has words; the others are named in the first one's notes."""
    filters = filters_of(options)
    files, empty_room = find_files(folder, filters)
    recordings: list[FileRecording] = []
    wordless: list[str] = []
    for path in files:
        try:
            recordings += open_file(describe_file(path, bads=options.get("bads", ()), filters=filters))
        except NoWords as error:
            wordless.append(str(error))
    if not recordings:
        more = f" (and {len(wordless) - 1} more runs like it)" if len(wordless) > 1 else ""
        raise NoWords(wordless[0] + more)
    recordings = runs_of(recordings, filters, folder)
    skipped = [*(f"{name} is of an empty room" for name in empty_room), *wordless]
    recordings[0].notes = (*(f"run skipped: {reason}" for reason in skipped), *recordings[0].notes)
    return recordings


def filters_of(options: OpenOptions) -> dict[str, str]:
    """The labels that the user asked for."""
    labels = {
        "subject": options.get("subject"),
        "session": options.get("session"),
        "task": options.get("task"),
        "run": options.get("run"),
    }
    return {what: label for what, label in labels.items() if label is not None}


def _own_session(path: Path) -> dict[str, str]:
    """A filter that asks for the file's session: who names a file wants it, whatever its known faults."""
    return {"session": entities(path).get("ses", "")}


def _names_and_kinds(sensors: set[tuple[str, str]]) -> str:
    return list_names([f"{name} ({kind})" for name, kind in sorted(sensors)], 3)


def _refuse_unknown_bads(recordings: Sequence[FileRecording], bads: Collection[str]) -> None:
    """Refuse a name that no recording has, which is more likely a typing error than a wish."""
    known = {plain_name(name): name for recording in recordings for name in recording.channel_names}
    for bad in bads:
        if plain_name(bad) not in known:
            near = get_close_matches(plain_name(bad), list(known), 1, 0.6)
            hint = f"; did you mean {known[near[0]]}?" if near else ""
            raise ValueError(f"--bads names {bad}, which is no channel of {recordings[0].name}{hint}")
