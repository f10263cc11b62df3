"""Sensors of a recording: which of its channels measure the head, where they sit, which are bad."""

from __future__ import annotations

import copy
import re
from collections.abc import Collection, Sequence
from typing import Any, Protocol, TypeVar

import numpy as np
from mne.io.constants import FIFF

from rtalign.core.records import AXIAL_COILS, Sensor


class Pickable(Protocol):
    """What a recording must have to be narrowed to some of its sensors."""

    name: str
    sensors: tuple[Sensor, ...]
    notes: tuple[str, ...]


Picked = TypeVar("Picked", bound=Pickable)

Choice = tuple[tuple[Sensor, ...], list[int], list[str]]


def choose(info: Any, bads: Collection[str], name: str) -> Choice:
    """The sensors used, the channels they are, and notes on those left out.  EEG serves where there is no MEG."""
    kinds = [_kind(channel) for channel in info["chs"]]
    meg = [i for i, kind in enumerate(kinds) if kind not in ("", "eeg")]
    found = meg or [i for i, kind in enumerate(kinds) if kind == "eeg"]
    if not found:
        raise ValueError(f"{name} has no MEG and no EEG channel among its {len(kinds)}; is it the right file?")
    unwanted = {plain(bad) for bad in (*info["bads"], *bads)}
    picks = [i for i in found if plain(info["ch_names"][i]) not in unwanted]
    if not picks:
        raise ValueError(f"all {len(found)} sensors of {name} are marked bad; unmark some")
    left_out = [info["ch_names"][i] for i in found if i not in set(picks)]
    notes = [f"left out as bad: {', '.join(left_out)}"] if left_out else []
    if not meg:
        notes.append("no MEG channel: EEG is used")
    chosen = tuple(_sensor(info["chs"][i], kinds[i]) for i in picks)
    lost = sum(sensor.position == (0.0, 0.0, 0.0) for sensor in chosen)
    if lost:
        notes.append(f"{lost} sensors have no known position")
    return chosen, picks, notes


def plain(name: str) -> str:
    """A channel's name as it is compared: MLC11-4304 is MLC11, and MEG 0113 is MEG0113."""
    return re.sub(r"-\d{4}$", "", name.strip()).replace(" ", "").upper()


def place_of(channel: str, names: Sequence[str], where: str) -> int:
    """Which of a recording's channels bears a name."""
    known = {plain(name): i for i, name in enumerate(names)}
    if plain(channel) not in known:
        raise ValueError(f"{where} has no channel {channel}; name one of the file's {len(known)}")
    return known[plain(channel)]


def listed(names: Sequence[str], n: int = 5) -> str:
    """The first names, and how many more there are."""
    return ", ".join(names[:n]) + (f" and {len(names) - n} more" if len(names) > n else "")


def narrowed(recording: Picked, names: Sequence[str]) -> tuple[Picked, list[int]]:
    """A copy of a recording with these sensors, in this order, and their places among those it had."""
    place = {sensor.name: i for i, sensor in enumerate(recording.sensors)}
    missing = [name for name in names if name not in place]
    if missing:
        raise ValueError(f"{recording.name} lacks the sensors {listed(missing)}; leave them out of the choice")
    chosen = [place[name] for name in names]
    picked = copy.copy(recording)
    picked.sensors = tuple(recording.sensors[i] for i in chosen)
    if dropped := sorted(set(place) - set(names)):
        picked.notes = (*recording.notes, f"not used: {listed(dropped, 10)}")
    return picked, chosen


def _kind(channel: dict[str, Any]) -> str:
    """One of data.UNITS, or nothing for a channel that does not measure the head."""
    if channel["kind"] == FIFF.FIFFV_EEG_CH:
        return "eeg"
    if channel["kind"] != FIFF.FIFFV_MEG_CH:
        return ""
    if channel["unit"] == FIFF.FIFF_UNIT_T_M:
        return "planar"
    # CTF writes the grade of its compensation above the coil's number.
    return "axial" if int(channel["coil_type"]) & 0xFFFF in AXIAL_COILS else "mag"


def _sensor(channel: dict[str, Any], kind: str) -> Sensor:
    """The place from MNE's loc: the coil's centre, and the third of its axes or, for EEG, the way out of the head."""
    loc = np.nan_to_num(np.asarray(channel["loc"], float))
    position = loc[:3]
    normal = loc[9:12] if kind != "eeg" else position / (np.linalg.norm(position) or 1.0)
    return Sensor(channel["ch_name"], kind, _triple(position), _triple(normal))


def _triple(values: np.ndarray) -> tuple[float, float, float]:
    x, y, z = (float(value) for value in values)
    return x, y, z
