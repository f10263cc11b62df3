"""The folder for what can be made again: converted models, activations, tapes."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


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
