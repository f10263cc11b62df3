"""Which stories a sweep's models read, cut so that what several readings have in common is one part of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from rtalign.core import cache
from rtalign.core.recipe import Recipe
from rtalign.language import shortest_equivalent
from rtalign.language.loading import ModelName, parse_model_name
from rtalign_offline.sweep.plan import Model, Plan, ReadingKey


@dataclass(frozen=True, slots=True)
class Part:
    """Stories that some readings of a plan have in common, and that no other part holds as read in this way.

    key : the first of those readings; any of them reads these stories alike.
    """

    key: ReadingKey
    stories: tuple[str, ...]

    @property
    def slug(self) -> str:
        return f"{self.key.slug}-{cache.content_key(*self.stories)[:8]}"


def parts(plan: Plan, lengths: Mapping[str, int]) -> dict[ReadingKey, tuple[Part, ...]]:
    """What each reading of a plan is put together from.  lengths : words of every story.

    A part is made by one task, so nothing is read twice, however many tasks run at the same moment.
    """
    asking: dict[tuple[ModelName, str, str], dict[ReadingKey, None]] = {}
    for key in dict.fromkeys(job.reading for job in plan.jobs()):
        weights = _weights(plan.model(key.model), key.seed)
        for story, n_words in lengths.items():
            context = as_read(plan.recipe_for(key.context), n_words).language.context
            asking.setdefault((weights, context, story), {})[key] = None
    together: dict[tuple[ReadingKey, ...], list[str]] = {}
    for (_, _, story), keys in asking.items():
        together.setdefault(tuple(keys), []).append(story)
    found: dict[ReadingKey, tuple[Part, ...]] = {}
    for alike, stories in together.items():
        for key in alike:
            found[key] = (*found.get(key, ()), Part(alike[0], tuple(stories)))
    return found


def as_read(recipe: Recipe, n_words: int) -> Recipe:
    """The recipe with the shortest context that reads a story of so many words in the same way."""
    return recipe.with_settings("language", context=shortest_equivalent(recipe.language, n_words).context)


def _weights(model: Model, seed: int) -> ModelName:
    """Which weights read, whatever the plan calls them."""
    name = parse_model_name(model.name)
    if model.untrained:
        name = replace(name, variant="untrained", seed=seed)
    return name if name.variant == "random" else replace(name, base=str(Path(name.base).resolve()))
