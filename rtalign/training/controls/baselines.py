"""Baselines that know no brain: held-out words predicted from their neighbours, their place or their timing alone."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter1d

from rtalign.core.agreement import Agreement
from rtalign.decoding.controls.partialling import whitening_axes
from rtalign.decoding.moments import Moments, rotate
from rtalign.decoding.ridge import correlation
from rtalign.training.controls.nuisances import Nuisances
from rtalign.training.lag.targets import LagTargets

AUTOCORRELATION = "autocorrelation"
SMOOTHINGS = (1.0, 3.0, 10.0, 30.0, 100.0)
"""Standard deviations, in words, of the kernels that are tried."""
BLIND = {"position and word rate": ("position", "timing"), "durations": ("duration",)}
"""Groups of nuisances that each baseline predicts from."""


def brain_free(targets: LagTargets, nuisances: Nuisances, fold: np.ndarray) -> dict[str, np.ndarray]:
    """R of each baseline: the same components of the same held-out words that the brain's decoders are scored on.

    Parameters
    ----------
    targets : LagTargets
        The plain targets.
    nuisances : Nuisances
        Of all words in use.
    fold : ndarray of int, shape (word,)
        The fold of every word in use, in order, or -1.

    Returns
    -------
    dict of str to ndarray, shape (layer,)
    """
    found = {AUTOCORRELATION: smoothed_identity(targets, fold)}
    for name, groups in BLIND.items():
        columns = [nuisances.values[:, nuisances.groups[group]] for group in groups if group in nuisances.groups]
        if columns:
            found[name] = least_squares(targets, np.hstack(columns), fold)
    return found


def smoothed_identity(targets: LagTargets, fold: np.ndarray) -> np.ndarray:
    """(layer,): R where each held-out word is predicted by the mean of the training words around it.

    The kernel of the highest R is taken, layer by layer: a baseline that is too good errs towards caution.
    """
    components = targets.rotations.final.shape[2]
    total = np.zeros((len(SMOOTHINGS), targets.n_layers))
    for k, turn in enumerate(targets.rotations.outer):
        values = np.zeros((len(fold), targets.n_layers * components), np.float32)
        for f, own in enumerate(targets.values):
            values[fold == f] = rotate(own, turn.astype(own.dtype))
        known = (fold >= 0) & (fold != k)
        values[known] -= values[known].mean(0)
        for row, width in enumerate(SMOOTHINGS):
            near = _kernel_mean(np.where(known[:, None], values, 0), width)[fold == k]
            total[row] += _by_layer(near, values[fold == k], targets.n_layers)
    return np.asarray(total.max(0) / len(targets.values))


def least_squares(targets: LagTargets, columns: np.ndarray, fold: np.ndarray) -> np.ndarray:
    """(layer,): R where held-out words are predicted from columns (word, column), coefficients of the other folds."""
    z = [columns[fold == k] for k in range(len(targets.values))]
    moments = [Moments.from_data(a, y, "float64", targets.n_layers) for a, y in zip(z, targets.values, strict=True)]
    total = np.zeros(targets.n_layers)
    for k, turn in enumerate(targets.rotations.outer):
        train = Moments.sum([m for f, m in enumerate(moments) if f != k])
        axes = whitening_axes(train.xx)
        predicted = z[k] @ rotate(axes @ (axes.T @ train.xy), turn)
        total += _by_layer(predicted, rotate(targets.values[k], turn), targets.n_layers)
    return total / len(targets.values)


def _kernel_mean(values: np.ndarray, width: float) -> np.ndarray:
    """Sums over neighbours, (word, column); a held-out word is 0, and the same weights divide every column."""
    return np.asarray(gaussian_filter1d(values, width, axis=0, mode="constant", truncate=4.0))


def _by_layer(predicted: np.ndarray, true: np.ndarray, n_layers: int) -> np.ndarray:
    return correlation(Agreement.of(predicted, true)).reshape(n_layers, -1).mean(1)
