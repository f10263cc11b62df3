"""What a sweep writes of people is what their recordings say, and a cache knows everything that chooses words."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from rtalign.core.recipe import Recipe
from rtalign.core.records import BadStretch, Word
from rtalign_offline.sweep.people import RecordingHeader, load_person, moments_key, save_person, words_folder
from rtalign_offline.sweep.plan import Person
from tests.helpers.small_world import MemoryRecording

CONTENT = Recipe().with_settings("words", which="content")


def header(folder: Path, *tags: str | None) -> RecordingHeader:
    words = tuple(Word(i, f"w{i}", 0.1 * i, None, tag) for i, tag in enumerate(tags))
    recording = MemoryRecording(np.ones((100, 3)), words, name="a")
    recording.bad_stretches = (BadStretch(0.1, 0.2, "door"),)
    who = Person(name="ann", recordings=(str(folder / "a"),))
    return load_person(save_person(who, [recording], folder))[1][0]


def test_parts_of_speech_and_bad_stretches_reach_the_workers(tmp_path: Path) -> None:
    read = header(tmp_path, "NOUN", "DET", None)
    assert [word.pos for word in read.words] == ["NOUN", "DET", None]
    assert read.bad_stretches == (BadStretch(0.1, 0.2, "door"),)


def test_other_parts_of_speech_are_other_words_in_the_cache(tmp_path: Path) -> None:
    one, other = header(tmp_path, "NOUN", "DET"), header(tmp_path, "DET", "NOUN")
    assert one.fingerprint() == other.fingerprint()
    assert one.story != other.story
    assert words_folder(one, CONTENT, tmp_path) != words_folder(other, CONTENT, tmp_path)
    assert moments_key([one], CONTENT) != moments_key([other], CONTENT)
    assert words_folder(one, Recipe(), tmp_path) == words_folder(other, Recipe(), tmp_path)
    plain = replace(one, words=tuple(replace(word, pos=None) for word in one.words))
    assert plain.tags == []
