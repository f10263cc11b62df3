"""Readings: what several contexts have in common is one part of each, and is read once."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from rtalign.language import load
from rtalign.training.prepare import StoredActivations
from rtalign_offline.sweep import tasks
from rtalign_offline.sweep.journal import read_journal
from rtalign_offline.sweep.paths import SweepPaths
from rtalign_offline.sweep.people import load_person, open_person, save_person
from rtalign_offline.sweep.plan import Plan, ReadingKey
from rtalign_offline.sweep.readings import load_reading, parts_of_plan, reading_file, split_readings
from tests.helpers import sweep_processes
from tests.helpers.tiny_models import write_model


@pytest.mark.parametrize("quartiles", [True, False])
def test_contexts_that_read_alike_share_activations(tmp_path: Path, quartiles: bool) -> None:
    write_model(tmp_path / "tiny", "llama", max_position_embeddings=2048)
    sweep_processes.write_person(tmp_path / "ann", seed=1, prefix="run1w", n_words=60)
    who = {"name": "ann", "recordings": [str(tmp_path / "ann_meg.fif")], "word_table": str(tmp_path / "ann_words.tsv")}
    recipe = {"language": {"precision": "bfloat16"}}
    plan = Plan.parse(
        {"people": [who], "models": [{"name": "tiny"}], "contexts": ["growing:60", "growing:900", "window:1"],
         "quartiles": quartiles, "recipe": recipe, "cluster": {"memory": "2GB"}}, tmp_path,
    )  # fmt: skip
    (tmp_path / "plan.json").write_text(plan.model_dump_json())
    paths = SweepPaths(str(tmp_path), str(tmp_path / "cache"), "plan.json")
    people = (str(save_person(plan.people[0], open_person(plan.people[0]), tmp_path / "people")),)
    made = parts_of_plan(paths, people)
    for part in {part for pieces in made.values() for part in pieces}:
        tasks.read_stories(paths, part.key.model_dump(), part.stories, people)
    read = [load_reading(reading_file(paths, made[key.reading][0])) for key in plan.jobs()]
    folders = [paths.cache / "activations" / name for told in read for name in told["stories"].values()]
    assert folders[0] == folders[1] != folders[2]
    assert Counter(e["how"] for e in read_journal(tmp_path / "journal")) == {"computed": 2}
    words = [word.text for word in load_person(Path(people[0]))[1][0].words]
    model = load(plan.models[0].name, precision="bfloat16")
    for folder, key in zip(folders, plan.jobs(), strict=True):
        want = model.encode(words, plan.recipe_for(key.context).language, range(model.info.n_layers))
        kept = StoredActivations.open(folder / "activations.npy")
        assert np.array_equal(kept[:], want.activations)
        assert (folder / "surprisal.npy").exists() == quartiles
        if quartiles:
            assert np.array_equal(kept.select(np.arange(5, 9)).surprisal(), want.surprisal[5:9].astype(float))


def test_parts_hold_every_story_of_a_reading_once(tmp_path: Path) -> None:
    contexts = ["growing:100", "growing:400", "growing:900", "window:3", "window:150"]
    models = [{"name": "a"}, {"name": "b"}, {"name": "a", "untrained": True, "label": "c"}]
    values = {"people": [{"name": "she", "recordings": ["x"]}], "models": models, "contexts": contexts, "seeds": [1, 2]}
    plan, rng = Plan.parse(values, tmp_path), np.random.default_rng(0)
    lengths = {f"story {i}": int(n) for i, n in enumerate(rng.integers(50, 1200, 30))}
    made = split_readings(plan, lengths)
    assert len(made) == len({job.reading for job in plan.jobs()}) == (1 + 1 + 2) * 5
    for key, pieces in made.items():
        assert sorted(story for part in pieces for story in part.stories) == sorted(lengths)
        for part in pieces:
            same = {read_like(lengths[story], part.key) == read_like(lengths[story], key) for story in part.stories}
            assert same == {True}
    every = {part for pieces in made.values() for part in pieces}
    assert len({part.slug for part in every}) == len(every)
    units = Counter(
        (part.key.model, part.key.seed, part.key.context[0], story, read_like(lengths[story], part.key))
        for part in every
        for story in part.stories
    )
    assert set(units.values()) == {1}
    assert any(len(pieces) > 1 for pieces in made.values())


def read_like(n_words: int, key: ReadingKey) -> tuple[tuple[int, int], ...]:
    """For every word of a story, the words that it is read with, told from the recipe's own words alone."""
    kind, number = key.context.split(":")
    size = int(number)
    if kind == "window":
        return tuple((max(i - size, 0), i + 1) for i in range(n_words))
    spans, start = [], 0
    for i in range(n_words):
        if i >= start + size:
            start += size - size // 2
        spans.append((start, i + 1))
    return tuple(spans)
