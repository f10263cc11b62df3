"""Channels of an XDF or LSL stream: which of them measure the head, where they sit, in which unit they come."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Sequence

from rtalign.core.records import DISPLAY_SCALES, Sensor
from rtalign.recordings import sensors as sensing
from rtalign.recordings.xdf.header import Channel, Header

PREFIXES = {"": 1.0, "m": 1e-3, "u": 1e-6, "µ": 1e-6, "μ": 1e-6, "n": 1e-9, "p": 1e-12, "f": 1e-15}
PREFIXES |= {"milli": 1e-3, "micro": 1e-6, "nano": 1e-9, "pico": 1e-12, "femto": 1e-15}
UNIT = re.compile(r"(milli|micro|nano|pico|femto|[muµμnpf]?)(volts?|v|teslas?|t)(?:/(c?m))?", re.IGNORECASE)
NAMED = {"axial": "axial", "mag": "mag", "megmag": "mag", "planar": "planar", "grad": "planar", "meggrad": "planar"}
"""Kinds by the type that a channel is given; grad is MNE's word for planar gradiometers and CTF's are called mag."""

Found = tuple[tuple[Sensor, ...], list[int], list[float], list[str]]


def choose(header: Header, bads: Collection[str] = ()) -> Found:
    """The sensors used, the channels they are, the factor from each to SI units, and notes."""
    channels = list(header.channels[: header.n_channels])
    channels += [Channel(label=f"channel {i + 1}") for i in range(len(channels), header.n_channels)]
    kinds = [_kind(channel, header.type) for channel in channels]
    meg = [i for i, kind in enumerate(kinds) if kind not in ("", "eeg")]
    found = meg or [i for i, kind in enumerate(kinds) if kind == "eeg"]
    if not found:
        raise ValueError(f"the stream {header.name} has no MEG and no EEG channel; choose another one")
    unwanted = {sensing.plain(bad) for bad in bads}
    picks = [i for i in found if sensing.plain(channels[i].label) not in unwanted]
    if not picks:
        raise ValueError(f"all {len(found)} sensors of {header.name} are marked bad; unmark some")
    notes = [f"left out as bad: {channels[i].label}" for i in found if i not in picks]
    sensors = tuple(_sensor(channels[i], kinds[i], i) for i in picks)
    doubled = len(sensors) - len({sensor.name for sensor in sensors})
    if doubled:
        raise ValueError(f"{doubled} channels of {header.name} bear a name twice; give each its own")
    factors, told = _factors([channels[i].unit for i in picks], [kinds[i] for i in picks])
    if not meg:
        notes.append("no MEG channel: EEG is used")
    lost = sum(sensor.position == (0.0, 0.0, 0.0) for sensor in sensors)
    return sensors, picks, factors, [*notes, *told, *([f"{lost} sensors have no known position"] if lost else [])]


def factor_of(unit: str) -> float | None:
    """What a unit's name, or MNE's power of ten, takes to SI; None for one that is unknown."""
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
        factor = factor_of(unit)
        if factor is None:
            guessed.add(f"the unit {unit[:20]!r} is unknown and taken as " + ("uV" if kind == "eeg" else "T or T/m"))
            factor = 1 / DISPLAY_SCALES["eeg"] if kind == "eeg" else 1.0
        factors.append(factor)
    return factors, sorted(guessed)


def _kind(channel: Channel, stream: str) -> str:
    """One of data.UNITS, or nothing for a channel that does not measure the head."""
    if channel.kind in DISPLAY_SCALES:
        return channel.kind
    said = (channel.type or stream).strip().lower()
    if said == "eeg":
        return "eeg"
    gradient = "/" in channel.unit.replace("_", "/")
    if said == "meg":
        name = sensing.plain(channel.label)
        if gradient or re.fullmatch(r"MEG\d{3}[23]", name):
            return "planar"
        return "mag" if re.fullmatch(r"MEG\d{3}1", name) else "axial"
    return NAMED.get(said, "")


def _sensor(channel: Channel, kind: str, i: int) -> Sensor:
    """The place from this program's own entry, from MNE's loc, or from XDF's location in mm."""
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
