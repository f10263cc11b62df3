"""The wav that was played in a recording, where its data set or its folder holds it."""

from __future__ import annotations

from pathlib import Path

from rtalign.recordings.concatenated import ConcatenatedRecording
from rtalign.recordings.datasets.registry import data_set_of, describe_file
from rtalign.recordings.file_recording import FileRecording
from rtalign.recordings.wav_file import Sound


def wav_of(recording: FileRecording) -> Path | None:
    """Return the wav of a recording, as its data set keeps it.

    Parameters
    ----------
    recording : FileRecording
        From `open_recordings`.

    Returns
    -------
    Path or None
        None where its data set does not say which it is, or it is not here.
    """
    file = describe_file(recording.path)
    data_set = data_set_of(file)
    return None if data_set is None else data_set.wav(file, recording.name)


def sounds_of(recording: ConcatenatedRecording[FileRecording], source: Path | None = None) -> tuple[Sound, ...]:
    """Return the wav of each run that has one.

    Parameters
    ----------
    recording : ConcatenatedRecording
        The runs, one after the other.
    source : Path, optional
        A wav, or a folder of wavs named as the runs; by default, where the data set keeps them, or next to the file.

    Returns
    -------
    tuple of Sound
        In order of time.  A sound begins at the run's `sound_onset`, or with its first sample where that is unknown.
    """
    parts = recording.parts
    if source is not None and not source.is_dir() and len(parts) > 1:
        raise ValueError(
            f"{source.name} is one wav, and there are {len(parts)} runs; choose one with --run, or name a folder"
        )
    found = [(k, sound_of(part, source)) for k, part in enumerate(parts)]
    return tuple(Sound(one.file, recording.to_common_time(k, one.start)) for k, one in found if one is not None)


def sound_of(part: FileRecording, source: Path | None = None) -> Sound | None:
    """Return the wav of one run, in the time of the run, found as by `sounds_of`; None where it has none."""
    file = _wav(part, source)
    return None if file is None else Sound(str(file), part.start if part.sound_onset is None else part.sound_onset)


def _wav(part: FileRecording, source: Path | None) -> Path | None:
    if source is None:
        return wav_of(part) or _named_as(part.path.parent, part.name)
    return _named_as(source, part.name) if source.is_dir() else source


def _named_as(folder: Path, name: str) -> Path | None:
    """A wav with the name of a run."""
    files = (folder / f"{stem}.wav" for stem in (name, name.removesuffix("_meg")))
    return next((file for file in files if file.is_file()), None)
