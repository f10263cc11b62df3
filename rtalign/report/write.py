"""What every run leaves in its folder: summary, curves, draws, recipe, passport, report."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rtalign.core.recipe import Recipe
from rtalign.report import draws, page, summary
from rtalign.scoring.findings import Findings


def write_results(
    folder: Path,
    kind: str,
    passport: Mapping[str, Any],
    recipe: Recipe,
    skipped: Mapping[str, int],
    findings: Findings,
    seconds: Mapping[str, float],
    peak_rss_mb: float,
    **extra: Any,
) -> dict[str, Any]:
    """Write everything but a bank's decoders or a session's raw data; returns the summary."""
    model = {name: passport["model"][name] for name in ("id", "family", "n_layers", "revision")}
    notes = [f"{entry['name']}: {note}" for entry in passport["recordings"] for note in entry["notes"]]
    notes += extra.pop("notes", ())
    contents = summary.summary(
        kind, model, recipe.language.context, int(passport["n_words"]), skipped, findings, seconds,
        peak_rss_mb, notes=notes, **extra,
    )  # fmt: skip
    (folder / "recipe.toml").write_text(recipe.to_toml(), encoding="utf-8")
    (folder / "passport.json").write_text(json.dumps(passport, indent=1), encoding="utf-8")
    subjects = list(dict.fromkeys(str(entry["subject"]) for entry in passport["recordings"] if entry.get("subject")))
    summary.write_curves_csv(folder / "curves.csv", findings, ", ".join(subjects), str(model["id"]))
    if kind != "train":  # a bank holds them itself
        draws.write_draws(folder, findings.curves)
    summary.write_summary(folder / "summary.json", contents)
    page.write_page(folder)
    return contents
