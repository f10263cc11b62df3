"""The lags of one job that are fitted so far, in one file: what a worker leaves is where the next one goes on."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from rtalign.core.storage.cache import content_key
from rtalign.core.storage.files import atomic_file
from rtalign.core.storage.tensorfile import TensorFile

SEAL, SEAL_BYTES = "seal", 16
"""The array of hashes, one a lag; zeros where a lag is missing."""


class LagFile:
    """Arrays of every lag, each written once its fit is done and believed where its hash is right.

    Two workers may fill one file, where one of them is believed dead: they write the same numbers to the same places.

    Parameters
    ----------
    path : Path
        The file; made with the first lag that is written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._file = self._open()

    def read(self, lag: int) -> dict[str, np.ndarray] | None:
        """The arrays of one lag; None where they are not there, or not whole."""
        file = self._file
        if file is None or lag >= len(file[SEAL]):
            return None
        arrays = {name: np.array(file[name][lag]) for name in file.names() if name != SEAL}
        return arrays if np.array_equal(file[SEAL][lag], _hash(arrays)) else None

    def write(self, lag: int, n_lags: int, arrays: Mapping[str, np.ndarray]) -> None:
        """Write the arrays of one lag, and then their hash."""
        with self._lock:
            if self._file is None:
                self._file = self._create(n_lags, arrays)
        for name, values in arrays.items():
            self._file[name][lag] = values
        self._file[SEAL][lag] = _hash(arrays)

    def delete(self) -> None:
        """Delete the file, once the results of all lags are stored elsewhere."""
        self._path.unlink(missing_ok=True)

    def _open(self) -> TensorFile | None:
        """The file as it is; one that is cut short is as good as none."""
        try:
            file = TensorFile(self._path, writable=True)
        except (OSError, ValueError):
            return None
        return file if SEAL in file else None

    def _create(self, n_lags: int, arrays: Mapping[str, np.ndarray]) -> TensorFile:
        """A file of zeros, which appears whole, unless another worker was first."""
        if (file := self._open()) is not None:
            return file
        self._path.parent.mkdir(parents=True, exist_ok=True)
        shapes = {name: (str(values.dtype), (n_lags, *values.shape)) for name, values in arrays.items()}
        with atomic_file(self._path) as partial:
            TensorFile.create(partial, shapes | {SEAL: ("uint8", (n_lags, SEAL_BYTES))})
        return TensorFile(self._path, writable=True)


def _hash(arrays: Mapping[str, np.ndarray]) -> np.ndarray:
    parts = [part for name in sorted(arrays) for part in (name, arrays[name].tobytes())]
    return np.frombuffer(bytes.fromhex(content_key(*parts))[:SEAL_BYTES], np.uint8)
