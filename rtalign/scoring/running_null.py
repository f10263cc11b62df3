"""The running null: predictions against the targets of earlier words, at many fixed distances at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rtalign.scoring.cross_validated import NEAR_SHARE, NEAR_WORDS
from rtalign.scoring.running_sums import Block, inverse_root

FEWEST = 8
"""With fewer distances nothing can be said about their spread."""

ENOUGH = 16
"""Near distances are left out as long as this many farther ones remain."""


def distances(count: int = 48, farthest: int = 2000) -> np.ndarray:
    """(distance,) in words, ascending.

    Why in equal ratios: early in a session only short ones are possible, and later the long ones are better, for slow
    signals stay alike over many words.
    """
    return np.unique(np.geomspace(NEAR_WORDS, farthest, count).round().astype(int))


@dataclass(frozen=True, slots=True, eq=False)
class MismatchedSums:
    """What n words leave of their mismatched pairs.

    distances : (distance,).    products : (target, distance, lag), sums of p * y.
    targets : (target, distance), sums of the y that took part, about an origin of their own.
    """

    n: int
    distances: np.ndarray
    products: np.ndarray
    targets: np.ndarray

    def usable(self) -> np.ndarray:
        """(n usable,) indices of the distances that leave at least half of the words a partner."""
        possible = np.flatnonzero(self.distances <= self.n // 2)
        near = np.count_nonzero(self.distances[possible] < NEAR_SHARE * self.n)
        return possible[max(min(near, len(possible) - ENOUGH), 0) :]

    def maps(self, total: Block, blocks: Sequence[Block], parts: Sequence[slice]) -> np.ndarray:
        """(distance, layer, lag): r of mismatched pairs, of the usable distances, with the spread n words would give.

        total : sums of all words;  blocks : of the same words in order;  parts : the targets of each layer.

        A distance of d words leaves n - d pairs.  Their r is centred by the means of just these pairs, and narrowed by
        sqrt((n - d) / n): a correlation's spread goes with one over the root of the number of words, whatever their
        autocorrelation, as long as that is much shorter than the session.
        """
        used = self.usable()
        pairs = (self.n - self.distances[used])[:, None]
        outside = _share_before(self.distances[used], [b.n for b in blocks]).astype(np.float32)
        of_p, of_y = (inverse_root(spread) for spread in total.spread())
        maps = []
        for part in parts:
            p = np.stack([b.sums[0, part] for b in blocks]).astype(np.float32, copy=False)
            before = (outside @ p.reshape(len(blocks), -1)).reshape(len(used), *p.shape[1:]).transpose(1, 0, 2)
            mean_y = self.targets[part][:, used, None] / pairs
            centred = self.products[part][:, used] - (total.sums[0, part][:, None] - before) * mean_y
            scale = of_p[part] * of_y[part][:, None] / len(centred)
            maps.append(np.einsum("tdl,tl->dl", centred, scale) * np.sqrt(self.n / pairs))
        return np.stack(maps, axis=1)


class MismatchedPairs:
    """Adds up mismatched pairs; a few words wait until they can be multiplied together."""

    def __init__(self, n_targets: int, n_lags: int, far: np.ndarray | None = None, batch: int = 20) -> None:
        self.distances = distances() if far is None else np.asarray(far)
        if not len(self.distances) or self.distances.min() < 1:
            raise ValueError(f"distances {self.distances} must be whole numbers of words, 1 or more")
        self.n = 0
        self._waiting = 0
        self._origin: np.ndarray | None = None
        self._predicted = np.zeros((n_targets, batch, n_lags), np.float32)
        # Rows not yet written are 0 and add nothing; one batch more than the farthest, so that none comes round early.
        self._past = np.zeros((int(self.distances.max()) + batch, n_targets), np.float32)
        self._products = np.zeros((n_targets, len(self.distances), n_lags), np.float32)
        self._targets = np.zeros((n_targets, len(self.distances)))

    def push(self, predicted: np.ndarray, target: np.ndarray) -> None:
        """One word.  predicted : (target, lag).    target : (target,)."""
        self._predicted[:, self._waiting] = predicted
        self._past[self.n % len(self._past)] = target if self._origin is None else target - self._origin
        self.n += 1
        self._waiting += 1
        if self._waiting == self._predicted.shape[1]:
            self._flush()

    def read(self, copy: bool = True) -> MismatchedSums:
        """All words so far, but for the first batch.  copy=False: true until the next push alone."""
        if self.n > self._predicted.shape[1]:
            self._flush()
        products, targets = (a.copy() if copy else a for a in (self._products, self._targets))
        return MismatchedSums(self.n, self.distances, products, targets)

    def _flush(self) -> None:
        if not self._waiting:
            return
        if self._origin is None:
            # From here on about the mean of the first words; with means near 0, centring is exact to a second order.
            self._origin = self._past[: self.n].mean(0, dtype=np.float64)
            self._past[: self.n] -= self._origin
        words = np.arange(self.n - self._waiting, self.n)
        partner = self._past[(words - self.distances[:, None]) % len(self._past)]  # (distance, word, target)
        self._targets += partner.sum(1, dtype=np.float64).T
        partner = np.ascontiguousarray(partner.transpose(2, 0, 1))
        for first in range(0, len(partner), 32):  # small enough to stay in cache
            some = slice(first, first + 32)
            self._products[some] += partner[some] @ self._predicted[some, : self._waiting]
        self._waiting = 0


def mixed(maps: np.ndarray, draws: int, rng: np.random.Generator) -> np.ndarray:
    """(draw, layer, lag): maps (distance, layer, lag) in random mixtures that keep their mean squares and likenesses.

    Why: the maps are too few, and too alike where distances are near, to read a threshold off their maxima, but they do
    tell how large r is by chance at each lag and layer, and how these move together.  A mean over many dimensions and
    words is as good as normal, so what chance does is a normal law with those second moments, and mixtures are draws
    from it.  About 0, not about their mean: what all distances share is chance too.
    """
    weights = rng.standard_normal((draws, len(maps))) / np.sqrt(len(maps))
    return (weights @ maps.reshape(len(maps), -1)).reshape(draws, *maps.shape[1:]).astype(np.float32)


def _share_before(words: np.ndarray, sizes: Sequence[int]) -> np.ndarray:
    """(distance, block): the share of each block's words among the first `words` of all."""
    size = np.maximum(np.array(sizes), 1)
    start = np.cumsum(size) - size
    return np.clip((words[:, None] - start) / size, 0, 1)
