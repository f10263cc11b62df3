"""What a channel is: by what its stream calls it, by its coil, and by the name that its maker gives it."""

from __future__ import annotations

import re
from typing import Literal

from rtalign.core.records import AXIAL_COILS, SI_UNITS
from rtalign.recordings.sensors import plain_name
from rtalign.recordings.stream_channels.description import ChannelDescription
from rtalign.recordings.stream_channels.labels import CTF, MEGIN, NOT_BRAIN, REFERENCE, label_kind
from rtalign.recordings.stream_channels.units import dimension

PLANAR_COILS = frozenset({2, 3011, 3012, 3013, 3014, 3015})
MAGNETOMETER_COILS = frozenset({2000, 3021, 3022, 3023, 3024, 3025, 4001, 7002, 8001, 8002, 8101, 8201})
REFERENCE_COILS = frozenset({4003, 4004, 4005, 5002, 5003, 5004, 6002, 7003, 7004, 7502, 7503})
"""FIF's numbers of coil types; those of axial gradiometers are in `rtalign.core.records.AXIAL_COILS`."""

MEG_TYPES = {
    **dict.fromkeys(("meg", "opm", "squid", "megopm", "opmmeg"), "meg"),
    **dict.fromkeys(("mag", "megmag", "magnetometer", "magnetometers"), "mag"),
    **dict.fromkeys(("gradiometer", "gradiometers", "meggrad"), "gradiometer"),
    **dict.fromkeys(("grad", "planar", "megplanar", "meggradplanar", "planargradiometer"), "planar"),
    **dict.fromkeys(("axial", "megaxial", "meggradaxial", "axialgradiometer"), "axial"),
}
"""What MNE, BIDS, FieldTrip and people call channels of MEG, in letters alone."""
UNSAID = {"", "unknown", "none", "na", "nan", "undefined", "data", "signal", "channel"}
"""Types that say nothing: the stream's type counts.  FieldLine's bridge gives numbers."""


def signal_type(stream_type: str) -> Literal["meg", "eeg", ""]:
    """What the type of a stream says that its channels are, unless they say otherwise.

    Parameters
    ----------
    stream_type : str
        As the sender gives it, such as MEG, MAG or EEG.

    Returns
    -------
    {"meg", "eeg", ""}
    """
    word = _letters(stream_type)
    return "eeg" if word == "eeg" else "meg" if word in MEG_TYPES else ""


def channel_kind(channel: ChannelDescription, stream_type: str) -> str:
    """The kind of a sensor.

    Parameters
    ----------
    channel : ChannelDescription
        The channel.
    stream_type : str
        The type of its stream, which is the type of channels that give none.

    Returns
    -------
    str
        axial, mag, planar or eeg; empty for a channel that does not measure the head.
    """
    label = plain_name(channel.label)
    if NOT_BRAIN.match(label):
        return ""
    if channel.kind.lower() in SI_UNITS:
        return channel.kind.lower()
    said = _said_type(channel)
    type = said or _type_unsaid(label, stream_type)
    if type == "eeg" or type not in MEG_TYPES:
        return "eeg" if type == "eeg" else ""
    coil = int(channel.coil_type) & 0xFFFF if re.fullmatch(r"\d{1,7}", channel.coil_type) else 0
    if REFERENCE.match(label) or coil in REFERENCE_COILS:
        return ""
    measures = dimension(channel.unit)
    if not said and measures == "V":  # an analogue input in a stream of MEG that names no types
        return ""
    return _coil_kind(coil) or label_kind(label, measures) or _type_kind(MEG_TYPES[type], measures)


def _said_type(channel: ChannelDescription) -> str:
    """The type that a channel gives, by name or by FIF's number; empty where it gives none."""
    word = _letters(channel.type)
    if word in UNSAID and channel.kind.isdecimal():
        return {"1": "meg", "2": "eeg"}.get(channel.kind, "other")
    return "" if word in UNSAID else word


def _type_unsaid(label: str, stream_type: str) -> str:
    """The type of a channel that gives none: that of its stream, where the label does not say more."""
    if CTF.match(label) or MEGIN.fullmatch(label):
        return "meg"
    return "eeg" if label.startswith("EEG") and signal_type(stream_type) else _letters(stream_type)


def _coil_kind(coil: int) -> str:
    known = ((AXIAL_COILS, "axial"), (PLANAR_COILS, "planar"), (MAGNETOMETER_COILS, "mag"))
    return next((kind for coils, kind in known if coil in coils), "")


def _type_kind(type: str, measures: str) -> str:
    """The kind of a sensor of an unknown maker.

    A gradiometer that is calibrated in tesla is an axial one; what MNE calls grad is planar.
    """
    if type in ("axial", "planar"):
        return type
    if type == "gradiometer":
        return "axial" if measures == "T" else "planar"
    return "planar" if measures == "T/m" else "mag"  # the unit is the more exact statement


def _letters(text: str) -> str:
    return re.sub(r"[^a-z]", "", text.lower())
