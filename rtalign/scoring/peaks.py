"""Peaks: where curves over lags are highest, how surely, and whether that may be called a latency."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from rtalign.scoring.curves import Curves
from rtalign.scoring.latency import LEVEL, SMOOTH, latency, region

DIP_SHARE = 0.90
DIP_ERRORS = 3.5
RIVAL_ERRORS = 1.0
"""When a curve has two peaks: see `is_multimodal`."""

FAR_S = 0.3
FLAT_ERRORS = 3.0
"""When a curve has none: see `is_flat`."""

Status = Literal["ok", "below null", "edge", "flat", "multimodal"]
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
        The peak latency by the rule of the recipe; None unless the status is ok.
    ci_s : tuple of float or None
        Its 95 % interval; None for a rule whose error is not known.
    argmax_s, centroid_s : float
        The lag of the maximum, and the centre of gravity of the upper half, whatever the status.
    peak_r, null_r : float
        R at the maximum, and what a maximum must exceed.
    r_ci : tuple of float or None
        95 % interval of R at the lag of the maximum.
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
    r_ci: tuple[float, float] | None = None

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


def find_peaks(curves: Curves, threshold: np.ndarray, rule: str = "centroid", refuse: bool = True) -> tuple[Peak, ...]:
    """Find one peak a layer, refused where the curve does not carry one.

    Parameters
    ----------
    curves : Curves
        R(layer, lag), also without each block of words.
    threshold : array, shape (n_layers,)
        What each layer's maximum must exceed; see `rtalign.scoring.nulls`.
    rule : str
        How a latency is read off a curve; see `rtalign.scoring.latency`.
    refuse : bool
        False gives every layer a latency, noise or not: for calibration alone.

    Returns
    -------
    tuple of Peak
    """
    lags_s, left_out = curves.lags_s, curves.left_out
    at = curves.r.argmax(-1)
    reach = left_out.reach_of_r(curves.r)[np.arange(len(at)), at]
    peak_s, peak_without = (latency(rule, lags_s, values, curves.noise) for values in (curves.r, left_out.curves))
    centroid_s = latency("centroid", lags_s, curves.r, curves.noise)
    peaks = []
    for row, curve in enumerate(curves.r):
        status = judge(curves, row, float(threshold[row])) if refuse else "ok"
        ok, sure = status == "ok", rule in SMOOTH
        peaks.append(
            Peak(
                layer=int(curves.layers[row]),
                depth=float(curves.depth[row]),
                status=status,
                peak_s=float(peak_s[row]) if ok else None,
                ci_s=left_out.interval(peak_s[row], peak_without[:, row]) if ok and sure else None,
                argmax_s=float(lags_s[at[row]]),
                centroid_s=float(centroid_s[row]),
                peak_r=float(curve[at[row]]),
                null_r=float(threshold[row]),
                r_ci=(float(curve[at[row]] - reach[row]), float(curve[at[row]] + reach[row])),
            )
        )
    return tuple(peaks)


def judge(curves: Curves, row: int, threshold: float) -> Status:
    """Whether the maximum of one layer's curve may be called a peak."""
    r = curves.r[row]
    first, last = (int(edge) for edge in region(r))
    if not r.max() > threshold:
        return "below null"
    if first == 0 or last == len(r) - 1:
        return "edge"
    if is_flat(curves, row):
        return "flat"
    return "multimodal" if is_multimodal(curves, row) else "ok"


def is_flat(curves: Curves, row: int) -> bool:
    """Whether the maximum does not exceed the mean of far lags by FLAT_ERRORS standard errors of the difference.

    Far lags are FAR_S and more away.  What all words share, or what lasts from word to word, raises the whole curve;
    its highest place is then no answer to a word.
    """
    r, without = curves.r[row], curves.left_out.curves[:, row]
    at = int(r.argmax())
    far = np.abs(curves.lags_s - curves.lags_s[at]) >= FAR_S
    if not far.any():
        return False
    above, above_without = r[at] - r[far].mean(), without[:, at] - without[:, far].mean(1)
    return bool(above < FLAT_ERRORS * curves.left_out.error(above, above_without))


def is_multimodal(curves: Curves, row: int) -> bool:
    """Whether a rival peak stands apart from the maximum of one layer's curve.

    A rival is a lag outside the peak's region that reaches LEVEL of the maximum, or would if it were
    RIVAL_ERRORS standard errors higher: of two equal peaks, chance alone decides which falls a little short.  It
    stands apart if the lowest lag between falls below DIP_SHARE of the maximum and by DIP_ERRORS standard errors
    below the rival.

    Standard errors are those of the difference of the two lags, for neighbours share their noise.  Why 3.5 of
    them: dip and rival were picked for being extreme, and with 2 noise on top of one broad peak is often taken for two.
    """
    r, without, left_out = curves.r[row], curves.left_out.curves[:, row], curves.left_out
    top, at = r.max(), int(r.argmax())
    first, last = (int(edge) for edge in region(r))
    short = left_out.error(r - top, without - without[:, [at]])
    for rival in np.flatnonzero(r + RIVAL_ERRORS * short >= LEVEL * top):
        start, stop = (last + 1, rival) if rival > last else (rival + 1, first)
        if first <= rival <= last or start == stop:
            continue
        dip = start + int(r[start:stop].argmin())
        error = left_out.error(r[rival] - r[dip], without[:, rival] - without[:, dip])
        if r[dip] < DIP_SHARE * top and r[rival] - r[dip] > DIP_ERRORS * error:
            return True
    return False
