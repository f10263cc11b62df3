"""Preview of a recording by a process of its own, in lines of JSON: what it holds, or why it cannot be opened."""

from __future__ import annotations

import json
import sys
from dataclasses import astuple
from pathlib import Path
from typing import Any

from rtalign.core.records import RecordingIdentity, sensor_to_dict
from rtalign.core.session import Session

MOST_NOTES = 3


def filter_labels(path: Path) -> dict[str, list[str]]:
    """Labels by which a data set can be filtered.

    Parameters
    ----------
    path : Path
        A folder or file.

    Returns
    -------
    dict of str to list of str
        Of "subject", "session", "task" and "run" those that occur, with their labels; empty for anything else.
    """
    from rtalign.recordings.bids import ENTITIES, entities, natural_order
    from rtalign.recordings.datasets import find_files

    try:
        names = [entities(file) for file in find_files(path, {})[0]]
    except (ValueError, OSError):
        return {}
    labels = {entity: {name[key] for name in names if key in name} for entity, key in ENTITIES.items()}
    return {entity: sorted(values, key=natural_order) for entity, values in labels.items() if values}


def preview_recording(session: Session) -> dict[str, Any]:
    """What a session would replay; headers, words and what fingerprints need are read.

    Parameters
    ----------
    session : Session
        Its settings of the recording are used.

    Returns
    -------
    dict
        name, n_recordings, n_words, seconds, sfreq (list), sensors (list), notes (list), origin (list: name and
        fingerprints of each recording), as JSON can hold them.
    """
    from rtalign.recordings import open_matching, session_options

    assert session.recording is not None
    recordings = open_matching([session.recording], **session_options(session))
    return {
        "name": recordings[0].name,
        "n_recordings": len(recordings),
        "n_words": sum(len(recording.words) for recording in recordings),
        "seconds": sum(recording.seconds for recording in recordings),
        "sfreq": [*dict.fromkeys(recording.sfreq for recording in recordings)],
        "sensors": [sensor_to_dict(sensor) for sensor in recordings[0].sensors],
        "notes": list(recordings[0].notes[:MOST_NOTES]),
        "origin": [astuple(RecordingIdentity.of(recording)) for recording in recordings],
    }


def main() -> None:
    """Read a session from standard input; print the labels first, as opening a whole data set takes its time."""
    session = Session.model_validate_json(sys.stdin.read())
    assert session.recording is not None
    _print({"labels": filter_labels(session.recording)})
    try:
        _print({"preview": preview_recording(session)})
    except (ValueError, OSError) as error:
        _print({"error": str(error)})


def _print(line: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
