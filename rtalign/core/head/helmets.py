"""Whole-head MEG systems: names, kinds, places and axes of their coils, from the definitions that mne ships.

Coordinates are device coordinates in metres: x right, y front, z up.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from rtalign.core.records import Sensor

HELMETS = ("ctf275", "ctf151", "neuromag306")
"""Names of the helmets, and of mne's files of them."""

COIL_KINDS: dict[int, str] = {5001: "axial", 3012: "planar", 3024: "mag"}
"""Kinds of sensors by the coil types of FIF files."""

MIRRORED = {"MLO42": "MRO42"}
"""A sensor that is missing in mne's CTF-275, and its counterpart on the right.  Their mirror images are used for each
other: the helmet is symmetric to 2 mm."""


@lru_cache
def helmet_coils(name: str) -> tuple[tuple[Sensor, np.ndarray], ...]:
    """The sensors of a helmet, each with the axes of its coil, in the order of a recording.

    Parameters
    ----------
    name : {"ctf275", "ctf151", "neuromag306"}
        The helmet.

    Returns
    -------
    tuple of (Sensor, ndarray of shape (axis, 3))
        The axes are unit vectors x, y and z; z is the normal, and x the direction in which a planar gradiometer
        measures the gradient.

    Raises
    ------
    ValueError
        For another name.
    """
    if name not in HELMETS:
        raise ValueError(f"no helmet is called {name!r}; there are {', '.join(HELMETS)}")
    channels = {}
    for label, coil_type, *numbers in _rows(name):
        # mne gives CTF sensors with the serial number of the system behind their names.
        channels[label.split("-")[0]] = COIL_KINDS[int(coil_type)], np.array(numbers, float)
    for missing, counterpart in MIRRORED.items():
        if counterpart in channels and missing not in channels and name == "ctf275":
            kind, loc = channels[counterpart]
            channels[missing] = kind, (loc.reshape(4, 3) * [-1.0, 1.0, 1.0]).ravel()
            channels = dict(sorted(channels.items()))
    return tuple(_coil(label, kind, loc) for label, (kind, loc) in channels.items())


def standard_places(sensors: Sequence[Sensor]) -> tuple[str, dict[str, Sensor]]:
    """Find the helmet that sensors are of by their names, for streams that give no positions.

    Parameters
    ----------
    sensors : sequence of Sensor
        Their places are ignored.

    Returns
    -------
    helmet : str
        Its name, such as ctf275; empty where the names are of none.
    places : dict of str to Sensor
        By the name that each sensor has in `sensors`, the helmet's own sensor, of the same kind.
    """
    best: tuple[str, dict[str, Sensor]] = "", {}
    for helmet in HELMETS:
        known = {_plain(sensor.name): sensor for sensor, _ in helmet_coils(helmet)}
        there = {s.name: known[_plain(s.name)] for s in sensors if _plain(s.name) in known}
        there = {s.name: there[s.name] for s in sensors if s.name in there and there[s.name].kind == s.kind}
        if len(there) > len(best[1]):
            best = helmet, there
    return best


def _rows(name: str) -> list[list[str]]:
    """name, coil type, place and axes of each coil.

    Why the file: `mne.channels.read_meg_canonical_info` gives the same, and the window must not load mne for it.
    """
    spec = find_spec("mne")
    if spec is None or not spec.submodule_search_locations:
        raise ValueError("mne is not installed, whose definitions of helmets are needed - pip install mne")
    path = Path(spec.submodule_search_locations[0], "channels", "data", "canonical_meg", f"{name}.csv")
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))[1:]


def _plain(name: str) -> str:
    return name.replace(" ", "").upper()


def _coil(name: str, kind: str, loc: np.ndarray) -> tuple[Sensor, np.ndarray]:
    """One sensor and its axes, made orthonormal: files give them with a few digits."""
    position, x, _, normal = loc.reshape(4, 3)
    normal = normal / np.linalg.norm(normal)
    x = x - (x @ normal) * normal
    x /= np.linalg.norm(x)
    sensor = Sensor(name, kind, tuple(position.tolist()), tuple(normal.tolist()))
    return sensor, np.stack([x, np.cross(normal, x), normal])
