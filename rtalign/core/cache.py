"""The folder for what can be made again: converted models, activations, tapes."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ABANDONED_S = 86400.0


def folder() -> Path:
    """$RTALIGN_CACHE, else rtalign under $XDG_CACHE_HOME or ~/.cache.  The folder may not exist yet."""
    own = os.environ.get("RTALIGN_CACHE")
    if own:
        return Path(own).expanduser()
    shared = os.environ.get("XDG_CACHE_HOME")
    return (Path(shared) if shared else Path.home() / ".cache") / "rtalign"


def key(*parts: object) -> str:
    """A hash of some parts, in order; parts are told apart, so ("ab", "c") is not ("a", "bc")."""
    digest = hashlib.sha256()
    for part in parts:
        raw = part if isinstance(part, bytes) else str(part).encode()
        digest.update(f"{len(raw)}:".encode() + raw)
    return digest.hexdigest()


def sweep(store: Path) -> None:
    """Remove what was begun a day ago or longer and never finished, as a process leaves it that was killed."""
    for partial in store.glob("*/*.partial-*"):
        newest = max((path.stat().st_mtime for path in [partial, *partial.rglob("*")]), default=0.0)
        if time.time() - newest > ABANDONED_S:
            shutil.rmtree(partial, ignore_errors=True)


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """A folder to write into that appears at path whole, or not at all.

    When another process was quicker, what it wrote stays: two folders of one path are equal by construction of the
    path, which must hold a key of everything that went in.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=f"{path.name}.partial-{os.getpid()}-", dir=path.parent))
    try:
        yield partial
        partial.chmod(0o755)
        try:
            partial.rename(path)
        except OSError:
            if not path.is_dir():
                raise
    finally:
        shutil.rmtree(partial, ignore_errors=True)


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
        return key("ends", size, start, handle.read(EDGE))


def of_folder(folder: Path) -> str:
    """A hash of a folder's weights and configuration."""
    files = sorted([*folder.glob("*.safetensors"), folder / "config.json"])
    return key(*(part for file in files for part in (file.name, of_file(file))))
