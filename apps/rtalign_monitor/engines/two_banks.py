"""Two banks side by side: their difference, and what of them cannot be compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from rtalign.core.text.time_format import signed_ms
from rtalign.core.text.translation import tr
from rtalign.engine.snapshot import Snapshot
from rtalign.scoring.peaks import Peak

MapContent = Literal["A", "B", "A − B"]
MAP_CONTENTS: tuple[MapContent, ...] = ("A", "B", "A − B")


@dataclass(frozen=True, slots=True, eq=False)
class SecondBank:
    """The second bank as the panels show it.

    Attributes
    ----------
    snapshot : Snapshot
        Newest snapshot of the second engine.
    names : (str, str)
        Names of the first and of the second bank.
    """

    snapshot: Snapshot
    names: tuple[str, str]


def bank_names(first: Path | None, second: Path) -> tuple[str, str]:
    """Names of two banks: those of their folders, with the parent folder if these are the same.

    Parameters
    ----------
    first : Path or None
        Folder of the first bank; None: its decoders are learned during the session.
    second : Path
        Folder of the second bank.

    Returns
    -------
    (str, str)
        The names.
    """
    if first is None:
        return tr("learned live"), second.name
    if first.name != second.name:
        return first.name, second.name
    return "/".join(first.parts[-2:]), "/".join(second.parts[-2:])


def same_lags(a: Snapshot, b: Snapshot) -> bool:
    """Whether both have scores at the same lags."""
    if a.lags_s is None or b.lags_s is None:
        return False
    return a.lags_s.shape == b.lags_s.shape and bool(np.allclose(a.lags_s, b.lags_s, atol=1e-6))


def mismatches(a: Snapshot, b: Snapshot) -> list[str]:
    """What of two banks cannot be compared.

    Parameters
    ----------
    a, b : Snapshot
        Snapshots of the two engines.

    Returns
    -------
    list of str
        One clause for each mismatch.
    """
    found = []
    if a.model != b.model:
        found.append(
            tr(
                "their models differ ({a} and {b}): layers of the same number are compared",
                a=a.model,
                b=b.model,
            )
        )
    shared = set(a.layers) & set(b.layers)
    if not shared:
        found.append(tr("they have no layer in common: nothing is compared"))
    elif len(shared) < len(set(a.layers) | set(b.layers)):
        single = len(set(a.layers) ^ set(b.layers))
        found.append(
            tr("{n} layers are in both; {single} are in only one and are not compared", n=len(shared), single=single)
        )
    if not same_lags(a, b):
        found.append(
            tr(
                "their lags differ ({a} and {b}): their maps cannot be subtracted",
                a=_lags(a),
                b=_lags(b),
            )
        )
    return found


def map_snapshot(a: Snapshot, second: SecondBank | None, content: MapContent) -> Snapshot:
    """The snapshot from which the map is drawn, with the layers of bank A as its rows.

    Parameters
    ----------
    a : Snapshot
        Newest snapshot of the first engine.
    second : SecondBank or None
        The second bank; None: the map shows A.
    content : {"A", "B", "A − B"}
        What the map shows.

    Returns
    -------
    Snapshot
        `r` and its limits are (layer, lag), NaN in rows that B does not have.  Of a difference the limits are None;
        `r` is None too where the lags differ.
    """
    if second is None or content == "A" or not a.layers:
        return a
    b = second.snapshot
    peaks = tuple(peak for peak in b.peaks if peak.layer in a.layers)
    low, high, map_high = (_rows(a, b, limit) for limit in (b.null_lo, b.null_hi, b.map_hi))
    rows = replace(b, layers=a.layers, r=_rows(a, b, b.r), null_lo=low, null_hi=high, map_hi=map_high, peaks=peaks)
    if content == "B":
        return rows
    if a.r is None or rows.r is None or not same_lags(a, b):
        return _difference(a, None)
    return _difference(a, a.r - rows.r)


def _difference(snapshot: Snapshot, values: np.ndarray | None) -> Snapshot:
    """A snapshot of differences of R, (layer, lag), which have neither limits of chance nor peaks."""
    return replace(snapshot, r=values, null_lo=None, null_hi=None, map_hi=None, peaks=())


@dataclass(frozen=True, slots=True)
class Difference:
    """Peak latency of A minus that of B, of one layer.

    Attributes
    ----------
    ms : float
        The difference in milliseconds.
    ci_ms : (float, float) or None
        Its 95 % interval, None where a bank has none.  It takes the two for independent; as both are of the same words,
        whose noise they share, it is rather too wide than too narrow.
    """

    ms: float
    ci_ms: tuple[float, float] | None

    @property
    def is_sure(self) -> bool:
        """Whether the interval excludes zero."""
        return self.ci_ms is not None and not self.ci_ms[0] <= 0 <= self.ci_ms[1]

    def __str__(self) -> str:
        interval = f" [{signed_ms(self.ci_ms[0] / 1000)}, {signed_ms(self.ci_ms[1] / 1000)}]" if self.ci_ms else ""
        return tr("{ms}{interval} ms", ms=signed_ms(self.ms / 1000), interval=interval)


def peak_differences(a: Sequence[Peak], b: Sequence[Peak]) -> dict[int, Difference]:
    """Peak latency of A minus that of B, of the layers that have a peak in both.

    Parameters
    ----------
    a, b : sequence of Peak
        Peaks of the two banks.

    Returns
    -------
    dict of int to Difference
        By layer.
    """
    of_b = {peak.layer: peak for peak in b if peak.peak_s is not None}
    return {
        peak.layer: _difference_of(peak, of_b[peak.layer])
        for peak in a
        if peak.peak_s is not None and peak.layer in of_b
    }


def _difference_of(a: Peak, b: Peak) -> Difference:
    """Of two peaks; the ends of the intervals are combined by the squares of their distances from the peaks."""
    assert a.peak_s is not None
    assert b.peak_s is not None
    ms = 1000 * (a.peak_s - b.peak_s)
    if a.ci_s is None or b.ci_s is None:
        return Difference(ms, None)
    below = 1000 * float(np.hypot(a.peak_s - a.ci_s[0], b.ci_s[1] - b.peak_s))
    above = 1000 * float(np.hypot(a.ci_s[1] - a.peak_s, b.peak_s - b.ci_s[0]))
    return Difference(ms, (ms - below, ms + above))


def shared_correlations(a: Sequence[Peak], b: Sequence[Peak]) -> tuple[int, float | None, float | None]:
    """Depth-latency r of two banks over the layers that have a peak in both.

    The score of each bank is over the layers that have a peak in it: two numbers over other layers do not compare.

    Parameters
    ----------
    a, b : sequence of Peak
        Peaks of the two banks.

    Returns
    -------
    (int, float or None, float or None)
        Number of layers; r of A and of B, None over less than three layers or where all latencies are the same.
    """
    of_b = {peak.layer: peak.peak_s for peak in b if peak.peak_s is not None}
    pairs = [(p.depth, p.peak_s, of_b[p.layer]) for p in a if p.peak_s is not None and p.layer in of_b]
    if len(pairs) < 3:
        return len(pairs), None, None
    depth, *latencies = np.array(pairs, float).T
    r = [float(np.corrcoef(depth, x)[0, 1]) if np.ptp(x) > 1e-9 else None for x in latencies]
    return len(pairs), r[0], r[1]


def _rows(a: Snapshot, b: Snapshot, values: np.ndarray | None) -> np.ndarray | None:
    """Rows of B, (layer, lag), on the layers of A."""
    if values is None:
        return None
    found = np.full((len(a.layers), values.shape[1]), np.nan)
    for row, layer in enumerate(a.layers):
        if layer in b.layers:
            found[row] = values[b.layers.index(layer)]
    return found


def _lags(snapshot: Snapshot) -> str:
    lags = snapshot.lags_s
    if lags is None or len(lags) < 2:
        return "unknown"
    return tr(
        "{first} to {last} ms by {step:g}",
        first=signed_ms(float(lags[0])),
        last=signed_ms(float(lags[-1])),
        step=1000 * (lags[1] - lags[0]),
    )
