"""Nuisances partialled out of signal and targets, with coefficients that each decoder's own training words give.

The nuisances travel as further sensors, in front of the others, and as further targets of every layer, behind the
others.  Then one matrix takes them out on either side: the principal directions of the residual signal, written in the
columns that carry the nuisances, and the components of the residual targets, written the same way.  Both are made anew
for every training set, and the rest of the fit does not know about them.

Why not residuals that are computed once: fold k's decoder needs the words of the other folds with coefficients from
these words alone.  Residuals whose coefficients saw fold k hold a part of its noise, in signal and targets alike, and
the decoder learns it: R then rises above chance where nothing is related.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np

from rtalign.decoding.moments import Moments, Precision
from rtalign.decoding.penalties import EigenBasis
from rtalign.decoding.projection import leading_rotation
from rtalign.decoding.ridge import FoldRotations, training_sets

ROUNDING = 1e-6
"""A residual target with less than this part of its layer's variance holds nothing but rounding."""
LEAST = 1e-6
"""Directions of the nuisances with less than this part of a column's variance are left out: they repeat others."""


def carry(values: np.ndarray, nuisances: np.ndarray, n_layers: int = 0) -> np.ndarray:
    """Add nuisances to the columns of the same words.

    Parameters
    ----------
    values : ndarray, shape (word, sensor) or (word, layer x wide)
        Signal, or targets.
    nuisances : ndarray, shape (word, nuisance)
        The nuisances.
    n_layers : int
        Of targets; 0 for signal.

    Returns
    -------
    ndarray
        (word, nuisance + sensor), or (word, layer x (wide + nuisance)).
    """
    nuisances = nuisances.astype(values.dtype, copy=False)
    if not n_layers:
        return np.hstack([nuisances, values])
    by_layer = values.reshape(len(values), n_layers, -1)
    copies = np.broadcast_to(nuisances[:, None], (len(values), n_layers, nuisances.shape[1]))
    return np.concatenate([by_layer, copies], axis=2).reshape(len(values), -1)


def nuisance_axes(folds: Sequence[Moments]) -> dict[tuple[int, ...], np.ndarray]:
    """The directions of the nuisances in every training set, which do not depend on the lag.

    Parameters
    ----------
    folds : sequence of Moments
        With the nuisances as sensors, one a fold.

    Returns
    -------
    dict
        Of `whitening_axes`, by the folds of the training set.
    """
    sensors = [fold.without_targets for fold in folds]
    return {
        chosen: whitening_axes(Moments.sum([sensors[f] for f in chosen]).xx) for chosen in training_sets(len(folds))
    }


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


def partialled_bases(
    folds: Sequence[Moments], axes: Mapping[tuple[int, ...], np.ndarray], dtype: Precision
) -> dict[tuple[int, ...], EigenBasis]:
    """The principal directions of every training set's residual signal, in columns that carry the nuisances.

    Parameters
    ----------
    folds : sequence of Moments
        Of signals with the nuisances in front, one a fold.
    axes : mapping
        `nuisance_axes` of the same words.
    dtype : {"float32", "float64"}
        Of the sums.

    Returns
    -------
    dict
        As `rtalign.decoding.ridge.eigen_bases`.
    """
    sensors = [fold.without_targets for fold in folds]
    return {
        chosen: _residual_basis(Moments.sum([sensors[f] for f in chosen]), own, dtype) for chosen, own in axes.items()
    }


def _residual_basis(train: Moments, axes: np.ndarray, dtype: Precision) -> EigenBasis:
    n = len(axes)
    weights = axes @ (axes.T @ train.xx[:n, n:])
    left = train.xx[n:, n:] - train.xx[n:, :n] @ weights
    # What is left of a sensor that the nuisances explain whole is rounding: such a sensor is constant.
    gone = np.diagonal(left) <= 1e3 * np.finfo(dtype).eps * np.diagonal(train.xx)[n:]
    left[gone] = left[:, gone] = 0
    residual = Moments(train.n, train.mean_x[n:], train.mean_y, left, train.xy[n:], train.yy)
    basis = EigenBasis.from_moments(residual, dtype)
    return EigenBasis(basis.values, np.vstack([-weights @ basis.axes, basis.axes]))


def partialled_rotations(folds: Sequence[Moments], components: int, n: int) -> FoldRotations:
    """The principal components of every fold's residual targets, in columns that carry the nuisances.

    Parameters
    ----------
    folds : sequence of Moments
        Of targets with `n` nuisances behind those of each layer, one a fold.
    components : int
        How many are kept.
    n : int
        How many nuisances there are.

    Returns
    -------
    FoldRotations
    """
    others = [Moments.sum([m for i, m in enumerate(folds) if i != k]) for k in range(len(folds))]
    turn = partial(_residual_rotation, components=components, n=n)
    return FoldRotations([turn(m.yy) for m in others], turn(Moments.sum(folds).yy))


def _residual_rotation(yy: np.ndarray, components: int, n: int) -> np.ndarray:
    """(layer, wide + nuisance, component), from yy (layer, wide + nuisance, wide + nuisance)."""
    wide = yy.shape[1] - n
    axes = whitening_axes(yy[0, wide:, wide:])  # every layer carries the same nuisances
    weights = axes @ (axes.T @ yy[:, wide:, :wide])
    left = yy[:, :wide, :wide] - yy[:, :wide, wide:] @ weights
    rotation = leading_rotation(left, components)
    # What the nuisances explain whole is rounding, which signal and targets may share: such a target is constant.
    whole = np.trace(yy[:, :wide, :wide], axis1=1, axis2=2)[:, None]
    rotation *= (np.einsum("lac,lab,lbc->lc", rotation, left, rotation) > ROUNDING * whole)[:, None]
    return np.concatenate([rotation, -weights @ rotation], axis=1)
