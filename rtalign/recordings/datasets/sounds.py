"""The wav that was played in a run, where its data set holds it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rtalign.core.records import Recording
from rtalign.recordings import bids, bids_names
from rtalign.recordings.concatenated import Joined
from rtalign.recordings.datasets import armeni, libribrain, megmasc, smn4lang
from rtalign.recordings.formats.mne_recording import MneRecording
from rtalign.recordings.wav_file import Sound


def sound_of(recording: Any) -> Path | None:
    """The file, or nothing where the set's layout does not tell which it is or it is not here."""
    if not isinstance(recording, MneRecording):
        return libribrain.sound(recording.path)[0] if libribrain.is_libribrain(recording.path) else None
    told = bids.tell(recording.path)
    if armeni.fits(told):
        run = bids_names.entities(recording.name).get("run", "0")
        return armeni.sound(told, int(run) if run.isdigit() else 0)
    if megmasc.fits(told):
        return megmasc.sound(told)
    return smn4lang.sound(told) if smn4lang.fits(told) else None


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
    from rtalign.recordings.formats.mne_recording import MneRecording

    known = sound_of(part) if isinstance(part, MneRecording) else None
    path = getattr(part, "path", None)
    return known or (_called(Path(path).parent, part.name) if path is not None else None)


def _called(folder: Path, name: str) -> Path | None:
    """A wav of a run's own name."""
    files = (folder / f"{stem}.wav" for stem in (name, name.removesuffix("_meg")))
    return next((file for file in files if file.is_file()), None)
