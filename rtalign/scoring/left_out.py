"""Intervals: how much anything read off curves changes when one block of words is left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True, eq=False)
class LeftOut:
    """Curves without one block of words, for each block.

    The jackknife of blocks: what is read off the curves is read off each of these too, and the spread of the readings
    is its standard error.  Blocks are neighbouring words, so that autocorrelation stays within them; where decoders are
    cross-validated they are refitted, so that their noise counts as well.

    Attributes
    ----------
    curves : ndarray, shape (block, layer, lag)
        R without the words of one block.
    weight : ndarray, shape (block,)
        What the squared change by a block adds to the variance: (number of blocks - 1) / number of blocks where all are
        equally long (Busing, Meijer and van der Leeden 1999 for others).
    freedom : float
        Degrees of freedom of the variance.
    excess : ndarray, shape (layer, lag), or None
        What is too much in the variance of R itself, where decoders are refitted.
    """

    curves: np.ndarray
    weight: np.ndarray
    freedom: float
    excess: np.ndarray | None = None

    @classmethod
    def of(cls, curves: np.ndarray, words: Sequence[int] | np.ndarray, excess: np.ndarray | None = None) -> LeftOut:
        """From the number of words of each block."""
        share = np.asarray(words, float) / np.sum(words)
        return cls(curves, (1 / share - 1) / len(share), 1 / float(share @ share) - 1, excess)

    @classmethod
    def of_mean(cls, r: Sequence[np.ndarray], parts: Sequence[LeftOut]) -> LeftOut:
        """Of the mean of independent curves r, each with its own blocks."""
        n, mean = len(parts), np.mean(r, axis=0)
        curves = [mean + (part.curves - own) / n for own, part in zip(r, parts, strict=True)]
        weight = np.concatenate([part.weight for part in parts])
        known = [part.excess for part in parts if part.excess is not None]
        excess = np.sum(known, axis=0) / n**2 if known else None
        return cls(np.concatenate(curves), weight, sum(part.freedom for part in parts), excess)

    def error(self, estimate: np.ndarray | float, without: np.ndarray) -> np.ndarray:
        """Standard error of an estimate (...), from its values without each block (block, ...)."""
        return np.sqrt(np.tensordot(self.weight, (without - estimate) ** 2, axes=1))

    def error_of_r(self, r: np.ndarray) -> np.ndarray:
        """(layer, lag): standard error of R."""
        variance = self.error(r, self.curves) ** 2
        if self.excess is not None:
            # Never below half: at chance that is what remains, and the excess is only known within its own noise.
            variance = np.maximum(variance - self.excess, variance / 2)
        return np.sqrt(variance)

    def interval(self, estimate: float, without: np.ndarray) -> tuple[float, float]:
        """The 95 % interval of one estimate, by Student's t."""
        reach = self.quantile * float(self.error(estimate, without))
        return float(estimate - reach), float(estimate + reach)

    @property
    def quantile(self) -> float:
        """How many standard errors a 95 % interval reaches to either side."""
        from scipy.special import stdtrit

        return float(stdtrit(max(self.freedom, 1.0), 0.975))
