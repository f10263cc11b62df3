"""What every model shares of one person's brain: the signal's moments at each lag, with their principal directions.

Targets play no part in either, so a sweep works them out once a person.  Recordings are summed one by one, then added,
here as in the trainer, so that both arrive at the same last bit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from rtalign.core.recipe import FitRecipe
from rtalign.core.tensorfile import TensorFile
from rtalign.decoding import ridge
from rtalign.decoding.moments import Moments, Precision
from rtalign.decoding.penalties import EigenBasis
from rtalign.training.prepare import Story


def fresh(stories: Sequence[Story], signal: np.ndarray, fold: np.ndarray, recipe: FitRecipe) -> list[Moments]:
    """The sensors' moments of each fold at one lag.  signal : (word, sensor) of all stories; fold : (word,)."""
    cuts = np.cumsum([len(story.used) for story in stories])[:-1]
    pieces = zip(np.split(signal, cuts), np.split(fold, cuts), strict=True)
    return added([of_recording(piece, part, recipe.precision) for piece, part in pieces], recipe.folds)


def of_recording(signal: np.ndarray, fold: np.ndarray, precision: Precision) -> dict[int, Moments]:
    """One recording's moments, by the folds that its words belong to."""
    found = {}
    for k in np.unique(fold[fold >= 0]).tolist():
        rows = signal[fold == k]
        found[int(k)] = Moments.from_data(rows, np.empty((len(rows), 0), np.float32), precision)
    return found


def added(parts: Sequence[Mapping[int, Moments]], n_folds: int) -> list[Moments]:
    """Each fold's moments over all recordings."""
    return [Moments.sum([part[k] for part in parts if k in part]) for k in range(n_folds)]


class Brain:
    """Moments and directions on disk, read one lag at a time."""

    def __init__(self, path: Path) -> None:
        self._file = TensorFile(path)

    def moments(self, lag: int) -> list[Moments]:
        return recall(self._file, lag)

    def bases(self, lag: int) -> dict[tuple[int, ...], EigenBasis]:
        """Of every training set, by its folds."""
        file, sets = self._file, ridge.training_sets(len(self._file["n"]))
        found = {}
        for i, chosen in enumerate(sets):
            kept = int(file["kept"][lag, i])
            axes = np.ascontiguousarray(file["axes"][lag, i, :, :kept])
            found[chosen] = EigenBasis(np.array(file["values"][lag, i, :kept]), axes)
        return found


def create(path: Path, n_lags: int, n_sensors: int, n_folds: int) -> TensorFile:
    """An empty file for a whole brain."""
    n_sets = len(ridge.training_sets(n_folds))
    return TensorFile.create(
        path,
        sums(n_lags, n_sensors, n_folds)
        | {
            "kept": ("int64", (n_lags, n_sets)),
            "values": ("float64", (n_lags, n_sets, n_sensors)),
            "axes": ("float64", (n_lags, n_sets, n_sensors, n_sensors)),
        },
    )


def sums(n_lags: int, n_sensors: int, n_folds: int) -> dict[str, tuple[str, tuple[int, ...]]]:
    """The tensors that hold moments.  Why float64: what is read back must be what was written, to the last bit."""
    return {
        "n": ("int64", (n_folds,)),
        "mean_x": ("float64", (n_lags, n_folds, n_sensors)),
        "xx": ("float64", (n_lags, n_folds, n_sensors, n_sensors)),
    }


def keep(file: TensorFile, lag: int, folds: Sequence[Moments]) -> None:
    """One lag's moments into a file."""
    for k, fold in enumerate(folds):
        file["n"][k] = fold.n
        file["mean_x"][lag, k], file["xx"][lag, k] = fold.mean_x, fold.xx


def keep_bases(file: TensorFile, lag: int, folds: Sequence[Moments], precision: Precision) -> None:
    """One lag's directions of every training set into a file."""
    for i, basis in enumerate(ridge.eigen_bases(folds, precision).values()):
        kept = len(basis.values)
        file["kept"][lag, i] = kept
        file["values"][lag, i, :kept], file["axes"][lag, i, :, :kept] = basis.values, basis.axes


def recall(file: TensorFile, lag: int) -> list[Moments]:
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
