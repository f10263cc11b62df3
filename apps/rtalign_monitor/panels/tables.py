"""Tables of what is shown, for the clipboard and for CSV files."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rtalign.core.text.translation import tr
from rtalign.engine.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class ShownTable:
    """A table.  header : names of the columns; rows : their values, in that order."""

    header: tuple[str, ...]
    rows: Sequence[tuple[object, ...]]

    def write_csv(self, path: Path) -> None:
        """Write it as CSV in UTF-8."""
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(self.header)
            writer.writerows(self.rows)


def score_table(snapshot: Snapshot) -> ShownTable:
    """R(layer, lag), one row per value, with the limits of chance at its lag and in the whole map.

    Parameters
    ----------
    snapshot : Snapshot
        What is shown.

    Returns
    -------
    ShownTable

    Raises
    ------
    ValueError
        Where there are no scores yet.
    """
    if snapshot.r is None or snapshot.lags_s is None:
        raise ValueError(tr("there are no scores yet - wait until a few words have been scored"))
    limits = snapshot.null_lo, snapshot.null_hi, snapshot.map_hi
    rows = [
        (layer, f"{lag:.4f}", f"{snapshot.r[i, j]:.6f}", *("" if v is None else f"{v[i, j]:.6f}" for v in limits),
         snapshot.n_words)
        for i, layer in enumerate(snapshot.layers)
        for j, lag in enumerate(snapshot.lags_s)
    ]  # fmt: skip
    return ShownTable(("layer", "lag_s", "R", "null_low", "null_high", "map_high", "n_words"), rows)


def ladder_table(snapshot: Snapshot) -> ShownTable:
    """The peaks, one row per layer; a missing peak is an empty cell beside its reason.

    Parameters
    ----------
    snapshot : Snapshot
        What is shown.

    Returns
    -------
    ShownTable

    Raises
    ------
    ValueError
        Where there are no peaks yet.
    """
    if not snapshot.peaks:
        raise ValueError(
            tr("there is no ladder yet: {reason}", reason=snapshot.reason or tr("no word has been scored"))
        )
    rows = [peak.row() | {"n_words": snapshot.n_assessed} for peak in snapshot.peaks]
    return ShownTable(tuple(rows[0]), [tuple("" if value is None else value for value in row.values()) for row in rows])


def trace_table(snapshot: Snapshot) -> ShownTable | None:
    """The newest seconds of some sensors, one row per sample; None where there are none."""
    traces = snapshot.traces
    if traces is None or not len(traces.data):
        return None
    times = traces.start + np.arange(len(traces.data)) / traces.rate
    header = ("time_s", *(f"{name} ({unit})" for name, unit in zip(traces.names, traces.units, strict=True)))
    return ShownTable(
        header, [(f"{t:.4f}", *(f"{v:.4g}" for v in row)) for t, row in zip(times, traces.data, strict=True)]
    )
