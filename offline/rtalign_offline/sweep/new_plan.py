"""The shortest plan that a sweep runs: who, which models, which contexts."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from rtalign_offline.sweep.plan import NOT_IN_NAMES, Plan


def plan_of_three_lines(recordings: Sequence[Path], models: Sequence[str], contexts: Sequence[str], file: Path) -> str:
    """Write the plan of a sweep as text.

    Parameters
    ----------
    recordings : sequence of Path
        Recordings; each is a person, and each subject of a BIDS folder is one.
    models : sequence of str
        Names of language models.
    contexts : sequence of str
        growing:N or window:K, each.
    file : Path
        Where the plan will be, as its paths count from there.

    Returns
    -------
    str
        TOML of three lines; ValueError where it would be no valid plan.
    """
    people = [person for path in recordings for person in _people(path, file.absolute().parent)]
    content: dict[str, Any] = {"people": people, "models": [{"name": name} for name in models], "contexts": contexts}
    Plan.parse(dict(content), file.absolute().parent)
    lines = {
        "people": _listed(_table(person) for person in people),
        "models": _listed(_table(model) for model in content["models"]),
        "contexts": json.dumps(list(contexts)),
    }
    return "".join(f"{name} = {text}\n" for name, text in lines.items())


def _people(path: Path, base: Path) -> list[dict[str, Any]]:
    """One person for each subject of a folder, or one for the whole."""
    place = [os.path.relpath(path, base)]
    subjects = sorted(entry.name.removeprefix("sub-") for entry in path.glob("sub-*") if entry.is_dir())
    if len(subjects) > 1:
        return [{"name": f"sub-{subject}", "recordings": place, "subject": subject} for subject in subjects]
    name = NOT_IN_NAMES.sub("-", path.resolve().name.split(".")[0]).strip("-.+") or "person"
    return [{"name": name[:64], "recordings": place}]


def _table(entry: dict[str, Any]) -> str:
    return "{" + ", ".join(f"{key} = {json.dumps(value)}" for key, value in entry.items()) + "}"


def _listed(entries: Iterable[str]) -> str:
    return "[" + ", ".join(entries) + "]"
