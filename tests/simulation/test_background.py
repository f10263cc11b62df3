"""The background: as large and as structured as that of real MEG."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import butter, sosfiltfilt, welch

from rtalign.core.records import DISPLAY_SCALES
from rtalign.simulation import Background, helmet_sensors
from rtalign.simulation.recording import background_rms
from tests.helpers.simulated_runs import HELMETS


@pytest.mark.parametrize("name", HELMETS)
def test_the_background_has_the_size_of_real_meg(name: str) -> None:
    rms = background_rms(name, 0)
    for kind, (low, high) in {"axial": (100, 300), "mag": (150, 450), "planar": (20, 90)}.items():
        of_kind = [
            r * DISPLAY_SCALES[kind] for r, sensor in zip(rms, helmet_sensors(name), strict=True) if sensor.kind == kind
        ]
        if of_kind:
            assert low < np.median(of_kind) < high


def test_the_background_has_alpha_blinks_and_mains() -> None:
    sensors = helmet_sensors("ctf275")
    sfreq = 200.0
    x = Background(sensors, sfreq, 0, 0).take(int(60 * sfreq)).astype(float)
    front = np.array([sensor.position[1] for sensor in sensors])
    behind, before = front < np.quantile(front, 0.2), front > np.quantile(front, 0.8)
    hertz, power = welch(x, sfreq, nperseg=int(8 * sfreq), axis=0)
    alpha = power[(hertz >= 9) & (hertz <= 11)].mean(axis=0)
    beside = power[(hertz >= 5) & (hertz <= 6.5)].mean(axis=0)
    assert np.median(alpha[behind] / beside[behind]) > 3
    assert np.median(alpha[behind]) > 2 * np.median(alpha[before])
    slow = sosfiltfilt(butter(2, [0.5, 4], "bandpass", fs=sfreq, output="sos"), x, axis=0)[400:-400]
    assert np.abs(slow[:, before]).max() > 3 * np.abs(slow[:, behind]).max()
    mains = power[np.argmin(np.abs(hertz - 50))] / power[np.argmin(np.abs(hertz - 46))]
    assert np.median(mains) > 5


def test_neighbouring_sensors_share_their_background() -> None:
    sensors = helmet_sensors("ctf275")
    r = np.corrcoef(Background(sensors, 100.0, 0, 0).take(6000), rowvar=False)
    places = np.array([sensor.position for sensor in sensors])
    apart = np.linalg.norm(places[:, None] - places[None], axis=2)
    near, far = r[(apart > 0) & (apart < 0.025)], r[apart > 0.15]
    assert np.median(near) > 0.8
    assert np.median(np.abs(far)) < 0.5


def test_another_noise_seed_is_the_same_head() -> None:
    sensors = helmet_sensors("neuromag306")[:30]
    one, two, other_head = (
        Background(sensors, 100.0, head, time).take(4000) for head, time in ((1, 0), (1, 1), (2, 0))
    )
    assert np.abs(np.corrcoef(one[:, 0], two[:, 0])[0, 1]) < 0.3
    same = np.corrcoef(np.log(one.std(0)), np.log(two.std(0)))[0, 1]
    assert same > np.corrcoef(np.log(one.std(0)), np.log(other_head.std(0)))[0, 1]
