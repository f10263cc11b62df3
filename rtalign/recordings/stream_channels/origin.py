"""The recordings that a stream is played from, as its description carries them on LSL and in XDF files."""

from __future__ import annotations

import re
from collections.abc import Sequence
from xml.etree.ElementTree import Element

from rtalign.core.records import RecordingIdentity

MAX_RECORDINGS, MAX_NAME = 1000, 200
_PRINT = re.compile(r"[0-9a-f]{16,64}")


def describe_origin(origin: Sequence[RecordingIdentity]) -> list[dict[str, str]]:
    """The description of the recordings that a stream is played from; `read_origin` gives the same identities back.

    Parameters
    ----------
    origin : sequence of RecordingIdentity
        At most `MAX_RECORDINGS` of them are written.

    Returns
    -------
    list of dict
        One tree of texts per recording.
    """
    return [
        {"name": one.name[:MAX_NAME], "fingerprint": one.fingerprint, "signal": one.signal}
        for one in origin[:MAX_RECORDINGS]
    ]


def read_origin(root: Element) -> tuple[RecordingIdentity, ...]:
    """The recordings in a description, whose root is called info; what is no fingerprint is left out.

    Parameters
    ----------
    root : Element
        Of a description that is not trusted.

    Returns
    -------
    tuple of RecordingIdentity
    """
    found = []
    for node in root.findall("./desc/recordings/recording")[:MAX_RECORDINGS]:
        name, whole, signal = ((node.findtext(part) or "").strip() for part in ("name", "fingerprint", "signal"))
        if _PRINT.fullmatch(whole) and _PRINT.fullmatch(signal):
            found.append(RecordingIdentity(name[:MAX_NAME], whole, signal))
    return tuple(found)
