"""Penalties: every ridge penalty weighed on held-out moments, for the price of one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from rtalign.decoding.moments import Moments, Precision, rotate

# An array of numpy, or of torch where another device was asked for; the search knows only what both can do.
Array = Any

# Eigenvalues nearer to each other than this part of themselves are multiplied pair by pair; see loss.
CLOSE = {"float32": 3e-4, "float64": 1e-6}
PAIRS_AT_ONCE = 2048


@dataclass(frozen=True, slots=True, eq=False)
class Basis:
    """The principal directions of one training set, which serve every target and every penalty.

    values : (direction,), eigenvalues of the training words' X'X, X z-scored, ascending.
    axes : (sensor, direction), from sensors in their own units to the words' scores on those directions.
    """

    values: np.ndarray
    axes: np.ndarray

    @classmethod
    def of(cls, train: Moments, dtype: Precision) -> Basis:
        """Directions of the training words; constant sensors take no part.

        Why a cut: directions that hold only rounding (sensors that repeat others) would pass alpha = 1e-4 and be blown
        up.  Rounded moments are off by a random matrix, whose norm (2 sqrt(sensors) times the precision, a word) was
        seen in float32; twice that is cut, and what no eigensolver tells from nothing.
        """
        spread = np.sqrt(np.diagonal(train.xx) / max(train.n, 1))
        inverse = np.divide(1.0, spread, out=np.zeros_like(spread), where=spread > 0)
        # Always float64, and never on the device: 275 x 275 is small there, and every later number leans on it.
        values, vectors = np.linalg.eigh(train.xx * inverse[:, None] * inverse)
        rounding = 4 * np.sqrt(len(values)) * train.n * np.finfo(dtype).eps
        solver = values[-1] * max(len(values) * np.finfo(np.float64).eps, np.finfo(dtype).eps)
        kept = values > max(rounding, solver)
        # In one order of memory, so that directions read back from a disk multiply to the same last bit.
        return cls(values[kept], np.ascontiguousarray(inverse[:, None] * vectors[:, kept]))


@dataclass(frozen=True, slots=True, eq=False)
class Fractions:
    """1 / (value + alpha), and what turns their products into their differences.

    shrink : (alpha, direction), 1 / (value + alpha).
    apart : (direction, direction), 1 / (value_j - value_i); 0 where the two are too close to divide by.
    close : (i, j) of those pairs, i < j, in portions.
    """

    shrink: Array
    apart: Array
    close: list[tuple[np.ndarray, np.ndarray]]

    @classmethod
    def of(
        cls, values: np.ndarray, grid: np.ndarray, dtype: Precision, put: Callable[[np.ndarray], Array]
    ) -> Fractions:
        """values : (direction,), ascending.    grid : (alpha,)."""
        # Rounding grows by value / gap, so what is close is left to its own multiplication.
        first = np.searchsorted(values, (1 - CLOSE[dtype]) * values)
        count = np.arange(len(values)) - first
        j = np.repeat(np.arange(len(values)), count)
        i = np.arange(len(j)) + np.repeat(first - np.cumsum(count) + count, count)
        gap = values - values[:, None]
        np.fill_diagonal(gap, np.inf)
        gap[i, j] = gap[j, i] = np.inf
        portions = [slice(at, at + PAIRS_AT_ONCE) for at in range(0, len(i), PAIRS_AT_ONCE)]
        return cls(put(1 / (values + grid[:, None])), put(1 / gap), [(i[p], j[p]) for p in portions])


def loss(A: Array, b: Array, z: Array, fractions: Fractions) -> Array:
    """(alpha, target): squared error on held-out words, less the targets' own sum of squares.

    A : (direction, direction), inner products of the held-out words' scores.
    b : (direction, target), of their scores with their targets.    z : the same of the training words.

    Why no multiplication a penalty: the weight on direction i is z_i d_i with d_i = 1 / (value_i + alpha), and
    d_i d_j = (d_i - d_j) / (value_j - value_i).  So the predictions' sum of squares, sum z_i d_i A_ij d_j z_j, is
    2 sum d_i z_i (C z)_i + sum d_i^2 A_ii z_i^2, where C_ij = A_ij / (value_j - value_i) is the same for all
    penalties.  This is an identity, not an approximation.
    """
    shrink = fractions.shrink
    result = shrink @ (2 * z * ((A * fractions.apart) @ z - b)) + shrink**2 @ (A.diagonal()[:, None] * z**2)
    for i, j in fractions.close:
        result += (2 * shrink[:, i] * shrink[:, j] * A[i, j]) @ (z[i] * z[j])
    return result


@dataclass(frozen=True, slots=True, eq=False)
class _Targets:
    """mean : (fold, target), xy : one (sensor, target) a fold; in units of spread."""

    mean: np.ndarray
    xy: list[Array]


@dataclass(slots=True, eq=False)
class Trained:
    """One training set, ready to be tested on other folds.

    onto : (direction, sensor), the basis' axes, transposed as they multiply fastest.    onto64 : the same in float64.
    Why both: scores on the weakest directions are small differences of large numbers, and their inner products would
    drown in float32.
    scores : the training words' scores times targets, by set of targets, as they come to be needed.
    """

    folds: list[int]
    onto: Array
    onto64: Array
    fractions: Fractions
    scores: dict[int, Array] = field(default_factory=dict)


class Search:
    """The moments of all folds, in units of spread, in the search's precision and on its device."""

    def __init__(
        self,
        folds: Sequence[Moments],
        rotations: Sequence[np.ndarray],
        grid: np.ndarray,
        dtype: Precision,
        device: str,
    ) -> None:
        self.grid, self.dtype, self.put, self.put64 = grid, dtype, _mover(dtype, device), _mover("float64", device)
        self.n = np.array([fold.n for fold in folds], np.float64)
        total = Moments.sum(folds)
        self.unit = _root_mean(np.diagonal(total.xx), total.n)
        self.mean_x = np.stack([fold.mean_x for fold in folds]) / self.unit
        self.xx = [self.put64(fold.xx / self.unit[:, None] / self.unit) for fold in folds]
        self.targets = self._targets(folds, total, rotations)

    def _targets(self, folds: Sequence[Moments], total: Moments, rotations: Sequence[np.ndarray]) -> list[_Targets]:
        """One a rotation; one for all pipelines where there are none."""
        means = np.stack([fold.mean_y for fold in folds])
        unit = _root_mean(total.squares, total.n)
        xys = [(fold.xy / self.unit[:, None] / unit).astype(self.dtype) for fold in folds]
        if not rotations:
            return [_Targets(means / unit, [self.put(xy) for xy in xys])]
        turned = []
        for rotation in rotations:
            squares = np.einsum("gmc,gmk,gkc->gc", rotation, total.yy, rotation, optimize=True)
            unit_turned = _root_mean(squares, total.n)[:, None]
            within = (rotation * unit.reshape(len(rotation), -1, 1) / unit_turned).astype(self.dtype)
            xy = [self.put(rotate(xy, within)) for xy in xys]
            turned.append(_Targets(rotate(means, rotation / unit_turned), xy))
        return turned

    def train(self, folds: Sequence[int], basis: Basis) -> Trained:
        """A training set, known by its basis."""
        fractions = Fractions.of(basis.values, self.grid, self.dtype, self.put)
        onto = np.ascontiguousarray((basis.axes * self.unit[:, None]).T)
        return Trained(list(folds), self.put(onto), self.put64(onto), fractions)

    def loss(self, trained: Trained, held: int, pipeline: int) -> Array:
        """(alpha, target): error on a held-out fold, of one pipeline's targets."""
        which = pipeline if len(self.targets) > 1 else 0
        targets, onto = self.targets[which], trained.onto
        dx, dy = self._about(trained.folds, self.mean_x), self._about(trained.folds, targets.mean)
        if which not in trained.scores:
            xy = dx[trained.folds].T @ dy[trained.folds]
            for fold in trained.folds:
                xy += targets.xy[fold]
            trained.scores[which] = onto @ xy
        dx, dy = dx[held : held + 1], dy[held : held + 1]
        A = self.put(trained.onto64 @ (self.xx[held] + dx.T * dx) @ trained.onto64.T)
        return loss(A, onto @ (targets.xy[held] + dx.T * dy), trained.scores[which], trained.fractions)

    def _about(self, folds: list[int], means: np.ndarray) -> Array:
        """(fold, column): every fold's mean about the training mean, times the root of the fold's size."""
        centre = self.n[folds] @ means[folds] / self.n[folds].sum()
        return self.put(np.sqrt(self.n)[:, None] * (means - centre))


def choose(loss: Array, grid: np.ndarray) -> np.ndarray:
    """(target,): the penalty of least loss; the larger one where two are equal or nothing is known.

    loss : (alpha, target), the largest alpha first.
    """
    known = loss if isinstance(loss, np.ndarray) else loss.cpu().numpy()
    return grid[np.argmin(np.where(np.isnan(known), np.inf, known), axis=0)]


def _root_mean(squares: np.ndarray, n: int) -> np.ndarray:
    """Spread of each column, 1 where nothing varies."""
    return np.where(squares > 0, np.sqrt(np.maximum(squares, 0) / n), 1.0)


def _mover(dtype: Precision, device: str) -> Callable[[Array], Array]:
    """What takes an array to the search's precision and device."""
    if device == "cpu":
        return lambda array: np.ascontiguousarray(array, dtype)
    import torch

    return lambda array: torch.as_tensor(array, dtype=getattr(torch, dtype), device=device)
