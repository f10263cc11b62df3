"""Moments of one person's signal at each lag, with their principal directions, shared by all models.

They do not depend on the targets, so a sweep computes them once a person.  Recordings are summed one by one, then
added.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from rtalign.core.storage.tensorfile import TensorFile
from rtalign.decoding import ridge
from rtalign.decoding.moments import Moments, Precision
from rtalign.decoding.penalties import EigenBasis


def recording_moments(signal: np.ndarray, fold: np.ndarray, precision: Precision) -> dict[int, Moments]:
    """Moments of one recording's signal, by fold."""
    moments = {}
    for k in np.unique(fold[fold >= 0]).tolist():
        rows = signal[fold == k]
        moments[int(k)] = Moments.from_data(rows, np.empty((len(rows), 0), np.float32), precision)
    return moments


def sum_recordings(parts: Sequence[Mapping[int, Moments]], n_folds: int) -> list[Moments]:
    """Each fold's moments over all recordings."""
    return [Moments.sum([part[k] for part in parts if k in part]) for k in range(n_folds)]


class SensorMomentsFile:
    """Moments and principal directions of one person's signal on disk, read one lag at a time."""

    def __init__(self, path: Path) -> None:
        self._file = TensorFile(path)

    def moments(self, lag: int) -> list[Moments]:
        """One a fold."""
        return read_moments(self._file, lag)

    def bases(self, lag: int) -> dict[tuple[int, ...], EigenBasis]:
        """Directions of every training set, by its folds."""
        file, sets = self._file, ridge.training_sets(len(self._file["n"]))
        bases = {}
        for i, chosen in enumerate(sets):
            kept = int(file["kept"][lag, i])
            axes = np.ascontiguousarray(file["axes"][lag, i, :, :kept])
            bases[chosen] = EigenBasis(np.array(file["values"][lag, i, :kept]), axes)
        return bases


def create_file(path: Path, n_lags: int, n_sensors: int, n_folds: int) -> TensorFile:
    """A new file for the moments and directions of one person."""
    n_sets = len(ridge.training_sets(n_folds))
    return TensorFile.create(
        path,
        moment_shapes(n_lags, n_sensors, n_folds)
        | {
            "kept": ("int64", (n_lags, n_sets)),
            "values": ("float64", (n_lags, n_sets, n_sensors)),
            "axes": ("float64", (n_lags, n_sets, n_sensors, n_sensors)),
        },
    )


def moment_shapes(n_lags: int, n_sensors: int, n_folds: int) -> dict[str, tuple[str, tuple[int, ...]]]:
    """The arrays that hold moments.  Why float64: they must read back equal to the last bit."""
    return {
        "n": ("int64", (n_folds,)),
        "mean_x": ("float64", (n_lags, n_folds, n_sensors)),
        "xx": ("float64", (n_lags, n_folds, n_sensors, n_sensors)),
    }


def write_moments(file: TensorFile, lag: int, folds: Sequence[Moments]) -> None:
    """Write one lag's moments into a file."""
    for k, fold in enumerate(folds):
        file["n"][k] = fold.n
        file["mean_x"][lag, k], file["xx"][lag, k] = fold.mean_x, fold.xx


def write_bases(file: TensorFile, lag: int, folds: Sequence[Moments], precision: Precision) -> None:
    """Write one lag's directions of every training set into a file."""
    for i, basis in enumerate(ridge.eigen_bases(folds, precision).values()):
        kept = len(basis.values)
        file["kept"][lag, i] = kept
        file["values"][lag, i, :kept], file["axes"][lag, i, :, :kept] = basis.values, basis.axes


def read_moments(file: TensorFile, lag: int) -> list[Moments]:
    """One lag's moments from a file, one a fold that it holds."""
    none = np.zeros(0)
    n_sensors = file["mean_x"].shape[-1]
    return [
        Moments(
            int(n),
            np.array(file["mean_x"][lag, k]),
            none,
            np.array(file["xx"][lag, k]),
            np.zeros((n_sensors, 0)),
            np.zeros((0, 1, 1)),
        )
        for k, n in enumerate(file["n"])
    ]
