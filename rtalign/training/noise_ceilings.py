"""The noise ceiling from sounds that a data set plays repeatedly, written into the folder of a bank."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rtalign.core.progress import Progress
from rtalign.core.recipe import Recipe
from rtalign.core.records import Recording
from rtalign.core.spatial_filter import SpatialFilter
from rtalign.core.storage.files import write_atomically
from rtalign.recordings.quality.noise_ceiling import NoiseCeiling, estimate_noise_ceiling
from rtalign.report.summary import as_json

FILE, FORMAT, VERSION = "ceiling.json", "rtalign-ceiling", 1


def measure_noise_ceilings(
    repeats: Sequence[Recording], recipe: Recipe, progress: Progress, spatial: SpatialFilter | None = None
) -> dict[str, NoiseCeiling]:
    """One a subject who heard a sound twice or more; a ceiling that cannot be computed is reported and left out."""
    ceilings: dict[str, NoiseCeiling] = {}
    if not repeats:
        return ceilings
    with progress.stage("noise ceiling", len(repeats), "repeats") as stage:
        for subject in dict.fromkeys(r.subject for r in repeats):
            own = [r for r in repeats if r.subject == subject]
            try:
                ceilings[subject] = estimate_noise_ceiling(own, recipe, spatial)
            except ValueError as error:
                progress.say(f"no noise ceiling for subject {subject}: {error}")
            stage.advance(len(own))
    return ceilings


def write_noise_ceilings(folder: Path, ceilings: dict[str, NoiseCeiling]) -> list[str]:
    """Write ceiling.json and return a line a subject for the summary; nothing is written if there are none."""
    if not ceilings:
        return []
    people = [
        {
            "subject": subject,
            "n_repeats": one.n_repeats,
            "n_broken": one.n_broken,
            "seconds": one.seconds,
            "sensors": one.sensors,
            "r": one.r,
            "error": one.error,
        }
        for subject, one in ceilings.items()
    ]
    contents: dict[str, Any] = {"format": FORMAT, "version": VERSION, "people": people}
    write_atomically(folder / FILE, json.dumps(as_json(contents), indent=1, allow_nan=False) + "\n")
    return [_line(subject, one) for subject, one in ceilings.items()]


def _line(subject: str, one: NoiseCeiling) -> str:
    top = int(np.argmax(one.r))
    return (
        f"noise ceiling of subject {subject}: two of {one.n_repeats} hearings of the same sound correlate at "
        f"{np.median(one.r):.3f} (median of {len(one.r)} sensors; {one.r[top]:.3f} at {one.sensors[top]}), see {FILE}"
    )
