"""How fast lags are fitted: beside scikit-learn and himalaya, and beside the matrix products no method can avoid."""

from __future__ import annotations

import argparse
import os
import platform
import resource
import statistics
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from outcome import tell
from threadpoolctl import threadpool_info, threadpool_limits

from rtalign.core.parallel import run_ordered
from rtalign.core.recipe import FitRecipe
from rtalign.core.word_blocks import assign_blocks
from rtalign.decoding import ridge
from rtalign.decoding.block_moments import BlockMoments, sum_blocks
from rtalign.decoding.moments import Moments, rotate
from rtalign.decoding.projection import WIDE_FACTOR
from rtalign.scoring.cross_validated import Draws, score
from rtalign.training.controls.nuisances import Nuisances
from rtalign.training.controls.runs import OtherTargets
from rtalign.training.controls.unique import UniqueControl
from rtalign.training.lag.fit import SEARCH_STEP, fit_words, search_penalties, searched_lags
from rtalign.training.lag.targets import LagTargets
from rtalign.training.lag.words import LagWords

ALPHAS = np.logspace(-4, 8, 13)
LAYERS, COMPONENTS, SENSORS, N_FOLDS = 9, 50, 275, 5
PAPER_CPU_HOURS = 1620  # ridge fits of the paper's largest model, three people


@dataclass(frozen=True, eq=False)
class Story:
    """Words with their brain at every lag: lag i's X is the pool from row i on, so that making it costs nothing.

    pool : (word + lag, sensor).    Y : (word, target).
    """

    pool: np.ndarray
    Y: np.ndarray

    @classmethod
    def made(cls, n_words: int, n_lags: int, n_targets: int, seed: int = 0) -> Story:
        """Sensors that share sources, over noise of their own; targets that answer to the sources at the middle lag."""
        rng = np.random.default_rng(seed)
        n_sources = 60
        sources = rng.standard_normal((n_words + n_lags, n_sources), np.float32)
        mixing = rng.standard_normal((n_sources, SENSORS), np.float32) * np.logspace(0.5, -1, n_sources)[:, None]
        pool = sources @ mixing.astype(np.float32)
        pool += 0.1 * rng.standard_normal(pool.shape, np.float32)
        # From weak to strong, so that penalties of many sizes are chosen.
        strength = np.tile(np.logspace(-1.5, -0.5, COMPONENTS, dtype=np.float32), n_targets // COMPONENTS)
        middle = sources[n_lags // 2 : n_lags // 2 + n_words]
        Y = middle @ (rng.standard_normal((n_sources, n_targets), np.float32) * strength)
        Y += rng.standard_normal(Y.shape, np.float32)
        return cls(pool, Y)

    def lag(self, i: int) -> np.ndarray:
        return self.pool[i : i + len(self.Y)]

    @cached_property
    def folds(self) -> list[slice]:
        edges = np.linspace(0, len(self.Y), N_FOLDS + 1).astype(int)
        return [slice(a, b) for a, b in pairwise(edges)]

    @cached_property
    def targets(self) -> list[Moments]:
        """Of each fold's targets alone, which are the same at all lags."""
        return [Moments.from_data(np.empty((len(y), 0)), y) for y in (self.Y[rows] for rows in self.folds)]


def moments(story: Story, lag: int) -> list[Moments]:
    """One a fold, from one pass over the words, made as the trainer makes them."""
    X, folds = story.lag(lag), zip(story.folds, story.targets, strict=True)
    return [sum_blocks([BlockMoments.at_lag(X[rows], story.Y[rows], of_y.mean_y)], of_y) for rows, of_y in folds]


def ours(story: Story, lag: int) -> np.ndarray:
    """(fold, target): held-out correlations, penalties searched at this lag."""
    return ridge.fit_ridge(moments(story, lag), ALPHAS).r


def ours_shared(story: Story, lag: int) -> np.ndarray:
    """The same by the default way: penalties that all lags share, searched before at every fourth (decision 016)."""
    if lag % SEARCH_STEP == 0:
        ridge.try_penalties(moments(story, lag), ALPHAS)
    known = np.full((N_FOLDS + 1, story.Y.shape[1]), 100.0)
    return ridge.fit_ridge(moments(story, lag), ALPHAS, penalties=known).r


def peer(story: Story, lag: int, fit_predict: Callable[..., np.ndarray]) -> np.ndarray:
    """(fold, target): the same through another library, which sees z-scored words fold by fold."""
    X, Y, r = story.lag(lag), story.Y, []
    for rows in story.folds:
        train = np.ones(len(Y), bool)
        train[rows] = False
        mean, spread = X[train].mean(0), X[train].std(0)
        train_x, train_y = (X[train] - mean) / spread, Y[train]
        inner = np.searchsorted([s.stop for s in story.folds if s != rows], np.arange(len(Y))[train], side="right")
        predicted = fit_predict(train_x, train_y, (X[rows] - mean) / spread, inner)
        p, y = predicted - predicted.mean(0), Y[rows] - Y[rows].mean(0)
        r.append((p * y).sum(0) / np.sqrt((p * p).sum(0) * (y * y).sum(0)))
    return np.array(r)


def sklearn_all(train_x: np.ndarray, train_y: np.ndarray, test_x: np.ndarray, inner: np.ndarray) -> np.ndarray:
    """RidgeCV (leave-one-out, a penalty a target), all layers at once: one decomposition serves every target."""
    from sklearn.linear_model import RidgeCV

    del inner
    return np.asarray(RidgeCV(ALPHAS, alpha_per_target=True).fit(train_x, train_y).predict(test_x))


def himalaya_all(train_x: np.ndarray, train_y: np.ndarray, test_x: np.ndarray, inner: np.ndarray) -> np.ndarray:
    """RidgeCV of himalaya: the same inner folds as ours, all layers at once."""
    from himalaya.ridge import RidgeCV
    from sklearn.model_selection import PredefinedSplit

    model = RidgeCV(alphas=ALPHAS, fit_intercept=True, cv=PredefinedSplit(inner))
    return np.asarray(model.fit(train_x, train_y).predict(test_x))


@dataclass
class Clock:
    """Wall and processor seconds of repeated work, per lag; the second is the steadier one on a busy machine."""

    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)

    def time(self, work: Callable[[], Any], lags: int = 1) -> Any:
        wall, cpu = time.perf_counter(), time.process_time()
        result = work()
        self.wall.append((time.perf_counter() - wall) / lags)
        self.cpu.append((time.process_time() - cpu) / lags)
        return result

    def over(self, other: Clock) -> float:
        """How many times the other's wall time."""
        return round(statistics.median(self.wall) / statistics.median(other.wall), 2)

    def cpu_over(self, other: Clock) -> float:
        return round(statistics.median(self.cpu) / statistics.median(other.cpu), 2)

    @property
    def figures(self) -> dict[str, Any]:
        wall, cpu = statistics.median(self.wall), statistics.median(self.cpu)
        return {"wall_s": round(wall, 4), "cpu_s": round(cpu, 4), "repeats_wall_s": [round(s, 4) for s in self.wall]}


def timed(work: dict[str, Callable[[int], Any]], lags: Sequence[int], repeats: int, workers: int) -> dict[str, Clock]:
    """Each kind of work on all lags, in turns, so that a slow moment of the machine meets all kinds."""
    clocks = {name: Clock() for name in work}
    for _ in range(repeats):
        for name, one in work.items():
            side_by_side(clocks[name], one, lags, workers)
    return clocks


def side_by_side(clock: Clock, work: Callable[[int], Any], lags: Sequence[int], workers: int) -> list:
    return clock.time(lambda: list(run_ordered([partial(work, i) for i in lags], workers)), len(lags))


def against_peers(n_words: int, repeats: int, workers: int) -> dict[str, Any]:
    """One lag at 10,000 words: ours, many lags side by side; scikit-learn and himalaya, one lag on all cores.

    Peers are also run on one thread: their processor time then is what their lags would cost side by side at best, and
    other work on the machine hardly moves it.
    """
    lags = range(12 * workers)
    story, middle = Story.made(n_words, len(lags), LAYERS * COMPONENTS), 6 * workers
    peers = {"scikit-learn": sklearn_all, "himalaya": himalaya_all}
    clocks = {name: Clock() for name in ("ours", "ours_shared", *peers)}
    alone, r = {name: Clock() for name in peers}, {}
    for _ in range(repeats):
        for name, fit_predict in peers.items():  # ours before each, so that a busy minute strikes both
            r["ours"] = side_by_side(clocks["ours"], partial(ours, story), lags, workers)[middle]
            side_by_side(clocks["ours_shared"], partial(ours_shared, story), lags, workers)
            r[name] = clocks[name].time(partial(peer, story, middle, fit_predict))
            with threadpool_limits(1):
                alone[name].time(partial(peer, story, middle, fit_predict))
            print(name, clocks[name].figures, alone[name].figures, "ours", clocks["ours"].figures, file=sys.stderr)
    layer_r = {name: by_target.reshape(N_FOLDS, LAYERS, COMPONENTS).mean((0, 2)) for name, by_target in r.items()}
    return {
        "words": n_words,
        "per_lag": {name: clock.figures for name, clock in clocks.items()},
        "per_lag_on_one_thread": {name: clock.figures for name, clock in alone.items()},
        "times_faster": {name: clocks[name].over(clocks["ours"]) for name in peers},
        "times_less_processor_time": {name: alone[name].cpu_over(clocks["ours"]) for name in peers},
        "times_faster_with_shared_penalties": {name: clocks[name].over(clocks["ours_shared"]) for name in peers},
        "times_less_processor_time_with_shared_penalties": {
            name: alone[name].cpu_over(clocks["ours_shared"]) for name in peers
        },
        "layer_r": [round(float(v), 5) for v in layer_r["ours"]],
        "max_dr_of_layer_means": {n: float(np.abs(layer_r[n] - layer_r["ours"]).max()) for n in peers},
    }


def with_statements(n_words: int, repeats: int, workers: int) -> dict[str, Any]:
    """A lag as the trainer fits it, beside the bare fit, and beside the fit with shifts of fixed predictions.

    The trainer's lag has penalties that all lags share, R without each block, halves, and 1,000 draws of a null with
    refitted decoders; the bare fit searches its own penalties and predicts; shifts are 200 of the same predictions.
    """
    recipe, lags = FitRecipe(), range(8 * workers)
    story = Story.made(n_words, len(lags), LAYERS * WIDE_FACTOR * COMPONENTS)
    values, signals = [story.Y[rows] for rows in story.folds], lambda i: [story.lag(i)[rows] for rows in story.folds]
    blocks = [assign_blocks(np.zeros(len(y))) for y in values]
    targets = LagTargets.of(values, LAYERS, COMPONENTS, blocks, recipe)
    fold = np.repeat(np.arange(N_FOLDS), [len(y) for y in values])
    draws = Draws.plan(fold, LAYERS, FitRecipe(null_draws=200))
    turned = [rotate(y, turn.astype(np.float32)) for y, turn in zip(values, targets.rotations.outer, strict=True)]
    prepared = draws.prepare(turned)
    penalties = np.full((N_FOLDS + 1, LAYERS * COMPONENTS), 100.0)

    def bare(i: int) -> list[np.ndarray]:
        x = signals(i)
        pairs = zip(x, values, targets.moments, strict=True)
        own = [Moments.from_data(a, b, recipe.precision, LAYERS, same_y=known) for a, b, known in pairs]
        fit = ridge.fit_ridge(own, recipe.alphas, targets.rotations)
        return [a @ w + b for a, w, b in zip(x, fit.weights, fit.bias, strict=True)]

    def trainer(i: int) -> None:
        words = LagWords(signals(i), targets, recipe)
        if i in searched_lags(len(lags)):
            search_penalties(words)
        fit_words(words, penalties)

    work: dict[str, Callable[[int], Any]] = {
        "bare": bare, "with_shifts": lambda i: score(draws, bare(i), prepared), "trainer": trainer,
    }  # fmt: skip
    clocks = timed(work, lags, repeats, workers)
    return {
        "words": n_words,
        "per_lag": {name: clock.figures for name, clock in clocks.items()},
        "trainer_times_bare": clocks["trainer"].over(clocks["bare"]),
        "trainer_times_bare_cpu": clocks["trainer"].cpu_over(clocks["bare"]),
        "trainer_times_with_shifts": clocks["trainer"].over(clocks["with_shifts"]),
    }


def with_controls(n_words: int, repeats: int, workers: int) -> dict[str, Any]:
    """What `train --controls` adds to a lag: nuisances of 133 columns with the static twin, and what each layer adds.

    Each with its share of the search for penalties: every fourth lag of the trainer, every eighth of a control.
    """
    recipe, lags = FitRecipe(), range(8 * workers)
    story = Story.made(n_words, len(lags), LAYERS * WIDE_FACTOR * COMPONENTS)
    values, rows = [story.Y[part] for part in story.folds], story.folds
    blocks = [assign_blocks(np.zeros(len(y))) for y in values]
    targets = LagTargets.of(values, LAYERS, COMPONENTS, blocks, recipe)
    fold = np.repeat(np.arange(N_FOLDS), [len(y) for y in values])
    columns = np.random.default_rng(1).standard_normal((n_words, 133), np.float32)
    nuisances = Nuisances(columns, {"timing": slice(0, 25), "form": slice(25, 33), "neighbours": slice(33, 133)})
    unique, innovation = UniqueControl.of(targets, nuisances, fold, recipe), OtherTargets.innovations(targets, recipe)
    penalties, words = np.full((N_FOLDS + 1, LAYERS * COMPONENTS), 100.0), [
        LagWords([story.lag(i)[part] for part in rows], targets, recipe) for i in lags
    ]  # fmt: skip
    plain, moments = fit_words(words[0], penalties), words[0].sums().moments
    shared = replace(words[0], bases=ridge.eigen_bases(moments, recipe.precision), sensors=moments)

    def trainer(i: int) -> None:
        if i in searched_lags(len(lags)):
            search_penalties(words[i])
        fit_words(words[i], penalties)

    def control(of: UniqueControl | OtherTargets, i: int) -> None:
        if i % (2 * SEARCH_STEP) == 0:
            of.search(shared, moments)  # what the trainer's own search has made
        of.fit(words[i], plain, penalties)  # the sums of another lag: they cost the same

    work: dict[str, Callable[[int], Any]] = {
        "trainer": trainer, "nuisances": partial(control, unique), "innovation": partial(control, innovation),
    }  # fmt: skip
    clocks = timed(work, lags, repeats, workers)
    return {
        "words": n_words,
        "per_lag": {name: clock.figures for name, clock in clocks.items()},
        "nuisances_times_trainer": clocks["nuisances"].over(clocks["trainer"]),
        "nuisances_times_trainer_cpu": clocks["nuisances"].cpu_over(clocks["trainer"]),
        "innovation_times_trainer_cpu": clocks["innovation"].cpu_over(clocks["trainer"]),
    }


def full_protocol(n_words: int, n_lags: int, all_lags: bool, repeats: int, workers: int) -> dict[str, Any]:
    """The paper's shape: every lag beside the two products X'X and X'Y of that lag, on the same threads."""
    story = Story.made(n_words, n_lags, LAYERS * COMPONENTS)
    some = range(0, n_lags, max(1, n_lags // (6 * workers)))[: 6 * workers]
    work: dict[str, Callable[[Story, int], Any]] = {
        "ours": ours,
        "products": products,
        "products_symmetric": partial(products, symmetric=True),
    }
    clocks = timed({name: partial(one, story) for name, one in work.items()}, some, repeats, workers)
    result: dict[str, Any] = {
        "words": n_words,
        "lags": n_lags,
        "per_lag": {name: clock.figures for name, clock in clocks.items()},
        "times_the_products": clocks["ours"].over(clocks["products"]),
        "times_the_symmetric_products": clocks["ours"].over(clocks["products_symmetric"]),
    }
    if all_lags:
        whole = Clock()
        whole.time(lambda: side_by_side(Clock(), lambda i: ours(story, i).mean(), range(n_lags), workers))
        result["all_lags"] = whole.figures | {"cpu_hours": round(whole.cpu[0] / 3600, 4)}
        result["paper_cpu_hours_of_3_people"] = PAPER_CPU_HOURS
    return result | {"peak_rss_mb": peak_rss_mb()}


def products(story: Story, lag: int, symmetric: bool = False) -> None:
    """X'X and X'Y in float32, nothing else: as plain products (of X with something of its shape, as numpy would notice
    that X.T @ X is symmetric and do half), or with that half saved."""
    X, Y = story.lag(lag), story.Y
    _ = X.T @ (X if symmetric else Y[:, : X.shape[1]])
    _ = X.T @ Y


def peak_rss_mb() -> int:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (1024 if sys.platform == "linux" else 1024 * 1024))


def machine(workers: int) -> dict[str, Any]:
    return {
        "cores": os.cpu_count(),
        "workers": workers,
        "load_before": round(os.getloadavg()[0], 2),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "blas": sorted({f"{i['internal_api']} {i['version']}" for i in threadpool_info() if i["user_api"] == "blas"}),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, help="also write the JSON here")
    parser.add_argument("--quick", action="store_true", help="a tenth of the words, few lags, one repeat")
    parser.add_argument("--repeats", type=int, default=3, help="of everything but the peers, which take minutes")
    parser.add_argument("--peer-repeats", type=int, default=1)
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    parser.add_argument("--part", choices=["peers", "full", "statements", "controls", "all"], default="all")
    parser.add_argument("--words", type=int, default=10_000, help="of all parts but full, which has 85,000")
    parser.add_argument("--some-lags", action="store_true", help="leave out the run through all lags")
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    result: dict[str, Any] = {"benchmark": "fit", "machine": machine(args.workers), "quick": args.quick}
    tenth, repeats = (10, 1) if args.quick else (1, args.repeats)
    if args.part in ("full", "all"):  # first, so that peak memory is its own
        lags = 165 if not args.quick else 8
        result["full"] = full_protocol(85_000 // tenth, lags, not args.some_lags, repeats, args.workers)
    if args.part in ("statements", "all"):
        result["statements"] = with_statements(args.words // tenth, repeats, args.workers)
    if args.part in ("controls", "all"):
        result["controls"] = with_controls(args.words // tenth, repeats, args.workers)
    if args.part in ("peers", "all"):
        result["peers"] = against_peers(args.words // tenth, 1 if args.quick else args.peer_repeats, args.workers)
    tell(result, args.out)


if __name__ == "__main__":
    main()
