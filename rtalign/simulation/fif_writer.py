"""FIF files of simulated runs, with coils, positions, and the transform from device to head."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from rtalign.core.records import Sensor
from rtalign.simulation.helmet import coil_axes
from rtalign.simulation.recording import SimulatedRun

if TYPE_CHECKING:
    import mne

EARS_BELOW_M = 0.045
"""Distance from the centre of the head's sphere down to the ears, between which is the origin of head coordinates."""

LANDMARKS = {"NAS": (0.0, 0.098, 0.0), "LPA": (-0.074, 0.0, 0.0), "RPA": (0.074, 0.0, 0.0)}
"""Nasion and ears in head coordinates, m."""


def write_fif(path: Path, run: SimulatedRun, mains_hz: float, progress: Callable[[float], None]) -> None:
    """Write a run as one FIF file in single precision.  progress : called with the seconds of signal made so far."""
    import mne

    data = np.empty((len(run.sensors), run.n_samples))
    first = 0
    for chunk in run.chunks():
        data[:, first : first + len(chunk.data)] = chunk.data.T
        first += len(chunk.data)
        progress(first / run.sfreq)
    raw = mne.io.RawArray(data, measurement_info(run.sensors, run.sfreq, mains_hz), verbose="ERROR")
    raw.save(path, fmt="single", verbose="ERROR")


def measurement_info(sensors: tuple[Sensor, ...], sfreq: float, mains_hz: float) -> mne.Info:
    """Make the measurement info of mne for some sensors.

    Parameters
    ----------
    sensors : tuple of Sensor
        The helmet.
    sfreq : float
        Samples per second.
    mains_hz : float
        Frequency of the mains.

    Returns
    -------
    mne.Info
        Channels with coil types, positions and orientations, the position of the head, and points on the scalp.
    """
    import mne
    from mne.io.constants import FIFF

    coils = {
        "axial": ("mag", FIFF.FIFFV_COIL_CTF_GRAD),
        "mag": ("mag", FIFF.FIFFV_COIL_VV_MAG_T3),
        "planar": ("grad", FIFF.FIFFV_COIL_VV_PLANAR_T1),
    }
    names, types = zip(*((sensor.name, coils[sensor.kind][0]) for sensor in sensors), strict=True)
    info = mne.create_info(list(names), sfreq, list(types), verbose="ERROR")
    for channel, sensor, axes in zip(info["chs"], sensors, coil_axes(sensors), strict=True):
        channel["coil_type"] = coils[sensor.kind][1]
        channel["loc"] = np.concatenate([sensor.position, axes.ravel()])
    shift = np.eye(4)
    shift[:3, 3] = -ears()
    info["dev_head_t"] = mne.Transform("meg", "head", shift)
    info["line_freq"] = mains_hz
    info["description"] = "simulated"
    info.set_montage(_scalp_points(), verbose="ERROR")
    return info


def ears() -> np.ndarray:
    """(3,) the point between the ears, in device coordinates."""
    from rtalign.simulation.forward import HEAD

    return HEAD - [0.0, 0.0, EARS_BELOW_M]


def _scalp_points() -> mne.channels.DigMontage:
    """Nasion, ears and some eighty points on the scalp, in head coordinates."""
    import mne

    up, around = (grid.ravel() for grid in np.meshgrid(np.linspace(0.1, 0.98, 6), np.arange(14) * 2 * np.pi / 14))
    flat = np.sqrt(1 - up**2)
    scalp = 0.092 * np.column_stack([flat * np.cos(around), 1.06 * flat * np.sin(around), up])
    nasion, lpa, rpa = (np.array(LANDMARKS[name]) for name in ("NAS", "LPA", "RPA"))
    scalp[:, 2] += EARS_BELOW_M
    return mne.channels.make_dig_montage(nasion=nasion, lpa=lpa, rpa=rpa, hsp=scalp, coord_frame="head")
