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
from dataclasses import dataclass
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
        return cls(values, raw.without_targets, axes, coefficients, residuals, blocks, taken, rows)

    def carry(self, signal: np.ndarray, dtype: Precision) -> list[BlockMoments]:
        """Moments of the signal (word, sensor) with the nuisances, block by block; the only new products of words."""
        deviations = (self.values - self.moments.mean_x).astype(signal.dtype)
        return [BlockMoments.from_data(signal[own], deviations[own], dtype) for own in self.rows]


@dataclass(frozen=True, slots=True, eq=False)
class ResidualFold:
    """The residual words of one fold at one lag, in sums.

    Attributes
    ----------
    moments : Moments
        Of residual signal and residual wide targets.
    blocks : sequence of BlockMoments
        The same, block by block.
    coefficients : ndarray, shape (nuisance, sensor)
        Of the signal.
    mean : ndarray, shape (sensor,)
        Of the signal.
    carried : ndarray, shape (nuisance, sensor)
        Inner products of nuisances and signal.
    """

    moments: Moments
    blocks: Sequence[BlockMoments]
    coefficients: np.ndarray
    mean: np.ndarray
    carried: np.ndarray

    @classmethod
    def of(
        cls,
        nuisances: FoldNuisances,
        signal: np.ndarray,
        plain: Moments,
        wide: Sequence[BlockMoments],
        residual_targets: Moments,
        dtype: Precision,
    ) -> ResidualFold:
        """The Schur complement of sums that carry the nuisances.

        Parameters
        ----------
        nuisances : FoldNuisances
            Of the fold.
        signal : ndarray, shape (word, sensor)
            At one lag.
        plain : Moments
            Of the signal with the wide targets as they are.
        wide : sequence of BlockMoments
            The same, block by block; empty where single blocks are not needed.
        residual_targets : Moments
            Of the residual wide targets alone.
        dtype : {"float32", "float64"}
            Of the sums.

        Returns
        -------
        ResidualFold
        """
        own = nuisances.carry(signal, dtype)
        xz = sum_blocks(own, nuisances.moments, plain).xy
        coefficients = nuisances.axes @ (nuisances.axes.T @ xz.T)
        xx = plain.xx - xz @ coefficients
        # What is left of a sensor that the nuisances explain whole is rounding: such a sensor is constant.
        gone = np.diagonal(xx) <= 1e3 * np.finfo(dtype).eps * np.diagonal(plain.xx)
        xx[gone] = xx[:, gone] = 0
        xy = plain.xy - xz @ nuisances.coefficients
        xy[gone] = 0
        moments = Moments(plain.n, np.zeros(len(xx)), residual_targets.mean_y, xx, xy, residual_targets.yy)
        of_x = coefficients.astype(dtype)
        blocks = [
            BlockMoments(
                both.n,
                of_signal.mean_x - plain.mean_x - of_signal.mean_y @ coefficients,
                left.mean_y,
                both.xy - np.hstack([of_signal.xy, of_x.T]) @ taken,
                None if both.xx is None else _without(both.xx.astype(dtype), of_signal.xy, left.xx, of_x),
            )
            for both, of_signal, left, taken in zip(wide, own, nuisances.blocks, nuisances.taken, strict=bool(wide))
        ]
        return cls(moments, blocks, coefficients, plain.mean_x, xz.T)

    def predict(
        self, nuisances: FoldNuisances, signal: np.ndarray, weights: np.ndarray, bias: np.ndarray
    ) -> np.ndarray:
        """(word, target): predictions from the residual signal."""
        taken = (self.coefficients @ weights).astype(signal.dtype)
        deviations = (nuisances.values - nuisances.moments.mean_x).astype(signal.dtype)
        offset = (bias - self.mean @ weights).astype(signal.dtype)
        return np.asarray(signal @ weights - deviations @ taken + offset)


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
