"""The sensors of a stream, selected from the description of its channels: one way for live streams and files."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np

from rtalign.core.head.helmets import standard_places
from rtalign.core.head.position import HeadPosition
from rtalign.core.records import SI_UNITS, RecordingIdentity, Sensor
from rtalign.recordings.sensors import list_names, plain_name, unknown_positions
from rtalign.recordings.stream_channels.description import NOWHERE, ChannelDescription, Triple
from rtalign.recordings.stream_channels.kinds import channel_kind
from rtalign.recordings.stream_channels.labels import clean_labels
from rtalign.recordings.stream_channels.units import ASSUMED, ASSUMED_UNITS, si_scale

GRADES = frozenset("0123")
FARTHEST_M = 10.0
"""A sensor further from the origin than this has no position that can be believed."""


@dataclass(frozen=True, slots=True, eq=False)
class StreamChannels:
    """The channels of a stream.

    Attributes
    ----------
    names : tuple of str
        The label of each channel.
    sensors : tuple of Sensor
        Those channels that measure the head.
    picks : array, shape (sensor,)
        The column of each sensor.
    scales : array, shape (sensor,)
        What takes the values of each sensor to SI units.
    notes : tuple of str
        What a user should know, such as units that are missing.
    units : tuple of str
        The unit of each channel, as the sender writes it.
    origin : tuple of RecordingIdentity
        The recordings that the sender plays, as it says; empty of a live signal.
    grade : int or None
        Of a CTF machine's gradient compensation; None where the sender does not say, or says several.
    head : HeadPosition or None
        Where the head was when the stream was described; None where its sender does not say.
    """

    names: tuple[str, ...]
    sensors: tuple[Sensor, ...]
    picks: np.ndarray
    scales: np.ndarray
    notes: tuple[str, ...]
    units: tuple[str, ...] = ()
    origin: tuple[RecordingIdentity, ...] = ()
    grade: int | None = None
    head: HeadPosition | None = None


def select_channels(
    described: Sequence[ChannelDescription],
    n_channels: int,
    stream_type: str,
    name: str,
    bads: Collection[str] = (),
) -> StreamChannels:
    """Select the sensors of a stream: those of MEG, or EEG where there is no MEG, without the bad ones.

    Parameters
    ----------
    described : sequence of ChannelDescription
        As many as the stream describes, which may be none.
    n_channels : int
        How many channels the stream has.
    stream_type : str
        Its type, which is the type of channels that give none.
    name : str
        Its name, for messages.
    bads : collection of str
        Labels of channels to leave out.

    Returns
    -------
    StreamChannels

    Raises
    ------
    ValueError
        If the description cannot be used, with the reason.
    """
    if len(described) not in (0, n_channels):
        raise ValueError(f"stream {name} has {n_channels} channels and describes {len(described)} - correct the sender")
    channels = list(described) or [ChannelDescription()] * n_channels
    names, notes = _names([channel.label for channel in channels], name)
    channels = [replace(channel, label=label) for channel, label in zip(channels, names, strict=True)]
    kinds = [channel_kind(channel, stream_type) for channel in channels]
    meg = [i for i, kind in enumerate(kinds) if kind not in ("", "eeg")]
    measuring = meg or [i for i, kind in enumerate(kinds) if kind == "eeg"]
    if not measuring:
        raise ValueError(
            f"stream {name} has no MEG and no EEG channel among its {n_channels} - choose another stream, or have the "
            "sender give its channels a type (mag, grad, eeg)"
        )
    if not meg:
        notes.append("no MEG channel: EEG is used")
    picks, left_out = _without_bads(measuring, names, bads, name)
    _refuse_duplicates([names[i] for i in picks], name)
    scales, unit_notes = _scales([channels[i] for i in picks], [kinds[i] for i in picks], name)
    sensors, place_notes = _place([_sensor(channels[i], kinds[i]) for i in picks])
    units = tuple(channel.unit for channel in channels)
    notes += [*left_out, *unit_notes, *place_notes]
    grades = {channels[i].grade for i in picks if kinds[i] == "axial"}
    grade = int(grades.pop()) if len(grades) == 1 and grades <= GRADES else None
    about = tuple(names), sensors, np.array(picks, int), np.array(scales), tuple(notes), units
    return StreamChannels(*about, grade=grade)


def _names(labels: list[str], stream: str) -> tuple[list[str], list[str]]:
    """The names of channels; numbers where no channel at all has one."""
    unnamed = sum(not label for label in labels)
    if unnamed == len(labels):
        return [f"channel {i + 1}" for i in range(len(labels))], [
            f"stream {stream} names none of its {len(labels)} channels: they are numbered, and matched by their order"
        ]
    if unnamed:
        raise ValueError(
            f"stream {stream} leaves {unnamed} of its {len(labels)} channels without a label, and sensors are matched "
            "by name - have the sender describe its channels (desc/channels/channel/label)"
        )
    return clean_labels(labels), []


def _without_bads(
    measuring: list[int], names: list[str], bads: Collection[str], stream: str
) -> tuple[list[int], list[str]]:
    unwanted = {plain_name(bad) for bad in bads}
    picks = [i for i in measuring if plain_name(names[i]) not in unwanted]
    if not picks:
        raise ValueError(f"all {len(measuring)} sensors of stream {stream} are marked bad; unmark some")
    left_out = [names[i] for i in measuring if i not in set(picks)]
    return picks, [f"left out as bad: {', '.join(left_out)}"] if left_out else []


def _refuse_duplicates(names: list[str], stream: str) -> None:
    duplicates = [name for name, n in Counter(names).items() if n > 1]
    if duplicates:
        raise ValueError(
            f"stream {stream} has several sensors called {list_names(duplicates)} - give each channel its own label"
        )


def _scales(channels: list[ChannelDescription], kinds: list[str], stream: str) -> tuple[list[float], list[str]]:
    """Scales to SI units, and notes on those that had to be assumed."""
    scales: list[float] = []
    assumed: dict[tuple[str, str], list[str]] = {}
    calibrated: list[str] = []
    for channel, kind in zip(channels, kinds, strict=True):
        try:
            scale = si_scale(channel.unit, kind)
        except ValueError as error:
            raise ValueError(f"channel {channel.label} of stream {stream} {error}") from None
        si = SI_UNITS[kind]
        if scale is None and (calibration := _number(channel.calibration)):
            calibrated.append(channel.label)
            scale = calibration
        elif scale is None:
            assumed.setdefault((channel.unit, ASSUMED_UNITS[si]), []).append(channel.label)
            scale = ASSUMED[si]
        scales.append(scale)
    notes = [
        f"{len(labels)} channels such as {labels[0]} come without a unit"
        + (f" ({unit[:20]})" if unit else "")
        + f": {taken} is assumed"
        for (unit, taken), labels in assumed.items()
    ]
    if calibrated:
        notes.append(f"{len(calibrated)} channels such as {calibrated[0]} are taken to SI units by their calibration")
    return scales, notes


def _place(sensors: list[Sensor]) -> tuple[tuple[Sensor, ...], list[str]]:
    """Sensors of a stream without any position, where a standard helmet has them; notes on what is not known."""
    notes = []
    if not any(any(sensor.position) for sensor in sensors):
        helmet, places = standard_places(sensors)
        if places:
            notes.append(
                f"no positions are given: those of a standard {helmet} helmet are used for {len(places)} sensors"
            )
            sensors = [
                replace(s, position=places[s.name].position, normal=places[s.name].normal) if s.name in places else s
                for s in sensors
            ]
    return tuple(sensors), [*notes, *unknown_positions(sensors)]


def _sensor(channel: ChannelDescription, kind: str) -> Sensor:
    """A sensor, where its stream says that it is; zeros where that is unknown."""
    position, normal = _numbers(channel.position), _numbers(channel.normal)
    if position is None and (place := _numbers(channel.location)) is not None:
        position, normal = (place[0] / 1000, place[1] / 1000, place[2] / 1000), _numbers(channel.direction)
    position = position if position and math.hypot(*position) < FARTHEST_M else (0.0, 0.0, 0.0)
    if kind == "eeg" or normal is None or not any(normal):
        length = math.hypot(*position) or 1.0
        normal = (position[0] / length, position[1] / length, position[2] / length)
    return Sensor(channel.label, kind, position, normal)


def _numbers(texts: Triple) -> tuple[float, float, float] | None:
    if texts == NOWHERE:
        return None
    x, y, z = (_number(text) for text in texts)
    return (x, y, z) if x is not None and y is not None and z is not None else None


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) and abs(value) < 1e6 else None
