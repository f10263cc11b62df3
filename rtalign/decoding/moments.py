"""Moments: all that a linear decoder needs of brain and targets, in sums that add."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

Precision = Literal["float32", "float64"]

# Why 2048 rows: a block and its copies stay in cache, and the multiplication is already at full speed.
BLOCK = 2048


@dataclass(frozen=True, slots=True, eq=False)
class Moments:
    """Centred second moments of words, in float64.

    Why centred: sums about the origin lose every digit where offsets are large, sums about the mean lose none, and they
    add exactly by the parallel-axis formula.  Nothing is ever subtracted.

    Attributes
    ----------
    n : int
        How many words.
    mean_x : ndarray, shape (sensor,)
        Mean of the signal.
    mean_y : ndarray, shape (target,)
        Mean of the targets.
    xx : ndarray, shape (sensor, sensor)
        Inner products of the centred signal.
    xy : ndarray, shape (sensor, target)
        Of the centred signal with the centred targets.
    yy : ndarray, shape (group, member, member)
        Of the centred targets within each group; targets are group-major, and plain ones are groups of one.
    """

    n: int
    mean_x: np.ndarray
    mean_y: np.ndarray
    xx: np.ndarray
    xy: np.ndarray
    yy: np.ndarray

    @classmethod
    def from_data(
        cls,
        X: np.ndarray,
        Y: np.ndarray,
        dtype: Precision = "float32",
        groups: int | None = None,
        *,
        same_y: Moments | None = None,
        same_x: Moments | None = None,
    ) -> Moments:
        """Moments of some words.

        Parameters
        ----------
        X : ndarray, shape (word, sensor)
            The signal at one lag.
        Y : ndarray, shape (word, target)
            The targets.
        dtype : {"float32", "float64"}
            Precision of the multiplication; sums over blocks are float64 either way.
        groups : int, optional
            Number of equal groups of targets whose inner products are kept; None keeps only squares.
        same_y : Moments, optional
            Of the same Y with another X (another lag): its mean_y and yy are not computed again.
        same_x : Moments, optional
            Of the same X with another Y (another model): its mean_x and xx are not computed again.

        Returns
        -------
        Moments
            Their sums; ValueError if a column is not finite.
        """
        groups = Y.shape[-1] if groups is None else groups
        _check(X, Y, groups, same_y, same_x)
        total = ChunkSums(X.shape[1], Y.shape[1], 0 if same_y else groups, same_x is None)
        for start in range(0, len(X), BLOCK):
            rows = slice(start, start + BLOCK)
            total.push(*centred(X[rows], X[0], dtype), *centred(Y[rows], Y[0], dtype))
        mean_x, mean_y = total.finish()
        mean_y, yy = (same_y.mean_y, same_y.yy) if same_y is not None else (mean_y, total.yy)
        mean_x, xx = (same_x.mean_x, same_x.xx) if same_x is not None else (mean_x, total.xx)
        moments = cls(len(X), mean_x, mean_y, xx, total.xy, yy)
        moments._check_finite()
        return moments

    @classmethod
    def sum(cls, parts: Sequence[Moments]) -> Moments:
        """Moments of the words of all parts, by the parallel-axis formula."""
        n = np.array([part.n for part in parts])
        mean_x, between_x = between(np.stack([part.mean_x for part in parts]), n)
        mean_y, between_y = between(np.stack([part.mean_y for part in parts]), n)
        groups = len(parts[0].yy)
        return cls(
            int(n.sum()),
            mean_x,
            mean_y,
            _added(between_x.T @ between_x, [part.xx for part in parts]),
            _added(between_x.T @ between_y, [part.xy for part in parts]),
            _added(_grouped_squares(between_y, groups), [part.yy for part in parts]),
        )

    def __add__(self, other: Moments) -> Moments:
        return Moments.sum([self, other])

    def rotate(self, rotation: np.ndarray) -> Moments:
        """Moments of the same words with the targets of each group times that group's rotation.

        Parameters
        ----------
        rotation : ndarray, shape (group, member, component)
            One matrix a group.

        Returns
        -------
        Moments
            With group x component targets.
        """
        if rotation.shape[:2] != self.yy.shape[:2]:
            groups, members = self.yy.shape[:2]
            raise ValueError(
                f"the rotation is for {rotation.shape[0]} groups of {rotation.shape[1]} targets; these moments hold "
                f"{groups} groups of {members} - pass groups={rotation.shape[0]} to Moments.from_data"
            )
        rotation = np.asarray(rotation, np.float64)
        return Moments(
            self.n,
            self.mean_x,
            rotate(self.mean_y[None], rotation)[0],
            self.xx,
            rotate(self.xy, rotation),
            rotation.transpose(0, 2, 1) @ self.yy @ rotation,
        )

    @property
    def without_targets(self) -> Moments:
        """The same words, with no targets."""
        return Moments(self.n, self.mean_x, self.mean_y[:0], self.xx, self.xy[:, :0], np.zeros((0, 1, 1)))

    @property
    def target_squares(self) -> np.ndarray:
        """(target,): centred sum of squares of each target."""
        return np.diagonal(self.yy, axis1=1, axis2=2).reshape(-1)

    def _check_finite(self) -> None:
        for name, mean, squares in (("X", self.mean_x, np.diagonal(self.xx)), ("Y", self.mean_y, self.target_squares)):
            bad = np.flatnonzero(~np.isfinite(mean + squares))
            if bad.size:
                raise ValueError(
                    f"column {bad[0]} of {name} is not finite, or too large to square ({bad.size} such columns) - "
                    "leave out the words or sensors that hold NaN or infinity"
                )


def rotate(values: np.ndarray, rotation: np.ndarray) -> np.ndarray:
    """Multiply each group of columns by its own rotation.

    values : (row, group * member).    rotation : (group, member, component).
    Returns (row, group * component).
    """
    groups, members, components = rotation.shape
    rotated = np.empty((len(values), groups * components), np.result_type(values, rotation))
    for g in range(groups):
        into = rotated[:, g * components : (g + 1) * components]
        np.matmul(values[:, g * members : (g + 1) * members], rotation[g], out=into)
    return rotated


def _check(X: np.ndarray, Y: np.ndarray, groups: int, same_y: Moments | None, same_x: Moments | None) -> None:
    if X.ndim != 2 or Y.ndim != 2 or len(X) != len(Y):
        raise ValueError(f"X {X.shape} and Y {Y.shape} are not (word, sensor) and (word, target) of the same words")
    if groups < 0 or Y.shape[1] % max(groups, 1):
        raise ValueError(f"{Y.shape[1]} targets do not fall into {groups} equal groups - pass a divisor as groups")
    if same_y is not None and (same_y.n, same_y.mean_y.size, len(same_y.yy)) != (len(Y), Y.shape[1], groups):
        raise ValueError(
            f"same_y holds {same_y.n} words, {same_y.mean_y.size} targets in {len(same_y.yy)} groups; Y holds "
            f"{len(Y)} words, {Y.shape[1]} targets in {groups} groups - same_y must come from the same Y"
        )
    if same_x is not None and (same_x.n, same_x.mean_x.size) != X.shape:
        raise ValueError(
            f"same_x holds {same_x.n} words of {same_x.mean_x.size} sensors; X holds {X.shape[0]} words of "
            f"{X.shape[1]} sensors - same_x must come from the same X"
        )


def centred(block: np.ndarray, origin: np.ndarray, dtype: Precision) -> tuple[np.ndarray, np.ndarray]:
    """The block minus its own mean, ready to be multiplied, and that mean in float64.

    Why a row of the data is subtracted first: the difference of two values of one type is exact up to its own rounding,
    however large their common offset, and a column that never changes becomes zero to the last bit.
    """
    wide = np.result_type(block, dtype)
    shifted = np.subtract(block, origin, dtype=wide)
    mean = shifted.mean(axis=0, dtype=np.float64)
    shifted -= mean.astype(wide)
    return shifted.astype(dtype, copy=False), origin + mean


class ChunkSums:
    """Sums over chunks of centred rows in float64; the part between the chunks' means is added once, at the end."""

    def __init__(self, n_sensors: int, n_targets: int, groups: int, squares: bool) -> None:
        self.groups, self.squares = groups, squares
        self.xx = np.zeros((n_sensors, n_sensors))
        self.xy = np.zeros((n_sensors, n_targets))
        self.yy = _grouped_squares(np.zeros((1, n_targets)), groups)
        self.sizes = [0]
        self.means_x = [np.zeros(n_sensors)]
        self.means_y = [np.zeros(n_targets)]

    def push(self, x: np.ndarray, mean_x: np.ndarray, y: np.ndarray, mean_y: np.ndarray) -> None:
        if self.squares:
            self.xx += x.T @ x
        self.xy += x.T @ y
        self.yy += _grouped_squares(y, self.groups)
        self.sizes.append(len(x))
        self.means_x.append(mean_x)
        self.means_y.append(mean_y)

    def finish(self) -> tuple[np.ndarray, np.ndarray]:
        """Add the part between chunks, which completes the sums; return the common means."""
        sizes = np.array(self.sizes)
        mean_x, between_x = between(np.stack(self.means_x), sizes)
        mean_y, between_y = between(np.stack(self.means_y), sizes)
        if np.count_nonzero(sizes) > 1:
            self.xx += between_x.T @ between_x
            self.xy += between_x.T @ between_y
            self.yy += _grouped_squares(between_y, self.groups)
        return mean_x, mean_y


def between(means: np.ndarray, sizes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The common mean of all parts, and each part's distance from it times the root of its size.

    means : (part, column).    sizes : (part,).
    """
    # Relative to one of the means, so that equal means give exactly that mean and no distance.
    reference = means[np.argmax(sizes)]
    share = sizes / max(sizes.sum(), 1)
    mean = reference + share @ (means - reference)
    return mean, np.sqrt(sizes)[:, None] * (means - mean)


def _added(first: np.ndarray, rest: Sequence[np.ndarray]) -> np.ndarray:
    """Add the rest to the first array, in place."""
    for array in rest:
        first += array
    return first


def _grouped_squares(y: np.ndarray, groups: int) -> np.ndarray:
    """(group, member, member): inner products of the columns of y within each group."""
    if groups == 0:
        return np.zeros((0, 1, 1))
    members = y.shape[1] // groups
    if members == 1:
        return np.einsum("rt,rt->t", y, y).reshape(groups, 1, 1)
    return np.stack([part.T @ part for part in np.split(y, groups, axis=1)])
