"""Estimates the time and memory of a training run, from a few seconds of measurement on this machine."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from statistics import median
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from rtalign.core.machine import cpu_count, worker_count
from rtalign.core.parallel import run_ordered
from rtalign.core.recipe import LanguageRecipe, Recipe
from rtalign.core.records import Recording
from rtalign.core.text.time_format import duration
from rtalign.core.word_blocks import assign_blocks
from rtalign.decoding import ridge
from rtalign.decoding.moments import Moments
from rtalign.decoding.projection import FEW, WIDE_FACTOR, fit_projection
from rtalign.language import QUARTILES, LanguageModel, recipe_spans
from rtalign.signal.chain import Chain, ChainDesign
from rtalign.training.lag.fit import SEARCH_STEP, fit_words, search_penalties, searched_lags
from rtalign.training.lag.subsets import WordSubset, score_subsets
from rtalign.training.lag.targets import LagTargets
from rtalign.training.lag.words import LagWords
from rtalign.training.trainer import lag_bytes

SAMPLE_WORDS, FIT_WORDS = 300, 4000
N_QUARTILES = len(QUARTILES)
WIDE_SAMPLE, COMPONENT_WORDS = 1024, 1500
"""Dimensions and words of which components are timed."""
DECAY = 0.9
"""Of the variance of a component with its number: the first has 60 times that of the hundredth; of SmolLM2's layers 30
to 160 times (docs/decisions/032)."""
LAGS_A_CORE = 3
"""Lags that each core fits, where lags side by side are timed."""
REPEATS, TIMES = 3, 4
"""How often work of a core is timed; and how many times as many words make the second of two timings, far enough for
a line to 10 times as many words."""
SAMPLE_CHUNKS = 10
"""Chunks of signal that are timed; the first is not counted, as it includes opening the file."""
LIBRARIES_MB = 700
"""Memory of Python, torch and the readers before there is any data."""


def estimate_training(
    recordings: Sequence[Recording], model: LanguageModel, recipe: Recipe, device: str = "cpu"
) -> dict[str, Any]:
    """Estimate the cost of `rtalign.training.train`; each figure is based on a small measured part of the real work.

    Parameters
    ----------
    recordings : sequence of Recording
        What would be trained on.
    model : LanguageModel
        The language model, loaded.
    recipe : Recipe
        Settings of the training.
    device : {"cpu", "cuda"}
        Where the decoders would be fitted.

    Returns
    -------
    dict
        Counts of `recordings`, `words`, `hours`, `sensors`, `layers` and `lags`; `seconds` of each stage and in total;
        `memory_mb`; `disk_mb` of cache and bank.
    """
    words = sum(len(r.words) for r in recordings)
    n_layers = len(recipe.language.layer_indices(model.info.n_layers))
    components = min(recipe.language.components or model.info.dim, model.info.dim)
    sensors, lags = len(recordings[0].sensors), len(recipe.lags.seconds)
    wide, kept = min(WIDE_FACTOR * components, model.info.dim) * n_layers, n_layers * components
    dim = model.info.dim
    seconds = {
        "signal": _signal_seconds(recordings, recipe),
        "language": _language_seconds(recordings, model, recipe),
        "components": measure_components(dim, components).seconds(words, n_layers, dim) / cpu_count(),
        "fit": lag_seconds(words, sensors, n_layers, components, recipe, device) * lags / cpu_count(),
    }
    signal = sum(r.n_samples / r.sfreq * ChainDesign(recipe.chain, r.sfreq).rate for r in recordings) * sensors * 4
    bank = lags * (recipe.fit.folds * (sensors * sensors + sensors * wide) + sensors * kept) * 4
    shared, each = words * (wide + 3 * kept) * 4, lag_bytes(words, sensors, kept, recipe.fit.folds)
    return {
        "recordings": len(recordings),
        "words": words,
        "hours": round(sum(r.n_samples / r.sfreq for r in recordings) / 3600, 3),
        "sensors": sensors,
        "layers": n_layers,
        "lags": lags,
        "seconds": {k: round(v, 1) for k, v in seconds.items()} | {"total": round(_total(seconds), 1)},
        "memory_mb": round((shared + each * worker_count(each) + model.info.n_bytes) / 1e6 + LIBRARIES_MB),
        "disk_mb": {"cache": round((signal + words * n_layers * model.info.dim * 4) / 1e6), "bank": round(bank / 1e6)},
    }


def estimate_lines(result: dict[str, Any]) -> list[str]:
    """Describe an estimate for a person.

    Parameters
    ----------
    result : dict
        What `estimate_training` returned.

    Returns
    -------
    list of str
        Lines of text.
    """
    seconds = result["seconds"]
    return [
        f"{result['recordings']} recordings, {result['hours']:.2f} h, {result['words']:,} words; "
        f"{result['sensors']} sensors, {result['layers']} layers, {result['lags']} lags",
        f"about {duration(seconds['total'])}: language model {duration(seconds['language'])} in parallel with signal "
        f"{duration(seconds['signal'])}, then components {duration(seconds['components'])}, then decoders "
        f"{duration(seconds['fit'])}",
        f"about {result['memory_mb']:,} MB of memory; {result['disk_mb']['cache']:,} MB of cache and "
        f"{result['disk_mb']['bank']:,} MB of bank on disk",
    ]


def _total(seconds: dict[str, float]) -> float:
    """Signal and language share the cores; components and decoders come afterwards."""
    first = seconds["signal"], seconds["language"]
    return max(*first, sum(first) / cpu_count()) + seconds["components"] + seconds["fit"]


def _timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _core_seconds(work: Callable[[], object]) -> float:
    """Processor time, which other processes do not lengthen."""
    start = time.process_time()
    work()
    return time.process_time() - start


def _typical(work: Callable[[], object], spent: Callable[[Callable[[], object]], float] = _core_seconds) -> float:
    """The median of REPEATS, after one that pays for memory and for what is set up once."""
    return median([spent(work) for _ in range(1 + REPEATS)][1:])


def _signal_seconds(recordings: Sequence[Recording], recipe: Recipe) -> float:
    """Some chunks read and filtered; the median, as one of them may have waited for a disk."""
    recording = recordings[0]
    chain = Chain(recipe.chain, recording.sensors, recording.sfreq)
    times, started = [], 0.0
    for chunk in islice(recording.chunks(), SAMPLE_CHUNKS):
        chain.push(chunk)
        now = time.perf_counter()
        if started:
            times.append((now - started) / len(chunk.data))
        started = now
    if not times:
        times = [_timed(lambda: chain.push(next(recording.chunks()))) / recording.n_samples]
    return median(times) * sum(r.n_samples for r in recordings)


def _language_seconds(recordings: Sequence[Recording], model: LanguageModel, recipe: Recipe) -> float:
    """The beginning of the story, times how often words are read again as context."""
    words = [word.text for word in recordings[0].words[:SAMPLE_WORDS]]
    layers = recipe.language.layer_indices(model.info.n_layers)
    model.encode(words[:20], recipe.language, layers, surprisal=False)  # pays for what is set up once
    seconds = _timed(lambda: model.encode(words, recipe.language, layers, surprisal=False))
    read = sum(_words_read(len(r.words), recipe.language) for r in recordings)
    return seconds * read / _words_read(len(words), recipe.language)


def _words_read(n_words: int, recipe: LanguageRecipe) -> int:
    """Words that pass through the model, context included, until so many have been read."""
    return sum(part.stop - part.start for part in recipe_spans(recipe, n_words))


@dataclass(frozen=True, slots=True)
class ComponentRates:
    """Seconds of a core that principal components take here, layer by layer.

    Attributes
    ----------
    covariance, projection : float
        Of one word's share of the covariance, and of its projection onto the components.
    decomposition : float
        Of the covariance.
    dim : int
        Dimensions of the activations that were timed.
    power : int
        How decompositions grow with dimensions: with their square by Lanczos's method, else with their cube.
    """

    covariance: float
    projection: float
    decomposition: float
    dim: int
    power: int

    def basis_seconds(self, words: int, layers: int, dim: int, cores: int = 1) -> float:
        """Of a story, once for all who heard it.  More cores share the covariance; not the decomposition."""
        scale = dim / self.dim
        return layers * (self.covariance * words * scale**2 / cores + self.decomposition * scale**self.power)

    def projection_seconds(self, words: int, layers: int, dim: int, cores: int = 1) -> float:
        """Of one person's words."""
        return layers * self.projection * words * dim / self.dim / cores

    def seconds(self, words: int, layers: int, dim: int) -> float:
        """Of a training that finds no components in the store."""
        return self.basis_seconds(words, layers, dim) + self.projection_seconds(words, layers, dim)


def measure_components(dim: int, components: int, device: str = "cpu") -> ComponentRates:
    """Time the components of one layer at two numbers of words.

    On a processor with at most WIDE_SAMPLE dimensions, and in seconds of a core; on a GPU in seconds.
    """
    wide = min(dim, WIDE_SAMPLE) if device == "cpu" else dim
    few, kept = max(COMPONENT_WORDS, 2 * components), min(components, wide)
    spent, more = (_core_seconds if device == "cpu" else _timed), _random_activations(3 * few, wide)
    one, two = (_typical(partial(fit_projection, [more[:n]], kept, device), spent) for n in (few, 3 * few))
    projection = fit_projection([more[:few]], kept, device)
    projected = _typical(lambda: projection.project(more, projection.wide), spent) / len(more)
    covariance = max(two - one, 0.0) / (2 * few)
    power = 2 if WIDE_FACTOR * components * FEW < wide else 3
    return ComponentRates(covariance, projected, max(one - covariance * few, 0.0), wide, power)


def _random_activations(words: int, dim: int) -> np.ndarray:
    """(word, 1, dim), whose variance falls from component to component: the less it does, the longer Lanczos takes."""
    values = np.random.default_rng(0).standard_normal((words, 1, dim), np.float32)
    return values * np.arange(1, dim + 1, dtype=np.float32) ** (-DECAY / 2)


def target_seconds(words: int, layers: int, components: int, recipe: Recipe) -> float:
    """Estimate what a job of a sweep does before its first lag, projections apart: targets and quartiles, once for all
    lags, in seconds of a core.

    Parameters
    ----------
    words, layers, components : int
        What is fitted.
    recipe : Recipe
        Its fit counts.

    Returns
    -------
    float
        Seconds, by a line through random data at two numbers of words.
    """

    def at(n: int) -> float:
        values = _random_values(n // recipe.fit.folds, layers, components, recipe)
        return _typical(lambda: _quartiles(_random_targets(values, layers, components, recipe), recipe))

    return _along_words(at, words, recipe, TIMES)


def lag_seconds(
    words: int,
    sensors: int,
    layers: int,
    components: int,
    recipe: Recipe,
    device: str = "cpu",
    *,
    in_sweep: bool = False,
    quartiles: bool = False,
) -> float:
    """Estimate the fit of one lag in seconds of a core, its share of the search of penalties included.

    Parameters
    ----------
    words, sensors, layers, components : int
        What is fitted.
    recipe : Recipe
        Its fit and its number of lags count.
    device : {"cpu", "cuda"}
        Where the sums over words are made.
    in_sweep : bool
        Whether the moments of the signal and their directions are there already.
    quartiles : bool
        Whether words are scored by quartiles of surprisal too.

    Returns
    -------
    float
        Seconds, by a line through random data at two numbers of words.
    """

    def at(n: int) -> float:
        return _one_lag(_random_words(n, sensors, layers, components, recipe, device, in_sweep), recipe, quartiles)

    return _along_words(at, words, recipe, TIMES)


def _along_words(seconds: Callable[[int], float], words: int, recipe: Recipe, times: int) -> float:
    """Seconds of a fit of many words, by a line through those of few and of so many times as few."""
    few = max(min(words, FIT_WORDS), 20 * recipe.fit.folds)
    one = seconds(few)
    if words <= few:
        return one
    return max(one + (seconds(times * few) - one) * (words - few) / ((times - 1) * few), 0.0)


def _random_words(
    words: int, sensors: int, layers: int, components: int, recipe: Recipe, device: str, in_sweep: bool
) -> LagWords:
    rng, n_folds = np.random.default_rng(0), recipe.fit.folds
    n = words // n_folds
    signals = [rng.standard_normal((n, sensors), np.float32) for _ in range(n_folds)]
    targets = _random_targets(_random_values(n, layers, components, recipe), layers, components, recipe)
    gpu = targets.on(device, recipe.fit)
    if not in_sweep:
        return LagWords(signals, targets, recipe.fit, gpu=gpu)
    none = np.empty((n, 0), np.float32)
    sensors_alone = [Moments.from_data(x, none, recipe.fit.precision) for x in signals]
    bases = ridge.eigen_bases(sensors_alone, recipe.fit.precision)
    return LagWords(signals, targets, recipe.fit, sensors=() if gpu else sensors_alone, bases=bases, gpu=gpu)


def _random_values(words: int, layers: int, components: int, recipe: Recipe) -> list[np.ndarray]:
    """(word, layer x wide) of each fold.  words : of a fold."""
    rng, width = np.random.default_rng(1), layers * WIDE_FACTOR * components
    return [rng.standard_normal((words, width), np.float32) for _ in range(recipe.fit.folds)]


def _random_targets(values: list[np.ndarray], layers: int, components: int, recipe: Recipe) -> LagTargets:
    blocks = [assign_blocks(np.zeros(len(y))) for y in values]
    return LagTargets.of(values, layers, components, blocks, recipe.fit)


def _one_lag(read: LagWords, recipe: Recipe, quartiles: bool) -> float:
    n_lags, shared = len(recipe.lags.seconds), _known_penalties(read, recipe)
    search = 0.0
    if shared is not None:
        search = _typical(lambda: search_penalties(read)) * len(searched_lags(n_lags)) / n_lags
    subsets = _quartiles(read.targets, recipe) if quartiles else []
    return search + _typical(lambda: score_subsets(read, fit_words(read, shared), subsets))


def _known_penalties(read: LagWords, recipe: Recipe) -> np.ndarray | None:
    """Those that all lags share; None where each lag chooses its own."""
    layers, _, components = read.targets.rotations.final.shape
    return None if recipe.fit.penalties == "lag" else np.ones((recipe.fit.folds + 1, layers * components))


def _quartiles(targets: LagTargets, recipe: Recipe) -> list[WordSubset]:
    rows = ([np.arange(q, len(y), N_QUARTILES) for y in targets.values] for q in range(N_QUARTILES))
    return [WordSubset.of(targets, of_quartile, recipe.fit) for of_quartile in rows]


def lag_seconds_side_by_side(
    words: int, sensors: int, layers: int, components: int, recipe: Recipe, device: str, cores: int
) -> float:
    """Estimate the fit of one lag of a sweep, quartiles included, in seconds of a GPU with cores beside it.

    Parameters
    ----------
    words, sensors, layers, components : int
        What is fitted.
    recipe : Recipe
        Its fit counts.
    device : str
        Where the sums over words are made.
    cores : int
        Lags that are fitted side by side, one BLAS thread each.

    Returns
    -------
    float
        Seconds, by a line through random data at two numbers of words.
    """

    def at(n: int) -> float:
        return _lags_at_once(
            _random_words(n, sensors, layers, components, recipe, device, in_sweep=True), recipe, cores
        )

    return _along_words(at, words, recipe, 3)


def _lags_at_once(read: LagWords, recipe: Recipe, cores: int) -> float:
    shared, subsets = _known_penalties(read, recipe), _quartiles(read.targets, recipe)

    def lag(index: int) -> None:
        if shared is not None and index % SEARCH_STEP == 0:
            search_penalties(read)
        score_subsets(read, fit_words(read, shared), subsets)

    with threadpool_limits(1, user_api="blas"):
        for turns in (1, LAGS_A_CORE):  # the first fills pools of memory
            jobs = [partial(lag, index) for index in range(turns * cores)]
            start = time.perf_counter()
            list(run_ordered(jobs, cores))
    return (time.perf_counter() - start) / len(jobs)
