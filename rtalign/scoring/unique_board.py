"""Unique R and the static twin while the words come: recursive residuals, at the same cost for every word.

A word's predictions and targets are regressed on its nuisances with the coefficients of the words before it, and what
is left is divided by its standard error: recursive residuals (Brown, Durbin and Evans 1975).  Their sums of squares and
products are those of ordinary residuals on the nuisances of all words so far, so that R of residuals is the partial
correlation that an evaluation of the same words computes, word by word and without going back.  Recursive residuals of
unrelated words are themselves unrelated, so a scoreboard makes null, blocks and windows of them as of plain words.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from rtalign.core.decoder_error import DecoderError
from rtalign.scoring.cross_validated import n_blocks_of
from rtalign.scoring.curves import Curves
from rtalign.scoring.left_out import LeftOut
from rtalign.scoring.running_sums import Block, History, grouped
from rtalign.scoring.scoreboard import BLOCK_WORDS, Scoreboard, ScoreboardState

BATCH = 20
"""Words that are regressed together, which reads the coefficients of all layers and lags once."""
BLOCKS = 24
"""Of words, which are left out for intervals; windows of the newest words are taken in whole ones."""
PRIOR = 1e-6
"""Added to the squares of each nuisance, which are about the number of words: lets the first words begin."""

ROUNDING = 1e-6
"""A residual target with less than this part of its layer's variance holds nothing but rounding."""
LEAST = 1e-6
"""Directions with less than this part of a column's variance repeat others; as `partialling` of decoding/controls."""


@dataclass(frozen=True, slots=True, eq=False)
class UniqueState:
    """A board at one moment, which another thread may read.

    Attributes
    ----------
    residuals : ScoreboardState
        Of the recursive residuals.
    plain : Block
        Sums of the same words as they are.
    shared : tuple of Block
        Products of what nuisances explain of predictions and targets, by block, in the place of p * y.
    n_directions : int
        In which the nuisances vary.
    words_needed : int
        Before that many words nothing is said.
    """

    residuals: ScoreboardState
    plain: Block
    shared: tuple[Block, ...]
    n_directions: int
    words_needed: int

    @property
    def n(self) -> int:
        return self.plain.n

    @property
    def reason(self) -> str | None:
        """The reason why there are no curves yet; None when there are."""
        if self.n < self.words_needed:
            return f"{self.n} words so far; as many nuisances as there are need {self.words_needed}"
        return self.residuals.reason

    def curves(self, last: int | None = None) -> Curves | None:
        """Unique R, as `ScoreboardState.curves`."""
        return None if self.reason else self.residuals.curves(last)

    def twin_curves(self, plain: Curves) -> Curves | None:
        """R of the static twin over all words, beside the plain curves, whose chance is its own too.

        As `rtalign.decoding.controls.static_twin`: products of what nuisances explain, over the norms of whole
        predictions, less the part that as many random columns would hold.
        """
        if self.reason:
            return None
        n, layers = self.n, len(plain.layers)
        of_p, of_y = self.plain.spread()
        norm = np.sqrt(of_p * of_y[:, None])
        norm = np.divide(1, norm, out=np.zeros_like(norm), where=norm > 0)
        py, rest = self.plain.products(), self.residuals.total.sums[2]
        random = self.n_directions / (n - 1 - self.n_directions)
        r = _by_layer((py - rest - random * rest) * norm, layers)
        blocks = grouped(self.shared, n_blocks_of(n, BLOCK_WORDS))
        inside = np.stack([block.sums[0] for block in blocks])
        whole, sizes = inside.sum(0), np.array([block.n for block in blocks], float)
        grown = (whole - inside) * (n / (n - sizes))[:, None, None] - whole
        without = np.stack([r + _by_layer((1 + random) * change * norm, layers) for change in grown])
        return replace(plain, r=r, left_out=LeftOut.of(without, sizes), halves=None, statistics={})


class UniqueBoard:
    """Takes words with their nuisances; one thread owns it, others read what `freeze` returns.

    Parameters
    ----------
    n_nuisances : int
        Columns of the nuisances, each with a mean of about 0 and a spread of about 1.
    words_needed : int
        Before that many words nothing is said.
    lags_s, layers, n_layers, components, decoders
        As in `Scoreboard`.
    """

    def __init__(
        self,
        n_nuisances: int,
        words_needed: int,
        lags_s: np.ndarray,
        layers: Sequence[int],
        n_layers: int,
        components: int,
        *,
        decoders: DecoderError | None = None,
    ) -> None:
        self._residuals = Scoreboard(
            lags_s, layers, n_layers, components, decoders=decoders, blocks=BLOCKS, about_zero=True
        )
        self._n_nuisances, self._words_needed = n_nuisances, words_needed
        n_targets, n_lags = self._residuals.shape
        self._squares = PRIOR * np.eye(n_nuisances + 1)
        # Of predictions (lag x target) and of targets; single precision for the many.
        self._of_p = np.zeros((n_nuisances + 1, n_lags * n_targets), np.float32)
        self._of_y = np.zeros((n_nuisances + 1, n_targets))
        self._origin: tuple[np.ndarray, np.ndarray] | None = None
        self._plain = Block.empty(n_targets, n_lags)
        self._history = History(BLOCKS)
        self._open = _products_block(n_targets, n_lags)
        self._waiting: list[tuple[int, np.ndarray, np.ndarray, np.ndarray]] = []

    @property
    def n(self) -> int:
        """Words so far."""
        return self._plain.n + len(self._waiting)

    def add(self, index: int, nuisances: np.ndarray, predicted: np.ndarray, target: np.ndarray) -> None:
        """One word.  nuisances : (nuisance,).    predicted : (lag, target).    target : (target,)."""
        if nuisances.shape != (self._n_nuisances,) or not np.isfinite(nuisances).all():
            raise ValueError(f"word {index}: {nuisances.shape} nuisances, of which all must be finite; not a word")
        self._waiting.append((index, nuisances, predicted, target))
        if len(self._waiting) == BATCH:
            self._flush()

    def freeze(self) -> UniqueState:
        """The board as it stands."""
        self._flush()
        shared = [*self._history.blocks, self._open.single()] if self._open.n else self._history.blocks
        plain = Block(self._plain.n, self._plain.sums.copy(), self._plain.targets.copy())
        n_directions = _rank(self._squares, self._plain.n)
        residuals = self._without_rounding(self._residuals.freeze())
        return UniqueState(residuals, plain, tuple(shared), n_directions, self._words_needed)

    def _without_rounding(self, state: ScoreboardState) -> ScoreboardState:
        """Targets that the nuisances explain whole are constant: of these only rounding is left."""
        n_layers = len(state.layers)
        whole = self._plain.spread()[1].reshape(n_layers, -1).sum(1) if self._plain.n else np.zeros(n_layers)
        kept = state.total.targets[1] > ROUNDING * np.repeat(whole, len(state.total.targets[1]) // n_layers)
        total, *blocks = (Block(b.n, b.sums, b.targets * kept) for b in (state.total, *state.blocks))
        return replace(state, total=total, blocks=tuple(blocks))

    def _flush(self) -> None:
        """Regress the words that wait on their nuisances, and add what is left to the scoreboard.

        Why one by one at first: of words together, what nuisances do not determine yet is a million times what is left
        of the words, and takes its digits.
        """
        while self._waiting:
            n = 1 if self._plain.n <= 2 * self._n_nuisances else len(self._waiting)
            now, self._waiting = self._waiting[:n], self._waiting[n:]
            self._regress(now)

    def _regress(self, words: Sequence[tuple[int, np.ndarray, np.ndarray, np.ndarray]]) -> None:
        indices, nuisances, predicted, targets = zip(*words, strict=True)
        z = np.column_stack([np.ones(len(indices)), np.stack(nuisances)])
        p, y = np.stack(predicted).astype(np.float32, copy=False), np.stack(targets).astype(np.float64)
        n, n_lags, n_targets = p.shape
        if self._origin is None:
            self._origin = p[0], y[0]
        p, y = p - self._origin[0], y - self._origin[1]
        gain = np.linalg.solve(self._squares, z.T)
        root = np.linalg.cholesky(np.eye(n) + z @ gain)
        whiten = np.linalg.inv(root)
        flat = p.reshape(n, -1)
        left_p = whiten.astype(np.float32) @ (flat - z.astype(np.float32) @ self._of_p)
        left_y = whiten @ (y - z @ self._of_y)
        step = gain @ whiten.T
        self._of_p += step.astype(np.float32) @ left_p
        self._of_y += step @ left_y
        self._squares += z.T @ z
        left_p = left_p.reshape(n, n_lags, n_targets)
        self._add_plain(p, y, left_p, left_y)
        for index, own, target in zip(indices, left_p, left_y, strict=True):
            self._residuals.add(index, own, target)

    def _add_plain(self, p: np.ndarray, y: np.ndarray, left_p: np.ndarray, left_y: np.ndarray) -> None:
        """Sums of the words as they are, and products of what nuisances explain of them, for blocks."""
        n = self._plain.n + len(p)
        sums, targets = self._plain.sums, self._plain.targets
        sums[0] += p.sum(0, dtype=np.float64).T
        sums[1] += np.einsum("wlt,wlt->tl", p, p, dtype=np.float64)
        sums[2] += np.einsum("wlt,wt->tl", p, y)
        targets[0] += y.sum(0)
        targets[1] += (y * y).sum(0)
        self._plain = Block(n, sums, targets)
        p, y = p - (sums[0] / n).T.astype(np.float32), y - targets[0] / n
        of_words = np.einsum("wlt,wt->tl", p, y) - np.einsum("wlt,wt->tl", left_p, left_y)
        self._open = Block(self._open.n + len(p), self._open.sums + of_words, self._open.targets)
        if self._open.n >= BLOCK_WORDS:
            self._history.push(self._open.single())
            self._open = _products_block(*of_words.shape)


def _rank(squares: np.ndarray, n: int) -> int:
    """In how many directions nuisances vary, of their inner products with each other and with 1."""
    if n < 2:
        return 0
    centred = squares[1:, 1:] - np.outer(squares[0, 1:], squares[0, 1:]) / n
    spread = np.sqrt(np.maximum(np.diagonal(centred), 0))
    inverse = np.divide(1, spread, out=np.zeros_like(spread), where=spread > np.sqrt(LEAST * n))
    return int((np.linalg.eigvalsh(centred * inverse[:, None] * inverse) > LEAST).sum())


def _products_block(n_targets: int, n_lags: int) -> Block:
    """An empty block of products alone."""
    return Block(0, np.zeros((1, n_targets, n_lags)), np.zeros((0, n_targets)))


def _by_layer(values: np.ndarray, n_layers: int) -> np.ndarray:
    """(target, lag) -> (layer, lag), the mean over a layer's components."""
    return np.asarray(values.reshape(n_layers, -1, values.shape[1]).mean(1))
