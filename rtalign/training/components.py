"""The principal components of the stories that a model read: fitted once for all who heard them, and kept in the store.

Why all chosen words of a story, those too that a person's signal lacks: which words can be used differs between people
who heard the same story, its text does not.  Components of each fold's own training words are found in this basis.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from threadpoolctl import threadpool_info

from rtalign.core.recipe import Recipe, WordRecipe
from rtalign.core.records import Word
from rtalign.core.storage import cache
from rtalign.core.storage.tensorfile import load_tensors, save_tensors
from rtalign.decoding.projection import Projection, fit_projection
from rtalign.recordings.usable_words import chosen_words

if TYPE_CHECKING:
    from rtalign.training.prepare import PreparedRecording, StoredActivations

FILE = "components.safetensors"
ARRAYS = ("mean", "basis", "variance")


class ReadStory(NamedTuple):
    """The words of a story, and a model's activations of them."""

    words: Sequence[Word]
    activations: StoredActivations


def stories_of(prepared: Iterable[PreparedRecording]) -> list[ReadStory]:
    """The stories of some recordings."""
    return [ReadStory(one.recording.words, one.activations) for one in prepared]


def fit_wide_basis(
    stories: Iterable[ReadStory], recipe: Recipe, device: str = "cpu", store: Path | None = None
) -> Projection:
    """Fit the wide basis to the chosen words of stories, or read it where it was fitted before.

    Parameters
    ----------
    stories : iterable of ReadStory
        In any order; each counts once.
    recipe : Recipe
        Its components and its choice of words are used.
    device : str
        "cpu", or a device of torch.
    store : Path, optional
        The cache folder; without it nothing is kept.

    Returns
    -------
    Projection
        The same, to the last bit, whether it was fitted now or before.
    """
    if store is None:
        return fit_projection(_chosen_parts(stories, recipe.words), recipe.language.components, device)
    kept = KeptBasis.of(stories, recipe, device, store)
    if not kept.is_there:
        kept.fit()
    return load_basis(kept.folder)


@dataclass(frozen=True, slots=True, eq=False)
class KeptBasis:
    """The wide basis of some stories in the cache, whether it is there or not.

    Attributes
    ----------
    folder : Path
        Where it is, or will be; its name holds a key of everything that the basis depends on.
    parts : sequence of StoredActivations
        Of the chosen words, story by story.
    components : int
        Targets of each layer.
    device : str
        "cpu", or a device of torch.
    """

    folder: Path
    parts: Sequence[StoredActivations]
    components: int
    device: str

    @classmethod
    def of(cls, stories: Iterable[ReadStory], recipe: Recipe, device: str, store: Path) -> KeptBasis:
        """The arguments are those of `fit_wide_basis`."""
        parts, components = _chosen_parts(stories, recipe.words), recipe.language.components
        read = [part for one in parts for part in (one.path.parent.name, one.rows.tolist())]
        # The order in which a product is summed depends on the threads that share it.
        threads = max((pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"), default=1)
        key = cache.content_key("1", components, device, threads, *read)
        return cls(store / "components" / key[:24], parts, components, device)

    @property
    def is_there(self) -> bool:
        """Whether it was fitted before."""
        return cache.is_stored(self.folder)

    def fit(self) -> None:
        """Fit it, and keep it."""
        projection = fit_projection(self.parts, self.components, self.device)
        arrays = {name: getattr(projection, name) for name in ARRAYS}
        with cache.stored_folder(self.folder) as partial:
            save_tensors(partial / FILE, arrays | {"components": np.array([projection.components])})


def load_basis(folder: Path) -> Projection:
    """Read a basis that was kept; ValueError where it is not there as it was written."""
    if not cache.is_stored(folder):
        raise ValueError(f"{folder} is missing or was damaged; the same command again makes it anew")
    found = load_tensors(folder / FILE)
    mean, basis, variance = (found[name] for name in ARRAYS)
    return Projection(mean, basis, variance, int(found["components"][0]))


def _chosen_parts(stories: Iterable[ReadStory], recipe: WordRecipe) -> list[StoredActivations]:
    """The activations of the chosen words of each story, in an order that no person's recordings have a part in."""
    parts: dict[str, StoredActivations] = {}
    for words, activations in stories:
        chosen = np.flatnonzero(chosen_words(words, recipe))
        key = cache.content_key([word.text for word in words], chosen.tolist())
        parts.setdefault(key, activations.select(chosen))
    if (n_words := sum(len(part) for part in parts.values())) < 2:
        raise ValueError(f"{n_words} words of the stories are chosen; principal components take two")
    return [parts[key] for key in sorted(parts)]
