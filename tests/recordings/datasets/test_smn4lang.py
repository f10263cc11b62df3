"""The stories of SMN4Lang begin with their trigger, or where their sound ends."""

from __future__ import annotations

import wave
from pathlib import Path

import pytest

from rtalign.recordings import open_recordings
from tests.helpers.dataset_folders import smn_story, texts


def test_stories_begin_with_their_trigger(tmp_path: Path) -> None:
    smn_story(tmp_path)
    (found,) = open_recordings(tmp_path, run="3")
    assert texts(found) == ["小", "王子", "，"]
    assert [w.onset for w in found.words] == pytest.approx([1.25, 1.85, 2.75])
    assert [w.duration for w in found.words] == pytest.approx([0.5, 0.4, 0.5])
    assert "the sound began at 1.250 s, by its trigger" in found.notes


def test_without_a_trigger_the_end_of_the_sound_is_used(tmp_path: Path) -> None:
    smn_story(tmp_path, kinds=["End"])
    smn_story(tmp_path, run=4)
    assert [r.name[-1] for r in open_recordings(tmp_path)] == ["4"]
    sound = tmp_path / "stimuli" / "audio" / "story_3.wav"
    sound.parent.mkdir(parents=True)
    with wave.open(str(sound), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(1000)
        file.writeframes(bytes(2 * 3500))
    found = open_recordings(tmp_path, run="3")
    assert found[0].words[0].onset == pytest.approx(1.25)
    assert "no trigger of the sound's beginning: it ended at 4.750 s, 3.50 s long" in found[0].notes
    sound.write_bytes(b"RIFF")
    with pytest.raises(ValueError, match=r"story_3.wav is no wav: .*; save it as a wav"):
        open_recordings(tmp_path, run="3")


def test_a_broken_table_of_words_is_one_line(tmp_path: Path) -> None:
    smn_story(tmp_path)
    (table,) = tmp_path.rglob("*.mat")
    table.write_bytes(table.read_bytes()[:200])
    with pytest.raises(ValueError, match=r"story_3_word_time.mat is no table of start, end and word: .*; copy"):
        open_recordings(tmp_path)
