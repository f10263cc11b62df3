"""Which weights exactly: hashes of files."""

from __future__ import annotations

import hashlib
from pathlib import Path

from rtalign import cache

WHOLE = 1 << 30
"""Files up to this many bytes are hashed whole; of larger ones, the size with the first and the last megabyte."""

EDGE = 1 << 20


def of_file(file: Path) -> str:
    """A hash of a file's content: whole up to 1 GiB, else of its size and its two ends, to stay quick."""
    size = file.stat().st_size
    with file.open("rb") as handle:
        if size <= WHOLE:
            return hashlib.file_digest(handle, "sha256").hexdigest()
        start = handle.read(EDGE)
        handle.seek(-EDGE, 2)
        return cache.key("ends", size, start, handle.read(EDGE))


def of_folder(folder: Path) -> str:
    """A hash of a folder's weights and configuration."""
    files = sorted([*folder.glob("*.safetensors"), folder / "config.json"])
    return cache.key(*(part for file in files for part in (file.name, of_file(file))))
