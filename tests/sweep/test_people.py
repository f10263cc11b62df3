"""What a sweep writes of people is what their recordings say, and a cache knows everything that chooses words."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from rtalign.core.progress import Progress
from rtalign.core.recipe import Recipe
from rtalign.core.records import BadStretch, Word
from rtalign_offline.sweep.paths import SweepPaths
from rtalign_offline.sweep.people import RecordingHeader, load_person, moments_key, save_person, words_folder
from rtalign_offline.sweep.plan import Person, Plan
from rtalign_offline.sweep.run import SweepOutcome, _save_people
from tests.helpers import sweep_processes
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


def test_a_sweep_of_content_words_needs_a_tagger_only_where_tables_have_no_parts_of_speech(tmp_path: Path) -> None:
    sweep_processes.write_person(tmp_path / "ann", seed=1, prefix="w", n_words=20)
    table = tmp_path / "ann_words.tsv"
    for column, n_failed in ((("", ""), 1), (("\tpos", "\tNOUN"), 0)):
        lines = table.read_text().splitlines()
        table.write_text("".join(f"{line}{column[i > 0]}\n" for i, line in enumerate(lines)))
        who = {"name": "ann", "recordings": [str(tmp_path / "ann_meg.fif")], "word_table": str(table)}
        recipe = {"words": {"which": "content", "tagger": "no_such_pipeline"}}
        plan = Plan.parse(
            {"people": [who], "models": [{"name": "smollm2"}], "contexts": ["window:1"], "recipe": recipe}, tmp_path
        )
        outcome = SweepOutcome()
        people = _save_people(
            plan, SweepPaths(str(tmp_path), str(tmp_path), "plan.json"), outcome, Progress(quiet=True)
        )
        assert len(outcome.failures) == n_failed
        assert len(people) == 1 - n_failed
    ((header,),) = (load_person(Path(file))[1] for file in people.values())
    assert {word.pos for word in header.words} == {"NOUN"}


def test_other_parts_of_speech_are_other_words_in_the_cache(tmp_path: Path) -> None:
    one, other = header(tmp_path, "NOUN", "DET"), header(tmp_path, "DET", "NOUN")
    assert one.fingerprint() == other.fingerprint()
    assert one.story != other.story
    assert words_folder(one, CONTENT, tmp_path) != words_folder(other, CONTENT, tmp_path)
    assert moments_key([one], CONTENT) != moments_key([other], CONTENT)
    assert words_folder(one, Recipe(), tmp_path) == words_folder(other, Recipe(), tmp_path)
    plain = replace(one, words=tuple(replace(word, pos=None) for word in one.words))
    assert plain.tags == []
