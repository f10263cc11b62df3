"""The search for ridge penalties: all of them are tested on held-out moments at the cost of one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from rtalign.decoding.moments import Moments, Precision, rotate

# Eigenvalues nearer to each other than this part of themselves are multiplied pair by pair; see try_held_out.
CLOSE: dict[Precision, float] = {"float32": 1e-4, "float64": 1e-6}
PAIRS_AT_ONCE = 2048


@dataclass(frozen=True, slots=True, eq=False)
class EigenBasis:
    """The principal directions of one training set, the same for every target and every penalty.

    values : (direction,), eigenvalues of the training words' X'X, X z-scored, ascending.
    axes : (sensor, direction), from sensors in their own units to the words' scores on those directions.
    """

    values: np.ndarray
    axes: np.ndarray

    @classmethod
    def from_moments(cls, train: Moments, dtype: Precision) -> EigenBasis:
        """Directions of the training words; constant sensors are left out.

        Why a threshold: directions that hold only rounding (sensors that repeat others) would pass alpha = 1e-4 and be
        amplified.  Rounded moments are wrong by a random matrix, whose norm was measured in float32: 2 sqrt(sensors)
        times the precision, a word.  Directions below twice that, or below the eigensolver's own error, are left out.
        """
        spread = np.sqrt(np.diagonal(train.xx) / max(train.n, 1))
        inverse = np.divide(1.0, spread, out=np.zeros_like(spread), where=spread > 0)
        # Always float64 and on the CPU: 275 x 275 is small, and every later number depends on it.
        values, vectors = np.linalg.eigh(train.xx * inverse[:, None] * inverse)
        rounding = 4 * np.sqrt(len(values)) * train.n * np.finfo(dtype).eps
        solver = values[-1] * max(len(values) * np.finfo(np.float64).eps, np.finfo(dtype).eps)
        kept = values > max(rounding, solver)
        # Contiguous, so that directions read back from disk multiply to the same last bit.
        return cls(values[kept], np.ascontiguousarray(inverse[:, None] * vectors[:, kept]))


@dataclass(frozen=True, slots=True, eq=False)
class Shrinkage:
    """1 / (value + alpha), and the factors that turn their products into differences.

    scale : (alpha,), 1 / (largest value + alpha).
    shrink : (alpha, direction), 1 / (value + alpha), over the scale.
    beyond : (alpha, direction), by how much it is more than the scale, over the scale.
    inverse_gaps : (direction, direction), 1 / (value_j - value_i); 0 where the two are too close to divide by.
    close : (i, j) of those pairs, i < j, in portions.
    """

    scale: np.ndarray
    shrink: np.ndarray
    beyond: np.ndarray
    inverse_gaps: np.ndarray
    close: list[tuple[np.ndarray, np.ndarray]]

    @classmethod
    def from_values(cls, values: np.ndarray, grid: np.ndarray, dtype: Precision) -> Shrinkage:
        """values : (direction,), ascending.    grid : (alpha,).    dtype : of the factors."""
        # Rounding grows by value / gap, so close pairs are multiplied one by one.
        first = np.searchsorted(values, (1 - CLOSE[dtype]) * values)
        count = np.arange(len(values)) - first
        j = np.repeat(np.arange(len(values)), count)
        i = np.arange(len(j)) + np.repeat(first - np.cumsum(count) + count, count)
        gap = values - values[:, None]
        np.fill_diagonal(gap, np.inf)
        gap[i, j] = gap[j, i] = np.inf
        portions = [slice(at, at + PAIRS_AT_ONCE) for at in range(0, len(i), PAIRS_AT_ONCE)]
        largest = values[-1] if len(values) else 1.0
        penalized = values + grid[:, None]
        shrink, beyond = (largest + grid[:, None]) / penalized, (largest - values) / penalized
        close = [(i[p], j[p]) for p in portions]
        return cls(1 / (largest + grid), shrink.astype(dtype), beyond.astype(dtype), (1 / gap).astype(dtype), close)


@dataclass(frozen=True, slots=True, eq=False)
class HeldOut:
    """Predictions of held-out words for every penalty, in sums: (alpha, target) each, the largest alpha first.

    products : of predictions and targets.    squares : of predictions.
    """

    products: np.ndarray
    squares: np.ndarray

    def __add__(self, other: HeldOut) -> HeldOut:
        return HeldOut(self.products + other.products, self.squares + other.squares)

    @property
    def loss(self) -> np.ndarray:
        """Squared errors, less the targets' own squares."""
        return np.asarray(self.squares - 2 * self.products)

    @property
    def agreement(self) -> np.ndarray:
        """Squared correlation times the targets' own squares, negative where predictions are opposed to targets."""
        shared = np.divide(self.products, self.squares, out=np.zeros_like(self.products), where=self.squares > 0)
        return np.asarray(np.abs(self.products) * shared)


def try_held_out(A: np.ndarray, b: np.ndarray, z: np.ndarray, shrinkage: Shrinkage) -> HeldOut:
    """Score every penalty on held-out words.

    A : (direction, direction), inner products of the held-out words' scores; symmetric to the last bit.
    b : (direction, target), of their scores with their targets.    z : the same of the training words.

    Why there is no multiplication per penalty: the weight on direction i is z_i d_i with d_i = 1 / (value_i + alpha),
    and d_i d_j = (d_i - d_j) / (value_j - value_i).  So the predictions' sum of squares, sum z_i d_i A_ij d_j z_j, is
    2 sum (d_i - c) z_i (C z)_i + sum d_i^2 A_ii z_i^2, where C_ij = A_ij / (value_j - value_i) is the same for all
    penalties.  This is an identity, not an approximation.

    Why c: C is antisymmetric, so any number may be taken from all d.  A penalty far above the values makes them nearly
    equal; without what they share, here the smallest of them, float32 holds their differences.
    """
    shrink, scale = shrinkage.shrink, shrinkage.scale[:, None]
    off_diagonal = shrinkage.beyond @ (z * ((A * shrinkage.inverse_gaps) @ z))
    squares = shrink**2 @ (A.diagonal()[:, None] * z**2)
    for i, j in shrinkage.close:
        squares += (2 * shrink[:, i] * shrink[:, j] * A[i, j]) @ (z[i] * z[j])
    return HeldOut(scale * (shrink @ (z * b)), 2 * scale * off_diagonal + scale**2 * squares)


@dataclass(frozen=True, slots=True, eq=False)
class _Targets:
    """mean : (fold, target), xy : one (sensor, target) a fold; in units of spread."""

    mean: np.ndarray
    xy: list[np.ndarray]


@dataclass(slots=True, eq=False)
class TrainingSet:
    """One training set, ready to be tested on other folds.

    axes : (direction, sensor), those of the basis, transposed as they multiply fastest.
    scores : the training words' scores times targets, by set of targets, computed when first needed.
    """

    folds: list[int]
    axes: np.ndarray
    shrinkage: Shrinkage
    scores: dict[int, np.ndarray] = field(default_factory=dict)


class PenaltySearch:
    """The moments of all folds, scaled by each column's spread, in the search's precision."""

    def __init__(
        self,
        folds: Sequence[Moments],
        rotations: Sequence[np.ndarray],
        grid: np.ndarray,
        dtype: Precision,
    ) -> None:
        self.grid, self.dtype = grid, dtype
        self.n = np.array([fold.n for fold in folds], np.float64)
        total = Moments.sum(folds)
        self.unit = _root_mean(np.diagonal(total.xx), total.n)
        self.mean_x = np.stack([fold.mean_x for fold in folds]) / self.unit
        self.roots = [_root(fold.xx / self.unit[:, None] / self.unit).astype(dtype) for fold in folds]
        self.targets = self._targets(folds, total, rotations)

    def _targets(self, folds: Sequence[Moments], total: Moments, rotations: Sequence[np.ndarray]) -> list[_Targets]:
        """One set a rotation; one for all pipelines where there are none."""
        means = np.stack([fold.mean_y for fold in folds])
        unit = target_spread(total)
        xys = [(fold.xy / self.unit[:, None] / unit).astype(self.dtype) for fold in folds]
        if not rotations:
            return [_Targets(means / unit, xys)]
        turned = []
        for rotation in rotations:
            unit_turned = target_spread(total, rotation).reshape(len(rotation), 1, -1)
            within = (rotation * unit.reshape(len(rotation), -1, 1) / unit_turned).astype(self.dtype)
            turned.append(_Targets(rotate(means, rotation / unit_turned), [rotate(xy, within) for xy in xys]))
        return turned

    def train(self, folds: Sequence[int], basis: EigenBasis) -> TrainingSet:
        """A training set with its basis."""
        shrinkage = Shrinkage.from_values(basis.values, self.grid, self.dtype)
        axes = np.ascontiguousarray((basis.axes * self.unit[:, None]).T, self.dtype)
        return TrainingSet(list(folds), axes, shrinkage)

    def test(self, training: TrainingSet, held: int, pipeline: int) -> HeldOut:
        """Predictions of a held-out fold, of one pipeline's targets."""
        which = pipeline if len(self.targets) > 1 else 0
        targets, axes = self.targets[which], training.axes
        dx, dy = self._about(training.folds, self.mean_x), self._about(training.folds, targets.mean)
        if which not in training.scores:
            xy = dx[training.folds].T @ dy[training.folds]
            for fold in training.folds:
                xy += targets.xy[fold]
            training.scores[which] = axes @ xy
        dx, dy = dx[held : held + 1], dy[held : held + 1]
        scores = axes @ np.hstack([self.roots[held], dx.T])
        b = axes @ (targets.xy[held] + dx.T * dy)
        return try_held_out(scores @ scores.T, b, training.scores[which], training.shrinkage)

    def _about(self, folds: list[int], means: np.ndarray) -> np.ndarray:
        """(fold, column): every fold's mean minus the training mean, times the root of the fold's size."""
        centre = self.n[folds] @ means[folds] / self.n[folds].sum()
        return np.asarray(np.sqrt(self.n)[:, None] * (means - centre), self.dtype)


def target_spread(total: Moments, rotation: np.ndarray | None = None) -> np.ndarray:
    """(target,): spread of each target, 1 where nothing varies; of components of each group where these are given.

    rotation : (group, member, component).
    """
    squares = total.target_squares if rotation is None else turned_squares(total.yy, rotation)
    return _root_mean(squares, total.n)


def turned_squares(yy: np.ndarray, rotation: np.ndarray) -> np.ndarray:
    """(target,): sums of squares of components from the members' inner products.

    yy : (group, member, member).    rotation : (group, member, component).
    """
    return np.asarray(np.einsum("gmc,gmk,gkc->gc", rotation, yy, rotation, optimize=True).reshape(-1))


def descending(alphas: Sequence[float] | np.ndarray) -> np.ndarray:
    """(alpha,): penalties as all of this module has them, the largest first."""
    return np.sort(np.asarray(alphas, np.float64).ravel())[::-1].copy()


def least_losses(tested: Sequence[HeldOut], grid: np.ndarray) -> np.ndarray:
    """(decoder, target): the penalty of least loss of each decoder."""
    return np.stack([choose_penalties(one.loss, grid) for one in tested])


def choose_penalties(loss: np.ndarray, grid: np.ndarray) -> np.ndarray:
    """(target,): the penalty of least loss; the larger one where two are equal or no loss is a number.

    loss : (alpha, target), the largest alpha first.
    """
    return grid[np.argmin(np.where(np.isnan(loss), np.inf, loss), axis=0)]


def _root(squares: np.ndarray) -> np.ndarray:
    """L of L L' = squares.  Why: a weak direction's part of L keeps the digits that its part of squares would lose."""
    try:
        return np.linalg.cholesky(squares)
    except np.linalg.LinAlgError:  # fewer words than sensors, or rounding
        values, vectors = np.linalg.eigh(squares)
        return np.asarray(vectors * np.sqrt(np.maximum(values, 0.0)))


def _root_mean(squares: np.ndarray, n: int) -> np.ndarray:
    """Spread of each column, 1 where nothing varies."""
    return np.where(squares > 0, np.sqrt(np.maximum(squares, 0) / n), 1.0)
