"""Headers of XDF streams, parsed without trusting what is in them."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from xml.etree import ElementTree

from rtalign.recordings.xdf.writer import FORMATS

MAX_BYTES, MAX_TAGS, MAX_DEPTH = 4 << 20, 200_000, 64
MAX_CHANNELS, MAX_HZ = 20_000, 1e6
"""A helmet of 500 sensors takes 150 kB and 10,000 tags; larger headers are refused."""


@dataclass(frozen=True, slots=True)
class XdfChannel:
    """One channel as its stream describes it; empty where it does not.

    Attributes
    ----------
    label, type, unit : str
        As in XDF's own list of channels.
    kind, position, normal : str
        As this program writes them.
    location : tuple of str
        X, Y and Z in mm.
    loc : tuple of str
        The numbers of MNE's loc, in their order.
    """

    label: str = ""
    type: str = ""
    unit: str = ""
    kind: str = ""
    position: str = ""
    normal: str = ""
    location: tuple[str, str, str] = ("", "", "")
    loc: tuple[str, ...] = ()


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
    channels : tuple of XdfChannel
        As many as the header describes, which may be none.
    """

    name: str
    type: str
    n_channels: int
    sfreq: float
    format: str
    channels: tuple[XdfChannel, ...]


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
    root = _tree(content)
    n_channels, sfreq = _number(root, "channel_count"), _number(root, "nominal_srate")
    if not (1 <= n_channels <= MAX_CHANNELS and n_channels == int(n_channels)):
        raise ValueError(f"a stream of {n_channels:g} channels; 1 to {MAX_CHANNELS:,} are read")
    if not 0 <= sfreq <= MAX_HZ:
        raise ValueError(f"a stream at {sfreq:g} Hz; 0 to {MAX_HZ:,.0f} are read")
    format = _text(root, "channel_format")
    if format not in FORMATS and format != "string":
        raise ValueError(f"the number format {format[:40]!r}; {', '.join(FORMATS)} and string are read")
    channels = tuple(_channel(entry) for entry in root.iterfind("desc/channels/channel"))
    return XdfHeader(_text(root, "name"), _text(root, "type"), int(n_channels), sfreq, format, channels)


def _tree(content: bytes) -> ElementTree.Element:
    """The XML of a header.  Declarations are refused first: with them, a small file expands without bound."""
    if len(content) > MAX_BYTES:
        raise ValueError(f"a header of {len(content):,} bytes; at most {MAX_BYTES:,} are read")
    text = content.decode("utf-8", "replace").strip("\0 \n\r\t")
    if re.search(r"<!\s*(DOCTYPE|ENTITY|ELEMENT|ATTLIST)", text, re.IGNORECASE):
        raise ValueError("a header that declares entities, which no recorder writes")
    if text.count("<") > MAX_TAGS:
        raise ValueError(f"a header of {text.count('<'):,} tags; at most {MAX_TAGS:,} are read")
    try:
        parser: ElementTree.XMLPullParser = ElementTree.XMLPullParser(("start", "end"))
        parser.feed(re.sub(r"^<\?xml[^>]*\?>", "", text))
        depth = 0
        for event in parser.read_events():
            depth += 1 if event[0] == "start" else -1
            if depth > MAX_DEPTH:
                raise ValueError(f"a header nested deeper than {MAX_DEPTH} tags")
        parser.close()
        return ElementTree.fromstring(re.sub(r"^<\?xml[^>]*\?>", "", text))
    except ElementTree.ParseError as error:
        raise ValueError(f"a header that is no XML ({error})") from None


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


def _channel(entry: ElementTree.Element) -> XdfChannel:
    loc_entry = entry.find("loc")
    loc = tuple((child.text or "").strip() for child in loc_entry) if loc_entry is not None else ()
    x, y, z = (_text(entry, f"location/{axis}") for axis in "XYZ")
    texts = {key: _text(entry, key) for key in ("label", "type", "unit", "kind", "position", "normal")}
    return XdfChannel(**texts, location=(x, y, z), loc=loc[:12])
