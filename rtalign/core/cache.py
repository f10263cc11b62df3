"""The cache folder, and the content keys that name what is stored in it."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

WHOLE_BYTES = 1 << 30
"""Files up to this size are hashed as a whole; of larger ones, the size and the first and last megabyte."""

EDGE_BYTES = 1 << 20


def cache_folder() -> Path:
    """The folder for everything that can be computed again: converted models, activations, filtered signals.

    Returns
    -------
    Path
        $RTALIGN_CACHE, else rtalign under $XDG_CACHE_HOME or ~/.cache.  It may not exist yet.
    """
    own = os.environ.get("RTALIGN_CACHE")
    if own:
        return Path(own).expanduser()
    shared = os.environ.get("XDG_CACHE_HOME")
    return (Path(shared) if shared else Path.home() / ".cache") / "rtalign"


def content_key(*parts: object) -> str:
    """A hash of everything that a stored result depends on.

    Parameters
    ----------
    *parts : object
        Bytes, or objects that are hashed as text, in order; ("ab", "c") and ("a", "bc") give different keys.

    Returns
    -------
    str
        64 hexadecimal digits.
    """
    digest = hashlib.sha256()
    for part in parts:
        raw = part if isinstance(part, bytes) else str(part).encode()
        digest.update(f"{len(raw)}:".encode() + raw)
    return digest.hexdigest()


def hash_file(file: Path) -> str:
    """A hash of a file's content; of files above 1 GiB, only of the size and the two ends, to stay quick."""
    size = file.stat().st_size
    with file.open("rb") as handle:
        if size <= WHOLE_BYTES:
            return hashlib.file_digest(handle, "sha256").hexdigest()
        start = handle.read(EDGE_BYTES)
        handle.seek(-EDGE_BYTES, 2)
        return content_key("ends", size, start, handle.read(EDGE_BYTES))


def hash_weights(folder: Path) -> str:
    """A hash of a model folder's weights and configuration."""
    files = sorted([*folder.glob("*.safetensors"), folder / "config.json"])
    return content_key(*(part for file in files for part in (file.name, hash_file(file))))
