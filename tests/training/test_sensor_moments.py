"""Sensor moments: those of recordings add up to those of all words."""

from __future__ import annotations

import numpy as np

from rtalign.training import sensor_moments


def test_moments_of_recordings_add_up() -> None:
    rng = np.random.default_rng(0)
    signal, fold = rng.standard_normal((500, 7)) + 5, np.arange(500) * 3 // 500
    parts = [
        sensor_moments.recording_moments(signal[part], fold[part], "float64")
        for part in (slice(0, 260), slice(260, 500))
    ]
    for k, found in enumerate(sensor_moments.sum_recordings(parts, 3)):
        rows = signal[fold == k]
        assert found.n == len(rows)
        assert np.allclose(found.xx, (rows - rows.mean(0)).T @ (rows - rows.mean(0)), rtol=1e-10)
