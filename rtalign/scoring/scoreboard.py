"""The scoreboard: R(layer, lag) while the words come, at the same cost for the first and the last of ten hours."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rtalign.core.decoder_error import DecoderError
from rtalign.core.session import MIN_CURVE_WORDS
from rtalign.scoring.cross_validated import n_blocks_of
from rtalign.scoring.curves import Curves
from rtalign.scoring.left_out import LeftOut
from rtalign.scoring.running_null import FEWEST, MismatchedPairs, MismatchedSums, mixed
from rtalign.scoring.running_sums import Block, History, grouped, inverse_root, left_out, newest
from rtalign.scoring.statistics import by_layer

BLOCK_WORDS = 20
WORDS_KEPT = 200
"""How many single words can still be looked at."""


@dataclass(frozen=True, slots=True, eq=False)
class ScoreboardState:
    """A scoreboard at one moment, which another thread may read while words go on being added.

    Attributes
    ----------
    lags_s, layers, depth : array
        As in `Curves`.
    total : Block
        Sums of all words.
    blocks : tuple of Block
        The same words in order, oldest first; the newest blocks are the shortest.
    mismatched : MismatchedSums
        Sums of mismatched pairs, for the null.
    shift : array, shape (n_targets, n_lags)
        The origin of the targets minus that of the predictions.
    decoders : DecoderError or None
        Of the decoders, where they are a bank's.
    draws, seed : int
        Null draws, and their seed.

    Notes
    -----
    `last` in the methods restricts them to the last words.  These are taken in whole blocks: the fewest newest blocks
    that hold at least so many.  New blocks are BLOCK_WORDS long, so a window is too long by less than that, or by about
    a tenth where it reaches far back into a long session; `words` says how many it holds.
    """

    lags_s: np.ndarray
    layers: np.ndarray
    depth: np.ndarray
    total: Block
    blocks: tuple[Block, ...]
    mismatched: MismatchedSums
    shift: np.ndarray
    decoders: DecoderError | None
    draws: int
    seed: int

    @property
    def n(self) -> int:
        return self.total.n

    def words(self, last: int | None = None) -> int:
        """Number of words in a window over the last so many."""
        return self.n if last is None else sum(block.n for block in newest(self.blocks, last))

    def r(self, last: int | None = None) -> np.ndarray:
        """(layer, lag): Pearson r, averaged over a layer's components; NaN before there are two words."""
        if self.n < 2:
            return np.full((len(self.layers), len(self.lags_s)), np.nan)
        return self._by_layer(self._stretch(last)[0].correlation())

    @property
    def reason(self) -> str | None:
        """The reason why there are no curves yet; None when there are."""
        if self.n < MIN_CURVE_WORDS:
            return (
                f"{self.n} word{'s' * (self.n != 1)} so far; {MIN_CURVE_WORDS} are needed to tell a curve from chance"
            )
        if (count := len(self.mismatched.usable())) < FEWEST:
            return f"{self.n} words allow {count} mismatched pairings; {FEWEST} are needed to know chance"
        return None

    def curves(self, last: int | None = None) -> Curves | None:
        """R with null draws and blocks left out, ready for `assess`; None as long as there is a `reason`.

        The null of a window is that of all words, multiplied by the square root of the ratio of their numbers.  Right
        to first order: a correlation of unrelated series has a spread of 1 / sqrt(number of words), times a factor that
        depends on their autocorrelation, which the window shares.
        """
        if last is not None and last < MIN_CURVE_WORDS:
            raise ValueError(
                f"curves over the last {last} words were asked for; a window needs {MIN_CURVE_WORDS} or more"
            )
        if self.reason:
            return None
        total, blocks = self._stretch(last)
        blocks = grouped(blocks, n_blocks_of(total.n, BLOCK_WORDS))
        maps = self.mismatched.maps(self.total, self.blocks, self._parts) * np.sqrt(self.n / total.n)
        null = mixed(maps, self.draws, np.random.default_rng([self.seed, 0x0]))
        r, *r_block = (self._by_layer(part.correlation()) for part in (total, *blocks))
        block_words = np.array([block.n for block in blocks])
        words = LeftOut.of(left_out(total, blocks, self._parts), block_words)
        without, noise = words.with_decoders(r, self.decoders), self.decoders.noise if self.decoders else None
        statistics = by_layer([total.agreement(self.shift)], len(self.layers))
        axes = self.lags_s, self.layers, self.depth
        parts = {"r_block": np.stack(r_block), "block_words": block_words}
        return Curves(*axes, r, null, without, noise, statistics=statistics, **parts)

    def _by_layer(self, r: np.ndarray) -> np.ndarray:
        """(target, lag) -> (layer, lag)."""
        return r.reshape(len(self.layers), -1, len(self.lags_s)).mean(1)

    @property
    def _parts(self) -> list[slice]:
        """The targets of each layer."""
        size = len(self.total.targets[0]) // len(self.layers)
        return [slice(k * size, (k + 1) * size) for k in range(len(self.layers))]

    def _stretch(self, last: int | None) -> tuple[Block, list[Block]]:
        """The sum of the words asked for, and their blocks."""
        if last is None or last >= self.n:
            return self.total, list(self.blocks)
        if last < 1:
            raise ValueError(f"the last {last} words were asked for; a window holds at least 1")
        blocks = newest(self.blocks, last)
        return Block.total(blocks), blocks


class Scoreboard:
    """Scores of every layer and lag, word by word, at constant cost.

    One thread owns the board; others read what `freeze` returns.

    Parameters
    ----------
    lags_s : array, shape (n_lags,)
    layers : sequence of int
        Indices of hidden states.
    n_layers : int
        Number of hidden states of the model.
    components : int
        Targets of each layer; targets are layer-major, layer x component.
    decoders : DecoderError, optional
        Of the decoders, where they are a bank's.
    draws : int
        Null draws.
    blocks : int
        Blocks of words kept at most.
    seed : int
    about_zero : bool
        Predictions and targets are residuals already: no mean is taken off them.
    """

    def __init__(
        self,
        lags_s: np.ndarray,
        layers: Sequence[int],
        n_layers: int,
        components: int,
        *,
        decoders: DecoderError | None = None,
        draws: int = 200,
        blocks: int = 64,
        seed: int = 0,
        about_zero: bool = False,
    ) -> None:
        self.lags_s = np.asarray(lags_s, float)
        self.layers = np.asarray(layers)
        self.depth = self.layers / max(n_layers - 1, 1)
        self.components = components
        self.decoders, self._draws, self._most, self._seed = decoders, draws, blocks, seed
        shape = self.shape
        self._history = History(self._most)
        self._closed = Block.empty(*shape)
        self._open = Block.empty(*shape)
        self._mismatch = MismatchedPairs(*shape)
        self._about_zero = about_zero
        self._origin = (np.zeros(shape), np.zeros(shape[0])) if about_zero else None
        self._scale: tuple[np.ndarray, ...] | None = None
        self._single: OrderedDict[int, np.ndarray] = OrderedDict()

    @property
    def shape(self) -> tuple[int, int]:
        """(target, lag)."""
        return len(self.layers) * self.components, len(self.lags_s)

    @property
    def n(self) -> int:
        """Words so far."""
        return self._closed.n + self._open.n

    def add(self, index: int, predicted: np.ndarray, target: np.ndarray) -> None:
        """One word.  predicted : (lag, target).    target : (target,)."""
        self._check(index, predicted, target)
        if self._origin is None:
            self._origin = predicted.T.astype(np.float64), target.astype(np.float64)
        # Float64 from here to the totals: where the origin happens to be an odd word, single precision would not do.
        p = np.subtract(predicted.T, self._origin[0], order="C")
        y = target - self._origin[1]
        self._open = _with(self._open, p, y, means=not self._about_zero)
        single = p.astype(np.float32)
        self._mismatch.push(single, y)
        self._keep(index, single, y)
        if self._open.n == BLOCK_WORDS:
            self._close()

    def r(self, last: int | None = None) -> np.ndarray:
        """(layer, lag); see ScoreboardState.r."""
        return self._standing(None).r(last)

    @property
    def reason(self) -> str | None:
        """The reason why there are no curves yet; None when there are."""
        return self._standing(self._mismatch.read(copy=False)).reason

    def curves(self, last: int | None = None) -> Curves | None:
        """See ScoreboardState.curves."""
        return self._standing(self._mismatch.read(copy=False)).curves(last)

    def freeze(self) -> ScoreboardState:
        """The board as it stands.  Cheap: blocks are never changed and need no copy, only running sums do."""
        return self._standing(self._mismatch.read())

    def word_map(self, index: int) -> np.ndarray | None:
        """(layer, lag): the standardised product of prediction and target of one word, averaged over components.

        Its mean over all words is R.  NaN for the first words, before there is a spread to standardise by; None for a
        word that was not scored, or too long ago.
        """
        return self._single.get(index)

    def _standing(self, mismatched: MismatchedSums | None) -> ScoreboardState:
        total = self._closed + self._open
        blocks = [*self._history.blocks, self._open.single()] if self._open.n else self._history.blocks
        mismatched = mismatched or MismatchedSums(0, self._mismatch.distances, np.empty(0), np.empty(0))
        origin = self._origin or (np.zeros(self.shape), np.zeros(self.shape[0]))
        return ScoreboardState(
            self.lags_s, self.layers, self.depth, total, tuple(blocks), mismatched, origin[1][:, None] - origin[0],
            self.decoders, self._draws, self._seed,
        )  # fmt: skip

    def _close(self) -> None:
        """The open block joins the others."""
        self._history.push(self._open.single())
        self._closed = self._closed + self._open
        self._open = Block.empty(*self.shape)
        n = self._closed.n
        means = self._closed.sums[0] / n, self._closed.targets[0] / n
        roots = (np.sqrt(n) * inverse_root(spread) for spread in self._closed.spread())
        self._scale = tuple(a.astype(np.float32) for a in (*means, *roots))

    def _keep(self, index: int, p: np.ndarray, y: np.ndarray) -> None:
        """The word's own map, by what was known of means and spreads when the last block closed."""
        n_layers, n_lags = len(self.layers), len(self.lags_s)
        if self._scale is None:
            score = np.full((n_layers, n_lags), np.nan, np.float32)
        else:
            mean_p, mean_y, root_p, root_y = self._scale
            p = ((p - mean_p) * root_p).reshape(n_layers, -1, n_lags)
            y = ((y - mean_y) * root_y / self.components).astype(np.float32).reshape(n_layers, 1, -1)
            score = (y @ p)[:, 0]
        self._single[index] = score
        if len(self._single) > WORDS_KEPT:
            self._single.popitem(last=False)

    def _check(self, index: int, predicted: np.ndarray, target: np.ndarray) -> None:
        n_targets, n_lags = self.shape
        if predicted.shape != (n_lags, n_targets) or target.shape != (n_targets,):
            raise ValueError(
                f"word {index}: predictions {predicted.shape} and targets {target.shape} came; this board takes "
                f"({n_lags}, {n_targets}) and ({n_targets},): lags, and layers x components"
            )
        if not (np.isfinite(predicted).all() and np.isfinite(target).all()):
            raise ValueError(f"word {index} holds NaN or infinite values, which would spoil every sum; skip the word")


def _with(block: Block, p: np.ndarray, y: np.ndarray, means: bool = True) -> Block:
    """The block with one word more; its arrays are written in place."""
    if means:
        block.sums[0] += p
        block.targets[0] += y
    block.sums[1] += p * p
    block.sums[2] += p * y[:, None]
    block.targets[1] += y * y
    return Block(block.n + 1, block.sums, block.targets)
