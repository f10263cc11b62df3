"""Which sound belongs to which part of a recording."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rtalign.recordings.concatenated import Joined
from rtalign.recordings.datasets.sounds import sounds_of
from rtalign.recordings.wav_file import Sound
from tests.helpers.small_world import MemoryRecording, world
from tests.helpers.wav_files import write_wav


def test_every_run_has_its_own_sound_and_offset(tmp_path: Path) -> None:
    parts = [world(n_words=20, seed=seed, prefix=f"p{seed}-")[0] for seed in (1, 2)]
    for part, name in zip(parts, ("one", "two"), strict=True):
        part.name = name
        write_wav(tmp_path / f"{name}.wav", np.zeros(10))
    parts[1].sound_s = parts[1].start + 3.0  # type: ignore[attr-defined]
    both = Joined(parts)
    first, second = sounds_of(both, tmp_path)
    assert (Path(first.file).name, Path(second.file).name) == ("one.wav", "two.wav")
    assert first.start == 0.0
    assert second.start == pytest.approx(both.stories[1][0].onset - parts[1].words[0].onset + 3.0 + parts[1].start)


def test_one_wav_for_two_runs_is_refused_with_its_fix(tmp_path: Path) -> None:
    parts = [world(n_words=20, seed=seed, prefix=f"p{seed}-")[0] for seed in (1, 2)]
    with pytest.raises(ValueError, match="2 runs; choose one with --run"):
        sounds_of(Joined(parts), tmp_path / "a.wav")
    assert sounds_of(Joined(parts[:1]), tmp_path / "a.wav") == (Sound(str(tmp_path / "a.wav"), 0.0),)
    assert sounds_of(Joined(parts)) == ()


def test_a_wav_of_the_recordings_name_beside_it_is_found(tmp_path: Path) -> None:
    part: MemoryRecording = world(n_words=20, seed=1)[0]
    part.path, part.name = tmp_path / "story_meg.fif", "story_meg"  # type: ignore[attr-defined]
    assert sounds_of(Joined([part])) == ()
    write_wav(tmp_path / "story.wav", np.zeros(10))
    assert [Path(sound.file).name for sound in sounds_of(Joined([part]))] == ["story.wav"]
