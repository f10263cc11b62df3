"""Sensors of a recording: which of its channels measure the head, where they are, which are bad."""

from __future__ import annotations

import copy
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import numpy as np

from rtalign.core.records import AXIAL_COILS, Sensor


@dataclass(frozen=True, slots=True)
class SelectedSensors:
    """The channels of a recording that are used.

    Attributes
    ----------
    sensors : tuple of Sensor
        In the order of the channels.
    picks : list of int
        Which channel each sensor is.
    notes : list of str
        What was left out, and what is not known.
    """

    sensors: tuple[Sensor, ...]
    picks: list[int]
    notes: list[str]


class HasSensors(Protocol):
    """What a recording must have to be narrowed to some of its sensors."""

    name: str
    sensors: tuple[Sensor, ...]
    notes: tuple[str, ...]


R = TypeVar("R", bound=HasSensors)


def select_sensors(info: Any, bads: Collection[str], name: str) -> SelectedSensors:
    """Select the sensors of a file: those of MEG, or EEG where there is no MEG, without the bad ones.

    Parameters
    ----------
    info : mne.Info
        The file's header.
    bads : collection of str
        Names of channels to leave out, besides those that the header marks bad.
    name : str
        The file's name, for messages.
    """
    kinds = [_kind(channel) for channel in info["chs"]]
    meg = [i for i, kind in enumerate(kinds) if kind not in ("", "eeg")]
    measuring = meg or [i for i, kind in enumerate(kinds) if kind == "eeg"]
    if not measuring:
        raise ValueError(f"{name} has no MEG and no EEG channel among its {len(kinds)}; is it the right file?")
    unwanted = {plain_name(bad) for bad in (*info["bads"], *bads)}
    picks = [i for i in measuring if plain_name(info["ch_names"][i]) not in unwanted]
    if not picks:
        raise ValueError(f"all {len(measuring)} sensors of {name} are marked bad; unmark some")
    left_out = [info["ch_names"][i] for i in measuring if i not in set(picks)]
    notes = [f"left out as bad: {', '.join(left_out)}"] if left_out else []
    if not meg:
        notes.append("no MEG channel: EEG is used")
    sensors = tuple(_sensor(info["chs"][i], kinds[i]) for i in picks)
    return SelectedSensors(sensors, picks, [*notes, *unknown_positions(sensors)])


def unknown_positions(sensors: Sequence[Sensor]) -> list[str]:
    """Return a note on the sensors without a known position, where there are any."""
    n_unknown = sum(sensor.position == (0.0, 0.0, 0.0) for sensor in sensors)
    return [f"{n_unknown} sensors have no known position"] if n_unknown else []


def plain_name(name: str) -> str:
    """Return a channel's name as it is compared: MLC11-4304 is MLC11, and MEG 0113 is MEG0113."""
    return re.sub(r"(?<=[A-Za-z\d])-\d{3,5}$", "", name.strip()).replace(" ", "").upper()


def channel_index(channel: str, names: Sequence[str], source: str) -> int:
    """Return which of a recording's channels has a name; source : the recording, for messages."""
    places = {plain_name(name): i for i, name in enumerate(names)}
    if plain_name(channel) not in places:
        raise ValueError(f"{source} has no channel {channel}; name one of the file's {len(places)}")
    return places[plain_name(channel)]


def list_names(names: Sequence[str], n: int = 5) -> str:
    """Return the first n names as text, and how many more there are."""
    return ", ".join(names[:n]) + (f" and {len(names) - n} more" if len(names) > n else "")


def narrow(recording: R, names: Sequence[str]) -> tuple[R, list[int]]:
    """Copy a recording with some of its sensors.

    Returns
    -------
    recording
        The copy, with these sensors in this order.
    indices : list of int
        Their places among the sensors that the recording had.
    """
    places = {sensor.name: i for i, sensor in enumerate(recording.sensors)}
    missing = [name for name in names if name not in places]
    if missing:
        raise ValueError(f"{recording.name} lacks the sensors {list_names(missing)}; leave them out of the choice")
    indices = [places[name] for name in names]
    narrowed = copy.copy(recording)
    narrowed.sensors = tuple(recording.sensors[i] for i in indices)
    if dropped := sorted(set(places) - set(names)):
        narrowed.notes = (*recording.notes, f"not used: {list_names(dropped, 10)}")
    return narrowed, indices


def _kind(channel: dict[str, Any]) -> str:
    """One of `rtalign.core.records.DISPLAY_UNITS`, or nothing for a channel that does not measure the head."""
    from mne.io.constants import FIFF

    if channel["kind"] == FIFF.FIFFV_EEG_CH:
        return "eeg"
    if channel["kind"] != FIFF.FIFFV_MEG_CH:
        return ""
    if channel["unit"] == FIFF.FIFF_UNIT_T_M:
        return "planar"
    # CTF writes the grade of its compensation above the coil's number.
    return "axial" if int(channel["coil_type"]) & 0xFFFF in AXIAL_COILS else "mag"


def _sensor(channel: dict[str, Any], kind: str) -> Sensor:
    """A sensor from MNE's loc: the coil's centre, and the third of its axes or, for EEG, the way out of the head."""
    loc = np.nan_to_num(np.asarray(channel["loc"], float))
    position = loc[:3]
    normal = loc[9:12] if kind != "eeg" else position / (np.linalg.norm(position) or 1.0)
    return Sensor(channel["ch_name"], kind, _triple(position), _triple(normal))


def _triple(values: np.ndarray) -> tuple[float, float, float]:
    x, y, z = (float(value) for value in values)
    return x, y, z
