"""The headline: an order of depth is claimed only where the slope's interval and the lags carry it."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from rtalign.scoring.findings import TemporalScore
from rtalign.scoring.headline import AT_WORK, NO_WORD, fit_ends, headline, p_text, waiting_for
from rtalign.scoring.peaks import Peak

LAGS = np.arange(-0.2, 0.8, 0.01)
SCORE = TemporalScore(0.88, 1e-6, 0.004, 0.9, 190.0, (0.76, 0.92), (150.0, 230.0), 11)


def peaks_from(first_s: float, last_s: float, n: int = 11, without: tuple[int, ...] = ()) -> tuple[Peak, ...]:
    at = np.linspace(first_s, last_s, n)
    return tuple(
        Peak(i, i / (n - 1), "edge", None, None, 0.0, 0.0, 0.05, 0.02) if i in without
        else Peak(i, i / (n - 1), "ok", float(x), None, float(x), float(x), 0.05, 0.02)
        for i, x in enumerate(at)
    )  # fmt: skip


def test_an_order_is_claimed_with_both_ends_and_the_interval_of_r():
    found = headline(SCORE, peaks_from(0.18, 0.37), LAGS)
    expected = "Deeper layers answer later: from 180 ms to 370 ms, depth-latency r = 0.88 [0.76, 0.92]."
    assert found.holds
    assert found.sentence == expected


def test_a_falling_slope_is_called_earlier():
    score = dataclasses.replace(SCORE, r=-0.88, ci=(-0.92, -0.76), slope_ms=-190.0, slope_ci_ms=(-230.0, -150.0))
    found = headline(score, peaks_from(0.37, 0.18), LAGS)
    assert found.claim == "Deeper layers answer earlier: from 370 ms to 180 ms"
    assert found.detail == "depth-latency r = −0.88 [−0.92, −0.76]"


@pytest.mark.parametrize(("low", "high"), [(-20.0, 400.0), (0.0, 400.0), (-400.0, 0.0)])
def test_an_interval_that_holds_zero_claims_nothing_however_small_p_is(low, high):
    score = dataclasses.replace(SCORE, p_permutation=0.001, slope_ci_ms=(low, high))
    found = headline(score, peaks_from(0.18, 0.37), LAGS)
    assert not found.holds
    assert found.sentence.startswith("No order of depth yet: the slope's 95 % interval")


def test_a_rise_of_less_than_a_lag_step_claims_nothing_though_its_interval_excludes_zero():
    score = dataclasses.replace(SCORE, slope_ms=8.0, slope_ci_ms=(5.0, 9.0))
    found = headline(score, peaks_from(0.296, 0.304), LAGS, final=True)
    assert found.sentence == "No order of depth: the rise of 8 ms is less than one lag step of 10 ms."
    coarse = np.arange(-0.2, 0.8, 0.005)
    assert headline(score, peaks_from(0.296, 0.304), coarse).holds


def test_the_rise_counts_only_between_layers_that_have_a_peak():
    """A steep slope over three layers side by side is no rise that the lags resolve."""
    peaks = peaks_from(0.2, 0.26, without=(0, 1, 2, 3, 7, 8, 9, 10))
    score = dataclasses.replace(SCORE, slope_ms=45.0, slope_ci_ms=(20.0, 80.0))
    assert not headline(score, peaks, LAGS).holds


def test_a_missing_or_broken_interval_claims_nothing():
    for ends in (None, (float("nan"), 40.0)):
        score = dataclasses.replace(SCORE, slope_ci_ms=ends)
        assert headline(score, peaks_from(0.18, 0.37), LAGS).detail == "the slope has no interval"


def test_without_a_score_the_reason_is_given():
    found = headline(None, (), None, "14 of 31 layers have a peak; a temporal score needs 16")
    assert found.sentence == "No order of depth yet: 14 of 31 layers have a peak; a temporal score needs 16."


def test_the_line_is_that_of_least_squares_where_the_score_has_its_slope():
    rng = np.random.default_rng(3)
    peaks = tuple(
        dataclasses.replace(peak, peak_s=float(peak.peak_s + rng.normal() * 0.01)) for peak in peaks_from(0.18, 0.37)
    )
    slope, level = np.polyfit([p.depth for p in peaks], [p.peak_s for p in peaks], 1)
    ends = fit_ends(dataclasses.replace(SCORE, slope_ms=1000 * slope), peaks)
    assert ends == pytest.approx((level, level + slope))


@pytest.mark.parametrize(
    ("n_words", "n_assessed", "reason", "expected"),
    [
        (0, 0, NO_WORD, NO_WORD),
        (0, 0, "the scores were reset", "the scores were reset"),
        (40, 0, NO_WORD, "40 of the 100 words that tell a curve from chance"),
        (113, 0, NO_WORD, AT_WORK),
        (113, 98, "98 words so far", AT_WORK),
        (300, 290, "3 of 31 layers have a peak", "3 of 31 layers have a peak"),
        (300, 290, None, None),
    ],
)
def test_what_is_waited_for_agrees_with_the_words_scored_by_now(n_words, n_assessed, reason, expected):
    assert waiting_for(n_words, n_assessed, reason) == expected


def test_p_at_its_floor_is_an_upper_bound() -> None:
    """No draw of so many came as close: p is 1 / (draws + 1) or less."""
    texts = {
        p_text(dataclasses.replace(SCORE, p_permutation=p, p_floor=floor))
        for p, floor in ((1 / 1001, 1 / 1001), (2 / 1001, 1 / 1001), (1 / 201, 1 / 201), (0.3, 1 / 201))
    }
    assert texts == {"p ≤ 0.001", "p = 0.002", "p ≤ 0.005", "p = 0.30"}
    assert p_text(dataclasses.replace(SCORE, p_permutation=float("nan"))) == "p not known"
