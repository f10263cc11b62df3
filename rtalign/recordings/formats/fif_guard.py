"""Damaged FIF files are refused before they are opened: every tag must fit into the file and lead forwards."""

from __future__ import annotations

import gzip
import struct
from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path

HEADER = struct.Struct(">iIii")
"""Kind, type, size, and where the next tag is: 0 right after this one, -1 nowhere."""

FILE_ID, DIR_POINTER, BUFFER = 100, 101, 300
SKIP, ENTRY = 1 << 20, 16
MAX_TAG_BYTES = 64 << 20
"""What one piece of a header may hold; buffers of signal may hold more."""

MAX_TAGS = 500_000
"""Ten hours in buffers of a tenth of a second have 360,000."""


def refuse_false_parts(path: Path) -> None:
    """Check the tags of a file and of those that continue it.

    Parameters
    ----------
    path : Path
        A .fif file, or a .fif.gz.

    Raises
    ------
    ValueError
        Where a file is damaged, or names one of those before it as the next.
    """
    from mne._fiff.open import _get_next_fname, fiff_open

    part: Path | None = path
    visited = set()
    while part is not None and part.is_file():  # MNE says which one is missing
        if part.resolve() in visited:
            raise ValueError(f"{path.name} is split in a circle: {part.name} follows itself; copy its parts again")
        visited.add(part.resolve())
        refuse_false_tags(part)
        try:
            file, tree, _ = fiff_open(part, verbose="ERROR")
            with file:
                part = _get_next_fname(file, part, tree)
        except Exception:  # what fails here fails again where the file is opened, and is told there
            return


def refuse_false_tags(path: Path) -> None:
    """Check the tags of a file.

    Parameters
    ----------
    path : Path
        A .fif file, or a .fif.gz.

    Raises
    ------
    ValueError
        Where a tag claims more bytes than its file has or than any header needs, or leads backwards.
    """
    packed = path.name.lower().endswith(".gz")
    try:
        with gzip.open(path) if packed else path.open("rb") as file:
            size = None if packed else path.stat().st_size
            visited = set()
            directory = None
            for n, (place, kind, length, following) in enumerate(_tags(file)):
                _check_tag(path, place, kind, length, size)
                if 0 < following <= place:
                    raise ValueError(
                        f"{path.name} is damaged: its tag {kind} at byte {place:,} leads back to byte {following:,}, "
                        "and reading would never end; copy it again"
                    )
                visited.add(place)
                if n > MAX_TAGS:
                    raise ValueError(f"{path.name} has more than {MAX_TAGS:,} tags; is it a recording?")
                if kind == DIR_POINTER and length == 4 and not packed:
                    (directory,) = struct.unpack(">i", _at(file, place + HEADER.size, 4))
            if directory is not None and directory > 0 and size is not None:
                _check_directory(path, file, directory, size, visited)
    except (EOFError, gzip.BadGzipFile, OSError) as error:
        raise ValueError(f"{path.name} is cut short: {error or 'it ends early'}; copy it again") from error


def _tags(file: BufferedReader | gzip.GzipFile) -> Iterator[tuple[int, int, int, int]]:
    """(place, kind, size, place of the next) of every tag in the order in which a reader visits them."""
    place = 0
    while place >= 0:
        head = _at(file, place, HEADER.size)
        if len(head) < HEADER.size:
            return
        kind, _, length, following = HEADER.unpack(head)
        yield place, kind, length, following
        place = place + HEADER.size + length if following == 0 else following


def _check_tag(path: Path, place: int, kind: int, length: int, size: int | None) -> None:
    if place == 0 and kind != FILE_ID:
        raise ValueError(f"{path.name} cannot be read: it does not begin as a FIF file does; is the file whole?")
    left = None if size is None else size - place - HEADER.size
    claim = f"{path.name} is cut short: its tag {kind} at byte {place:,} claims {length:,} bytes"
    if length < 0 or (left is not None and length > left):
        raise ValueError(f"{claim}, {max(left or 0, 0):,} are left; copy it again")
    if kind != BUFFER and length > MAX_TAG_BYTES:
        raise ValueError(f"{claim}, and no header has more than {MAX_TAG_BYTES:,}; copy it again")


def _check_directory(
    path: Path, file: BufferedReader | gzip.GzipFile, place: int, size: int, visited: set[int]
) -> None:
    """The directory at the end of a file leads to tags as well: those not yet visited are checked too."""
    head = _at(file, place, HEADER.size)
    if len(head) < HEADER.size:
        raise ValueError(f"{path.name} is cut short: its directory at byte {place:,} is missing; copy it again")
    kind, _, length, _ = HEADER.unpack(head)
    _check_tag(path, place, kind, length, size)
    for entry in struct.iter_unpack(">iIii", _at(file, place + HEADER.size, length - length % ENTRY)):
        if entry[3] not in visited and entry[3] > 0:
            head = _at(file, entry[3], HEADER.size)
            if len(head) == HEADER.size:
                kind, _, length, _ = HEADER.unpack(head)
                _check_tag(path, entry[3], kind, length, size)


def _at(file: BufferedReader | gzip.GzipFile, place: int, n: int) -> bytes:
    """n bytes from a place; a packed file is read up to it, a piece at a time."""
    if isinstance(file, gzip.GzipFile):
        while file.tell() < place and file.read(min(SKIP, place - file.tell())):
            pass
        return file.read(n) if file.tell() == place else b""
    file.seek(place)
    return file.read(n)
