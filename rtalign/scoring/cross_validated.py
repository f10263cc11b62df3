"""Scores of one lag: how well held-out predictions follow the targets, with null draws and blocks left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.fft import irfft, prev_fast_len, rfft

from rtalign.core.recipe import FitRecipe
from rtalign.core.word_blocks import assign_blocks
from rtalign.scoring.curves import LagScore

NEAR_WORDS = 20
"""Shifts shorter than this leave words beside the brain signal of their own neighbours, so they are no null."""

NEAR_SHARE = 0.05
"""The same as a share of the fold: slow signals stay alike for longer where there is more of them."""


FEWEST_BLOCKS, MOST_BLOCKS = 5, 20


@dataclass(frozen=True, slots=True, eq=False)
class FoldDraws:
    """What is drawn for one fold.

    words : (word of the fold,) indices into all words.    n_circle : words on the circle the null turns.
    shifts : (null draw,) in words.    blocks : stretches of neighbouring words of the fold.
    """

    words: np.ndarray
    n_circle: int
    shifts: np.ndarray
    blocks: Sequence[slice]


@dataclass(frozen=True, slots=True, eq=False)
class FoldTargets:
    """The lag-independent half of the work on one fold, targets scaled to unit norm over the fold.

    values : (word, target).    transform : (frequency, target) on the circle.
    """

    values: np.ndarray
    transform: np.ndarray


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """Targets made ready once and used for every lag."""

    folds: tuple[FoldTargets, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Draws:
    """Every random choice behind the null, and the blocks behind the intervals, the same for all lags and layers.

    Why shared: a draw is then a whole map R(layer, lag) in which neighbours move together as they do in the
    real one, so maxima over lags and peak latencies can be taken on it.
    """

    folds: tuple[FoldDraws, ...]
    n_layers: int

    @classmethod
    def plan(cls, fold: np.ndarray, n_layers: int, fit: FitRecipe, run: np.ndarray | None = None) -> Draws:
        """fold : (word,) with values 0 .. F-1, or -1 for a word that is never scored.    run : (word,) recording."""
        fold = np.asarray(fold)
        run = np.zeros(len(fold), int) if run is None else run
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
        n_blocks = n_blocks_of(sum(len(words) for words in members), fit.block_words)
        per_fold = max(round(n_blocks / len(members)), 2)
        drawn = (_draw(words, run[words], per_fold, fit, rng) for words, rng in zip(members, rngs, strict=True))
        return cls(tuple(drawn), n_layers)

    @property
    def block_words(self) -> list[int]:
        """Number of words of each block, fold by fold."""
        return [rows.stop - rows.start for fold in self.folds for rows in fold.blocks]

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
    pairing is lost.  A block of words is left out of those that are scored; the decoders are what they are.
    """
    draws._check(predicted, "predictions")
    prepared = targets if isinstance(targets, Prepared) else draws.prepare(targets)
    parts = [
        _score_fold(fold, p, y, draws.n_layers)
        for fold, p, y in zip(draws.folds, predicted, prepared.folds, strict=True)
    ]
    r_fold, null = (np.stack([part[i] for part in parts]) for i in (0, 1))
    r = r_fold.mean(0)
    left_out = [r + (without - of_fold) / len(parts) for of_fold, _, without, _ in parts]
    return LagScore(r, r_fold, null.mean(0), np.concatenate(left_out), np.concatenate([part[3] for part in parts]))


def n_blocks_of(n_words: int, block_words: int) -> int:
    """How many blocks the words are left out in."""
    return min(max(round(n_words / block_words), FEWEST_BLOCKS), MOST_BLOCKS)


def _draw(words: np.ndarray, run: np.ndarray, n_blocks: int, fit: FitRecipe, rng: np.random.Generator) -> FoldDraws:
    n = len(words)
    # A circle of a length with small prime factors turns several times faster; it leaves out a word in a few hundred.
    n_circle = prev_fast_len(n)
    near = min(max(NEAR_WORDS, int(NEAR_SHARE * n_circle)), n_circle // 3)
    shifts = rng.integers(near, n_circle - near, size=fit.null_draws, endpoint=True)
    return FoldDraws(words, n_circle, shifts, assign_blocks(run, min(n_blocks, n // 2)))


def _prepare(fold: FoldDraws, targets: np.ndarray) -> FoldTargets:
    values = _standardised(targets, "targets")
    return FoldTargets(values, _turned(fold, values))


def _score_fold(
    fold: FoldDraws, predicted: np.ndarray, targets: FoldTargets, n_layers: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """r (layer,), null (null draw, layer), left out (block, layer), r of each block (block, layer)."""
    p, y = _standardised(predicted, "predictions"), targets.values
    r = np.einsum("wt,wt->t", p, y, dtype=np.float64)
    without, within = _by_block(fold.blocks, p, y)
    null = _null(fold, p, targets, n_layers)
    return _per_layer(r, n_layers), null, _per_layer(without, n_layers), _per_layer(within, n_layers)


def _by_block(blocks: Sequence[slice], p: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(block, target): r without each block, and within it, of values with mean 0 and sum of squares 1 over all."""
    n, without, within = len(p), [], []
    together = np.einsum("wt,wt->t", p, y, dtype=np.float64)
    for rows in blocks:
        a, b = p[rows], y[rows]
        rest = n - len(a)
        sum_a, sum_b = (part.sum(0, dtype=np.float64) for part in (a, b))
        ab, aa, bb = (np.einsum("wt,wt->t", *pair, dtype=np.float64) for pair in ((a, b), (a, a), (b, b)))
        spread = (1 - aa - sum_a**2 / rest) * (1 - bb - sum_b**2 / rest)
        without.append((together - ab - sum_a * sum_b / rest) * _inverse_root(spread))
        own = (aa - sum_a**2 / len(a)) * (bb - sum_b**2 / len(a))
        within.append((ab - sum_a * sum_b / len(a)) * _inverse_root(own))
    return np.stack(without), np.stack(within)


def _null(fold: FoldDraws, values: np.ndarray, targets: FoldTargets, n_layers: int) -> np.ndarray:
    """(null draw, layer): every circular correlation at once, added over a layer's dimensions before turning back."""
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


def _inverse_root(values: np.ndarray) -> np.ndarray:
    """1 / sqrt, and 0 where there is nothing to divide by."""
    positive = values > np.finfo(values.dtype).tiny
    return np.where(positive, 1 / np.sqrt(np.where(positive, values, 1)), 0)


def _per_layer(values: np.ndarray, n_layers: int) -> np.ndarray:
    """(..., target) -> (..., layer), the mean over a layer's dimensions."""
    return values.reshape(*values.shape[:-1], n_layers, -1).mean(-1)
