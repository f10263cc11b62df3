"""Nuisances partialled out of signal and targets, fold by fold, from sums that carry them.

Each fold's signal and targets are regressed on the nuisances of that fold's own words.  A decoder then learns from
residuals of its training words that know nothing of the held-out words, and is scored on residuals that know nothing
of the training words, so that R keeps a mean of zero where nothing is related, whatever words have in common with
their neighbours.  Coefficients of the training words, applied to held-out words, would leave less noise, but signal
and targets of a held-out word then share the errors of coefficients with the decoder: where signal, targets and
nuisances are correlated from word to word, R rises above chance (docs/decisions/021-nuisances-fold-by-fold.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import reduce
from operator import add

import numpy as np

from rtalign.decoding.block_moments import BlockMoments, sum_blocks
from rtalign.decoding.moments import Moments, Precision
from rtalign.decoding.projection import leading_rotation
from rtalign.decoding.ridge import FoldRotations

ROUNDING = 1e-6
"""A residual target with less than this part of its layer's variance holds nothing but rounding."""
LEAST = 1e-6
"""Directions of the nuisances with less than this part of a column's variance are left out: they repeat others."""


def whitening_axes(nn: np.ndarray) -> np.ndarray:
    """Directions of the nuisances in which their inner products are those of a unit matrix.

    With these axes, the least squares of columns on nuisances are axes @ (axes.T @ inner products).  Directions in
    which the nuisances hardly vary are left out rather than shrunk, so that residuals stay orthogonal to everything
    that was fitted.

    Parameters
    ----------
    nn : ndarray, shape (nuisance, nuisance)
        Centred inner products of the nuisances.

    Returns
    -------
    ndarray, shape (nuisance, direction)
    """
    spread = np.sqrt(np.maximum(np.diagonal(nn), 0))
    inverse = np.divide(1.0, spread, out=np.zeros_like(spread), where=spread > 0)
    values, vectors = np.linalg.eigh(nn * inverse[:, None] * inverse)
    kept = values > LEAST
    return np.asarray(inverse[:, None] * vectors[:, kept] / np.sqrt(values[kept]))


@dataclass(frozen=True, slots=True, eq=False)
class FoldNuisances:
    """The nuisances of one fold's words, and what they explain of the targets.

    Attributes
    ----------
    values : ndarray, shape (word, nuisance)
        The nuisances.
    deviations : ndarray, shape (word, nuisance)
        The same about their mean.
    moments : Moments
        Of the nuisances, with no targets.
    axes : ndarray, shape (nuisance, direction)
        `whitening_axes` of these words.
    coefficients : ndarray, shape (nuisance, target)
        Of the wide targets.
    residuals : ndarray, shape (word, target)
        What is left of the wide targets, their mean taken out as well.
    blocks : sequence of BlockMoments
        Of the nuisances with the residual targets, one a block; xx too.
    taken : sequence of ndarray, shape (2 nuisance, target)
        Coefficients of the wide targets over a block's products of nuisances and residual targets, one a block.
    rows : sequence of slice
        The blocks' words.
    """

    values: np.ndarray
    deviations: np.ndarray
    moments: Moments
    axes: np.ndarray
    coefficients: np.ndarray
    residuals: np.ndarray
    blocks: Sequence[BlockMoments]
    taken: Sequence[np.ndarray]
    rows: Sequence[slice]

    @classmethod
    def of(
        cls, values: np.ndarray, targets: np.ndarray, rows: Sequence[slice], dtype: Precision = "float32"
    ) -> FoldNuisances:
        """From the nuisances (word, nuisance), wide targets (word, target) and blocks of the same words; sums of the
        blocks are in dtype."""
        raw = Moments.from_data(values, targets, "float64")
        axes = whitening_axes(raw.xx)
        coefficients = axes @ (axes.T @ raw.xy)
        deviations = (values - raw.mean_x).astype(targets.dtype)
        residuals = (targets - raw.mean_y).astype(targets.dtype) - deviations @ coefficients.astype(targets.dtype)
        blocks = [
            BlockMoments.at_lag(deviations[own], residuals[own], residuals[own].mean(0, dtype=np.float64), dtype)
            for own in rows
        ]
        taken = [np.vstack([coefficients.astype(dtype), block.xy]) for block in blocks]
        return cls(values, deviations, raw.without_targets, axes, coefficients, residuals, blocks, taken, rows)

    def carry(self, signal: np.ndarray, dtype: Precision) -> list[BlockMoments]:
        """Moments of the signal (word, sensor) with the nuisances, block by block; the only new products of words."""
        places = zip(self.rows, self.blocks, strict=True)
        return [
            BlockMoments.at_lag(signal[own], self.deviations[own], block.mean_x, dtype, squares=False)
            for own, block in places
        ]


@dataclass(frozen=True, slots=True, eq=False)
class ResidualFold:
    """The residual signal of one fold at one lag, in sums.

    Attributes
    ----------
    nuisances : FoldNuisances
        Of the fold.
    plain : Moments
        Of the signal with the wide targets as they are.
    carried : Moments
        Of the signal with the nuisances.
    blocks : sequence of BlockMoments
        The same, block by block.
    coefficients : ndarray, shape (nuisance, sensor)
        Of the signal.
    signal : Moments
        Of the residual signal, with no targets.
    """

    nuisances: FoldNuisances
    plain: Moments
    carried: Moments
    blocks: Sequence[BlockMoments]
    coefficients: np.ndarray
    signal: Moments

    @classmethod
    def of(cls, nuisances: FoldNuisances, signal: np.ndarray, plain: Moments, dtype: Precision) -> ResidualFold:
        """The Schur complement of sums that carry the nuisances.

        Parameters
        ----------
        nuisances : FoldNuisances
            Of the fold.
        signal : ndarray, shape (word, sensor)
            At one lag.
        plain : Moments
            Of the signal with the wide targets as they are.
        dtype : {"float32", "float64"}
            Of the sums.

        Returns
        -------
        ResidualFold
        """
        own = nuisances.carry(signal, dtype)
        carried = sum_blocks(own, nuisances.moments, plain)
        coefficients = nuisances.axes @ (nuisances.axes.T @ carried.xy.T)
        xx = plain.xx - carried.xy @ coefficients
        # What is left of a sensor that the nuisances explain whole is rounding: such a sensor is constant.
        gone = np.diagonal(xx) <= 1e3 * np.finfo(dtype).eps * np.diagonal(plain.xx)
        xx[gone] = xx[:, gone] = 0
        left = replace(plain.without_targets, mean_x=np.zeros(len(xx)), xx=xx)
        return cls(nuisances, plain, carried, own, coefficients, left)

    def with_targets(self, residual: Moments) -> Moments:
        """Of residual signal and residual wide targets, from moments of these alone."""
        xy = self.plain.xy - self.carried.xy @ self.nuisances.coefficients
        xy[np.diagonal(self.signal.xx) == 0] = 0
        return replace(self.signal, mean_y=residual.mean_y, xy=xy, yy=residual.yy)

    def parts(self, wide: Sequence[BlockMoments]) -> list[BlockMoments]:
        """Of residual signal and residual wide targets, block by block, from those of both as they are."""
        dtype = wide[0].xy.dtype
        of_x, mean_x = self.coefficients.astype(dtype), self.plain.mean_x
        found = []
        for both, own, left, taken in zip(wide, self.blocks, self.nuisances.blocks, self.nuisances.taken, strict=True):
            xy = np.hstack([own.xy, of_x.T]) @ taken
            np.subtract(both.xy, xy, out=xy)
            xx = None if both.xx is None else _without(both.xx.astype(dtype, copy=False), own.xy, left.xx, of_x)
            mean = own.mean_x - mean_x - own.mean_y @ self.coefficients
            found.append(BlockMoments(both.n, mean, left.mean_y, xy, xx))
        return found

    def predict(self, signal: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """(word, target): predictions from the residual signal, but for an offset."""
        taken = (self.coefficients @ weights).astype(signal.dtype)
        offset = (self.plain.mean_x @ weights).astype(signal.dtype)
        return np.asarray(signal @ weights - self.nuisances.deviations.astype(signal.dtype) @ taken - offset)


def _without(xx: np.ndarray, xz: np.ndarray, zz: np.ndarray | None, of_x: np.ndarray) -> np.ndarray:
    """Inner products (sensor, sensor) of what is left of a signal with coefficients (nuisance, sensor) in one block."""
    assert zz is not None
    half = (xz - 0.5 * (of_x.T @ zz.astype(xx.dtype))) @ of_x
    return np.asarray(xx - half - half.T)


def residual_rotations(moments: Sequence[Moments], components: int, whole: Sequence[Moments]) -> FoldRotations:
    """The principal components of every fold's residual targets, from the other folds' words.

    Parameters
    ----------
    moments : sequence of Moments
        Of residual targets, one a fold.
    components : int
        How many are kept.
    whole : sequence of Moments
        Of the targets as they are.

    Returns
    -------
    FoldRotations
    """

    def turn(chosen: Sequence[int]) -> np.ndarray:
        left, all_of_it = (reduce(add, (part[f] for f in chosen)).yy for part in (moments, whole))
        rotation = leading_rotation(left, components)
        # What the nuisances explain whole is rounding, which signal and targets may share: such a target is constant.
        kept = np.einsum("lac,lab,lbc->lc", rotation, left, rotation)
        return rotation * (kept > ROUNDING * np.trace(all_of_it, axis1=1, axis2=2)[:, None])[:, None]

    folds = range(len(moments))
    return FoldRotations([turn([f for f in folds if f != k]) for k in folds], turn(folds))
