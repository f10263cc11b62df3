"""The cache folder, and the content keys that name what is stored in it."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

from rtalign.core.storage.files import atomic_folder, expand_home
from rtalign.core.storage.json_toml import read_json

WHOLE_BYTES = 1 << 30
"""Files up to this size are hashed as a whole; of larger ones, the size and the first and last megabyte."""

EDGE_BYTES = 1 << 20

SEAL = "contents.json"
"""The file in a folder of the cache that holds the hashes of the others."""

PAGES = {".html", ".svg", ".png"}
"""Made from the other files, and written again on request."""


def cache_folder() -> Path:
    """The folder for everything that can be computed again: converted models, activations, filtered signals.

    Returns
    -------
    Path
        $RTALIGN_CACHE, else rtalign under $XDG_CACHE_HOME or ~/.cache.  It may not exist yet.
    """
    own = os.environ.get("RTALIGN_CACHE")
    if own:
        return expand_home(own)
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


@contextmanager
def stored_folder(path: Path) -> Iterator[Path]:
    """A folder of the cache to write into; it appears complete, with the hashes of its contents, or not at all.

    Parameters
    ----------
    path : Path
        Where the folder will be.

    Yields
    ------
    Path
        The temporary folder beside it.
    """
    with atomic_folder(path) as partial:
        yield partial
        files = sorted(file for file in partial.rglob("*") if file.is_file() and file.suffix not in PAGES)
        hashes = {file.relative_to(partial).as_posix(): _hash(file) for file in files}
        (partial / SEAL).write_text(json.dumps(hashes, indent=1), encoding="utf-8")


def is_stored(path: Path, say: Callable[[str], None] | None = None) -> bool:
    """Whether a folder of the cache is there with the contents it was written with.

    Parameters
    ----------
    path : Path
        The folder; one whose contents have changed since is removed, as if it had never been.
    say : callable, optional
        Told about a folder that is removed.

    Returns
    -------
    bool
    """
    if not path.is_dir():
        return False
    problem = _problem(path, tuple(_stamp(file) for file in sorted(path.rglob("*")) if file.is_file()))
    if not problem:
        return True
    if say is not None:
        say(f"{path}: {problem}; it is computed again")
    shutil.rmtree(path, ignore_errors=True)
    return False


def _stamp(file: Path) -> tuple[Path, int, int]:
    state = file.stat()
    return file, state.st_size, state.st_mtime_ns


@lru_cache(maxsize=4096)
def _problem(path: Path, stamps: tuple[tuple[Path, int, int], ...]) -> str:
    """What is wrong with the contents of a folder; empty where nothing is.  Once a process, while no file changes."""
    try:
        hashes = read_json(path / SEAL)
    except (OSError, ValueError):
        return f"{SEAL} is missing or damaged"
    found = {file.relative_to(path).as_posix() for file, _, _ in stamps}
    if missing := sorted(set(hashes) - found):
        return f"{missing[0]} is missing"
    return next((f"{name} is damaged" for name, known in hashes.items() if _hash(path / name) != known), "")


def _hash(file: Path) -> str:
    with file.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


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
