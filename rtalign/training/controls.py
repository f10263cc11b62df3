"""Controls of training: which there are, and how a summary holds what they found."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rtalign.report.summary import ladder
from rtalign.scoring.curves import Curves
from rtalign.scoring.findings import assess
from rtalign.training.nuisances import Nuisances

CONTROLS = ("nuisances",)
LATER = ("untrained", "static", "random")
"""Twins of the model, which are trained one by one for now."""


def check_controls(names: Sequence[str], *, extended: bool) -> None:
    """Raise ValueError, in one line, for a control that training cannot do."""
    for name in names:
        if name in LATER:
            other = "random:DIM" if name == "random" else f"NAME:{name}"
            raise ValueError(f"--controls {name} comes later; until then train a second bank with --model {other}")
        if name not in CONTROLS:
            raise ValueError(f"no control is called {name!r}; there is {', '.join(CONTROLS)}")
    if names and extended:
        raise ValueError("--controls need all words, and --extend keeps sums alone: train a new bank of all recordings")


def control_entry(curves: Curves, rule: str, nuisances: Nuisances) -> dict[str, Any]:
    """A control as summary.json holds it: its ladder, and how many columns each group of nuisances has."""
    sizes = {name: columns.stop - columns.start for name, columns in nuisances.groups.items()}
    return {**ladder(assess(curves, rule)), "groups": sizes}
