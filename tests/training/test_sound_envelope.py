"""Loudness around words, and a brain that answers nothing else."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from rtalign.core.progress import Progress
from rtalign.recordings.wav_file import WavFile
from rtalign.training.controls.sound_envelope import find_loudness, loudness_around
from rtalign.training.trainer import train
from tests.helpers.small_world import MemoryRecording, small_recipe, world
from tests.helpers.wav_files import write_wav

RATE = 1000


def test_loudness_is_the_mean_magnitude_of_steps_around_an_onset(tmp_path: Path) -> None:
    sound = np.random.default_rng(0).uniform(-1, 1, 2 * RATE)
    wav = WavFile(write_wav(tmp_path / "a.wav", sound, RATE))
    found = loudness_around(wav, np.array([0.1, 0.8, 1.75]))
    wav.close()
    padded = np.concatenate([np.zeros(RATE), np.abs(sound), np.zeros(RATE)])
    for onset, row in zip((0.1, 0.8, 1.75), found, strict=True):
        begins = [round(RATE * (1 + onset + step / 10)) for step in range(-3, 7)]
        assert row == pytest.approx([padded[at : at + 100].mean() for at in begins], abs=1e-4)


@pytest.mark.parametrize(("second", "says"), [(b"", "no wav of b"), (b"mp3", "b.wav is no wav")])
def test_a_sound_that_is_not_whole_is_left_out_with_the_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], second: bytes, says: str
) -> None:
    write_wav(tmp_path / "a.wav", np.zeros(RATE), RATE)
    if second:
        (tmp_path / "b.wav").write_bytes(second)
    files = [SimpleNamespace(path=tmp_path / f"{n}.fif", name=n, start=0.0, sound_onset=None) for n in "ab"]
    prepared: Any = [SimpleNamespace(recording=file, onsets=np.zeros(2)) for file in files]
    assert find_loudness(prepared, Progress()) is None
    assert f"the sound is not controlled: {says}" in capsys.readouterr().err


def test_layers_that_know_how_loud_a_word_is_keep_no_unique_peak_where_the_wav_is_there(tmp_path: Path) -> None:
    """The brain answers one direction of layer 3; the targets know of that alone, and the sound is as loud."""
    recording, model = world(n_words=750, n_sensors=8, snr=3.0)
    rng = np.random.default_rng(5)
    loud = np.array([model.table[word.text][3, 0] for word in recording.words])
    into = rng.standard_normal((6, 12)) * np.arange(6)[:, None].clip(max=1)
    for word, level in zip(recording.words, loud, strict=True):
        model.table[word.text] = level * into + rng.standard_normal((6, 12))
    sound = np.zeros(round(recording.seconds * RATE))
    for word, level in zip(recording.words, loud, strict=True):
        at = round(word.onset * RATE)
        sound[at : at + 200] = np.clip(0.5 + 0.12 * level, 0, 1)
    write_wav(tmp_path / "with" / "world-0.wav", sound, RATE)
    without, with_sound = (summarise(tmp_path / name, recording, model) for name in ("without", "with"))
    assert peaks(without["controls"]["nuisances"]) == [1, 2, 3, 4, 5]
    assert peaks(with_sound["controls"]["nuisances"]) == []
    assert with_sound["controls"]["nuisances"]["groups"]["envelope"] == 10
    assert ("the sound itself (its envelope)" in without["not_controlled"]) is True
    assert ("the sound itself (its envelope)" in with_sound["not_controlled"]) is False


def summarise(folder: Path, recording: MemoryRecording, model: Any) -> dict[str, Any]:
    file = MemoryRecording(recording.data, recording.words, name=recording.name)
    file.path, file.sound_onset = folder / "world-0.fif", 0.0  # type: ignore[attr-defined]  # as that of a file
    recipe = small_recipe().with_settings("lags", step_s=0.1)
    return train([file], model, recipe, folder / "bank", store=folder / "store", controls=["nuisances"])


def peaks(ladder: dict[str, Any]) -> list[int]:
    return [layer["index"] for layer in ladder["layers"] if layer["peak_r"] > layer["null_r"]]
