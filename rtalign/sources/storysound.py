"""The sound that was played in each run of a recording, on the recording's own time."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from rtalign.data import Recording
from rtalign.sources.joined import Joined


@dataclass(frozen=True, slots=True)
class Sound:
    """A wav.  start : when its first sample was heard, in seconds of the replay."""

    file: str
    start: float


def sounds_of(recording: Joined, named: Path | None = None) -> tuple[Sound, ...]:
    """The wav of each run that has one, in order of time.

    named : a wav, or a folder of wavs called as the runs are; without, where the data set keeps it, or beside the file.
    A sound begins where the reader knows it to, else with the first sample of its run.
    """
    parts = recording.parts
    if named is not None and not named.is_dir() and len(parts) > 1:
        raise ValueError(
            f"{named.name} is one wav, and there are {len(parts)} runs; choose one with --run, or name a folder"
        )
    found = []
    for k, part in enumerate(parts):
        file = _kept(part) if named is None else _called(named, part.name) if named.is_dir() else named
        if file is not None:
            began = getattr(part, "sound_s", None)
            found.append(Sound(str(file), recording.moved(k, part.start if began is None else began)))
    return tuple(found)


def _kept(part: Recording) -> Path | None:
    from rtalign.datasets.mneraw import MneRecording
    from rtalign.datasets.sounds import sound_of

    known = sound_of(part) if isinstance(part, MneRecording) else None
    path = getattr(part, "path", None)
    return known or (_called(Path(path).parent, part.name) if path is not None else None)


def _called(folder: Path, name: str) -> Path | None:
    """A wav of a run's own name."""
    files = (folder / f"{stem}.wav" for stem in (name, name.removesuffix("_meg")))
    return next((file for file in files if file.is_file()), None)
