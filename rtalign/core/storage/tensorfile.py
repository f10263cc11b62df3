"""Safetensors files: written as a whole, or filled in place so that a bank larger than memory can be written.

Why a second writer, for files that are filled in place: that of safetensors wants every tensor in memory at once, while
the trainer finishes one lag at a time and must be able to stop and go on.  The layout is the published one (a length, a
JSON header, the data), so any reader opens it.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

import numpy as np
from safetensors.numpy import load_file, save_file

from rtalign.core.storage.files import atomic_file
from rtalign.core.storage.json_toml import parse_json

NAMES = {"float32": "F32", "float64": "F64", "int64": "I64", "int32": "I32", "uint8": "U8"}
DTYPES = {code: np.dtype(name) for name, code in NAMES.items()}
MAX_HEADER = 1 << 20
MAX_AXES = 8


def save_tensors(path: Path, tensors: Mapping[str, np.ndarray]) -> None:
    """Write a safetensors file as a whole: a process that dies, or another that writes the same, leaves no half of one.

    Parameters
    ----------
    path : Path
        The file; its folder is made where it is missing.
    tensors : mapping of str to ndarray
        The arrays by name.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_file(path) as partial:
        save_file({name: np.ascontiguousarray(value) for name, value in tensors.items()}, partial)


def load_tensors(path: Path) -> dict[str, np.ndarray]:
    """Read every array of a safetensors file into memory.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    dict of str to ndarray
        The arrays by name.
    """
    tensors: dict[str, np.ndarray] = load_file(path)
    return tensors


class TensorFile:
    """Named arrays in one safetensors file, each mapped from the disk.

    Parameters
    ----------
    path : Path
        The file; ValueError if it is not a complete safetensors file.
    writable : bool
        Whether the arrays can be changed.

    Examples
    --------
    >>> file = TensorFile.create(path, {"weights": ("float32", (101, 275))})  # doctest: +SKIP
    >>> file["weights"][0] = 1.0  # doctest: +SKIP
    """

    def __init__(self, path: Path, writable: bool = False) -> None:
        self.path = path
        self._mode = "r+" if writable else "r"
        self._entries, self._data_start = _read_header(path)

    @classmethod
    def create(cls, path: Path, shapes: Mapping[str, tuple[str, tuple[int, ...]]]) -> TensorFile:
        """A new file of zeros; shapes maps each name to (dtype name, shape)."""
        entries, end = {}, 0
        for name, (dtype, shape) in shapes.items():
            size = np.dtype(dtype).itemsize * math.prod(shape)
            entries[name] = {"dtype": NAMES[dtype], "shape": list(shape), "data_offsets": [end, end + size]}
            end += size
        header = json.dumps(entries).encode()
        header += b" " * (-len(header) % 8)
        path.unlink(missing_ok=True)  # a bank may be another name of the old file
        try:
            with path.open("wb") as file:
                file.write(len(header).to_bytes(8, "little") + header)
                file.flush()
                _allocate(file, 8 + len(header) + end)
        except OSError as error:
            path.unlink(missing_ok=True)
            raise OSError(error.errno, error.strerror, str(path)) from None
        return cls(path, writable=True)

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The shape of every array, by name."""
        return {name: shape for name, (_, shape, _) in self._entries.items()}

    def names(self) -> list[str]:
        """The names of the arrays."""
        return list(self._entries)

    def __contains__(self, name: str) -> bool:
        return name in self._entries

    def __getitem__(self, name: str) -> np.ndarray:
        """The array, mapped: nothing is read until it is used."""
        if name not in self._entries:
            raise KeyError(f"{self.path.name} holds no {name!r}")
        dtype, shape, start = self._entries[name]
        if not math.prod(shape):
            return np.zeros(shape, dtype)
        return np.memmap(self.path, dtype, self._mode, self._data_start + start, shape)  # type: ignore[call-overload,no-any-return]


def _allocate(file: BinaryIO, size: int) -> None:
    """Take the space now, so that a full disk is an error here and not a crash in the middle of a mapped write."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(file.fileno(), 0, size)
        return
    zeros = bytes(1 << 20)  # macOS and Windows: only what is written is surely there
    for start in range(file.tell(), size, len(zeros)):
        file.write(zeros[: size - start])


def _read_header(path: Path) -> tuple[dict[str, tuple[np.dtype, tuple[int, ...], int]], int]:
    """Entries, and where the data begin; every number of the header is checked before it is used."""
    size = path.stat().st_size
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if not 2 <= length <= min(MAX_HEADER, size - 8):
            raise ValueError(f"{path} is not a safetensors file: its header claims {length} bytes of {size}")
        header = parse_json(file.read(length).decode("utf-8", "replace"), f"{path}, a safetensors file by its header,")
    entries = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        try:
            dtype, shape = DTYPES[entry["dtype"]], tuple(int(n) for n in entry["shape"][:MAX_AXES])
            start, end = (int(n) for n in entry["data_offsets"])
        except (KeyError, TypeError, ValueError):
            raise ValueError(f"{path}: the entry of tensor {name!r} cannot be read") from None
        bytes_needed = dtype.itemsize * math.prod(shape)
        if min(shape, default=0) < 0 or start < 0 or end - start != bytes_needed or 8 + length + end > size:
            raise ValueError(f"{path}: tensor {name!r} does not fit in the file; it was cut short or damaged")
        entries[name] = (dtype, shape, start)
    return entries, 8 + length
