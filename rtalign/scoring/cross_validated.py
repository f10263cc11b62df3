"""Scores of one lag: how well held-out predictions follow the targets, with null draws and bootstrap draws."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.fft import irfft, prev_fast_len, rfft

from rtalign.core.recipe import FitRecipe
from rtalign.scoring.curves import LagScore

NEAR_WORDS = 20
"""Shifts shorter than this leave words beside the brain signal of their own neighbours, so they are no null."""

NEAR_SHARE = 0.05
"""The same as a share of the fold: slow signals stay alike for longer where there is more of them."""


@dataclass(frozen=True, slots=True, eq=False)
class FoldDraws:
    """What is drawn for one fold.

    words : (word of the fold,) indices into all words.    n_circle : words on the circle the null turns.
    shifts : (null draw,) in words.    starts : (block,) first word of each.    counts : (bootstrap draw, block).
    """

    words: np.ndarray
    n_circle: int
    shifts: np.ndarray
    starts: np.ndarray
    counts: np.ndarray


@dataclass(frozen=True, slots=True, eq=False)
class FoldTargets:
    """The lag-independent half of the work on one fold, targets scaled to unit norm over the fold.

    values : (word, target).    transform : (frequency, target) on the circle.
    sums : (bootstrap draw, target) of values.    spread : (bootstrap draw, target) centred sums of squares.
    """

    values: np.ndarray
    transform: np.ndarray
    sums: np.ndarray
    spread: np.ndarray


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """Targets made ready once and used for every lag."""

    folds: tuple[FoldTargets, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Draws:
    """Every random choice behind null and bootstrap, made once and shared by all lags and layers.

    Why shared: a draw is then a whole map R(layer, lag) in which neighbours move together as they do in the
    real one, so maxima over lags and peak latencies can be taken on it.
    """

    folds: tuple[FoldDraws, ...]
    n_layers: int

    @classmethod
    def plan(cls, fold: np.ndarray, n_layers: int, fit: FitRecipe, shifts: bool = True) -> Draws:
        """fold : (word,) with values 0 .. F-1, or -1 for a word that is never scored.

        shifts: False where the null is drawn otherwise; nothing is transformed then, and `null` has no draws.
        """
        fold = np.asarray(fold)
        members = [np.flatnonzero(fold == number) for number in range(int(fold.max(initial=-1)) + 1)]
        if not members:
            raise ValueError("none of the words belongs to a fold, so nothing can be scored; give more words")
        for number, words in enumerate(members):
            if len(words) < 4:
                raise ValueError(
                    f"fold {number} holds {len(words)} words; at least 4 are needed: fewer folds, more words"
                )
        # One stream a fold: what is drawn for it does not depend on the others.
        rngs = [np.random.default_rng([fit.seed, number, 0x5C0E]) for number in range(len(members))]
        drawn = (_draw(words, fit, rng) for words, rng in zip(members, rngs, strict=True))
        return cls(tuple(one if shifts else replace(one, shifts=one.shifts[:0]) for one in drawn), n_layers)

    def split(self, values: np.ndarray) -> list[np.ndarray]:
        """(word, ...) of all words -> one array a fold."""
        return [values[fold.words] for fold in self.folds]

    def prepare(self, targets: Sequence[np.ndarray]) -> Prepared:
        """targets : one (word of the fold, target) array a fold; target = layer x component, layer-major."""
        self._check(targets, "targets")
        return Prepared(tuple(_prepare(fold, y) for fold, y in zip(self.folds, targets, strict=True)))

    def _check(self, arrays: Sequence[np.ndarray], name: str) -> None:
        if len(arrays) != len(self.folds):
            raise ValueError(
                f"{name} come in {len(arrays)} arrays; the plan has {len(self.folds)} folds, one array each"
            )
        for number, (fold, array) in enumerate(zip(self.folds, arrays, strict=True)):
            if array.ndim != 2 or len(array) != len(fold.words) or array.shape[1] % self.n_layers:
                raise ValueError(
                    f"{name} of fold {number} have the shape {array.shape}; "
                    f"it must be {len(fold.words)} words x a multiple of {self.n_layers} layers"
                )


def score(draws: Draws, predicted: Sequence[np.ndarray], targets: Prepared | Sequence[np.ndarray]) -> LagScore:
    """Pearson r on each fold's held-out words, averaged over a layer's dimensions and then over folds.

    predicted, targets : one (word of the fold, target) array a fold, in the order of the fold's words.

    The null turns the targets round the fold against the brain: both keep their own autocorrelation, only the
    pairing is lost.  The bootstrap draws blocks of neighbouring words with replacement within each fold; it
    covers the words the score was taken on, not the fitting of the decoders.
    """
    draws._check(predicted, "predictions")
    prepared = targets if isinstance(targets, Prepared) else draws.prepare(targets)
    parts = [
        _score_fold(fold, p, y, draws.n_layers)
        for fold, p, y in zip(draws.folds, predicted, prepared.folds, strict=True)
    ]
    r_fold, null, boot = (np.stack(part) for part in zip(*parts, strict=True))
    return LagScore(r_fold.mean(0), r_fold, null.mean(0), boot.mean(0))


def _draw(words: np.ndarray, fit: FitRecipe, rng: np.random.Generator) -> FoldDraws:
    n = len(words)
    # A circle of a length with small prime factors turns several times faster; it leaves out a word in a few hundred.
    n_circle = prev_fast_len(n)
    near = min(max(NEAR_WORDS, int(NEAR_SHARE * n_circle)), n_circle // 3)
    shifts = rng.integers(near, n_circle - near, size=fit.null_draws, endpoint=True)
    n_blocks = max(round(n / fit.block_words), min(n, 4))
    starts = np.linspace(0, n, n_blocks + 1).astype(int)[:-1]
    counts = rng.multinomial(n_blocks, np.full(n_blocks, 1 / n_blocks), size=fit.boot_draws)
    return FoldDraws(words, n_circle, shifts, starts, counts)


def _prepare(fold: FoldDraws, targets: np.ndarray) -> FoldTargets:
    values = _standardised(targets, "targets")
    sums, squares = (_resampled(fold, part) for part in _block_sums(fold, values, values)[:2])
    spread = squares - sums**2 / _resampled_words(fold)
    transform = _turned(fold, values) if len(fold.shifts) else np.empty((0, values.shape[1]), values.dtype)
    return FoldTargets(values, transform, sums, spread)


def _score_fold(
    fold: FoldDraws, predicted: np.ndarray, targets: FoldTargets, n_layers: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """r (layer,), null (null draw, layer), boot (bootstrap draw, layer)."""
    values = _standardised(predicted, "predictions")
    sums, squares, products = _block_sums(fold, values, targets.values)
    r = products.sum(0, dtype=np.float64)
    n = _resampled_words(fold)
    total = _resampled(fold, sums)
    spread = _resampled(fold, squares) - total**2 / n
    covariance = _resampled(fold, products) - total * targets.sums / n
    boot = covariance * _inverse_root(spread * targets.spread)
    return _per_layer(r, n_layers), _null(fold, values, targets, n_layers), _per_layer(boot, n_layers)


def _null(fold: FoldDraws, values: np.ndarray, targets: FoldTargets, n_layers: int) -> np.ndarray:
    """(null draw, layer): every circular correlation at once, added over a layer's dimensions before turning back."""
    if not len(fold.shifts):
        return np.empty((0, n_layers), values.dtype)
    transform = _turned(fold, values)
    n_targets = transform.shape[1]
    by_layer = (len(transform), n_layers, n_targets // n_layers)
    together = np.vecdot(transform.reshape(by_layer), targets.transform.reshape(by_layer))
    turned = irfft(together, n=fold.n_circle, axis=0)
    return turned[fold.shifts] * (n_layers / n_targets)


def _turned(fold: FoldDraws, values: np.ndarray) -> np.ndarray:
    """(frequency, target) of the circle's words, scaled so that two transforms multiply to a correlation."""
    circle, rest = values[: fold.n_circle], values[fold.n_circle :]
    sums = -rest.sum(0, dtype=np.float64)
    squares = (values.any(0) - (rest.astype(np.float64) ** 2).sum(0)) - sums**2 / fold.n_circle
    transform = rfft(circle, axis=0)
    transform *= _inverse_root(squares).astype(values.dtype)
    transform[0] = 0  # the mean
    return transform


def _standardised(values: np.ndarray, name: str) -> np.ndarray:
    """(word, target) with mean 0 and sum of squares 1; a column that does not vary becomes 0."""
    mean = values.mean(0, dtype=np.float64)
    if not np.isfinite(mean).all():
        raise ValueError(f"{name} of column {int(np.argmin(np.isfinite(mean)))} hold NaN or infinite values")
    centred = values - mean.astype(values.dtype)
    squares = np.einsum("wt,wt->t", centred, centred).astype(np.float64)
    rounding = 16 * np.finfo(values.dtype).eps * np.abs(mean)
    flat = squares <= len(values) * rounding**2
    centred *= np.where(flat, 0, _inverse_root(squares)).astype(values.dtype)
    return centred


def _block_sums(fold: FoldDraws, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(3, block, target): sums of a, a * a and a * b over the words of each block."""
    out = np.empty((3, len(fold.starts), a.shape[1]), a.dtype)
    for block, (start, stop) in enumerate(zip(fold.starts, [*fold.starts[1:], len(a)], strict=True)):
        left, right = a[start:stop], b[start:stop]
        left.sum(0, out=out[0, block])
        np.einsum("wt,wt->t", left, left, out=out[1, block])
        np.einsum("wt,wt->t", left, right, out=out[2, block])
    return out


def _resampled(fold: FoldDraws, sums: np.ndarray) -> np.ndarray:
    """(block, target) -> (bootstrap draw, target)."""
    return fold.counts.astype(sums.dtype) @ sums


def _resampled_words(fold: FoldDraws) -> np.ndarray:
    """(bootstrap draw, 1): how many words each draw holds."""
    return (fold.counts @ np.diff(fold.starts, append=len(fold.words)))[:, None].astype(np.float32)


def _inverse_root(values: np.ndarray) -> np.ndarray:
    """1 / sqrt, and 0 where there is nothing to divide by."""
    positive = values > np.finfo(values.dtype).tiny
    return np.where(positive, 1 / np.sqrt(np.where(positive, values, 1)), 0)


def _per_layer(values: np.ndarray, n_layers: int) -> np.ndarray:
    """(..., target) -> (..., layer), the mean over a layer's dimensions."""
    return values.reshape(*values.shape[:-1], n_layers, -1).mean(-1)
