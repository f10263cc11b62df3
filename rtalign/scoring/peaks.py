"""Peaks: where curves over lags are highest, how surely, and whether that may be called a latency."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from rtalign.scoring.curves import Curves

LEVEL = 0.95
"""Share of the maximum from which a lag belongs to the peak (arXiv 2512.01591)."""

FALSE_ALARMS = 0.01
"""How often, at most, one layer of a recording that carries nothing may show a peak."""

DIP_SHARE = 0.90
DIP_ERRORS = 3.5
RIVAL_ERRORS = 1.0
"""When a curve has two peaks: see `is_multimodal`."""

Status = Literal["ok", "below null", "edge", "multimodal"]
"""What `judge` may say; a file written by a later version may say more."""


@dataclass(frozen=True, slots=True)
class Peak:
    """Where one layer peaks: the one record of it, from scoring to screen, report and tables.

    Attributes
    ----------
    layer : int
        Index of the hidden state; 0 is the embedding.
    depth : float
        Its place in the model, 0 = embedding, 1 = last layer.
    status : str
        A `Status`: whether the maximum may be called a latency, and if not, why.
    peak_s : float or None
        T_max, the peak latency; None unless the status is ok.
    ci_s : tuple of float or None
        Its 95 % interval.
    argmax_s, centroid_s : float
        The lag of the maximum, and the centre of gravity of the upper half, whatever the status.
    peak_r, null_r : float
        R at the maximum, and what a maximum must exceed.
    """

    layer: int
    depth: float
    status: str
    peak_s: float | None
    ci_s: tuple[float, float] | None
    argmax_s: float
    centroid_s: float
    peak_r: float
    null_r: float

    @property
    def ok(self) -> bool:
        """Whether there is a latency to show."""
        return self.status == "ok" and self.peak_s is not None

    def row(self) -> dict[str, Any]:
        """One line of a table, with the two ends of the interval in columns of their own."""
        low, high = self.ci_s or (None, None)
        return {
            "layer": self.layer, "depth": self.depth, "status": self.status, "peak_s": self.peak_s, "low_s": low,
            "high_s": high, "peak_r": self.peak_r, "null_r": self.null_r,
        }  # fmt: skip


def region(r: np.ndarray, level: float = LEVEL) -> tuple[np.ndarray, np.ndarray]:
    """First and last index of the contiguous lags around the maximum that reach level of it.

    r : (..., lag).  Where the maximum is negative, as on a null draw, they come as near to it as they would if
    it were positive.
    """
    n = r.shape[-1]
    top = r.max(-1, keepdims=True)
    below = r < top - (1 - level) * np.abs(top)
    at = r.argmax(-1)[..., None]
    index = np.arange(n)
    first = np.where(below & (index < at), index, -1).max(-1) + 1
    last = np.where(below & (index > at), index, n).min(-1) - 1
    return first, last


def t_max(lags_s: np.ndarray, r: np.ndarray, level: float = LEVEL) -> np.ndarray:
    """The mean of the contiguous lags around the maximum of r (..., lag) that reach level of it; (...) in s."""
    first, last = region(r, level)
    running = np.concatenate([[0.0], np.cumsum(lags_s)])
    return (running[last + 1] - running[first]) / (last + 1 - first)


def centroid(lags_s: np.ndarray, r: np.ndarray) -> np.ndarray:
    """The centre of gravity of what stands above half the maximum, contiguous with it; r (..., lag) -> (...) in s."""
    first, last = (edge[..., None] for edge in region(r, 0.5))
    index = np.arange(r.shape[-1])
    top = r.max(-1, keepdims=True)
    weight = np.where((index >= first) & (index <= last), r - top + 0.5 * np.abs(top), 0)
    # A maximum of exactly 0 leaves no weight anywhere; the maximum itself is then all there is.
    weight = np.where(weight.sum(-1, keepdims=True) > 0, weight, index == r.argmax(-1)[..., None])
    return (weight * lags_s).sum(-1) / weight.sum(-1)


def null_threshold(null: np.ndarray) -> np.ndarray:
    """What a layer's maximum over lags must exceed, from the maxima of the null draws (draw, layer, lag) -> (layer,).

    Why a Gumbel law fitted by its moments: the 99 % point of 200 draws hangs on the two largest of them.  The
    maximum over many lags of a mean of many correlations lies between a normal and a Gumbel law, and the Gumbel's
    heavier tail errs towards refusing.
    """
    maxima = null.max(-1).astype(float)
    scale = maxima.std(0, ddof=1) * np.sqrt(6) / np.pi
    return maxima.mean(0) - scale * (np.euler_gamma + np.log(-np.log1p(-FALSE_ALARMS)))


def null_band(null: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The pointwise 95 % band (layer, lag) of null draws (draw, layer, lag).

    Mean and spread over the draws, as of a normal law: r is a mean over many dimensions and folds, and 200 draws
    give its spread much more steadily than their fifth smallest and fifth largest.
    """
    mean, spread = null.mean(0, dtype=float), null.std(0, ddof=1, dtype=float)
    return mean - 1.96 * spread, mean + 1.96 * spread


def find_peaks(curves: Curves, threshold: np.ndarray, refuse: bool = True) -> tuple[Peak, ...]:
    """Find one peak a layer, refused where the curve does not carry one.

    Parameters
    ----------
    curves : Curves
        R(layer, lag) with its bootstrap draws.
    threshold : array, shape (n_layers,)
        What each layer's maximum must exceed; see `null_threshold`.
    refuse : bool
        False gives every layer a latency, noise or not: for calibration alone.

    Returns
    -------
    tuple of Peak
    """
    lags_s, r, boot = curves.lags_s, curves.r, curves.boot
    at = r.argmax(-1)
    peak_s, centroid_s, boot_s = t_max(lags_s, r), centroid(lags_s, r), t_max(lags_s, boot)
    peaks = []
    for row, curve in enumerate(r):
        status = judge(curve, boot[:, row], float(threshold[row])) if refuse else "ok"
        peaks.append(
            Peak(
                layer=int(curves.layers[row]),
                depth=float(curves.depth[row]),
                status=status,
                peak_s=float(peak_s[row]) if status == "ok" else None,
                ci_s=interval(boot_s[:, row], peak_s[row]) if status == "ok" else None,
                argmax_s=float(lags_s[at[row]]),
                centroid_s=float(centroid_s[row]),
                peak_r=float(curve[at[row]]),
                null_r=float(threshold[row]),
            )
        )
    return tuple(peaks)


def judge(r: np.ndarray, boot: np.ndarray, threshold: float) -> Status:
    """Whether the maximum of r (lag,) may be called a peak; boot : (bootstrap draw, lag)."""
    first, last = (int(edge) for edge in region(r))
    if not r.max() > threshold:
        return "below null"
    if first == 0 or last == len(r) - 1:
        return "edge"
    return "multimodal" if is_multimodal(r, boot) else "ok"


def is_multimodal(r: np.ndarray, boot: np.ndarray) -> bool:
    """Whether a rival peak stands apart from the maximum of r (lag,); boot : (bootstrap draw, lag).

    A rival is a lag outside the peak's region that reaches LEVEL of the maximum, or would if it were
    RIVAL_ERRORS standard errors higher: of two equal peaks, chance alone decides which falls a little short.  It
    stands apart if the lowest lag between falls below DIP_SHARE of the maximum and by DIP_ERRORS standard errors
    below the rival.

    Standard errors are those of the difference of the two lags over the bootstrap draws, for neighbours share
    their noise.  Why 3.5 of them: dip and rival were picked for being extreme, and with 2 noise on top of one
    broad peak is often taken for two.
    """
    top, at = r.max(), int(r.argmax())
    first, last = (int(edge) for edge in region(r))
    short = (boot - boot[:, [at]]).std(0, ddof=1)
    for rival in np.flatnonzero(r + RIVAL_ERRORS * short >= LEVEL * top):
        start, stop = (last + 1, rival) if rival > last else (rival + 1, first)
        if first <= rival <= last or start == stop:
            continue
        dip = start + int(r[start:stop].argmin())
        error = (boot[:, rival] - boot[:, dip]).std(ddof=1)
        if r[dip] < DIP_SHARE * top and r[rival] - r[dip] > DIP_ERRORS * error:
            return True
    return False


def interval(draws: np.ndarray, estimate: float) -> tuple[float, float]:
    """The middle 95 % of draws, widened where need be to hold the estimate."""
    low, high = np.percentile(draws, [2.5, 97.5])
    return min(float(low), float(estimate)), max(float(high), float(estimate))
