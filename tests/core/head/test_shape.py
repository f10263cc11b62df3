"""The shape of a head: a sphere is found wherever it is, and a map keeps angles."""

from __future__ import annotations

import numpy as np

from rtalign.core.head.shape import flatten_positions, sphere_centre
from tests.helpers.report_folders import helmet


def test_the_centre_of_a_helmet_is_found_wherever_it_is() -> None:
    shift = np.array([0.01, -0.03, 0.05])
    np.testing.assert_allclose(sphere_centre(helmet(275) + shift), shift, atol=1e-9)


def test_distance_on_the_map_is_the_angle_from_the_top() -> None:
    positions = helmet(275)
    angle = np.arccos(positions[:, 2] / 0.11)
    flat = flatten_positions(positions + np.array([0.0, 0.02, -0.01]))
    np.testing.assert_allclose(np.linalg.norm(flat, axis=1), angle / angle.max(), atol=1e-9)
    np.testing.assert_allclose(
        np.arctan2(flat[:, 1], flat[:, 0]), np.arctan2(positions[:, 1], positions[:, 0]), atol=1e-6
    )


def test_sensors_that_span_no_sphere_have_a_map_without_nan() -> None:
    assert np.isfinite(flatten_positions(np.linspace([0.0, 0.0, 0.0], [0.1, 0.0, 0.0], 40))).all()
