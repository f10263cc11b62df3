"""The headline of a result: whether deeper layers answer later, in one sentence, by one rule for every view."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rtalign.core.session import MIN_CURVE_WORDS
from rtalign.core.text.translation import tr
from rtalign.scoring.findings import TemporalScore
from rtalign.scoring.peaks import Peak

ABOVE_CHANCE = tr("above chance (corrected)")
"""A cell of the map, or a layer, that passes what 95 % of whole null maps stay below everywhere."""
NOT_ABOVE_CHANCE = tr("not above chance (corrected)")
NO_WORD = tr("no word has been scored yet")
AT_WORK = tr("the first peaks are being worked out")


@dataclass(frozen=True, slots=True)
class Headline:
    """What may be said of depth and latency.

    Attributes
    ----------
    claim : str
        "Deeper layers answer later: from 180 ms to 370 ms", or that there is no order of depth.
    detail : str
        The evidence for the claim, or what is missing.
    holds : bool
        Whether an order of depth is claimed.
    """

    claim: str
    detail: str
    holds: bool

    @property
    def sentence(self) -> str:
        """Claim and detail with a full stop."""
        return f"{self.claim}{', ' if self.holds else ': '}{self.detail}."


def headline(
    score: TemporalScore | None,
    peaks: Sequence[Peak],
    lags_s: Sequence[float] | np.ndarray | None,
    reason: str | None = None,
    final: bool = False,
) -> Headline:
    """Say whether latency goes with depth: only where the slope's interval excludes zero and it rises by a lag step.

    Parameters
    ----------
    score : TemporalScore or None
    peaks : sequence of Peak
        One a layer, shallow first.
    lags_s : array, shape (n_lags,), or None
    reason : str, optional
        Why there is no score.
    final : bool
        Whether nothing more will come, so that an order is not to be expected "yet".

    Returns
    -------
    Headline

    Notes
    -----
    Why not p alone: with little noise a null of whole maps is so narrow that a rise of less than the lags resolve is
    "significant"; and noise lengthens a slope, so that its interval and not its size is the evidence.
    """
    missing = reason or tr("there is no temporal score") if score is None else why_no_order(score, peaks, lags_s)
    if score is None or missing:
        return Headline(tr("No order of depth") if final else tr("No order of depth yet"), missing or "", False)
    first, last = fit_ends(score, peaks) or (math.nan, math.nan)
    ends = {"first": _ms(1000 * first), "last": _ms(1000 * last)}
    claim = (
        tr("Deeper layers answer later: from {first} to {last}", **ends)
        if score.slope_ms > 0
        else tr("Deeper layers answer earlier: from {first} to {last}", **ends)
    )
    return Headline(claim, tr("depth-latency {r}", r=correlation_text(score)), True)


def why_no_order(
    score: TemporalScore, peaks: Sequence[Peak], lags_s: Sequence[float] | np.ndarray | None
) -> str | None:
    """What keeps a score from showing an order of depth; None where it shows one."""
    ends, interval = fit_ends(score, peaks), score.slope_ci_ms
    if ends is None or interval is None or not all(map(math.isfinite, (*ends, *interval))):
        return tr("the slope has no interval")
    if interval[0] <= 0 <= interval[1]:
        ends_text = {"low": _number(interval[0]), "high": _ms(interval[1], True)}
        return tr("the slope's 95 % interval, {low} to {high}, holds zero", **ends_text)
    step_ms = 1000 * float(np.median(np.diff(lags_s))) if lags_s is not None and len(lags_s) > 1 else 0.0
    rise_ms = 1000 * abs(ends[1] - ends[0])
    if rise_ms < step_ms * (1 - 1e-6):
        return tr("the rise of {rise:.0f} ms is less than one lag step of {step:.0f} ms", rise=rise_ms, step=step_ms)
    return None


def fit_ends(score: TemporalScore, peaks: Sequence[Peak]) -> tuple[float, float] | None:
    """Latency in seconds of the fitted line at the first and at the last layer that has a peak; None without a line.

    The line goes through the middle of the peaks, with the slope of the score.
    """
    found = [(peak.depth, peak.peak_s) for peak in peaks if peak.peak_s is not None]
    if len(found) < 3:
        return None
    depth, latency = np.array(found, float).T
    slope = score.slope_ms / 1000 / ((peaks[-1].depth - peaks[0].depth) or 1.0)
    first, last = latency.mean() + slope * (depth[[0, -1]] - depth.mean())
    return float(first), float(last)


def correlation_text(score: TemporalScore) -> str:
    """Depth against latency with its interval: r = 0.88 [0.76, 0.92]."""
    interval = f" [{score.ci[0]:.2f}, {score.ci[1]:.2f}]" if score.ci else ""
    return f"r = {score.r:.2f}{interval}".replace("-", "−")


def p_text(score: TemporalScore) -> str:
    """p against the null: p = 0.02; where no draw came as close, p ≤ 0.001, for it is not known any better."""
    p, floor = score.p_permutation, score.p_floor
    if p is None or not math.isfinite(p):  # a file may lack it
        return tr("p not known")
    sign = "≤" if floor is not None and p <= floor * (1 + 1e-6) else "="
    return f"p {sign} {p:.2g}" if p < 0.1 else f"p {sign} {p:.2f}"


def slope_text(score: TemporalScore) -> str:
    """The fitted line's rise from the first layer analysed to the last, with its interval."""
    ends = score.slope_ci_ms
    interval = f" [{_number(ends[0])}, {_number(ends[1])}]" if ends else ""
    return tr("{rise} from first to last layer", rise=_ms(score.slope_ms, True) + interval)


def waiting_for(n_words: int, n_assessed: int, reason: str | None) -> str | None:
    """What the first peaks wait for, from the words scored now; `reason` where it is about something else.

    n_words : scored by now; n_assessed, reason : of the newest assessment, which may be older.
    """
    if not n_words:
        return reason or NO_WORD
    if n_words < MIN_CURVE_WORDS:
        return tr("{n} of the {needed} words that tell a curve from chance", n=n_words, needed=MIN_CURVE_WORDS)
    return AT_WORK if n_assessed < MIN_CURVE_WORDS else reason


def _ms(value: float, plus: bool = False) -> str:
    return f"{_number(value, plus)} ms"


def _number(value: float, plus: bool = False) -> str:
    whole = round(value)
    return f"{whole:+d}".replace("-", "−") if plus and whole else f"{whole}".replace("-", "−")
