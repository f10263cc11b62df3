"""Adaptation: decoders that learn from the present participant, each word only after it has been scored."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from threading import Lock

import numpy as np

from rtalign.core.recipe import Recipe
from rtalign.decoding.bank import DecoderBank, LagDecoders
from rtalign.decoding.decoder_setup import DecoderSetup
from rtalign.decoding.moments import Moments
from rtalign.decoding.penalties import EigenBasis, Shrinkage, descending, try_held_out
from rtalign.decoding.ridge import Decoder
from rtalign.decoding.running_moments import RunningMoments, bank_moments

MAX_WAITING = 900
"""Words that may wait to be learned; beyond, the oldest are dropped and counted."""

GAP_WORDS = 10
"""The newest words wait for the next update: their epochs overlap those of the words that are scored next.

Slow signals would carry what was learned from the one over to the other; the folds of a bank keep the same distance.
"""

TEST_DECAY = 0.5
"""Weight of the earlier tests of the penalties at the next one."""

NEIGHBOUR_LAGS = 2
"""Lags on either side whose tests count for a lag's penalty too: they have about the same signal."""

MIN_SCALE = 0.02
"""Smallest factor that predictions are scaled by, so that no decoder becomes zero for good."""


class Adapter:
    """Collects words that have been scored, and fits new decoders to them from time to time.

    `add` only stores a word.  All the work is in a DecoderUpdate, made for another thread: `if adapter.update_due:
    update = adapter.next_update()`, there `update.solve(stop)`, and its decoders replace the old ones when it is done.
    One update at a time; one that was stopped continues where it was when it is asked for again.

    With a bank as prior its words count as at most prior_words, so that the present participant takes over, and its
    penalties are kept.  Without one, penalties are chosen by how decoders of earlier words predict the newer ones.

    Decoders are those of ridge on all words learned, except for a scale (only without a prior) and a constant: they
    predict the same value at the mean of the signal from the first update to the last.  Why: the mean of the targets so
    far moves with each update, and where targets are slow it moves against the words that follow; its steps alone
    scored r = -0.06 on noise.

    Parameters
    ----------
    recipe : Recipe
        Its lags and penalties are used.
    n_targets, n_sensors : int
        Sizes of a word's targets and signal.
    prior : DecoderBank, optional
        The bank to start from.
    prior_words : int
        How many words the prior counts as, at most.
    start : int
        Words before the first update.
    every : int
        Words between two updates, once that many have been learned.

    Attributes
    ----------
    n_learned, n_dropped : int
        Words that were learned, and that were dropped because too many waited.
    """

    def __init__(
        self,
        recipe: Recipe,
        n_targets: int,
        n_sensors: int,
        prior: DecoderBank | None = None,
        *,
        prior_words: int = 600,
        start: int = 100,
        every: int = 300,
    ) -> None:
        if not 4 <= start <= every <= MAX_WAITING:
            raise ValueError(f"start {start} and every {every} must be in order, from 4 to {MAX_WAITING} words")
        self.shape = (len(recipe.lags.seconds), n_sensors, n_targets)
        if prior is not None and prior.tensors["weights"].shape != self.shape:
            raise ValueError(
                f"the prior bank holds (lag, sensor, target) {prior.tensors['weights'].shape}, this session has "
                f"{self.shape} - adapt a bank of the same recipe, layers and sensors, or start without a bank"
            )
        self.prior, self.prior_words = prior, prior_words
        self.grid = descending(recipe.fit.alphas)
        self.n_learned, self.n_dropped = 0, 0
        self.moments = RunningMoments(*self.shape)
        components = recipe.language.components
        n_layers = n_targets // components if components and n_targets % components == 0 else 1
        self.level = np.zeros((self.shape[0], n_targets))
        self.tests = np.zeros((3, self.shape[0], len(self.grid), n_layers))
        self._start, self._every = start, every
        self._waiting: deque[tuple[np.ndarray, np.ndarray]] = deque()
        self._update: DecoderUpdate | None = None

    @property
    def update_due(self) -> bool:
        """Whether an update would pay: words have doubled, or enough new ones have come."""
        enough = max(self._start, min(self.n_learned, self._every))
        return self._update is not None or len(self._waiting) >= enough + GAP_WORDS

    def add(self, epoch: np.ndarray, target: np.ndarray) -> None:
        """Store a word that has been scored: epoch (lag, sensor), target (target,)."""
        n_lags, n_sensors, n_targets = self.shape
        if epoch.shape != (n_lags, n_sensors) or target.shape != (n_targets,):
            raise ValueError(
                f"an epoch has the shape {epoch.shape}, its targets {target.shape}; "
                f"this adapter learns from (lag, sensor) {(n_lags, n_sensors)} and {(n_targets,)}"
            )
        if not (np.isfinite(epoch).all() and np.isfinite(target).all()):
            raise ValueError("a word holds NaN or infinite values, which would spoil all decoders; skip the word")
        if len(self._waiting) == MAX_WAITING:
            self._waiting.popleft()
            self.n_dropped += 1
        self._waiting.append((np.array(epoch, np.float32), np.array(target, np.float32)))

    def next_update(self) -> DecoderUpdate:
        """The next update, of all words that wait but the newest; these and later words wait for the one after."""
        if self._update is None:
            words = [self._waiting.popleft() for _ in range(len(self._waiting) - GAP_WORDS)]
            self._update = DecoderUpdate(self, words)
        return self._update

    def finish_update(self, n_words: int) -> None:
        """Count the words of an update that is done."""
        self.n_learned, self._update = self.n_learned + n_words, None


class DecoderUpdate:
    """One update of the decoders: some words, learned lag by lag."""

    def __init__(self, adapter: Adapter, words: list[tuple[np.ndarray, np.ndarray]]) -> None:
        self._adapter, self._words = adapter, words
        self._targets = np.array([target for _, target in words], np.float32).reshape(len(words), adapter.shape[2])
        self._next, self._running = 0, Lock()
        n_lags, n_sensors, n_targets = adapter.shape
        self._weights = np.zeros((n_lags, n_sensors, n_targets), np.float32)
        self._bias = np.zeros((n_lags, n_targets), np.float32)

    def solve(self, stop: Callable[[], bool] = lambda: False) -> LagDecoders | None:
        """Decoders of all words learned so far; None if stopped.  stop() is called before each lag, and may sleep."""
        if not self._running.acquire(blocking=False):
            raise RuntimeError("this update is running in another thread; wait for it to end")
        try:
            while self._next < len(self._weights):
                if stop():
                    return None
                self._learn(self._next)
                self._next += 1
        finally:
            self._running.release()
        self._adapter.finish_update(len(self._words))
        return LagDecoders(self._weights, self._bias, int(self._adapter.moments.n[0]))

    def _learn(self, lag: int) -> None:
        adapter, moments = self._adapter, self._adapter.moments
        X = np.array([epoch[lag] for epoch, _ in self._words], np.float32).reshape(-1, adapter.shape[1])
        Y = self._targets
        if adapter.prior is not None:
            if not moments.n[lag]:
                moments.set_lag(lag, bank_moments(adapter.prior, lag, adapter.prior_words))
                adapter.level[lag] = moments.mean_y[lag]  # as in the bank's own decoders, which were in use until now
            moments.add(lag, X, Y)
            alpha, scale = np.array(adapter.prior.tensors["alphas"][lag], float), np.ones(adapter.shape[2], np.float32)
        else:
            if not moments.n[lag]:  # no decoder yet to test on them: the older half is learned first
                moments.add(lag, X[: len(X) // 2], Y[: len(X) // 2])
                adapter.level[lag] = moments.mean_y[lag]
                X, Y = X[len(X) // 2 :], Y[len(Y) // 2 :]
            self._test(lag, X, Y)
            moments.add(lag, X, Y)
            alpha, scale = (np.repeat(v, adapter.shape[2] // len(v)) for v in self._choose(lag))
        train = replace(moments.at_lag(lag), mean_y=adapter.level[lag])
        weights = Decoder.from_moments(EigenBasis.from_moments(train, "float32"), train, None, alpha, "float32").weights
        weights *= scale
        self._weights[lag], self._bias[lag] = weights, train.mean_y - train.mean_x @ weights

    def _test(self, lag: int, X: np.ndarray, Y: np.ndarray) -> None:
        """Test each penalty on words that have not been learned yet.

        tests : (3, lag, alpha, layer), of r, of prediction times target, and of predictions squared: sums over words
        and a layer's targets, in units of the targets' spread.
        """
        train, tests = self._adapter.moments.at_lag(lag), self._adapter.tests
        cross, squares = held_out_sums(train, X, Y, self._adapter.grid)
        variance = np.maximum(train.target_squares / train.n, np.finfo(np.float32).tiny)
        scale = np.sqrt(squares * ((Y - train.mean_y) ** 2).sum(0))
        r = np.divide(cross, scale, out=np.zeros(cross.shape), where=scale > 0)
        for kept, new in zip(tests, (r * len(X), cross / variance, squares / variance), strict=True):
            kept[lag] = TEST_DECAY * kept[lag] + new.reshape(len(new), tests.shape[3], -1).sum(-1)

    def _choose(self, lag: int) -> tuple[np.ndarray, np.ndarray]:
        """(layer,) each: the penalty, and the factor that its predictions are scaled by.

        Why by r and not by squared error: r is the score, and among many targets of which few can be predicted, errors
        are least where almost nothing is predicted for any.  One penalty serves all of a layer's targets, because a few
        dozen words say little about a single one.  Why scaled: a correlation does not need it, but over a session the
        predictions of early decoders, which are large and poor, must not outweigh the better ones that follow.
        """
        near = self._adapter.tests[:, max(lag - NEIGHBOUR_LAGS, 0) : lag + NEIGHBOUR_LAGS + 1].sum(1)
        best = near[0].argmax(0)  # the largest penalty is first, and is chosen where all are equal
        cross, squares = (values[best, np.arange(len(best))] for values in near[1:])
        slope = np.divide(cross, squares, out=np.zeros(len(best)), where=squares > 0)
        return self._adapter.grid[best], np.clip(slope, MIN_SCALE, 1).astype(np.float32)


def held_out_sums(train: Moments, X: np.ndarray, Y: np.ndarray, grid: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Two of (alpha, target): sums of prediction times target, and of predictions squared, of ridge on other words.

    X : (word, sensor) and Y : (word, target) of words outside the training, both relative to its means;
    grid : (alpha,), the largest first.
    """
    basis = EigenBasis.from_moments(train, "float32")
    scores = (X - train.mean_x) @ basis.axes
    inner, cross = scores.T @ scores, scores.T.astype(np.float32) @ (Y - train.mean_y).astype(np.float32)
    train_cross = (basis.axes.T @ train.xy).astype(np.float32)
    shrinkage = Shrinkage.from_values(basis.values, grid, "float32")
    found = try_held_out(inner.astype(np.float32), cross, train_cross, shrinkage)
    return found.products, np.maximum(found.squares, 0)


class AdaptationThread:
    """Runs the updates of an adapter on a thread of its own.  Its methods are called by one thread, the engine's.

    Parameters
    ----------
    adapter : Adapter
        The words and the state of the adaptation.
    """

    def __init__(self, adapter: Adapter) -> None:
        self._adapter = adapter
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="adaptation")
        self._running: Future[LagDecoders | None] | None = None
        self._stopped = False

    @classmethod
    def from_setup(cls, setup: DecoderSetup) -> AdaptationThread:
        """Adaptation of a bank's decoders, or without a bank of none."""
        n_targets = len(setup.layers) * setup.projection.components
        return cls(Adapter(setup.recipe, n_targets, len(setup.sensors), setup.bank))

    @property
    def running(self) -> bool:
        """Whether an update is under way."""
        return self._running is not None

    def add(self, epoch: np.ndarray, target: np.ndarray) -> None:
        """Store a word that has been scored: epoch (lag, sensor), target (target,)."""
        self._adapter.add(epoch, target)

    def poll(self, may_start: bool = True) -> LagDecoders | None:
        """Return new decoders if an update has just ended; start the next one if there is enough to learn."""
        learned = None
        if self._running and self._running.done():
            learned, self._running = self._running.result(), None
        if self._running is None and may_start and self._adapter.update_due:
            self._running = self._pool.submit(self._adapter.next_update().solve, lambda: self._stopped)
        return learned

    def close(self) -> None:
        """Stop the update under way and end the thread."""
        self._stopped = True
        self._pool.shutdown(wait=True, cancel_futures=True)
