"""The projectors (SSP) of a stream, as mne-lsl writes them into a description on LSL and in XDF files."""

from __future__ import annotations

import math
from xml.etree.ElementTree import Element

MAX_PROJECTORS, MAX_CHANNELS = 100, 20_000

Projector = dict[str, float]
"""A field by the names of the channels; where a channel is not named it is 0."""


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
