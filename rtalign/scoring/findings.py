"""Findings: what curves say about a model and a brain - peaks, the temporal score, the alignment score."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rtalign.scoring.curves import Curves
from rtalign.scoring.peaks import Peak, centroid, find_peaks, interval, null_band, null_threshold, t_max

OTHER_LEVELS = (0.90, 0.98)
"""Shares at which the analysis is repeated, to show how much hangs on the choice."""


@dataclass(frozen=True, slots=True)
class TemporalScore:
    """How peak latency goes with depth, over the layers that have a peak.

    Attributes
    ----------
    r, p : float
        Pearson correlation of depth and peak latency and its two-sided t-test, as published.  The test takes layers
        for independent samples, which they are not: read `p_permutation` beside it.
    p_permutation : float
        Share of null draws whose own peak latencies go with depth as closely, in either direction.
    spearman : float
        Rank correlation of depth and peak latency.
    slope_ms : float
        Rise of the fitted line from the first layer analysed to the last.
    ci, slope_ci_ms : tuple of float or None
        95 % intervals of r and of the slope, from the bootstrap draws.
    n_layers : int
        Number of layers with a peak.

    Notes
    -----
    Why a null of whole maps and not shuffled layers: neighbouring layers hold nearly the same information, so even on
    a recording that carries nothing their peaks drift together and r is often large.  Shuffling layers breaks
    that likeness and makes small p of nothing.  A null draw breaks the pairing of words and brain alone and
    keeps everything else; if there is nothing in the pairing, the observed map is one more such draw, and p is
    uniform however alike the layers are.
    """

    r: float
    p: float
    p_permutation: float
    spearman: float
    slope_ms: float
    ci: tuple[float, float] | None
    slope_ci_ms: tuple[float, float] | None
    n_layers: int


@dataclass(frozen=True, slots=True)
class AlignmentScore:
    """How well a model aligns with a brain, whenever it does.

    Attributes
    ----------
    best : float
        The highest R of any layer and lag.
    best_layer : int
        Index of the hidden state it belongs to.
    mean_of_max : float
        Mean over layers of each layer's maximum over lags.
    """

    best: float
    best_layer: int
    mean_of_max: float


@dataclass(frozen=True, slots=True, eq=False)
class Findings:
    """Everything that is concluded from curves.

    Attributes
    ----------
    curves : Curves
    peaks : tuple of Peak
        One a layer.
    null_lo, null_hi : array, shape (n_layers, n_lags)
        The pointwise 95 % band of the null.
    threshold : array, shape (n_layers,)
        What a layer's maximum must exceed.
    temporal : TemporalScore or None
        None where it may not be shown; `reason` then says why.
    reason : str or None
    alignment : AlignmentScore
    robustness : dict
        r and slope_ms of the temporal score under other ways to place a peak.
    """

    curves: Curves
    peaks: tuple[Peak, ...]
    null_lo: np.ndarray
    null_hi: np.ndarray
    threshold: np.ndarray
    temporal: TemporalScore | None
    reason: str | None
    alignment: AlignmentScore
    robustness: dict[str, dict[str, float | None]]


def assess(curves: Curves, refuse: bool = True) -> Findings:
    """Find peaks, temporal score and alignment score.

    Parameters
    ----------
    curves : Curves
    refuse : bool
        False shows peaks of noise too: for calibration alone.

    Returns
    -------
    Findings
    """
    threshold = null_threshold(curves.null)
    peaks = find_peaks(curves, threshold, refuse)
    used = np.array([peak.peak_s is not None for peak in peaks])
    reason = _why_not(peaks, t_max(curves.lags_s, curves.r)[used])
    maxima = curves.r.max(-1)
    best = int(maxima.argmax())
    return Findings(
        curves,
        peaks,
        *null_band(curves.null),
        threshold,
        None if reason else temporal_score(curves, used),
        reason,
        AlignmentScore(float(maxima[best]), int(curves.layers[best]), float(maxima.mean())),
        {} if reason else _robustness(curves, used),
    )


def temporal_score(curves: Curves, used: np.ndarray) -> TemporalScore:
    """Correlate peak latency with depth.

    Parameters
    ----------
    curves : Curves
    used : array of bool, shape (n_layers,)
        The layers with a peak: at least three, whose latencies must differ.

    Returns
    -------
    TemporalScore
    """
    from scipy.stats import pearsonr, spearmanr  # takes most of a second to import

    depth, lags_s = curves.depth[used], curves.lags_s
    peaks, boot, null = (t_max(lags_s, values[..., used, :]) for values in (curves.r, curves.boot, curves.null))
    r, p = pearsonr(depth, peaks)
    boot_r, null_r = correlation(depth, boot), correlation(depth, null)
    as_close = np.count_nonzero(np.abs(null_r) >= abs(r) - 1e-12)
    span_ms = 1e3 * (curves.depth[-1] - curves.depth[0])
    slope, slopes = (span_ms * _slope(depth, values) for values in (peaks, boot))
    return TemporalScore(
        r=float(r),
        p=float(p),
        p_permutation=(1 + as_close) / (1 + len(null_r)),
        spearman=float(spearmanr(depth, peaks).statistic),
        slope_ms=float(slope),
        ci=interval(boot_r, r),
        slope_ci_ms=interval(slopes, slope),
        n_layers=int(used.sum()),
    )


def _why_not(peaks: Sequence[Peak], peak_s: np.ndarray) -> str | None:
    """Why no temporal score may be shown; peak_s : (layer with a peak,)."""
    needed = max(3, len(peaks) // 2 + 1)
    if len(peak_s) < needed:
        return f"{len(peak_s)} of {len(peaks)} layers have a peak; a temporal score needs {needed}"
    if np.ptp(peak_s) < 1e-9:
        return "all layers peak at the same lag, so nothing goes with depth"
    return None


def _robustness(curves: Curves, used: np.ndarray) -> dict[str, dict[str, float | None]]:
    """r and slope_ms with peaks placed by other rules; r is None where all layers then peak at one lag."""
    lags_s, r, depth = curves.lags_s, curves.r[used], curves.depth[used]
    rules = {f"level {level:.2f}": t_max(lags_s, r, level) for level in OTHER_LEVELS}
    rules |= {"argmax": lags_s[r.argmax(-1)], "centroid": centroid(lags_s, r)}
    span_ms = 1e3 * (curves.depth[-1] - curves.depth[0])
    return {
        name: {
            "r": float(correlation(depth, peaks)) if np.ptp(peaks) > 1e-9 else None,
            "slope_ms": float(span_ms * _slope(depth, peaks)),
        }
        for name, peaks in rules.items()
    }


def correlation(depth: np.ndarray, peaks: np.ndarray) -> np.ndarray:
    """Pearson r of depth (layer,) with peaks (..., layer); 0 where the peaks do not differ."""
    x, y = depth - depth.mean(), peaks - peaks.mean(-1, keepdims=True)
    norm = np.sqrt((x @ x) * (y * y).sum(-1))
    return np.where(norm > 1e-12, (y @ x) / np.maximum(norm, 1e-12), 0.0)


def _slope(depth: np.ndarray, peaks: np.ndarray) -> np.ndarray:
    """Of the line fitted to peaks (..., layer) over depth (layer,)."""
    x = depth - depth.mean()
    return (peaks @ x) / (x @ x)
