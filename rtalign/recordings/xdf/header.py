"""What the header of an XDF stream says, read as if a stranger had written it."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from xml.etree import ElementTree

from rtalign.recordings.xdf.writer import FORMATS

MAX_BYTES, MAX_TAGS, MAX_DEPTH = 4 << 20, 200_000, 64
MAX_CHANNELS, MAX_HZ = 20_000, 1e6
"""A helmet of 500 sensors takes 150 kB and 10,000 tags; a header beyond these limits is no header."""


@dataclass(frozen=True, slots=True)
class Channel:
    """One channel as its stream describes it; empty where it does not.  loc : numbers in the order they stand."""

    label: str = ""
    type: str = ""
    unit: str = ""
    kind: str = ""
    position: str = ""
    normal: str = ""
    location: tuple[str, str, str] = ("", "", "")
    loc: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Header:
    """One stream.  format is one of FORMATS, or string.  sfreq is 0 for a stream without a rate."""

    name: str
    type: str
    n_channels: int
    sfreq: float
    format: str
    channels: tuple[Channel, ...]
    """As many as the header describes, which may be none."""


def parse(content: bytes) -> Header:
    """The header in a chunk's content; ValueError says in a few words why it is none."""
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
    return Header(_text(root, "name"), _text(root, "type"), int(n_channels), sfreq, format, channels)


def _tree(content: bytes) -> ElementTree.Element:
    """The XML of a header.  Declarations are refused before the parser sees them: they are what makes XML a bomb."""
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


def _channel(entry: ElementTree.Element) -> Channel:
    found = entry.find("loc")
    loc = tuple((child.text or "").strip() for child in found) if found is not None else ()
    x, y, z = (_text(entry, f"location/{axis}") for axis in "XYZ")
    said = {key: _text(entry, key) for key in ("label", "type", "unit", "kind", "position", "normal")}
    return Channel(**said, location=(x, y, z), loc=loc[:12])
