"""Headers of XDF streams, parsed without trusting what is in them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from xml.etree import ElementTree

from rtalign.core.records import RecordingIdentity
from rtalign.recordings.stream_channels.description import ChannelDescription, parse_element, parse_xml
from rtalign.recordings.stream_channels.origin import read_origin
from rtalign.recordings.stream_channels.projectors import Projector, read_projectors
from rtalign.recordings.xdf.writer import FORMATS

MAX_CHANNELS, MAX_HZ = 20_000, 1e6


@dataclass(frozen=True, slots=True)
class XdfHeader:
    """What the header of a stream says.

    Attributes
    ----------
    name, type : str
        As the sender gave them.
    n_channels : int
        In each sample.
    sfreq : float
        Samples a second; 0 for a stream without a rate.
    format : str
        One of `FORMATS`, or string.
    channels : tuple of ChannelDescription
        As many as the header describes, which may be none.
    origin : tuple of RecordingIdentity
        The recordings that the stream was played from, where its sender says so.
    projectors : tuple of dict
        Fields that are to be taken out, by the channels' names.
    """

    name: str
    type: str
    n_channels: int
    sfreq: float
    format: str
    channels: tuple[ChannelDescription, ...]
    origin: tuple[RecordingIdentity, ...] = ()
    projectors: tuple[Projector, ...] = ()


def parse_header(content: bytes) -> XdfHeader:
    """Parse the header in a chunk.

    Parameters
    ----------
    content : bytes
        XML, as it is in the chunk.

    Returns
    -------
    XdfHeader

    Raises
    ------
    ValueError
        Where it is no header, with the reason in a few words.
    """
    try:
        root = parse_xml(content.decode("utf-8", "replace"))
    except ValueError as error:
        raise ValueError(f"a header that {error}") from None
    n_channels, sfreq = _number(root, "channel_count"), _number(root, "nominal_srate")
    if not (1 <= n_channels <= MAX_CHANNELS and n_channels == int(n_channels)):
        raise ValueError(f"a stream of {n_channels:g} channels; 1 to {MAX_CHANNELS:,} are read")
    if not 0 <= sfreq <= MAX_HZ:
        raise ValueError(f"a stream at {sfreq:g} Hz; 0 to {MAX_HZ:,.0f} are read")
    format = _text(root, "channel_format")
    if format not in FORMATS and format != "string":
        raise ValueError(f"the number format {format[:40]!r}; {', '.join(FORMATS)} and string are read")
    about = _text(root, "name"), _text(root, "type"), int(n_channels), sfreq, format
    return XdfHeader(*about, parse_element(root), read_origin(root), read_projectors(root))


def _number(root: ElementTree.Element, tag: str) -> float:
    text = _text(root, tag)
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ValueError(f"a header whose {tag} is {text[:40]!r}, which is no number")
    return value


def _text(element: ElementTree.Element, path: str) -> str:
    return " ".join((element.findtext(path) or "").split())[:500]
