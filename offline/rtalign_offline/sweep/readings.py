"""Which stories each model reads in which context, split into parts so that none is read twice."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from rtalign.core.recipe import Recipe
from rtalign.core.storage import cache
from rtalign.language import shortest_equivalent
from rtalign.language.loading import ModelName, parse_model_name
from rtalign_offline.sweep.paths import SweepPaths, load_plan
from rtalign_offline.sweep.people import stories_of
from rtalign_offline.sweep.plan import Plan, PlannedModel, ReadingKey


@dataclass(frozen=True, slots=True)
class ReadingPart:
    """Stories that some readings of a plan have in common; no other part holds them as read in the same way.

    key : the first of those readings; every one of them reads these stories alike.
    """

    key: ReadingKey
    stories: tuple[str, ...]

    @property
    def slug(self) -> str:
        return f"{self.key.slug}-{cache.content_key(*self.stories)[:8]}"


def split_readings(plan: Plan, lengths: Mapping[str, int]) -> dict[ReadingKey, tuple[ReadingPart, ...]]:
    """The parts of each reading of a plan.  lengths : words of every story.

    Each part is made by one task, so nothing is read twice, however many tasks run at the same moment.
    """
    readers: dict[tuple[ModelName, str, str], dict[ReadingKey, None]] = {}
    for key in dict.fromkeys(job.reading for job in plan.jobs()):
        weights = _weights(plan.model(key.model), key.seed)
        for story, n_words in lengths.items():
            context = shortest_recipe(plan.recipe_for(key.context), n_words).language.context
            readers.setdefault((weights, context, story), {})[key] = None
    shared: dict[tuple[ReadingKey, ...], list[str]] = {}
    for (_, _, story), keys in readers.items():
        shared.setdefault(tuple(keys), []).append(story)
    parts: dict[ReadingKey, tuple[ReadingPart, ...]] = {}
    for keys_alike, stories in shared.items():
        for key in keys_alike:
            parts[key] = (*parts.get(key, ()), ReadingPart(keys_alike[0], tuple(stories)))
    return parts


def parts_of_plan(paths: SweepPaths, people: Iterable[str]) -> dict[ReadingKey, tuple[ReadingPart, ...]]:
    """The parts of each reading of a sweep.  people : files that `people.save_person` wrote."""
    return split_readings(load_plan(paths), {story: len(r.words) for story, r in stories_of(people).items()})


def shortest_recipe(recipe: Recipe, n_words: int) -> Recipe:
    """The recipe with the shortest context that reads a story of so many words in the same way."""
    return recipe.with_settings("language", context=shortest_equivalent(recipe.language, n_words).context)


def _weights(model: PlannedModel, seed: int) -> ModelName:
    """Which weights read, whatever the plan calls them."""
    name = parse_model_name(model.name)
    if model.untrained:
        name = replace(name, variant="untrained", seed=seed)
    return name if name.variant == "random" else replace(name, base=str(Path(name.base).resolve()))


def reading_file(paths: SweepPaths, part: ReadingPart) -> Path:
    """The file that describes a part once it has been read: the model, its layers, the activations of each story."""
    plan = load_plan(paths)
    model, recipe = plan.model(part.key.model), plan.recipe_for(part.key.context)
    weights = (_file_stamp(model.name), model.untrained, part.key.seed)
    depends_on = (*weights, recipe.fingerprint("language"), plan.quartiles, sorted(part.stories))
    return paths.home / "readings" / f"{part.key.slug}-{cache.content_key('reading-2', *depends_on)[:12]}.json"


def load_reading(path: Path) -> dict[str, Any]:
    """The description of a part."""
    return _load_json(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=16)
def _load_json(path: Path, _changed_ns: int) -> dict[str, Any]:
    entry: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return entry


def merge_readings(paths: Iterable[str]) -> dict[str, Any]:
    """The description of a whole reading, from those of its parts."""
    parts = [load_reading(Path(path)) for path in paths]
    return parts[0] | {"stories": {story: folder for part in parts for story, folder in part["stories"].items()}}


def delete_activations(paths: SweepPaths, reading: str) -> None:
    """Delete the activations of a part; its description stays."""
    for name in load_reading(Path(reading))["stories"].values():
        shutil.rmtree(paths.cache / "activations" / name, ignore_errors=True)


def _file_stamp(name: str) -> object:
    """What changes when the files of a model in a folder change; any other name stands for itself."""
    asked = parse_model_name(name)
    path = Path(asked.base)
    if asked.variant == "random" or not path.exists():
        return name
    files = sorted(p for p in path.iterdir() if p.is_file()) if path.is_dir() else [path]
    return name, [(str(p), p.stat().st_size, p.stat().st_mtime_ns) for p in files]
