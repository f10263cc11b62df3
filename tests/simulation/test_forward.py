"""The field of dipoles: that of mne, and that of the laws of physics."""

from __future__ import annotations

import mne
import numpy as np
import pytest

from rtalign.simulation import helmet_sensors, measurement_info
from rtalign.simulation.forward import HEAD, dipoles, lead_field, sphere_field
from tests.helpers.simulated_runs import HELMETS


@pytest.mark.parametrize("name", HELMETS)
def test_the_field_of_a_dipole_equals_mnes(name: str) -> None:
    sensors = helmet_sensors(name)
    info = measurement_info(sensors, 300.0, 50.0)
    positions, moments = dipoles(6, (), 0.0, np.random.default_rng(0))
    to_head = info["dev_head_t"]["trans"]
    sphere = mne.make_sphere_model((HEAD + to_head[:3, 3]).tolist(), head_radius=None, verbose="ERROR")
    n = len(positions)
    theirs = np.empty((n, len(sensors)))
    for i in range(n):
        dipole = mne.Dipole([0.0], (positions[i] + to_head[:3, 3])[None], [1.0], moments[i][None], [100.0])
        forward, _ = mne.make_forward_dipole(dipole, sphere, info, verbose="ERROR")
        theirs[i] = forward["sol"]["data"][:, 0]
    ours = lead_field(sensors, positions, moments)
    for kind in {sensor.kind for sensor in sensors}:
        of_kind = np.array([sensor.kind == kind for sensor in sensors])
        miss = np.linalg.norm(ours[:, of_kind] - theirs[:, of_kind], axis=1)
        # Their coils have an area, ours are points.
        assert np.all(miss < 0.08 * np.linalg.norm(theirs[:, of_kind], axis=1))


def test_the_field_is_source_free_and_ignores_radial_dipoles() -> None:
    rng = np.random.default_rng(1)
    places = rng.uniform(-0.04, 0.04, (5, 3))
    points = np.array([[0.05, -0.06, 0.09]])
    loud = sphere_field(points, places, np.cross(places, [0.3, 0.2, -0.5]))
    assert np.abs(sphere_field(points, places, places)).max() < 1e-9 * np.abs(loud).max()
    moments = rng.standard_normal((5, 3))
    step = 1e-5
    slopes = [
        (sphere_field(points + step * axis, places, moments) - sphere_field(points - step * axis, places, moments))[
            :, 0
        ]
        / (2 * step)
        for axis in np.eye(3)
    ]
    gradient = np.stack(slopes)  # (derivative, dipole, component)
    divergence = np.einsum("idi->d", gradient)
    np.testing.assert_allclose(divergence, 0, atol=1e-5 * np.abs(gradient).max())
    np.testing.assert_allclose(gradient, gradient.transpose(2, 1, 0), atol=1e-5 * np.abs(gradient).max())
