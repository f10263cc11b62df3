"""Findings: what curves say about a model and a brain - peaks, the temporal score, the alignment score."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from rtalign.scoring.curves import Curves
from rtalign.scoring.latency import RULES, SMOOTH, latency
from rtalign.scoring.nulls import layer_threshold, map_threshold, null_band
from rtalign.scoring.outlook import Outlook, outlook
from rtalign.scoring.peaks import Peak, find_peaks

INTERVALS = ("words and decoders", "words")
"""What an interval is of: new words and decoders of as many, or new words for the very decoders that there are."""

THESE_DECODERS = "intervals hold for these very decoders, whose own error is not known"
"""What is said of intervals of words alone."""

LEAST_SPAN = 0.75
"""Share of the depth that layers with a peak must span: a slope is told from the first layer to the last, and ladders
are seldom straight.  Where answers are weak it is often neighbours that pass, and a line through them says nothing of
the layers beyond (docs/decisions/040)."""

UNIQUE, TWIN = "nuisances", "static twin"
"""What the two controls are called in summaries: R with nuisances taken out, and what nuisances alone show."""


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
        95 % intervals of r and of the slope; None in files that lack them.
    n_layers : int
        Number of layers with a peak.
    p_floor : float or None
        The least that p_permutation can be with so many draws: where it is reached, p is that or less.  None in files
        that lack it.

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
    p_floor: float | None = None


@dataclass(frozen=True, slots=True)
class Estimate:
    """Peak latencies by one rule, over the layers that have a peak.

    Attributes
    ----------
    peak_s : tuple of float or None
        One a layer; None where there is no peak.
    ci_s : tuple
        Their 95 % intervals, None where the rule's error is not known.
    r : float or None
        Correlation of depth and peak latency; None where all layers peak at one lag.
    slope_ms : float
        Rise of the fitted line from the first layer analysed to the last.
    slope_ci_ms : tuple of float or None
        Its 95 % interval.
    """

    peak_s: tuple[float | None, ...]
    ci_s: tuple[tuple[float, float] | None, ...]
    r: float | None
    slope_ms: float
    slope_ci_ms: tuple[float, float] | None


@dataclass(frozen=True, slots=True)
class HalfWords:
    """The temporal score of half of the words, the mean of both halves: how much noise lengthens the ladder.

    Attributes
    ----------
    slope_ms, r : float
        As in `TemporalScore`, over the same layers.
    """

    slope_ms: float
    r: float


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
    map_hi : array, shape (n_layers, n_lags)
        What a cell must exceed to be above chance, corrected for all cells of the map.
    threshold : array, shape (n_layers,)
        What a layer's maximum must exceed.
    temporal : TemporalScore or None
        None where it may not be shown; `reason` then says why.
    reason : str or None
    alignment : AlignmentScore
    rule : str
        How latencies were read off the curves.
    """

    curves: Curves
    peaks: tuple[Peak, ...]
    null_lo: np.ndarray
    null_hi: np.ndarray
    map_hi: np.ndarray
    threshold: np.ndarray
    temporal: TemporalScore | None
    reason: str | None
    alignment: AlignmentScore
    rule: str

    @property
    def estimators(self) -> dict[str, Estimate]:
        """Latencies by every rule, computed when asked for; empty where there is no temporal score."""
        return {} if self.temporal is None else {name: _estimate(self.curves, self._used, name) for name in RULES}

    @property
    def half_words(self) -> HalfWords | None:
        """The ladder of half of the words; None where halves were not fitted, or there is no temporal score."""
        return None if self.temporal is None else _half_words(self.curves, self._used, self.rule)

    @property
    def outlook(self) -> Outlook | None:
        """How many more words layers below their limit need, computed when asked for; None where none is below."""
        return outlook(self.curves)

    @property
    def intervals(self) -> str:
        """One of INTERVALS: what is drawn anew in the intervals."""
        return INTERVALS[self.curves.noise is None]

    def without_evidence(self, reason: str) -> Findings:
        """The same where the curves are no evidence of anything: no temporal score, and no cell above chance."""
        return replace(self, temporal=None, reason=reason, map_hi=np.full_like(self.map_hi, np.inf))

    @property
    def _used(self) -> np.ndarray:
        """(layer,): whether it has a peak."""
        return np.array([peak.peak_s is not None for peak in self.peaks])


def assess(curves: Curves, rule: str = "centroid", refuse: bool = True) -> Findings:
    """Find peaks, temporal score and alignment score.

    Parameters
    ----------
    curves : Curves
    rule : str
        How latencies are read off curves; see `rtalign.scoring.latency`.
    refuse : bool
        False shows peaks of noise too: for calibration alone.

    Returns
    -------
    Findings
    """
    threshold = layer_threshold(curves.null)
    peaks = find_peaks(curves, threshold, rule, refuse)
    used = np.array([peak.peak_s is not None for peak in peaks])
    reason = _why_not(peaks, latency(rule, curves.lags_s, curves.r, curves.noise)[used])
    maxima = curves.r.max(-1)
    best = int(maxima.argmax())
    null_lo, null_hi = null_band(curves.null)
    return Findings(
        curves=curves,
        peaks=peaks,
        null_lo=null_lo,
        null_hi=null_hi,
        map_hi=map_threshold(curves.null),
        threshold=threshold,
        temporal=None if reason else temporal_score(curves, used, rule),
        reason=reason,
        alignment=AlignmentScore(float(maxima[best]), int(curves.layers[best]), float(maxima.mean())),
        rule=rule,
    )


def temporal_score(curves: Curves, used: np.ndarray, rule: str = "centroid") -> TemporalScore:
    """Correlate peak latency with depth.

    Parameters
    ----------
    curves : Curves
    used : array of bool, shape (n_layers,)
        The layers with a peak: at least three, whose latencies must differ.
    rule : str
        How latencies are read off curves.

    Returns
    -------
    TemporalScore
    """
    from scipy.stats import pearsonr, spearmanr  # takes most of a second to import

    depth, lags_s, left_out = curves.depth[used], curves.lags_s, curves.left_out
    peaks, without = (_read(curves, rule, values)[..., used] for values in (curves.r, left_out.curves))
    r, p = pearsonr(depth, peaks)
    # At the lags themselves on both sides: a thousand maps between the lags would take seconds.
    real, null_r = (correlation(depth, RULES[rule](lags_s, values[..., used, :])) for values in (curves.r, curves.null))
    as_close = int(np.count_nonzero(np.abs(null_r) >= abs(real) - 1e-12))
    slope, slopes = (_rise(curves.depth, depth, values) for values in (peaks, without))
    return TemporalScore(
        r=float(r),
        p=float(p),
        p_permutation=(1 + as_close) / (1 + len(null_r)),
        spearman=float(spearmanr(depth, peaks).statistic),
        slope_ms=float(slope),
        ci=_interval_of_r(curves, float(r), correlation(depth, without)),
        slope_ci_ms=left_out.interval(float(slope), slopes),
        n_layers=int(used.sum()),
        p_floor=1 / (1 + len(null_r)),
    )


def _interval_of_r(curves: Curves, r: float, without: np.ndarray) -> tuple[float, float]:
    """On Fisher's scale, where the error does not depend on r."""
    low, high = curves.left_out.interval(float(_fisher(r)), _fisher(without))
    return float(np.tanh(low)), float(np.tanh(high))


def _fisher(r: np.ndarray | float) -> np.ndarray:
    return np.arctanh(np.clip(r, -1 + 1e-9, 1 - 1e-9))


def _why_not(peaks: Sequence[Peak], peak_s: np.ndarray) -> str | None:
    """Why no temporal score may be shown; peak_s : (layer with a peak,)."""
    if reason := too_few_layers(
        [peak.depth for peak in peaks], [peak.depth for peak in peaks if peak.peak_s is not None]
    ):
        return reason
    if np.ptp(peak_s) < 1e-9:
        return "all layers peak at the same lag, so nothing goes with depth"
    return None


def too_few_layers(depth: Sequence[float], used: Sequence[float]) -> str | None:
    """Why a temporal score may not rest on the layers at these depths, of all at `depth`; None where it may."""
    needed = max(3, len(depth) // 2 + 1)
    if len(used) < needed:
        return f"{len(used)} of {len(depth)} layers have a peak; a temporal score needs {needed}"
    span = float(np.ptp(used) / np.ptp(depth))
    if span < LEAST_SPAN - 1e-9:
        return f"the layers with a peak span {span:.0%} of the depth; a temporal score needs {LEAST_SPAN:.0%}"
    return None


def _estimate(curves: Curves, used: np.ndarray, rule: str) -> Estimate:
    depth, left_out = curves.depth[used], curves.left_out
    peaks, without = (_read(curves, rule, values) for values in (curves.r, left_out.curves))
    sure = rule in SMOOTH
    slope, slopes = (_rise(curves.depth, depth, values[..., used]) for values in (peaks, without))
    return Estimate(
        tuple(float(s) if ok else None for s, ok in zip(peaks, used, strict=True)),
        tuple(
            left_out.interval(peaks[i], without[:, i]) if sure and ok else None for i, ok in enumerate(used.tolist())
        ),
        float(correlation(depth, peaks[used])) if np.ptp(peaks[used]) > 1e-9 else None,
        float(slope),
        left_out.interval(float(slope), slopes),
    )


def _read(curves: Curves, rule: str, values: np.ndarray) -> np.ndarray:
    """(..., layer) latencies of values (..., layer, lag)."""
    return latency(rule, curves.lags_s, values, curves.noise)


def _half_words(curves: Curves, used: np.ndarray, rule: str) -> HalfWords | None:
    if curves.halves is None:
        return None
    depth = curves.depth[used]
    # Without their noise both would be the same but for chance: it is the noise that is to be seen here.
    peaks = latency(rule, curves.lags_s, curves.halves[:, used])
    return HalfWords(float(_rise(curves.depth, depth, peaks).mean()), float(correlation(depth, peaks).mean()))


def _rise(all_depth: np.ndarray, depth: np.ndarray, peaks: np.ndarray) -> np.ndarray:
    """Of the line fitted to peaks (..., layer) over depth (layer,), from the first layer to the last, in ms."""
    x = depth - depth.mean()
    return np.asarray(1e3 * (all_depth[-1] - all_depth[0]) * (peaks @ x) / (x @ x))


def correlation(depth: np.ndarray, peaks: np.ndarray) -> np.ndarray:
    """Pearson r of depth (layer,) with peaks (..., layer); 0 where the peaks do not differ."""
    x, y = depth - depth.mean(), peaks - peaks.mean(-1, keepdims=True)
    norm = np.sqrt((x @ x) * (y * y).sum(-1))
    return np.where(norm > 1e-12, (y @ x) / np.maximum(norm, 1e-12), 0.0)
