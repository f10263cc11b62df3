"""Each rule reads the latency that it says, and noise of decoders is taken out of curves."""

from __future__ import annotations

import numpy as np
import pytest

from rtalign.scoring.latency import (
    centroid,
    contiguous,
    half_area,
    highest,
    latency,
    noise_of_decoders,
    published,
    region,
    without_noise,
)
from tests.helpers.noise_maps import LAGS, noise


def bump(centre: float | np.ndarray, width: float = 0.1) -> np.ndarray:
    return np.exp(-0.5 * ((LAGS - np.asarray(centre)[..., None]) / width) ** 2)


def by_hand(lags: np.ndarray, r: np.ndarray, level: float) -> float:
    """Walk away from the maximum, one lag at a time."""
    first = last = int(np.argmax(r))
    while first > 0 and r[first - 1] >= level * r.max():
        first -= 1
    while last < len(r) - 1 and r[last + 1] >= level * r.max():
        last += 1
    return float(np.mean(lags[first : last + 1]))


@pytest.mark.parametrize("level", [0.95, 0.9, 0.98])
def test_t_max_is_the_mean_of_the_lags_a_walk_from_the_maximum_finds(level: float) -> None:
    rng = np.random.default_rng(0)
    curves = np.abs(noise(rng, 40, smooth=5)) + 0.05 * bump(0.3)
    uneven = np.sort(rng.uniform(-1, 1, len(LAGS)))
    found = contiguous(uneven, curves, level)
    expected = [[by_hand(uneven, r, level) for r in layers] for layers in curves]
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_a_second_hump_as_high_does_not_pull_contiguous() -> None:
    r = bump(0.1, 0.05) + 0.97 * bump(0.9, 0.05)
    assert contiguous(LAGS, r) == pytest.approx(0.1)


def test_a_map_that_is_negative_everywhere_still_has_a_region_around_its_maximum() -> None:
    r = bump(0.3) - 2
    first, last = region(r)
    assert LAGS[first] < 0.3 < LAGS[last]
    assert contiguous(LAGS, r) == pytest.approx(0.3)


def test_the_centroid_of_a_bump_is_its_centre_and_leans_with_it() -> None:
    assert centroid(LAGS, bump(0.31)) == pytest.approx(0.31, abs=2e-3)
    leaning = np.where(LAGS < 0.3, bump(0.3, 0.05), bump(0.3, 0.2))
    assert centroid(LAGS, leaning) > contiguous(LAGS, leaning) > 0.3
    above = np.flatnonzero(leaning > 0.5)
    weights = leaning[above] - 0.5
    assert centroid(LAGS, leaning) == pytest.approx(np.average(LAGS[above], weights=weights))
    assert centroid(LAGS, np.minimum(0, -np.abs(LAGS - 0.3))) == pytest.approx(0.3)


def test_the_published_rule_takes_all_lags_however_they_are_parted() -> None:
    """A plateau from .26 to .50 s with one lag a little short of 95 %."""
    r = np.interp(LAGS, [0.1, 0.25, 0.51, 0.7], [0, 0.96, 0.96, 0])
    r[np.isclose(LAGS, 0.32)] = 0.9
    r[np.isclose(LAGS, 0.46)] = 0.97
    reached = LAGS[r >= 0.95 * r.max()]
    assert published(LAGS, r) == pytest.approx(reached.mean())
    assert latency("published", LAGS, r) == published(LAGS, r)
    assert abs(contiguous(LAGS, r) - reached.mean()) > 0.02


def test_half_of_the_area_lies_on_either_side() -> None:
    assert half_area(LAGS, bump(0.312)) == pytest.approx(0.312, abs=2e-3)
    fine = np.arange(-0.5, 1.5, 0.0005)
    leaning = np.where(fine < 0.3, 2 * (fine - 0.05), 1 - (fine - 0.3)).clip(0, None) / 0.5 * 0.5
    upper = np.where(leaning > 0.5 * leaning.max(), leaning - 0.5 * leaning.max(), 0)
    expected = fine[np.searchsorted(upper.cumsum(), 0.5 * upper.sum())]
    assert half_area(fine, leaning) == pytest.approx(expected, abs=2e-3)


def test_latencies_lie_between_the_lags() -> None:
    centres = np.array([0.3, 0.307, 0.313])
    assert latency("maximum", LAGS, bump(centres)) == pytest.approx(centres, abs=0.003)
    assert latency("centroid", LAGS, bump(centres)) == pytest.approx(centres, abs=0.001)
    assert highest(LAGS, bump(0.307)) == pytest.approx(0.3)


@pytest.mark.parametrize("noise_share", [0.2, 1.0, 5.0])
def test_noise_of_decoders_is_found_and_taken_out(noise_share: float) -> None:
    """Curves of endless words, made noisy by the law that decoders follow, at n and at n / 2 words."""
    endless = np.stack([0.1 * bump(0.3, 0.15), 0.2 * bump(0.4, 0.12)])
    c = noise_share * np.array([[0.1**2], [0.2**2]])
    whole, half = (endless**2 / np.sqrt(endless**2 + k * c) for k in (1, 2))
    found = noise_of_decoders(whole, np.stack([half, half]))
    # The ratio is pooled over the upper half of the curves, where there is a little less noise than at the maximum.
    assert found == pytest.approx(c[:, 0], rel=0.5)
    np.testing.assert_allclose(without_noise(whole, c[:, 0]), endless, atol=1e-12)
    widths = [np.sqrt((r * (LAGS - 0.3) ** 2).sum() / r.sum()) for r in (whole[0], without_noise(whole, found)[0])]
    assert widths[0] < 0.97 * 0.15
    assert widths[1] == pytest.approx(0.15, rel=0.05)


def test_curves_of_halves_that_lose_nothing_hold_no_noise() -> None:
    r = np.stack([0.3 * bump(0.3), 0.2 * bump(0.5)])
    assert noise_of_decoders(r, np.stack([r, r])) == pytest.approx([0, 0])
    np.testing.assert_allclose(without_noise(r, np.zeros(2)), r)
    assert noise_of_decoders(-r, np.stack([-r, -r])) == pytest.approx([0, 0])
