"""What chance reaches is reached as often as stated."""

from __future__ import annotations

import numpy as np
import pytest

from rtalign.scoring.nulls import layer_threshold, map_threshold, null_band
from tests.helpers.noise_maps import noise


@pytest.mark.parametrize(("smooth", "share"), [(1.0, 0.9), (3.0, 0.9), (8.0, 0.5)])
def test_noise_exceeds_the_threshold_at_most_as_often_as_stated(smooth: float, share: float) -> None:
    rng = np.random.default_rng(4)
    alarms = []
    for _ in range(30):
        draws = noise(rng, 300, smooth=smooth, share=share)
        alarms.append(draws[200:].max(-1) > layer_threshold(draws[:200]))
    assert np.mean(alarms) < 0.01


def test_the_threshold_is_not_far_above_what_it_must_be() -> None:
    """Compared with the 99 % point of very many draws."""
    rng = np.random.default_rng(5)
    exact = np.quantile(noise(rng, 4000).max(-1), 0.99)
    found = np.mean([layer_threshold(noise(rng, 200)).mean() for _ in range(10)])
    assert exact < found < 1.15 * exact


def test_the_band_holds_95_percent_of_fresh_noise() -> None:
    rng = np.random.default_rng(6)
    low, high = null_band(noise(rng, 200))
    fresh = noise(rng, 400)
    assert np.mean((fresh >= low) & (fresh <= high)) == pytest.approx(0.95, abs=0.01)


def test_a_map_of_noise_has_a_cell_above_chance_in_one_of_twenty() -> None:
    """400 maps: 5 % is meant, known to 2 % either way."""
    rng = np.random.default_rng(8)
    wide = np.ones((9, 1))
    wide[3] = 4.0  # a layer that spreads more does not hide the others
    limit = map_threshold(wide * noise(rng, 1000))
    above = wide * noise(rng, 400) > limit
    assert 0.02 < above.any((1, 2)).mean() < 0.08
    assert above[:, 3].any(1).mean() < 0.03
