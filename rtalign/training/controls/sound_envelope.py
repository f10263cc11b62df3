"""How loud the sound is around each word, where the wav that was played is there."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import cast

import numpy as np

from rtalign.core.progress import Progress
from rtalign.core.records import Recording
from rtalign.recordings.datasets.sounds import sound_of
from rtalign.recordings.file_recording import FileRecording
from rtalign.recordings.wav_file import WavFile
from rtalign.training.prepare import PreparedRecording

FIRST_S, STEP_S, N_STEPS = -0.3, 0.1, 10
"""When the first of the steps around an onset begins, how long each is, and how many there are."""


def find_loudness(prepared: Sequence[PreparedRecording], progress: Progress) -> np.ndarray | None:
    """Loudness around each word in use, of all recordings in order.

    Parameters
    ----------
    prepared : sequence of PreparedRecording
        The recordings; each is taken to begin its wav at its `sound_onset`, or with its first sample.
    progress : Progress
        Says which recordings lack a wav, where others have one, and which wav cannot be read.

    Returns
    -------
    ndarray, shape (word, step), or None
        None unless every recording has its wav.
    """
    try:
        found = [_of_recording(one.recording, one.onsets) for one in prepared]
    except ValueError as error:  # the training does not hang on it
        progress.say(f"the sound is not controlled: {error}")
        return None
    known = [own for own in found if own is not None]
    if len(known) == len(found):
        return np.concatenate(known)
    if known:
        lacking = ", ".join(one.recording.name for one, own in zip(prepared, found, strict=True) if own is None)
        progress.say(f"the sound is not controlled: no wav of {lacking}")
    return None


def _of_recording(recording: Recording, onsets: np.ndarray) -> np.ndarray | None:
    """(word, step), or None where there is no wav; only files have one."""
    sound = sound_of(cast(FileRecording, recording)) if hasattr(recording, "sound_onset") else None
    if sound is None:
        return None
    wav = WavFile(Path(sound.file))
    try:
        return loudness_around(wav, onsets - sound.start)
    finally:
        wav.close()


def loudness_around(wav: WavFile, onsets: np.ndarray) -> np.ndarray:
    """(word, step): mean magnitude of the sound in each step around onsets (word,), in seconds of the sound."""
    step = round(STEP_S * wav.rate)
    first = np.round((onsets + FIRST_S) * wav.rate).astype(int)
    around = [np.abs(wav.read(int(at), N_STEPS * step)).reshape(N_STEPS, step).mean(1) for at in first]
    return np.array(around, np.float64).reshape(len(onsets), N_STEPS)
