"""Intervals: how much anything read off curves changes when one block of words is left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rtalign.core.decoder_error import DecoderError


@dataclass(frozen=True, slots=True, eq=False)
class LeftOut:
    """Curves without one block of words, for each block.

    The jackknife of blocks: what is read off the curves is read off each of these too, and the spread of the readings
    is its standard error.  Blocks are neighbouring words, so that autocorrelation stays within them; where decoders are
    cross-validated they are refitted, so that their noise counts as well; where a bank's are used, the bank tells it.

    Attributes
    ----------
    curves : ndarray, shape (block, layer, lag)
        R without the words of one block.
    weight : ndarray, shape (block,)
        What the squared change by a block adds to the variance: (number of blocks - 1) / number of blocks where all are
        equally long (Busing, Meijer and van der Leeden 1999 for others).
    freedom : tuple of float
        Degrees of freedom of the variance that each source of error adds: one person's words, or decoders.
    source : ndarray of int, shape (block,)
        Which of these sources a block belongs to.
    excess : ndarray, shape (layer, lag), or None
        What is too much in the variance of R itself, where decoders are refitted.
    """

    curves: np.ndarray
    weight: np.ndarray
    freedom: tuple[float, ...]
    source: np.ndarray
    excess: np.ndarray | None = None

    @classmethod
    def of(cls, curves: np.ndarray, words: Sequence[int] | np.ndarray, excess: np.ndarray | None = None) -> LeftOut:
        """From the number of words of each block."""
        share = np.asarray(words, float) / np.sum(words)
        freedom = 1 / float(share @ share) - 1
        return cls(curves, (1 / share - 1) / len(share), (freedom,), np.zeros(len(share), int), excess)

    @classmethod
    def of_mean(cls, r: Sequence[np.ndarray], parts: Sequence[LeftOut]) -> LeftOut:
        """Of the mean of independent curves r, each with its own blocks."""
        n, mean = len(parts), np.mean(r, axis=0)
        curves = [mean + (part.curves - own) / n for own, part in zip(r, parts, strict=True)]
        known = [part.excess for part in parts if part.excess is not None]
        return cls._joined(curves, parts, np.sum(known, axis=0) / n**2 if known else None)

    def with_decoders(self, r: np.ndarray, error: DecoderError | None) -> LeftOut:
        """The same for decoders that are in error too, of curves r (layer, lag); unchanged where that is not known."""
        if error is None:
            return self
        own = LeftOut.of(r + error.changes, error.block_words)
        return self._joined([self.curves, own.curves], [self, own], None)

    @classmethod
    def _joined(cls, curves: Sequence[np.ndarray], parts: Sequence[LeftOut], excess: np.ndarray | None) -> LeftOut:
        """Of several sources of error, independent of each other."""
        before = np.cumsum([0, *(len(part.freedom) for part in parts)])
        source = np.concatenate([part.source + start for part, start in zip(parts, before[:-1], strict=True)])
        weight, freedom = np.concatenate([part.weight for part in parts]), sum((part.freedom for part in parts), ())
        return cls(np.concatenate(curves), weight, freedom, source, excess)

    def error(self, estimate: np.ndarray | float, without: np.ndarray) -> np.ndarray:
        """Standard error of an estimate (...), from its values without each block (block, ...)."""
        return np.sqrt(self._variances(estimate, without).sum(0))

    def error_of_r(self, r: np.ndarray) -> np.ndarray:
        """(layer, lag): standard error of R."""
        return np.sqrt(self._variance_of_r(self._variances(r, self.curves)))

    def interval(self, estimate: float, without: np.ndarray) -> tuple[float, float]:
        """The 95 % interval of one estimate, by Student's t."""
        variances = self._variances(estimate, without)
        reach = float(self._reach(variances, variances.sum(0)))
        return float(estimate - reach), float(estimate + reach)

    def reach_of_r(self, r: np.ndarray) -> np.ndarray:
        """(layer, lag): how far the 95 % interval of R reaches to either side."""
        variances = self._variances(r, self.curves)
        return self._reach(variances, self._variance_of_r(variances))

    def _variances(self, estimate: np.ndarray | float, without: np.ndarray) -> np.ndarray:
        """(source, ...)."""
        squares = (without - estimate) ** 2
        own = np.where(self.source == np.arange(len(self.freedom))[:, None], self.weight, 0)
        return np.tensordot(own, squares, axes=1)

    def _variance_of_r(self, variances: np.ndarray) -> np.ndarray:
        total: np.ndarray = variances.sum(0)
        # Never below half: at chance that is what remains, and the excess is only known within its own noise.
        return total if self.excess is None else np.maximum(total - self.excess, total / 2)

    def _reach(self, variances: np.ndarray, total: np.ndarray) -> np.ndarray:
        """Of an estimate with variances (source, ...) and what is left of their sum, by Student's t.

        The degrees of freedom of a sum are Satterthwaite's (1946).  Where an excess was taken off, what is left is less
        sure: over recordings drawn anew it spreads as with 8 to 13 degrees of freedom of 19 (docs/decisions/020).
        """
        from scipy.special import stdtrit

        tiny = np.finfo(float).tiny
        whole = np.maximum(variances.sum(0), tiny)
        known = np.array(self.freedom).reshape(-1, *[1] * (variances.ndim - 1))
        freedom = (total / whole) / np.maximum(((variances / whole) ** 2 / known).sum(0), tiny)
        return np.asarray(stdtrit(np.clip(freedom, 1, 1e6), 0.975) * np.sqrt(total))
