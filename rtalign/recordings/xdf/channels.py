"""Channels of an XDF or LSL stream: which of them measure the head, where they are, in which unit they come."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Sequence

from rtalign.core.records import DISPLAY_SCALES, Sensor
from rtalign.recordings.sensors import SelectedSensors, plain_name, unknown_positions
from rtalign.recordings.xdf.header import XdfChannel, XdfHeader

PREFIXES = {"": 1.0, "m": 1e-3, "u": 1e-6, "µ": 1e-6, "μ": 1e-6, "n": 1e-9, "p": 1e-12, "f": 1e-15}
PREFIXES |= {"milli": 1e-3, "micro": 1e-6, "nano": 1e-9, "pico": 1e-12, "femto": 1e-15}
UNIT = re.compile(r"(milli|micro|nano|pico|femto|[muµμnpf]?)(volts?|v|teslas?|t)(?:/(c?m))?", re.IGNORECASE)
KIND_OF_TYPE = {
    "axial": "axial",
    "mag": "mag",
    "megmag": "mag",
    "planar": "planar",
    "grad": "planar",
    "meggrad": "planar",
}
"""Kinds by the type that a channel is given; grad is MNE's word for planar gradiometers and CTF's are called mag."""


def select_xdf_sensors(header: XdfHeader, bads: Collection[str] = ()) -> tuple[SelectedSensors, list[float]]:
    """Select the sensors of a stream: those of MEG, or EEG where there is no MEG, without the bad ones.

    Parameters
    ----------
    header : XdfHeader
        The stream's header.
    bads : collection of str
        Names of channels to leave out.

    Returns
    -------
    selected : SelectedSensors
        Each with its channel.
    factors : list of float
        From each sensor's unit to SI units.
    """
    channels = list(header.channels[: header.n_channels])
    channels += [XdfChannel(label=f"channel {i + 1}") for i in range(len(channels), header.n_channels)]
    kinds = [_kind(channel, header.type) for channel in channels]
    meg = [i for i, kind in enumerate(kinds) if kind not in ("", "eeg")]
    measuring = meg or [i for i, kind in enumerate(kinds) if kind == "eeg"]
    if not measuring:
        raise ValueError(f"the stream {header.name} has no MEG and no EEG channel; choose another one")
    unwanted = {plain_name(bad) for bad in bads}
    picks = [i for i in measuring if plain_name(channels[i].label) not in unwanted]
    if not picks:
        raise ValueError(f"all {len(measuring)} sensors of {header.name} are marked bad; unmark some")
    notes = [f"left out as bad: {channels[i].label}" for i in measuring if i not in picks]
    sensors = tuple(_sensor(channels[i], kinds[i], i) for i in picks)
    n_doubled = len(sensors) - len({sensor.name for sensor in sensors})
    if n_doubled:
        raise ValueError(f"{n_doubled} channels of {header.name} bear a name twice; give each its own")
    factors, unit_notes = _factors([channels[i].unit for i in picks], [kinds[i] for i in picks])
    if not meg:
        notes.append("no MEG channel: EEG is used")
    return SelectedSensors(sensors, picks, [*notes, *unit_notes, *unknown_positions(sensors)]), factors


def si_factor(unit: str) -> float | None:
    """Return the factor from a unit to SI.

    Parameters
    ----------
    unit : str
        Its name, such as fT/cm, or MNE's power of ten.

    Returns
    -------
    float or None
        None for a unit that is unknown.
    """
    unit = unit.strip().replace("_", "/")
    if re.fullmatch(r"-?\d{1,2}(\.0)?", unit):
        return float(10.0 ** float(unit))
    match = UNIT.fullmatch(unit.replace(" ", ""))
    if match is None:
        return None
    prefix, _, per = match.groups()
    return PREFIXES[prefix.lower()] * (100.0 if (per or "").lower() == "cm" else 1.0)


def _factors(units: Sequence[str], kinds: Sequence[str]) -> tuple[list[float], list[str]]:
    """Factors to SI; a channel without a known unit counts as SI for MEG and as microvolts for EEG, as LSL has it."""
    factors, guessed = [], set()
    for unit, kind in zip(units, kinds, strict=True):
        factor = si_factor(unit)
        if factor is None:
            guessed.add(f"the unit {unit[:20]!r} is unknown and taken as " + ("uV" if kind == "eeg" else "T or T/m"))
            factor = 1 / DISPLAY_SCALES["eeg"] if kind == "eeg" else 1.0
        factors.append(factor)
    return factors, sorted(guessed)


def _kind(channel: XdfChannel, stream: str) -> str:
    """One of `rtalign.core.records.DISPLAY_UNITS`, or nothing for a channel that does not measure the head."""
    if channel.kind in DISPLAY_SCALES:
        return channel.kind
    type = (channel.type or stream).strip().lower()
    if type == "eeg":
        return "eeg"
    gradient = "/" in channel.unit.replace("_", "/")
    if type == "meg":
        name = plain_name(channel.label)
        if gradient or re.fullmatch(r"MEG\d{3}[23]", name):
            return "planar"
        return "mag" if re.fullmatch(r"MEG\d{3}1", name) else "axial"
    return KIND_OF_TYPE.get(type, "")


def _sensor(channel: XdfChannel, kind: str, i: int) -> Sensor:
    """A sensor, its place from this program's own entry, from MNE's loc, or from XDF's location in mm."""
    position, normal = _triple(channel.position.split()), _triple(channel.normal.split())
    if position is None and len(channel.loc) == 12:
        position, normal = _triple(channel.loc[:3]), _triple(channel.loc[9:])
    if position is None and (place := _triple(channel.location)) is not None:
        position = (place[0] / 1000, place[1] / 1000, place[2] / 1000)
    position = position or (0.0, 0.0, 0.0)
    if normal is None:
        length = math.hypot(*position) or 1.0
        normal = (position[0] / length, position[1] / length, position[2] / length)
    return Sensor(channel.label or f"channel {i + 1}", kind, position, normal)


def _triple(texts: Sequence[str]) -> tuple[float, float, float] | None:
    try:
        x, y, z = (float(text) for text in texts)
    except ValueError:
        return None
    return (x, y, z) if math.isfinite(x + y + z) else None
