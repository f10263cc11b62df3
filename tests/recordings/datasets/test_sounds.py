"""Which sound belongs to which part of a recording."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rtalign.recordings import ConcatenatedRecording, FileRecording, Sound, open_recordings
from rtalign.recordings.datasets import sounds_of
from tests.helpers.fif_files import run_file
from tests.helpers.wav_files import write_wav


@pytest.fixture
def runs(tmp_path: Path) -> list[FileRecording]:
    for run in (1, 2):
        run_file(tmp_path / "data", run)
    return open_recordings(tmp_path / "data")


def test_every_run_has_its_own_sound_and_offset(runs: list[FileRecording], tmp_path: Path) -> None:
    for run in runs:
        write_wav(tmp_path / f"{run.name}.wav", np.zeros(10))
    runs[1].sound_onset = runs[1].start + 0.25
    both = ConcatenatedRecording(runs)
    first, second = sounds_of(both, tmp_path)
    assert (Path(first.file).stem, Path(second.file).stem) == (runs[0].name, runs[1].name)
    assert first.start == 0.0
    assert second.start == pytest.approx(both.stories[1][0].onset - runs[1].words[0].onset + 0.25)


def test_one_wav_for_two_runs_is_refused_with_its_fix(runs: list[FileRecording], tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="2 runs; choose one with --run"):
        sounds_of(ConcatenatedRecording(runs), tmp_path / "a.wav")
    sounds = sounds_of(ConcatenatedRecording(runs[:1]), tmp_path / "a.wav")
    assert sounds == (Sound(str(tmp_path / "a.wav"), 0.0),)
    assert sounds_of(ConcatenatedRecording(runs)) == ()


def test_a_wav_named_as_the_recording_is_found(runs: list[FileRecording]) -> None:
    first = runs[0]
    wav = write_wav(first.path.with_name(f"{first.name}.wav"), np.zeros(10))
    assert [Path(sound.file) for sound in sounds_of(ConcatenatedRecording(runs))] == [wav]
    first.name = f"{first.name}_meg"
    assert [Path(sound.file) for sound in sounds_of(ConcatenatedRecording([first]))] == [wav]
