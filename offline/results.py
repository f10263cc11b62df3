"""What a run leaves in its folder: summary, curves, recipe, passport, report."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from offline.machine import peak_rss_mb
from offline.progress import Progress
from rtalign import cache, report, summary
from rtalign.curves import Curves, assess
from rtalign.recipe import Recipe

STAGES = {"language": ("language model",), "signal": ("signal",), "fit": ("targets", "decoders", "scores")}


@contextmanager
def new_folder(out: Path) -> Iterator[Path]:
    """A folder that appears at `out` whole or not at all; what stood there goes only when its successor is ready."""
    with cache.atomic_folder(out) as partial:
        yield partial
        if out.is_dir():
            shutil.rmtree(out)


def write_results(
    folder: Path,
    kind: str,
    passport: Mapping[str, Any],
    recipe: Recipe,
    skipped: Mapping[str, int],
    curves: Curves,
    progress: Progress,
    **extra: Any,
) -> dict[str, Any]:
    """Write everything but the bank itself; returns the summary."""
    findings = assess(curves)
    model = {name: passport["model"][name] for name in ("id", "family", "n_layers", "revision")}
    n_words = int(passport["n_words"])
    notes = [f"{entry['name']}: {note}" for entry in passport["recordings"] for note in entry["notes"]]
    contents = summary.summary(
        kind, model, recipe.language.context, n_words, skipped, findings, _seconds(progress),
        peak_rss_mb(), notes=notes, **extra,
    )  # fmt: skip
    (folder / "recipe.toml").write_text(recipe.to_toml(), encoding="utf-8")
    (folder / "passport.json").write_text(json.dumps(passport, indent=1), encoding="utf-8")
    summary.write_curves_csv(folder / "curves.csv", findings)
    summary.write_summary(folder / "summary.json", contents)
    report.write(folder)
    return contents


def _seconds(progress: Progress) -> dict[str, float]:
    spent = {name: sum(progress.seconds.get(part, 0.0) for part in parts) for name, parts in STAGES.items()}
    return spent | {"total": progress.elapsed()}
