"""A glance at a recording by a process of its own: what it is, in lines of JSON, or why it cannot be opened."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from rtalign.core.records import sensor_to_dict
from rtalign.core.session import Session
from rtalign.engine.open_session import open_options

MOST_NOTES = 3


def labels(path: Path) -> dict[str, list[str]]:
    """What a BIDS folder can be narrowed by: its subjects, sessions, tasks and runs; empty for anything else."""
    from rtalign.recordings import bids
    from rtalign.recordings.bids_names import ENTITIES, entities, natural

    try:
        names = [entities(file) for file in bids.recordings(path)]
    except (ValueError, OSError):
        return {}
    found = {what: {name[key] for name in names if key in name} for what, key in ENTITIES.items()}
    return {what: sorted(there, key=natural) for what, there in found.items() if there}


def look(session: Session) -> dict[str, Any]:
    """What would be replayed; headers and words are read, no signal."""
    from rtalign.recordings import open_matching

    assert session.recording is not None
    found = open_matching([session.recording], **open_options(session))
    return {
        "name": found[0].name,
        "n_recordings": len(found),
        "n_words": sum(len(recording.words) for recording in found),
        "seconds": sum(recording.seconds for recording in found),
        "sfreq": [*dict.fromkeys(recording.sfreq for recording in found)],
        "sensors": [sensor_to_dict(sensor) for sensor in found[0].sensors],
        "notes": list(found[0].notes[:MOST_NOTES]),
    }


def main() -> None:
    """A session comes in on standard input; labels leave first, as opening a whole data set takes its time."""
    session = Session.model_validate_json(sys.stdin.read())
    assert session.recording is not None
    _tell({"labels": labels(session.recording)})
    try:
        _tell({"seen": look(session)})
    except (ValueError, OSError) as error:
        _tell({"error": str(error)})


def _tell(line: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
