"""Adaptation: decoders that learn from today's participant, each word only after it has been scored."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from threading import Lock

import numpy as np

from rtalign.core.recipe import Recipe
from rtalign.decoding.bank import DecoderBank, Decoders
from rtalign.decoding.decoder_setup import Decoding
from rtalign.decoding.moments import Moments
from rtalign.decoding.penalties import Basis, Fractions, loss
from rtalign.decoding.ridge import Decoder
from rtalign.decoding.running_moments import LagMoments, recall

MOST_WAITING = 900
"""Words that may wait to be learned; beyond, the oldest are left out, and counted."""

GAP_WORDS = 10
"""The newest words wait for the next lesson: their epochs overlap those of the words that are scored next.

Slow signals would carry what was learned of the one over to the other; the folds of a bank keep the same distance.
"""

MEMORY = 0.5
"""What an earlier test of the penalties still weighs at the next one."""

NEIGHBOURS = 2
"""Lags to either side whose tests count for a lag's penalty too: they have about the same signal."""

LEAST_SHARE = 0.02
"""To what share of themselves predictions are scaled down at most, so that no decoder falls silent for good."""


class Adapter:
    """Takes words that have been scored, and makes new decoders of them now and then.

    `add` only lays a word by.  All the work is in a Lesson, made for another thread: `if adapter.due: lesson =
    adapter.freeze()`, there `lesson.solve(stop)`, and its decoders take the place of the old ones when it is done.
    One lesson at a time; one that was stopped goes on where it was when it is asked for again.

    With a bank as prior its words count as at most prior_words, so that today's participant takes over, and its
    penalties are kept.  From nothing, penalties are chosen by how decoders of earlier words predict the newer ones.

    Decoders are those of ridge on all words learned, but for a scale (from nothing alone) and a constant: they predict
    the same value at the mean of the signal from the first lesson to the last.  Why: the mean of the targets so far
    moves with each lesson, and where targets are slow it moves against the words that follow; its steps alone were
    seen to score r = -0.06 on noise.
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
        """start : words before the first lesson;  every : words between two, once that many have been learned."""
        if not 4 <= start <= every <= MOST_WAITING:
            raise ValueError(f"start {start} and every {every} must be in order, from 4 to {MOST_WAITING} words")
        self.shape = (len(recipe.lags.seconds), n_sensors, n_targets)
        if prior is not None and prior.tensors["weights"].shape != self.shape:
            raise ValueError(
                f"the prior bank holds (lag, sensor, target) {prior.tensors['weights'].shape}, this session has "
                f"{self.shape} - adapt a bank of the same recipe, layers and sensors, or start from nothing"
            )
        self.prior, self.prior_words = prior, prior_words
        self.grid = np.sort(np.asarray(recipe.fit.alphas, float))[::-1].copy()
        self.n_learned, self.n_left_out = 0, 0
        self.moments = LagMoments(*self.shape)
        components = recipe.language.components
        n_layers = n_targets // components if components and n_targets % components == 0 else 1
        self.level = np.zeros((self.shape[0], n_targets))
        self.tests = np.zeros((3, self.shape[0], len(self.grid), n_layers))
        self._start, self._every = start, every
        self._waiting: deque[tuple[np.ndarray, np.ndarray]] = deque()
        self._lesson: Lesson | None = None

    @property
    def due(self) -> bool:
        """Whether a lesson would be worth its while: words have doubled, or enough new ones have come."""
        enough = max(self._start, min(self.n_learned, self._every))
        return self._lesson is not None or len(self._waiting) >= enough + GAP_WORDS

    def add(self, epoch: np.ndarray, target: np.ndarray) -> None:
        """One word that has been scored.  epoch : (lag, sensor).    target : (target,)."""
        n_lags, n_sensors, n_targets = self.shape
        if epoch.shape != (n_lags, n_sensors) or target.shape != (n_targets,):
            raise ValueError(
                f"an epoch {epoch.shape} with targets {target.shape} came; this adapter learns from (lag, sensor) "
                f"{(n_lags, n_sensors)} and {(n_targets,)}"
            )
        if not (np.isfinite(epoch).all() and np.isfinite(target).all()):
            raise ValueError("a word holds NaN or infinite values, which would spoil all decoders; skip the word")
        if len(self._waiting) == MOST_WAITING:
            self._waiting.popleft()
            self.n_left_out += 1
        self._waiting.append((np.array(epoch, np.float32), np.array(target, np.float32)))

    def freeze(self) -> Lesson:
        """The next lesson, of all words that wait but the newest; they and those to come wait for the one after."""
        if self._lesson is None:
            words = [self._waiting.popleft() for _ in range(len(self._waiting) - GAP_WORDS)]
            self._lesson = Lesson(self, words)
        return self._lesson

    def done(self, n_words: int) -> None:
        """A lesson of so many words has been learned."""
        self.n_learned, self._lesson = self.n_learned + n_words, None


class Lesson:
    """The words of one lesson, learned lag by lag."""

    def __init__(self, adapter: Adapter, words: list[tuple[np.ndarray, np.ndarray]]) -> None:
        self._adapter, self._words = adapter, words
        self._targets = np.array([target for _, target in words], np.float32).reshape(len(words), adapter.shape[2])
        self._next, self._running = 0, Lock()
        n_lags, n_sensors, n_targets = adapter.shape
        self._weights = np.zeros((n_lags, n_sensors, n_targets), np.float32)
        self._bias = np.zeros((n_lags, n_targets), np.float32)

    def solve(self, stop: Callable[[], bool] = lambda: False) -> Decoders | None:
        """Decoders of all words learned so far; None if stopped, which is asked before each lag (and may sleep)."""
        if not self._running.acquire(blocking=False):
            raise RuntimeError("this lesson is being learned in another thread; wait for it to end")
        try:
            while self._next < len(self._weights):
                if stop():
                    return None
                self._learn(self._next)
                self._next += 1
        finally:
            self._running.release()
        self._adapter.done(len(self._words))
        return Decoders(self._weights, self._bias, int(self._adapter.moments.n[0]))

    def _learn(self, lag: int) -> None:
        adapter, moments = self._adapter, self._adapter.moments
        X = np.array([epoch[lag] for epoch, _ in self._words], np.float32).reshape(-1, adapter.shape[1])
        Y = self._targets
        if adapter.prior is not None:
            if not moments.n[lag]:
                moments.put(lag, recall(adapter.prior, lag, adapter.prior_words))
                adapter.level[lag] = moments.mean_y[lag]  # as in the bank's own decoders, which were in use until now
            moments.add(lag, X, Y)
            alpha, share = np.array(adapter.prior.tensors["alphas"][lag], float), np.ones(adapter.shape[2], np.float32)
        else:
            if not moments.n[lag]:  # nothing to predict them with: the older half comes first
                moments.add(lag, X[: len(X) // 2], Y[: len(X) // 2])
                adapter.level[lag] = moments.mean_y[lag]
                X, Y = X[len(X) // 2 :], Y[len(Y) // 2 :]
            self._test(lag, X, Y)
            moments.add(lag, X, Y)
            alpha, share = (np.repeat(v, adapter.shape[2] // len(v)) for v in self._choose(lag))
        train = replace(moments.at(lag), mean_y=adapter.level[lag])
        weights = Decoder.of(Basis.of(train, "float32"), train, None, alpha, "float32").weights
        weights *= share
        self._weights[lag], self._bias[lag] = weights, train.mean_y - train.mean_x @ weights

    def _test(self, lag: int, X: np.ndarray, Y: np.ndarray) -> None:
        """How each penalty would have predicted words that nothing has been learned from yet.

        tests : (3, lag, alpha, layer), of r, of prediction times target, and of predictions squared, sums over words
        and a layer's targets, these in units of their spread.
        """
        train, tests = self._adapter.moments.at(lag), self._adapter.tests
        cross, squares = held_out(train, X, Y, self._adapter.grid)
        variance = np.maximum(train.squares / train.n, np.finfo(np.float32).tiny)
        scale = np.sqrt(squares * ((Y - train.mean_y) ** 2).sum(0))
        r = np.divide(cross, scale, out=np.zeros(cross.shape), where=scale > 0)
        for kept, new in zip(tests, (r * len(X), cross / variance, squares / variance), strict=True):
            kept[lag] = MEMORY * kept[lag] + new.reshape(len(new), tests.shape[3], -1).sum(-1)

    def _choose(self, lag: int) -> tuple[np.ndarray, np.ndarray]:
        """(layer,) each: the penalty, and by how much its predictions are to be scaled down.

        Why by r and not by squared error: r is what is scored, and among many targets of which few can be predicted
        errors are least where next to nothing is predicted of any.  One penalty serves all of a layer's targets, for
        a few dozen words say little about a single one.  Why scaled: a correlation does not ask for it, but over a
        session, predictions of early decoders, that are large and poor, must not outweigh the good ones to come.
        """
        near = self._adapter.tests[:, max(lag - NEIGHBOURS, 0) : lag + NEIGHBOURS + 1].sum(1)
        best = near[0].argmax(0)  # the largest penalty comes first, and wins where all are equal
        cross, squares = (values[best, np.arange(len(best))] for values in near[1:])
        slope = np.divide(cross, squares, out=np.zeros(len(best)), where=squares > 0)
        return self._adapter.grid[best], np.clip(slope, LEAST_SHARE, 1).astype(np.float32)


def held_out(train: Moments, X: np.ndarray, Y: np.ndarray, grid: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Two of (alpha, target): sums of prediction times target, and of predictions squared, of ridge on other words.

    X : (word, sensor) and Y : (word, target) of words outside the training, both about its means;
    grid : (alpha,), the largest first.
    """
    basis = Basis.of(train, "float32")
    scores = (X - train.mean_x) @ basis.axes
    inner, cross = scores.T @ scores, scores.T.astype(np.float32) @ (Y - train.mean_y).astype(np.float32)
    known = (basis.axes.T @ train.xy).astype(np.float32)
    fractions = Fractions.of(basis.values, grid, "float32", _single)
    together = fractions.shrink @ (known * cross)
    return together, np.maximum(loss(_single(inner), cross, known, fractions) + 2 * together, 0)


def _single(array: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(array, np.float32)


class Lessons:
    """Gives words to an adapter and brings back its decoders.  Owned by the engine's thread."""

    def __init__(self, adapter: Adapter) -> None:
        self._adapter = adapter
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="lesson")
        self._running: Future[Decoders | None] | None = None
        self._stopped = False

    @classmethod
    def of(cls, decoding: Decoding) -> Lessons:
        """From a bank, or from nothing where there is none."""
        d = decoding
        return cls(Adapter(d.recipe, len(d.layers) * d.projection.components, len(d.sensors), d.bank))

    @property
    def running(self) -> bool:
        return self._running is not None

    def add(self, epoch: np.ndarray, target: np.ndarray) -> None:
        """A word that has been scored.  epoch : (lag, sensor); target : (target,)."""
        self._adapter.add(epoch, target)

    def step(self, may_begin: bool = True) -> Decoders | None:
        """New decoders when a lesson has just ended; begins the next one when there is enough to learn."""
        learned = None
        if self._running and self._running.done():
            learned, self._running = self._running.result(), None
        if self._running is None and may_begin and self._adapter.due:
            self._running = self._pool.submit(self._adapter.freeze().solve, lambda: self._stopped)
        return learned

    def close(self) -> None:
        self._stopped = True
        self._pool.shutdown(wait=True, cancel_futures=True)
