"""Planted delays and drifts of a recorded sound are found."""

from __future__ import annotations

import numpy as np
import pytest

from rtalign.recordings.quality import measure_sound_lag
from tests.helpers.sound_signals import recorded, speech


@pytest.fixture(scope="module")
def story() -> np.ndarray:
    return speech(300, 8000)


@pytest.mark.parametrize(
    ("delay", "ppm", "how"),
    [(0.017, 0.0, {}), (0.0313, 60.0, {}), (-0.04, -35.0, {"gain": -2e-3, "offset": 5.0}), (0.4, 10.0, {"noise": 1.0})],
)
def test_planted_delays_and_drifts_are_found(
    delay: float, ppm: float, how: dict[str, float], story: np.ndarray
) -> None:
    lag = measure_sound_lag(recorded(story, 8000, delay, ppm, 1200.0, **how), 1200.0, story, 8000.0, trigger_s=3.0)
    assert lag.delay_s == pytest.approx(delay, abs=0.002)
    assert lag.drift_ppm == pytest.approx(ppm, abs=10)
    assert lag.delay_error_s < 0.001
    assert (len(lag.times), lag.n_unlike) == (15, 0)


def test_a_sound_without_trigger_is_found_anywhere(story: np.ndarray) -> None:
    lag = measure_sound_lag(recorded(story, 8000, 0.0, 0.0, 1200.0), 1200.0, story, 8000.0, trigger_s=None)
    assert lag.delay_s == pytest.approx(3.0, abs=0.002)


def test_a_short_or_interrupted_sound_has_a_delay(story: np.ndarray) -> None:
    channel = recorded(story, 8000, 0.02, 30.0, 1200.0)
    channel[100 * 1200 : 160 * 1200] = 0.0
    lag = measure_sound_lag(channel, 1200.0, story, 8000.0, trigger_s=3.0)
    assert lag.delay_s == pytest.approx(0.02, abs=0.002)
    assert lag.drift_ppm == pytest.approx(30.0, abs=10)
    assert lag.n_unlike >= 2
    short = measure_sound_lag(channel[: 35 * 1200], 1200.0, story[: 30 * 8000], 8000.0, trigger_s=3.0)
    assert short.delay_s == pytest.approx(0.02, abs=0.002)
    assert short.drift_ppm is None


def test_one_late_stretch_is_no_drift(story: np.ndarray) -> None:
    channel = recorded(story, 8000, 0.02, 0.0, 1200.0)
    late = slice(283 * 1200, 304 * 1200)
    channel[late] = np.roll(channel, 14)[late]
    lag = measure_sound_lag(channel, 1200.0, story, 8000.0, trigger_s=3.0)
    assert lag.delay_s == pytest.approx(0.02, abs=0.002)
    assert lag.drift_ppm == pytest.approx(0.0, abs=5)
    assert lag.n_unlike == 1


def test_another_sound_or_a_flat_channel_is_refused(story: np.ndarray) -> None:
    channel = recorded(story, 8000, 0.02, 0.0, 1200.0)
    with pytest.raises(ValueError, match=r"does not hold this sound: .* at 0\.\d+ at best, 0.5 is needed"):
        measure_sound_lag(channel, 1200.0, speech(300, 8000, seed=7), 8000.0, trigger_s=3.0)
    for dead in (np.zeros(9000), np.full(9000, np.nan)):
        with pytest.raises(ValueError, match="is flat or broken"):
            measure_sound_lag(dead, 1200.0, story, 8000.0)
