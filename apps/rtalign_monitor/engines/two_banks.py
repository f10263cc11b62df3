"""Two banks on one timeline: what of them can be laid side by side, and what cannot, in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from rtalign.core.time_format import signed_ms
from rtalign.engine.snapshot import Snapshot
from rtalign.scoring.peaks import Peak

Shown = Literal["A", "B", "A − B"]
SHOWN: tuple[Shown, ...] = ("A", "B", "A − B")


@dataclass(frozen=True, slots=True, eq=False)
class SecondBank:
    """The second bank's snapshot and what both banks are called."""

    snapshot: Snapshot
    names: tuple[str, str]


def names_of(one: Path | None, other: Path) -> tuple[str, str]:
    """The folders' own names, with the folder above where these are the same."""
    if one is None:
        return "learned on the way", other.name
    return (one.name, other.name) if one.name != other.name else tuple("/".join(p.parts[-2:]) for p in (one, other))  # type: ignore[return-value]


def same_lags(a: Snapshot, b: Snapshot) -> bool:
    if a.lags_s is None or b.lags_s is None:
        return False
    return a.lags_s.shape == b.lags_s.shape and bool(np.allclose(a.lags_s, b.lags_s, atol=1e-6))


def cannot(a: Snapshot, b: Snapshot) -> list[str]:
    """What keeps two banks from being compared whole."""
    found = []
    if a.model != b.model:
        found.append(f"they are of two models, {a.model} and {b.model}: layers of one number stand side by side")
    shared = set(a.layers) & set(b.layers)
    if not shared:
        found.append("they have no layer in common, so that nothing is compared")
    elif len(shared) < len(set(a.layers) | set(b.layers)):
        alone = len(set(a.layers) ^ set(b.layers))
        found.append(f"{len(shared)} layers are in both, {alone} in one of them alone: these are not compared")
    if not same_lags(a, b):
        found.append(f"their lags differ ({_lags(a)} and {_lags(b)}), so that their maps cannot be subtracted")
    return found


def shown(a: Snapshot, beside: SecondBank | None, which: Shown) -> Snapshot:
    """What a map of A's layers shows: A, B, or what A has more than B; rows that B lacks are not a number."""
    if beside is None or which == "A" or not a.layers:
        return a
    b = beside.snapshot
    at_peaks = tuple(rung for rung in b.peaks if rung.layer in a.layers)
    rows = replace(b, layers=a.layers, r=_rows(a, b, b.r), null_hi=_rows(a, b, b.null_hi), peaks=at_peaks)
    if which == "B":
        return rows
    if a.r is None or rows.r is None or not same_lags(a, b):
        return replace(a, r=None, null_lo=None, null_hi=None, peaks=())
    return replace(a, r=a.r - rows.r, null_lo=None, null_hi=None, peaks=())


def later_ms(a: Sequence[Peak], b: Sequence[Peak]) -> dict[int, float]:
    """By how much A's peak comes later than B's, of the layers that have one in both."""
    theirs = {rung.layer: rung.peak_s for rung in b if rung.peak_s is not None}
    return {
        rung.layer: 1000 * (rung.peak_s - theirs[rung.layer])
        for rung in a
        if rung.peak_s is not None and rung.layer in theirs
    }


def _rows(a: Snapshot, b: Snapshot, values: np.ndarray | None) -> np.ndarray | None:
    """(layer, lag) of B on A's layers."""
    if values is None:
        return None
    found = np.full((len(a.layers), values.shape[1]), np.nan)
    for row, layer in enumerate(a.layers):
        if layer in b.layers:
            found[row] = values[b.layers.index(layer)]
    return found


def _lags(seen: Snapshot) -> str:
    lags = seen.lags_s
    if lags is None or len(lags) < 2:
        return "unknown"
    return f"{signed_ms(float(lags[0]))} to {signed_ms(float(lags[-1]))} ms by {1000 * (lags[1] - lags[0]):g}"
