"""Sensors as MNE describes them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from rtalign.core.records import DISPLAY_SCALES, Sensor

if TYPE_CHECKING:
    import mne

TYPES = {"axial": "mag", "mag": "mag", "planar": "grad", "eeg": "eeg"}


def sensor_info(sensors: Sequence[Sensor], sfreq: float) -> mne.Info:
    """An mne.Info of sensors, with their places and directions."""
    import mne
    from mne.io.constants import FIFF

    coils = {
        "axial": FIFF.FIFFV_COIL_CTF_GRAD,
        "mag": FIFF.FIFFV_COIL_VV_MAG_T3,
        "planar": FIFF.FIFFV_COIL_VV_PLANAR_T1,
        "eeg": FIFF.FIFFV_COIL_EEG,
    }
    names, types = [sensor.name for sensor in sensors], [TYPES[sensor.kind] for sensor in sensors]
    info = mne.create_info(names, sfreq, types, verbose="ERROR")
    for channel, sensor in zip(info["chs"], sensors, strict=True):
        channel["coil_type"] = coils[sensor.kind]
        channel["loc"] = np.concatenate([sensor.position, _axes(sensor.normal).ravel()])
    return info


def to_si(values: np.ndarray, sensors: Sequence[Sensor]) -> np.ndarray:
    """Values (..., sensor) in display units, in SI units."""
    return values / np.array([DISPLAY_SCALES[sensor.kind] for sensor in sensors])


def to_display(values: np.ndarray, sensors: Sequence[Sensor]) -> np.ndarray:
    """Values (..., sensor) in SI units, in display units."""
    return values * np.array([DISPLAY_SCALES[sensor.kind] for sensor in sensors])


def _axes(normal: tuple[float, float, float]) -> np.ndarray:
    """(axis, 3): three unit vectors, the last along a normal; only that one is known of a sensor."""
    z = np.asarray(normal, float) / (np.linalg.norm(normal) or 1.0)
    if not z.any():
        return np.eye(3)
    x = np.cross(np.eye(3)[np.abs(z).argmin()], z)
    x /= np.linalg.norm(x)
    return np.stack([x, np.cross(z, x), z])
