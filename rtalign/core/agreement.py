"""How far predictions and targets of the same words agree: the sums that every statistic beside R follows from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True, eq=False)
class Agreement:
    """Centred sums over words of predictions p and targets y.

    Why sums: the trainer has them from its moments without predicting anything, the live scoreboard adds them up word
    by word, and an evaluation forms them from arrays.  A statistic is written once, for all three.

    Attributes
    ----------
    n : int
        Number of words.
    bias : array, shape (n_targets, ...)
        Mean of y - p.
    pp, yy, py : array, shape (n_targets, ...)
        Sums over words of squared deviations of p and of y from their means, and of the products of the two; yy may
        have fewer axes than the others where lags share their targets.
    """

    n: int
    bias: np.ndarray
    pp: np.ndarray
    yy: np.ndarray
    py: np.ndarray

    @classmethod
    def of(cls, predicted: np.ndarray, observed: np.ndarray) -> Agreement:
        """From arrays, both of shape (n_words, n_targets)."""
        p, y = (values.astype(np.float64) for values in (predicted, observed))
        mean_p, mean_y = p.mean(0), y.mean(0)
        p -= mean_p
        y -= mean_y
        pp, yy, py = (np.einsum("wt,wt->t", a, b) for a, b in ((p, p), (y, y), (p, y)))
        return cls(len(p), mean_y - mean_p, pp, yy, py)
