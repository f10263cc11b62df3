"""Blobs of FIF that neuromag2ft attaches to a header: MEGIN's own header and its head localisation."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from rtalign.core.head.position import HeadPosition
from rtalign.streams.fieldtrip.protocol import HPI_RESULT, NEUROMAG, BufferHeader, ByteOrder

FILE_ID, DIR_POINTER, NO_DIRECTORY = 100, 101, b"\xff" * 4
COORD_TRANS, TRANSFORM = 222, "ii9f3f"
"""From, to, rotation row by row, translation in m; the inverse follows and is not needed."""
BLOCK_START, HPI_BLOCK = 104, 109
HPI_FIT_ACCEPT, NOT_ACCEPTED = 242, 0
DEVICE, HEAD = 1, 4
CH_INFO, CH_NAME_AT = 30, 80
WIDTHS = {0: 1, 1: 1, 2: 2, 5: 8, 7: 2, 10: 1, 11: 8, 13: 2, 14: 2, 16: 2, 21: 8}
"""Bytes of a number by the type of a tag, where they are not 4."""
TAG_BYTES, MAX_TAGS = 16, 100_000


@dataclass(frozen=True, slots=True)
class FifTag:
    """One tag of a FIF blob: its kind, its type, and what it holds."""

    kind: int
    type: int
    content: bytes


def byte_order(raw: bytes) -> ByteOrder:
    """In which order a blob's numbers are; ValueError where it is no FIF.

    The header is written in the order of the acquisition computer, which is little-endian since it runs Linux; the
    file of the head localisation is big-endian, as FIF files are.
    """
    orders: tuple[ByteOrder, ...] = (">", "<")
    for order in orders:
        if len(raw) >= TAG_BYTES and struct.unpack_from(order + "i", raw)[0] == FILE_ID:
            return order
    raise ValueError("it does not begin as FIF does")


def read_tags(raw: bytes) -> Iterator[FifTag]:
    """The tags of a blob, in order.

    Why without what leads from one to the next: as neuromag2ft writes them, each follows the one before.
    """
    order, place = byte_order(raw), 0
    for _ in range(MAX_TAGS):
        if place == len(raw):
            return
        if len(raw) - place < TAG_BYTES:
            raise ValueError("it ends within a tag")
        kind, type, size, _ = struct.unpack_from(order + "4i", raw, place)
        place += TAG_BYTES
        if not 0 <= size <= len(raw) - place:
            raise ValueError(f"its tag {kind} claims {size:,} bytes of {len(raw) - place:,}")
        yield FifTag(kind, type, raw[place : place + size])
        place += size
    raise ValueError(f"it has more than {MAX_TAGS:,} tags")


def plain_fif(raw: bytes) -> bytes:
    """A blob as MNE reads it: big-endian, without a directory, each tag behind the one before."""
    swapped, parts = byte_order(raw) == "<", []
    for tag in read_tags(raw):
        content = _swapped(tag.type, tag.content) if swapped else tag.content
        content = NO_DIRECTORY if tag.kind == DIR_POINTER else content
        parts += [struct.pack(">4i", tag.kind, tag.type, len(content), 0), content]
    return b"".join(parts)


def _swapped(type: int, content: bytes) -> bytes:
    if type == CH_INFO:
        return _swapped(4, content[:CH_NAME_AT]) + content[CH_NAME_AT:]
    width = WIDTHS.get(type, 4)
    if width == 1:
        return content
    whole = len(content) // width * width
    return np.frombuffer(content[:whole], f"V{width}").view(f"<u{width}").byteswap().tobytes() + content[whole:]


def head_position(header: BufferHeader) -> tuple[HeadPosition | None, str]:
    """Where the head was when the acquisition described its signal.

    Parameters
    ----------
    header : BufferHeader
        As the buffer gives it.

    Returns
    -------
    position : HeadPosition or None
        Of the last localisation; of MEGIN's own header where none is attached.  None where there is none, or it was not
        accepted.
    note : str
        Why a localisation that is attached cannot be used; else empty.
    """
    for chunk in (HPI_RESULT, NEUROMAG):
        if chunk not in header.chunks:
            continue
        try:
            position, accepted = _last_position(header.chunks[chunk])
        except (ValueError, struct.error) as error:
            if chunk == NEUROMAG:  # whose own reader says so
                continue
            return None, f"the head localisation in the buffer's header cannot be read: {error}"
        if position is not None and not accepted:
            return None, "the head localisation in the buffer's header was not accepted: the head's position is unknown"
        if position is not None:
            return position, ""
    return None, ""


def _last_position(raw: bytes) -> tuple[HeadPosition | None, bool]:
    """The last transform from device to head, and whether its fit was accepted; a later localisation counts."""
    position, accepted, order = None, True, byte_order(raw)
    for tag in read_tags(raw):
        if tag.kind == BLOCK_START and struct.unpack_from(order + "i", tag.content)[0] == HPI_BLOCK:
            accepted = True
        elif tag.kind == HPI_FIT_ACCEPT:
            accepted = struct.unpack_from(order + "i", tag.content)[0] != NOT_ACCEPTED
        elif tag.kind == COORD_TRANS:
            start, end, *numbers = struct.unpack_from(order + TRANSFORM, tag.content)
            if (start, end) == (DEVICE, HEAD):
                matrix = np.column_stack([np.reshape(numbers[:9], (3, 3)), numbers[9:]])
                position = HeadPosition.from_matrix(matrix)
    return position, accepted
