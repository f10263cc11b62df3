"""Words are found where they were spoken: espeak-ng speaks, and knows when.  Without it or pocketsphinx: skipped."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from rtalign.core.records import Word
from rtalign.recordings.word_tables import read_words
from rtalign_cli import main
from rtalign_offline.forced_alignment import align_story, write_word_table
from rtalign_offline.forced_alignment.pronunciation import guess_phones, story_words
from tests.helpers.espeak import Speech, espeak, speak
from tests.helpers.wav_files import write_wav

STORY = (
    "There were nineteen of them. They stood on posts of black oak, each a little taller than a man, and they marked "
    "the one path over the sands that could be trusted. In 1923, Winifred's handbell was lost."
)
OTHER = (
    "My mother had gone to work in a hospital across the country, my father was a name on a photograph, and it had "
    "been settled in letters that I never saw. She took me in without a word about it, and gave me the room above."
)
DICTIONARY = {"foot": "F UH T", "paths": "P AE TH S", "lamp": "L AE M P", "keeper": "K IY P ER", "box": "B AA K S"}


@pytest.mark.parametrize(
    ("word", "phones"),
    [
        ("footpaths", "F UH T P AE TH S"),
        ("lamp's", "L AE M P S"),
        ("keeper's", "K IY P ER Z"),
        ("box's", "B AA K S IH Z"),
        ("plight", "P L AY T"),
        ("vuffle", "V AH F L"),
    ],
)
def test_a_word_that_the_dictionary_lacks_is_taken_by_its_parts_or_letters(word: str, phones: str) -> None:
    assert guess_phones(word, DICTIONARY.get) == phones


def test_words_stay_as_printed_and_are_said_as_they_are_read_aloud() -> None:
    words = list(story_words("“Café,” he—she—said … & II. 42nd of Box-Hill's"))
    assert [word.text for word in words] == ["“Café,”", "he—", "she—", "said", "&", "II.", "42nd", "of", "Box-Hill's"]
    assert [word.spoken for word in words][:6] == [("cafe",), ("he",), ("she",), ("said",), ("and",), ("two",)]
    assert [word.spoken for word in words][6:] == [("forty", "second"), ("of",), ("box", "hill's")]
    with pytest.raises(ValueError, match="'сказал' is not English"):
        list(story_words("he сказал"))


def test_a_table_of_words_is_read_as_it_was_written(tmp_path: Path) -> None:
    words = [Word(0, '"What', 0.5, 0.25), Word(1, "is", 0.75, 0.1), Word(2, 'it?"', 1.0, 0.2)]
    write_word_table(tmp_path / "words.tsv", words)
    read, notes = read_words(tmp_path / "words.tsv")
    assert (read, notes) == (words, [])


def test_without_pocketsphinx_one_line_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "pocketsphinx", None)
    write_wav(tmp_path / "story.wav", np.ones(8000))
    (tmp_path / "story.txt").write_text(STORY)
    command = ["words", "align", str(tmp_path / "story.wav"), str(tmp_path / "story.txt")]
    assert main.main([*command, "--out", str(tmp_path / "words.tsv"), "--quiet"]) == 1
    line = "rtalign words: pocketsphinx is not installed; pip install 'rtalign[align]'\n"
    assert capsys.readouterr().err == line


@pytest.fixture(scope="module")
def spoken() -> Speech:
    pytest.importorskip("pocketsphinx", reason="the optional extra rtalign[align] is not installed")
    if espeak() is None:
        pytest.skip("espeak-ng, which speaks the story, is not installed")
    return speak(STORY)


def story_wav(folder: Path, samples: np.ndarray, rate: int) -> Path:
    return write_wav(folder / "story.wav", samples / 2**15, rate)


def test_words_are_found_where_they_were_spoken(
    spoken: Speech, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sound = story_wav(tmp_path, spoken.samples, spoken.rate)
    (tmp_path / "story.txt").write_text(STORY)
    out = tmp_path / "words.tsv"
    command = ["words", "align", str(sound), str(tmp_path / "story.txt"), "--out", str(out), "--json", "--quiet"]
    assert main.main(command) == 0
    printed = json.loads(capsys.readouterr().out)
    words, notes = read_words(out)
    assert [word.text for word in words] == STORY.split()
    assert (printed["words"], notes) == (len(words), [])
    assert printed["notes"] == ["not in the dictionary, taken by parts or letters: 2 (handbell, winifred's)"]
    places = np.cumsum([0, *(len(text) + 1 for text in STORY.split())])
    known = [(word.onset, spoken.onsets[at]) for word, at in zip(words, places, strict=False) if at in spoken.onsets]
    errors = np.abs(np.subtract(*np.array(known).T))
    assert len(known) > 30
    assert np.median(errors) < 0.02
    assert np.quantile(errors, 0.95) < 0.08
    assert main.main(command) == 1, "a table is not overwritten"


def test_sound_that_does_not_follow_the_text_is_refused(spoken: Speech, tmp_path: Path) -> None:
    sound = story_wav(tmp_path, spoken.samples, spoken.rate)
    with pytest.raises(ValueError, match=r"from 0:00 to 0:1\d the sound does not follow the text \(My mother had gone"):
        align_story(sound, OTHER)


def test_sound_without_words_and_words_without_sound_are_told(spoken: Speech, tmp_path: Path) -> None:
    sound = story_wav(tmp_path, spoken.samples, spoken.rate)
    story = align_story(sound, STORY.replace("and they marked the one path over the sands ", ""))
    assert [word.text for word in story.words] == STORY.replace(
        "and they marked the one path over the sands ", ""
    ).split()
    assert any("s of sound have no words in the text (at 0:0" in note for note in story.notes)
    half = story_wav(tmp_path, spoken.samples[: len(spoken.samples) // 2], spoken.rate)
    story = align_story(half, STORY)
    assert 10 < len(story.words) < 30
    assert any(note.startswith("the sound ends before the text: ") for note in story.notes)
