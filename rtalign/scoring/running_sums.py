"""Sums over blocks of words, from which the correlation over any stretch of them follows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rtalign.core.agreement import Agreement

ROUNDING = 5e-7
"""A spread below this share of the squares it is the rest of is rounding, and no spread."""


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """What n neighbouring words leave; predictions p and targets y are taken about an origin that never changes.

    sums : (3, target, lag), of p, p * p and p * y.    targets : (2, target), of y and y * y.
    """

    n: int
    sums: np.ndarray
    targets: np.ndarray

    @classmethod
    def empty(cls, n_targets: int, n_lags: int) -> Block:
        return cls(0, np.zeros((3, n_targets, n_lags)), np.zeros((2, n_targets)))

    def __add__(self, other: Block) -> Block:
        return Block(self.n + other.n, self.sums + other.sums, self.targets + other.targets)

    def single(self) -> Block:
        """The same in float32, as it is kept."""
        return Block(self.n, self.sums.astype(np.float32), self.targets.copy())

    @classmethod
    def total(cls, blocks: Sequence[Block]) -> Block:
        """The sum of all, in float64."""
        sums, targets = np.zeros(blocks[0].sums.shape), np.zeros(blocks[0].targets.shape)
        for block in blocks:
            sums += block.sums
            targets += block.targets
        return cls(sum(block.n for block in blocks), sums, targets)

    def spread(self) -> tuple[np.ndarray, np.ndarray]:
        """Centred sums of squares, of predictions (target, lag) and of targets (target,); 0 where nothing varies."""
        p, pp, _ = self.sums
        y, yy = self.targets
        return _rest(pp, p**2 / self.n), _rest(yy, y**2 / self.n)

    def correlation(self) -> np.ndarray:
        """(target, lag): Pearson r over these words; 0 where prediction or target does not vary."""
        of_p, of_y = self.spread()
        return np.clip(self.products() * inverse_root(of_p) * inverse_root(of_y)[:, None], -1, 1)

    def agreement(self, shift: np.ndarray) -> Agreement:
        """The centred sums of these words.  shift : (target, lag), the origin of targets less that of predictions."""
        of_p, of_y = self.spread()
        bias = (self.targets[0][:, None] - self.sums[0]) / self.n + shift
        return Agreement(self.n, bias, of_p, of_y, self.products())

    def products(self) -> np.ndarray:
        """(target, lag): centred sums of products of predictions and targets."""
        return self.sums[2] - self.sums[0] * (self.targets[0] / self.n)[:, None]


class History:
    """The blocks of a session, never more than a fixed number of them, fine where they are new.

    Why so: a window of the last words needs short blocks at the end however long the session is, and intervals over all
    words need many of like size.  When there is one too many, the two neighbours merge whose common length is the
    smallest share of their age: up to `most` blocks all are equally long, from there on a block's length grows with
    its age.  One merging at a time also keeps the cost of a word even.
    """

    def __init__(self, most: int = 64) -> None:
        if most < 8:
            raise ValueError(f"{most} blocks are too few to draw from; keep at least 8")
        self.most = most
        self.blocks: list[Block] = []

    def push(self, block: Block) -> None:
        """The newest words.  Blocks are replaced, never changed, so that whoever holds an older list can read on."""
        self.blocks.append(block)
        if len(self.blocks) > self.most:
            n = np.array([b.n for b in self.blocks])
            age = n[::-1].cumsum()[::-1]
            at = int(np.argmin((n[:-1] + n[1:]) / age[:-1]))
            self.blocks[at : at + 2] = [self.blocks[at] + self.blocks[at + 1]]


def newest(blocks: Sequence[Block], last: int) -> list[Block]:
    """The fewest newest blocks that hold at least `last` words together; all, where there are not so many."""
    held, at = 0, len(blocks)
    while at and held < last:
        at -= 1
        held += blocks[at].n
    return list(blocks[at:])


def left_out(total: Block, blocks: Sequence[Block], parts: Sequence[slice]) -> np.ndarray:
    """r without the words of each block, averaged over each part's targets.

    total : the sum of all;  blocks : of the same words;  parts : the targets of each layer.
    Returns (block, layer, lag).
    """
    n = total.n
    rows = []
    for block in blocks:
        rest = n - block.n
        p, pp, py = total.sums - block.sums
        y, yy = total.targets - block.targets
        of_p, of_y = inverse_root(_rest(pp, p**2 / rest)), inverse_root(_rest(yy, y**2 / rest))
        r = (py - p * (y / rest)[:, None]) * of_p * of_y[:, None]
        rows.append([r[part].mean(0) for part in parts])
    return np.array(rows)


def grouped(blocks: Sequence[Block], most: int) -> list[Block]:
    """Neighbours added up to at most so many blocks of like length."""
    ends = np.cumsum([block.n for block in blocks])
    group = ((ends - 0.5 * np.diff(ends, prepend=0)) * most / ends[-1]).astype(int)
    return [Block.total([b for b, g in zip(blocks, group, strict=True) if g == one]) for one in np.unique(group)]


def inverse_root(values: np.ndarray) -> np.ndarray:
    """1 / sqrt, and 0 where there is nothing to divide by."""
    positive = values > np.finfo(values.dtype).tiny
    return np.divide(1, np.sqrt(values, where=positive, out=np.ones_like(values)), where=positive, out=0 * values)


def _rest(squares: np.ndarray, between: np.ndarray) -> np.ndarray:
    """squares - between, 0 where that is but rounding."""
    rest = squares - between
    return np.where(rest > ROUNDING * squares, rest, 0)
