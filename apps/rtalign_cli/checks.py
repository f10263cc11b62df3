"""What can be known to fail before any work is done: paths, settings against the model, words that are too few."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rtalign_cli.usage import suggestion

if TYPE_CHECKING:
    from rtalign.core.recipe import Recipe


def require_paths(paths: Iterable[Path | None], what: str) -> None:
    """Raise FileNotFoundError for a path that leads nowhere, with the name beside it that is closest."""
    for path in paths:
        if path is not None and not path.exists():
            parent = path.parent
            beside = [entry.name for entry in parent.iterdir()] if parent.is_dir() else []
            raise FileNotFoundError(f"there is no {what} {path}{suggestion(path.name, beside)}")


def require_writable(out: Path) -> None:
    """Raise ValueError where a new folder or file could not be made at a path."""
    parent = next((path for path in out.absolute().parents if path.exists()), Path("/"))
    if not parent.is_dir():
        raise ValueError(f"{out} cannot be made: {parent} is a file; name another place")
    if not os.access(parent, os.W_OK):
        raise ValueError(f"{out} cannot be made: {parent} may not be written; name another place")


def require_folder(folder: Path) -> None:
    """Raise ValueError where a folder could not be made, or written to."""
    require_writable(folder)
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"{folder} is a file; name a folder")
    if folder.is_dir() and not os.access(folder, os.W_OK):
        raise ValueError(f"{folder} may not be written; name another folder")


def layers_note(recipe: Recipe, n_layers: int, asked: bool) -> str:
    """What to say where a model has fewer layers than a recipe wants; empty where it has enough.

    asked : whether the number was given by the user, for whom fewer are an error.
    """
    wanted, used = recipe.language.layers, recipe.language.layer_indices(n_layers)
    if wanted == "all" or "," in wanted or len(used) == int(wanted):
        return ""
    text = f"{wanted} layers were asked for; between 10 % and 90 % of its depth this model has {len(used)}"
    if asked:
        raise ValueError(f"{text}: pass --layers {len(used)}, or --layers all for its {n_layers} hidden states")
    return f"{text}, and all of them are used"


def require_words(recordings: Sequence[Any], recipe: Recipe, needed: int, purpose: str) -> None:
    """Raise ValueError where too few words have their whole epoch inside the recordings."""
    first, last = recipe.lags.seconds[0], recipe.lags.seconds[-1]
    inside = sum(
        r.start <= word.onset + first and word.onset + last <= r.start + r.seconds
        for r in recordings
        for word in r.words
    )
    if inside < needed:
        span = f"from {first:g} to {last:g} s around each"
        raise ValueError(
            f"{inside} of {sum(len(r.words) for r in recordings)} words have signal {span}; {purpose} needs "
            f"{needed} - give longer recordings"
        )
