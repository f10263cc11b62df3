"""The projectors (SSP) of a stream, as mne-lsl writes them into a description on LSL and in XDF files."""

from __future__ import annotations

import math
from collections.abc import Sequence
from xml.etree.ElementTree import Element

from rtalign.core.records import Recording

MAX_PROJECTORS, MAX_CHANNELS = 100, 20_000

Projector = dict[str, float]
"""A field by the names of the channels; where a channel is not named it is 0."""


def projectors_of(recording: Recording) -> list[Projector]:
    """Fields that a recording's projectors take out of its sensors; none where it does not say."""
    projectors: Sequence[Projector] = getattr(recording, "projectors", ())  # those of files and streams alone
    names = {sensor.name for sensor in recording.sensors}
    own = [{name: value for name, value in field.items() if name in names} for field in projectors]
    return [field for field in own if any(field.values())]


def read_projectors(root: Element) -> tuple[Projector, ...]:
    """The projectors in a description, whose root is called info; what has a value that is no number is left out.

    Parameters
    ----------
    root : Element
        Of a description that is not trusted.

    Returns
    -------
    tuple of dict of str to float
    """
    found = []
    for node in root.findall("./desc/projectors/projector")[:MAX_PROJECTORS]:
        channels = node.findall("./data/channel")[:MAX_CHANNELS]
        pairs = [((one.findtext("label") or "").strip(), one.findtext("data") or "") for one in channels]
        try:
            field = {label: float(value) for label, value in pairs if label}
        except ValueError:
            continue
        if field and all(math.isfinite(value) for value in field.values()):
            found.append(field)
    return tuple(found)
